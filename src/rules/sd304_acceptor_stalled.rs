//! SD304: clients wait, or will, and nobody accepts them.

use super::{evidence, family, looks, owner, stalled};
use crate::model::{Case, Certainty, Gap, NoVerdict, Stall, Verdict};

rule! {
    /// Nobody accepts those who connect.
    ///
    /// # What it means
    /// The server listens and does not call accept(2): it is stopped (state T), stuck, or all its workers wait for
    /// something else. A client connects, and not a byte comes back.
    ///
    /// # How it is known
    /// The processes that should accept are stopped at two looks, whether or not anybody waits. Or the same clients
    /// stand in the queue (UNIX_DIAG_ICONS) at several looks, or all have already left: an error after 10 s
    /// (`--sample 15s`), a warning before. Only more time would tell slow from stuck: hence likely.
    ///
    /// # Not to be confused with
    /// A queue that moves; a slow handler that comes back within seconds; a socket that only systemd holds, whose
    /// service is still to start (SD311).
    ///
    /// # Fix
    /// Let a stopped process go on; else look at what its threads wait for, then restart it.
    ACCEPTOR_STALLED = "SD304", "acceptor-stalled", Error
}

fn check(case: &Case) -> Verdict {
    let (health, server) = case.vitals()?;
    let acceptors = family::acceptors(health, server);
    let stopped = family::stopped(health, server);
    let all_stopped = acceptors.iter().all(|(_, vitals)| vitals.is_stopped());
    // Where only a manager holds it, what that is to start is another rule's.
    if acceptors.is_empty() {
        return Ok(vec![]);
    }
    let found = |summary: &str| {
        let found = ACCEPTOR_STALLED.finding(case, Certainty::Likely, summary);
        found.proven_by(server.waiting.known().map(evidence::waiting)).proven_by([evidence::socket(server)])
    };
    let last = health.samples.last().filter(|last| last.queue.is_some_and(|queue| queue.waiting > 0));
    let waits = last.is_some() || server.has_clients();
    let stall = health.stall().map(|(stall, waiting)| (stall, waiting, looks::stall(health, stall, waiting)));
    let rest = [owner::log(server, "find what its handlers wait for"), owner::restart(server)];
    if let Some(go_on) = stalled::go_on(&stopped) {
        let (summary, severity) = stalled::told(all_stopped, waits, case, health);
        let found = found(summary).as_severe_as(severity);
        let found = found.proven_by(stall.map(|(_, _, proof)| proof)).proven_by([family::named(&stopped)]);
        let why = "SIGSTOP, a terminal, or a debugger stopped it (state T)";
        return Ok(vec![found.caused_by(why).fixed_by([go_on].into_iter().chain(rest))]);
    }
    if last.is_some_and(|last| last.waiting.is_none()) {
        return Err(NoVerdict::Unknown(Gap::new("unix_diag", "the kernel did not tell who waits")));
    }
    let Some((stall, waiting, proof)) = stall.filter(|_| last.is_some()) else { return Ok(vec![]) };
    // One client that gave up may have met a slow handler.
    if !(health.is_long() || (stall == Stall::NobodyLeft && waiting > 1)) {
        return Ok(vec![]);
    }
    let (why, look) = stalled::busy(&acceptors);
    let found = found("Clients wait in the queue and nobody accepts them.").caused_by(why);
    let found = found.proven_by([proof, family::named(&acceptors)]);
    Ok(vec![found.as_severe_as(stalled::severity(case, health)).fixed_by([look].into_iter().chain(rest))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Health, Severity};

    fn looked(queues: &[&[u32]], state: char) -> Verdict {
        let mut health = Health::sampled(queues, 5);
        health.holders[0].state = state;
        check(&health.case())
    }

    #[test]
    fn fires_on_a_stopped_server_and_warns_of_clients_that_stay_or_left() {
        let severity = |queues: &[&[u32]], state| looked(queues, state).unwrap()[0].severity;
        assert_eq!(severity(&[&[1], &[1]], 'T'), Severity::Error);
        assert_eq!(severity(&[&[]], 'T'), Severity::Error, "nobody waits yet");
        assert_eq!(severity(&[&[1, 2], &[1, 2], &[1, 2]], 'S'), Severity::Warning, "it may be slow");
        assert_eq!(severity(&[&[0, 0], &[0, 0]], 'S'), Severity::Warning);
        assert_eq!(severity(&[&[1][..]; 12], 'S'), Severity::Error, "11 s are not");
    }

    #[test]
    fn silent_when_the_queue_moves_and_when_two_looks_show_a_busy_server() {
        for queues in [&[&[1_u32, 2][..], &[2, 3], &[3, 4]][..], &[&[1], &[1]], &[&[0], &[0]], &[&[]]] {
            assert_eq!(looked(queues, 'S'), Ok(vec![]), "{queues:?}");
        }
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut health = Health::sampled(&[&[1], &[1]], 5);
        health.samples[1].waiting = None;
        assert!(matches!(check(&health.case()), Err(NoVerdict::Unknown(_))));
    }
}
