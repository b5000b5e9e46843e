//! SD301: nobody is accepted any more, and the queue takes nobody.

use super::{evidence, owner, stalled};
use crate::model::{
    Address, Case, Certainty, Evidence, Finding, NoVerdict, Severity, Sighting, Target, Verdict,
};

rule! {
    /// The accept queue is full: a client gets EAGAIN, or hangs.
    ///
    /// # What it means
    /// More connections wait than the listener's backlog. A non-blocking connect(2) fails with EAGAIN (11, "Resource
    /// temporarily unavailable"), a blocking one hangs. It is no matter of permissions.
    ///
    /// # How it is known
    /// The kernel counts waiting and backlog of the listener (UNIX_DIAG_RQLEN); it admits backlog + 1. Or a probe's
    /// own connect got EAGAIN. Who waits is named by the kernel too (UNIX_DIAG_ICONS). Full at one look and not at the
    /// next, 300 ms later, is a warning.
    ///
    /// # Not to be confused with
    /// A queue with one place left; a server that accepts and then is silent (SD401).
    ///
    /// # Fix
    /// Find what the server waits for: a slow or stopped handler. Then more workers, then a larger backlog and a larger
    /// net.core.somaxconn.
    ACCEPT_QUEUE_FULL = "SD301", "accept-queue-full", Error
}

const EAGAIN: i32 = 11;

fn check(case: &Case) -> Verdict {
    if matches!(case.target, Target::Tcp(_)) && case.server().is_none() {
        return Err(NoVerdict::NotApplicable);
    }
    let refused = case.probe.known().is_some_and(|probed| probed.errno() == Some(EAGAIN));
    let full = case.serving().find(|sighting| sighting.is_full());
    match full.or_else(|| case.server().filter(|_| refused)) {
        Some(sighting) => Ok(vec![finding(case, sighting, refused)]),
        None if refused => Err(case.sockets.complete().map_or_else(|gap| gap, |_| NoVerdict::NotApplicable)),
        None => case.seen().map(|()| vec![]),
    }
}

fn finding(case: &Case, sighting: &Sighting, refused: bool) -> Finding {
    let tcp = matches!(sighting.socket.address, Address::Tcp(_));
    let met = if tcp { "a client's connect hangs" } else { "a client gets EAGAIN, or hangs" };
    let spike = !refused && stalled::is_spike(case);
    let (what, severity) =
        if spike { ("was full for a moment", Severity::Warning) } else { ("is full", Severity::Error) };
    let summary = &format!("The accept queue {what}: {met}.");
    let mut finding = ACCEPT_QUEUE_FULL.finding(case, Certainty::Certain, summary).as_severe_as(severity);
    finding.evidence.push(evidence::socket(sighting));
    finding
        .evidence
        .extend(refused.then(|| Evidence::new("probe", "connect(2): EAGAIN, before anything was queued")));
    finding.evidence.push(evidence::holders(sighting));
    finding.evidence.extend(sighting.waiting.known().map(evidence::waiting));
    let stopped = stalled::go_on(&stalled::stopped(case, sighting));
    let go_on = stopped.or_else(|| owner::of(sighting).and_then(owner::go_on));
    finding.cause = Some(match go_on {
        Some(_) => "the server is stopped (state T): by SIGSTOP, a terminal, or a debugger".into(),
        None if spike => "more clients come at once than its backlog lets wait".into(),
        None => "the server does not accept: its workers are all busy, or stuck".into(),
    });
    finding.fixes.extend(go_on);
    finding.fixes.extend([owner::log(sighting, "find what its handlers wait for"), owner::restart(sighting)]);
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Outcome, Probed, StepName};

    fn queue(waiting: u32) -> Case {
        let mut case = Case::sample();
        case.sockets.items[0].socket.rqlen = Some((waiting, 1));
        case
    }

    #[test]
    fn fires_when_more_wait_than_the_backlog_or_a_probe_was_refused() {
        assert_eq!(check(&queue(2)).unwrap()[0].code, "SD301");
        let mut probed = Probed::sample_failed(StepName::Connect, Outcome::NotConnected);
        probed.steps[0].errno = Some(EAGAIN);
        assert_eq!(check(&Case { probe: Fact::Known(Box::new(probed)), ..queue(0) }).unwrap().len(), 1);
    }

    #[test]
    fn silent_when_one_place_is_left() {
        assert_eq!(check(&queue(1)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&Case { walk, ..Case::sample_stale() }), Err(NoVerdict::Unknown(_))));
    }
}
