//! Why a server accepts nobody, as far as its processes show it, and what to do about it.

use std::time::Duration;

use super::family::{self, Kin};
use crate::model::{Case, Fix, Health, Outcome, Sample, Severity, Sighting};

/// Who has waited so long is not served by a slow handler, but for rare ones.
const STUCK: Duration = Duration::from_secs(10);

/// Lets those go on that are stopped; silent where none is.
pub(super) fn go_on(stopped: &[Kin<'_>]) -> Option<Fix> {
    (!stopped.is_empty()).then(|| Fix::change(family::kill(" -CONT", stopped), "let the server go on"))
}

/// Those of a case's server that are stopped, where somebody looked.
pub(super) fn stopped<'c>(case: &'c Case, server: &'c Sighting) -> Vec<Kin<'c>> {
    case.health.known().map(|health| family::stopped(health, server)).unwrap_or_default()
}

/// Of a server that is stopped, all of it or a part, whether or not somebody has met it.
pub(super) fn told(all: bool, waits: bool, case: &Case, health: &Health) -> (&'static str, Severity) {
    match (all, waits) {
        (true, true) => {
            ("Clients wait in the queue and nobody accepts them: the server is stopped.", Severity::Error)
        }
        (true, false) => ("The server is stopped: who connects waits for ever.", Severity::Error),
        (false, true) => ("A part of the server is stopped, and clients wait.", severity(case, health)),
        (false, false) => ("A part of the server is stopped.", Severity::Warning),
    }
}

/// What those that run may do, and where to look.
pub(super) fn busy(acceptors: &[Kin<'_>]) -> (&'static str, Fix) {
    let pid = acceptors.first().map_or(0, |(_, vitals)| vitals.pid);
    let command = format!("grep -H . /proc/{pid}/task/*/wchan");
    let look = Fix::look(command, "see what its threads wait for in the kernel");
    if acceptors.iter().all(|(_, vitals)| vitals.state == 'D') {
        return ("its processes wait for a disk or a network filesystem (state D)", look);
    }
    ("its workers are all busy, or stuck: a slow server looks alike over so short a time", look)
}

/// Of clients that wait while the server runs: a slow one comes back to them within seconds.
pub(super) fn severity(case: &Case, health: &Health) -> Severity {
    let silent = case.probe.known().is_some_and(|probed| probed.outcome == Outcome::NoReply);
    if silent || health.over() >= STUCK { Severity::Error } else { Severity::Warning }
}

/// Whether a queue that was full at one look had room at another.
pub(super) fn is_spike(case: &Case) -> bool {
    let room = |sample: &Sample| sample.queue.is_some_and(|queue| queue.waiting <= queue.backlog);
    case.health.known().is_some_and(|health| health.samples.iter().any(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_had_room_at_one_look_was_full_for_a_moment() {
        assert!(is_spike(&Health::sampled(&[&[1, 2], &[1]], 1).case()));
        assert!(!is_spike(&Health::sampled(&[&[1, 2], &[1, 2]], 1).case()));
        assert!(!is_spike(&Case::sample()), "nobody looked");
    }
}
