//! What several looks showed, as lines of proof.

use crate::model::{Evidence, Health, Stall};

/// That the queue stood still, and of whom.
pub(super) fn stall(health: &Health, stall: Stall, waiting: usize) -> Evidence {
    let who = match stall {
        Stall::SameClients => format!("the same {waiting} waited at each"),
        Stall::NobodyLeft => format!("{waiting} or more waited at each, and every one had already left"),
    };
    Evidence::new("queue", format!("{}: {who}", looks(health)))
}

/// How many, over how long.
pub(super) fn looks(health: &Health) -> String {
    let seconds = health.samples.last().map_or(0.0, |last| last.at.as_secs_f64());
    format!("{} looks over {seconds:.1} s", health.samples.len())
}

/// How fast the descriptors of a process become more; silent where they do not.
pub(super) fn growth(health: &Health, pid: u32) -> Option<Evidence> {
    let grown = health.growth(pid).filter(|grown| *grown >= 1.0)?;
    Some(Evidence::new(format!("/proc/{pid}/fd"), format!("{grown:.0} more a minute, in {}", looks(health))))
}
