//! SD302: the queue is nearly full most of the time.

use super::{evidence, owner};
use crate::model::{Case, Certainty, Evidence, Sample, Verdict};

rule! {
    /// The accept queue is nearly full most of the time.
    ///
    /// # What it means
    /// At least every second look found four of five places taken. Clients wait long, and the next burst is refused
    /// (SD301).
    ///
    /// # How it is known
    /// The kernel counts waiting and backlog (UNIX_DIAG_RQLEN; of TCP, inet_diag), and several looks (`--sample`)
    /// agree. A burst after the last look would look the same: hence likely.
    ///
    /// # Not to be confused with
    /// One spike; a queue that does not move at all (SD304), or that is full now (SD301).
    ///
    /// # Fix
    /// Find what the handlers wait for. Then more workers; then a larger backlog and a larger net.core.somaxconn.
    ACCEPT_QUEUE_PRESSURE = "SD302", "accept-queue-pressure", Warning
}

/// Fewer looks are a spike.
const LEAST: usize = 3;

fn check(case: &Case) -> Verdict {
    let (health, server) = case.sampled()?;
    let looks = health.samples.len();
    if looks < LEAST {
        return Ok(vec![]);
    }
    let pressed = health.samples.iter().filter(|sample| is_pressed(sample)).count();
    if pressed < 2 || pressed * 2 < looks {
        return Ok(vec![]);
    }
    let most = health.samples.iter().filter_map(|sample| sample.queue).map(|queue| queue.waiting).max();
    let seconds = health.samples.last().map_or(0.0, |last| last.at.as_secs_f64());
    let looked = format!(
        "{pressed} of {looks} over {seconds:.1} s found 80 % of the places taken, up to {} waiting",
        most.unwrap_or_default()
    );
    let finding = ACCEPT_QUEUE_PRESSURE.finding(
        case,
        Certainty::Likely,
        "The accept queue is nearly full most of the time: clients wait long.",
    );
    Ok(vec![
        finding
            .proven_by([evidence::socket(server), Evidence::new("looks", looked), evidence::holders(server)])
            .caused_by("more clients come than its workers accept")
            .fixed_by([owner::log(server, "find what its handlers wait for"), owner::larger_queue()]),
    ])
}

fn is_pressed(sample: &Sample) -> bool {
    sample.queue.is_some_and(|queue| queue.waiting > 0 && queue.waiting >= queue.backlog - queue.backlog / 5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Health, NoVerdict};

    #[test]
    fn fires_when_most_looks_find_it_nearly_full() {
        let queues: &[&[u32]] = &[&[1, 2, 3, 4], &[5, 6, 7, 8], &[], &[9, 10, 11, 12]];
        assert_eq!(check(&Health::sampled(queues, 5).case()).unwrap()[0].code, "SD302");
    }

    #[test]
    fn silent_on_one_spike() {
        assert_eq!(check(&Health::sampled(&[&[1, 2, 3, 4], &[], &[], &[]], 5).case()), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let health = Fact::Unknown(Gap::new("unix_diag", "Operation not permitted"));
        assert!(matches!(check(&Case { health, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable), "one look");
    }
}
