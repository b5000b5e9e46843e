//! SD409: a reply began and has no end.

use super::wire;
use crate::model::{Case, Certainty, Evidence, Fix, Outcome, StepName, Unfinished, Verdict};

rule! {
    /// A reply began, and does not end.
    ///
    /// # What it means
    /// The head or the body of the reply stops, drips, breaks off short of what it announced, breaks the rules of its
    /// protocol, or grows past every bound; a client waits, or gives up.
    ///
    /// # How it is known
    /// What came until --timeout, --max-body or the bound of a head; the bytes and their rate.
    ///
    /// # Not to be confused with
    /// A stream that is not meant to end (text/event-stream, 101), judged by its head; a body that ends by close.
    ///
    /// # Fix
    /// Read the server's log: a handler that never returns, a worker that died half-way. A larger --timeout or
    /// --max-body only when that size is meant.
    RESPONSE_UNFINISHED = "SD409", "response-unfinished", Error
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    let Outcome::Unfinished(why) = &probed.outcome else { return Ok(vec![]) };
    let (how, reason) = match why {
        Unfinished::Silent => ("stops half-way", "its handler waits for something, with the reply begun"),
        Unfinished::Dripping => {
            ("never ends: bytes still come", "it sends slower than anybody waits, or without end")
        }
        Unfinished::CutShort => ("breaks off", "its worker ended before the reply did"),
        Unfinished::Malformed => ("is malformed", "it sends what its protocol does not allow there"),
        Unfinished::HeadTooLong => (
            "has a head without end",
            "its header fields are more than 500, or than 64 KiB; clients stop there",
        ),
        Unfinished::BodyTooLong => ("is longer than allowed", "the body is larger than --max-body"),
    };
    let mut finding = RESPONSE_UNFINISHED
        .finding(case, Certainty::Certain, format!("A reply began, and {how}."))
        .caused_by(reason);
    finding.evidence.extend(wire::head(probed));
    let took = probed.steps.iter().find(|step| step.name == StepName::Reply).map(|step| step.took);
    // Over less than a second a rate says nothing.
    let rate = took.and_then(|took| probed.received.checked_div(took.as_secs()));
    let rate = rate.map(|rate| format!(" at {rate} bytes/s")).unwrap_or_default();
    let volume = format!("{} bytes{rate}, then {}", probed.received, why.word());
    finding.evidence.extend([Evidence::new("received", volume.replace('_', " ")), wire::first_bytes(probed)]);
    finding.evidence.push(wire::steps(probed));
    finding.fixes.push(match why {
        Unfinished::BodyTooLong => {
            Fix::advice("ask for something smaller, or raise --max-body where that size is meant")
        }
        Unfinished::Silent | Unfinished::Dripping => wire::log(case, "find the handler that does not return"),
        _ => wire::log(case, "read what its worker met"),
    });
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NoVerdict, Probed};

    fn case(outcome: Outcome) -> Case {
        let probed = Probed::sample_failed(StepName::Reply, outcome);
        Case { probe: Fact::Known(Box::new(probed)), ..Case::sample() }
    }

    #[test]
    fn fires_however_it_fails_to_end() {
        use Unfinished::{BodyTooLong, CutShort, Dripping, HeadTooLong, Malformed, Silent};
        for why in [Silent, Dripping, CutShort, Malformed, HeadTooLong, BodyTooLong] {
            let found = check(&case(Outcome::Unfinished(why))).unwrap();
            assert_eq!(found[0].code, "SD409");
            let volume = String::from_utf8_lossy(&found[0].evidence[0].detail).into_owned();
            assert!(!volume.contains("bytes/s"), "a millisecond is no time to measure a rate: {volume}");
        }
    }

    #[test]
    fn silent_when_it_ends() {
        assert_eq!(check(&case(Outcome::Answered)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
