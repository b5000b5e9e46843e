//! SD401: connected, and not a byte comes back.

use super::{owner, wire};
use crate::model::{Case, Certainty, Outcome, Verdict};

rule! {
    /// The server takes the connection, and not a byte comes back.
    ///
    /// # What it means
    /// The kernel queued the connection, which it does for any listener whose backlog has room; the server did
    /// not accept it, or accepted it and is silent.
    ///
    /// # How it is known
    /// A probe connected, sent its request, and waited until --timeout. Only time would tell a dead server from a
    /// slow one: hence likely.
    ///
    /// # Not to be confused with
    /// A full queue (SD301), where the connect itself fails; a server that waits for another protocol's words
    /// (SD403); one that closes (SD402).
    ///
    /// # Fix
    /// Look at what the server's handlers wait for, in its log and its stack. A larger --timeout only when it is
    /// known to be slow.
    CONNECTED_NO_REPLY = "SD401", "connected-no-reply", Error
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    if probed.outcome != Outcome::NoReply || wire::other_tongue(probed).is_some() {
        return Ok(vec![]);
    }
    let summary = "The server takes the connection, and not a byte comes back.";
    let mut finding = CONNECTED_NO_REPLY.finding(case, Certainty::Likely, summary);
    finding.evidence.push(wire::steps(probed));
    if let Some(server) = case.server() {
        finding.evidence.extend([super::evidence::socket(server), super::evidence::holders(server)]);
    }
    finding.cause = Some("the server does not accept, or its handler waits for something".into());
    finding.fixes.push(wire::log(case, "read what its handlers wait for"));
    finding.fixes.extend(case.server().map(owner::restart));
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, KnownBy, NoVerdict, Probed, Protocol, StepName};

    fn case(outcome: Outcome) -> Case {
        let probed = Probed::sample_failed(StepName::FirstByte, outcome);
        Case { probe: Fact::Known(Box::new(probed)), ..Case::sample() }
    }

    #[test]
    fn fires_when_nothing_comes_back() {
        assert_eq!(check(&case(Outcome::NoReply)).unwrap()[0].certainty, Certainty::Likely);
    }

    #[test]
    fn silent_where_it_waits_for_other_words_or_closes() {
        let mut waits = case(Outcome::NoReply);
        if let Fact::Known(probed) = &mut waits.probe {
            probed.usually = Some((Protocol::Postgres, KnownBy::Path));
        }
        assert_eq!(check(&waits), Ok(vec![]));
        assert_eq!(check(&case(Outcome::Closed)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
