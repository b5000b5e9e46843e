//! SD402: the connection ends before a byte of a reply.

use super::{evidence, wire};
use crate::model::{Case, Certainty, Outcome, Verdict};

rule! {
    /// The server closes the connection before a byte of a reply.
    ///
    /// # What it means
    /// The server accepted, and its worker died, refused, or closed the descriptor; or it stopped listening with
    /// this connection in its queue. A proxy in front answers 502.
    ///
    /// # How it is known
    /// A probe connected and sent its request; then the connection ended (EOF, or ECONNRESET 104), and not a byte
    /// had come.
    ///
    /// # Not to be confused with
    /// A server that never speaks HTTP and closes on it (SD403); a reply that began and broke off (SD409).
    ///
    /// # Fix
    /// Read the server's log of that moment: a traceback, a worker that was killed, a limit.
    CLOSED_BEFORE_REPLY = "SD402", "closed-before-reply", Error
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    if probed.outcome != Outcome::Closed || wire::other_tongue(probed).is_some() {
        return Ok(vec![]);
    }
    let summary = "The server closes the connection before a byte of a reply.";
    let mut finding = CLOSED_BEFORE_REPLY.finding(case, Certainty::Certain, summary);
    finding.evidence.push(wire::steps(probed));
    finding.evidence.extend(case.server().map(evidence::holders));
    finding.cause = Some(match probed.errno() {
        Some(_) => "it closed with our request unread, or closed its listener with us in the queue".into(),
        None => "its worker took the request and ended, or closed the descriptor".into(),
    });
    finding.fixes.push(wire::log(case, "read what its worker met at that moment"));
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, KnownBy, NoVerdict, Probed, Protocol, StepName};

    fn case(change: impl FnOnce(&mut Probed)) -> Case {
        let mut probed = Probed::sample_failed(StepName::FirstByte, Outcome::Closed);
        change(&mut probed);
        Case { probe: Fact::Known(Box::new(probed)), ..Case::sample() }
    }

    #[test]
    fn fires_when_it_ends_without_a_byte() {
        assert_eq!(check(&case(|_| ())).unwrap()[0].code, "SD402");
        let reset = check(&case(|probed| probed.steps[2].errno = Some(104))).unwrap();
        assert!(reset[0].cause.as_ref().unwrap().contains("unread"));
    }

    #[test]
    fn silent_on_a_server_that_does_so_to_all_http() {
        let known = |probed: &mut Probed| probed.usually = Some((Protocol::FastCgi, KnownBy::Holder));
        assert_eq!(check(&case(known)), Ok(vec![]));
        assert_eq!(check(&case(|probed| probed.outcome = Outcome::Answered)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
        let ours = case(|probed| probed.steps[2].errno = Some(24));
        assert!(matches!(check(&ours), Err(NoVerdict::Unknown(_))), "our own descriptors ran out");
    }
}
