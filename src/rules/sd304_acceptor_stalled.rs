//! SD304: clients wait, and nobody accepts them.

use super::{evidence, family, looks, owner};
use crate::model::{Case, Certainty, Fix, Gap, NoVerdict, Sample, Stall, Verdict};

rule! {
    /// Clients wait in the queue and nobody accepts them.
    ///
    /// # What it means
    /// The server listens and does not call accept(2): it is stopped (state T), stuck, or all its workers wait for
    /// something else. A client connects, and not a byte comes back.
    ///
    /// # How it is known
    /// The same clients stand in the queue (UNIX_DIAG_ICONS) at several looks, or all of them have already left; or
    /// the processes that should accept them are stopped. Only more time would tell slow from stuck: hence likely.
    ///
    /// # Not to be confused with
    /// A queue that moves; a socket that only systemd holds, whose service is still to start (SD311).
    ///
    /// # Fix
    /// Let a stopped process go on; else look at what its threads wait for, then restart it.
    ACCEPTOR_STALLED = "SD304", "acceptor-stalled", Error
}

fn check(case: &Case) -> Verdict {
    let health = case.health.get()?;
    let server = case.server().ok_or(NoVerdict::NotApplicable)?;
    let crowded = |last: &&Sample| last.queue.is_some_and(|queue| queue.waiting > 0);
    let Some(last) = health.samples.last().filter(crowded) else { return Ok(vec![]) };
    if last.waiting.is_none() {
        return Err(NoVerdict::Unknown(Gap::new("unix_diag", "the kernel did not tell who waits")));
    }
    let Some((stall, waiting)) = health.stall() else { return Ok(vec![]) };
    case.vitals()?;
    let acceptors = family::acceptors(health, server);
    let stopped = acceptors.iter().all(|(_, vitals)| matches!(vitals.state, 'T' | 't'));
    // One client that gave up may have met a slow handler; several, and nobody accepted, not.
    let left = stall == Stall::NobodyLeft && waiting > 1;
    // Where only a manager holds it, what that is to start is another rule's.
    if acceptors.is_empty() || !(stopped || left || health.is_long()) {
        return Ok(vec![]);
    }
    let summary = "Clients wait in the queue and nobody accepts them.";
    let proof = [evidence::socket(server), looks::stall(health, stall, waiting), family::named(&acceptors)];
    let (why, fix) = if stopped {
        let fix = Fix::change(family::kill(" -CONT", &acceptors), "let the server go on");
        ("what should accept them is stopped (state T): by SIGSTOP, or by a debugger", fix)
    } else {
        let pid = acceptors.first().map_or(0, |(_, vitals)| vitals.pid);
        let fix = format!("grep -H . /proc/{pid}/task/*/wchan");
        ("its workers are all busy, or stuck", Fix::look(fix, "see what its threads wait for in the kernel"))
    };
    Ok(vec![
        ACCEPTOR_STALLED
            .finding(case, Certainty::Likely, summary)
            .proven_by(proof)
            .proven_by(server.waiting.known().map(evidence::waiting))
            .caused_by(why)
            .fixed_by([fix, owner::log(server, "find what its handlers wait for"), owner::restart(server)]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Health;

    fn looked(queues: &[&[u32]], state: char) -> Verdict {
        let mut health = Health::sampled(queues, 5);
        health.holders[0].state = state;
        check(&health.case())
    }

    #[test]
    fn fires_on_the_same_clients_on_clients_that_left_and_on_a_stopped_server() {
        for (queues, state) in [
            (&[&[1_u32, 2][..], &[1, 2], &[1, 2]][..], 'S'),
            (&[&[0, 0], &[0, 0]], 'S'),
            (&[&[1], &[1]], 'T'),
        ] {
            assert_eq!(looked(queues, state).unwrap()[0].code, "SD304", "{queues:?}");
        }
    }

    #[test]
    fn silent_when_the_queue_moves_and_when_two_looks_show_a_busy_server() {
        assert_eq!(looked(&[&[1, 2], &[2, 3], &[3, 4]], 'S'), Ok(vec![]));
        assert_eq!(looked(&[&[1], &[1]], 'S'), Ok(vec![]));
        assert_eq!(looked(&[&[0], &[0]], 'S'), Ok(vec![]), "one gave up");
        assert_eq!(looked(&[&[1], &[]], 'T'), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut health = Health::sampled(&[&[1], &[1]], 5);
        health.samples[1].waiting = None;
        assert!(matches!(check(&health.case()), Err(NoVerdict::Unknown(_))));
    }
}
