//! SD408: a whole reply, and not the one that was expected.

use super::wire;
use crate::model::{Case, Certainty, Evidence, Fix, Outcome, Verdict};

rule! {
    /// The server answers, but not what was expected.
    ///
    /// # What it means
    /// The reply is whole; its status, a header field, its body or a value in it misses an expectation. Without
    /// --expect a status of 200 to 399 is expected.
    ///
    /// # How it is known
    /// Each expectation beside what came.
    ///
    /// # Not to be confused with
    /// No reply (SD401, SD402), another protocol (SD403), a reply without an end (SD409), a Host that is not let
    /// in (SD405).
    ///
    /// # Fix
    /// For 404 the path, for 5xx the application's log; else correct the expectation.
    UNEXPECTED_RESPONSE = "SD408", "unexpected-response", Error
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    // What a health check expects is SD406's.
    let of_check = case.configured.checked.is_some();
    if probed.outcome != Outcome::Answered || probed.misses.is_empty() || of_check {
        return Ok(vec![]);
    }
    let summary = "The server answers, but not what was expected.";
    let mut finding = UNEXPECTED_RESPONSE.finding(case, Certainty::Certain, summary);
    for miss in &probed.misses {
        let got = [b"got ", miss.got.as_slice()].concat();
        finding.evidence.push(Evidence::new(format!("expected {}", miss.expected), got));
    }
    finding.evidence.extend(wire::head(probed));
    finding.evidence.push(wire::steps(probed));
    let status = probed.reply.as_ref().and_then(|reply| reply.status).unwrap_or_default();
    finding.fixes.push(match status {
        404 => Fix::advice("ask for a path that the server has: --http PATH"),
        401 | 403 => Fix::advice("send what lets you in: -H 'Authorization: …'"),
        500.. => wire::log(case, "read what its handler met"),
        _ => Fix::advice("correct the request or what is expected of it; the server's log tells its side"),
    });
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Miss, NoVerdict, Probed};

    fn case(misses: Vec<Miss>) -> Case {
        Case { probe: Fact::Known(Box::new(Probed { misses, ..Probed::sample() })), ..Case::sample() }
    }

    #[test]
    fn fires_with_expected_and_got() {
        let miss = Miss { expected: "status 204".into(), got: b"200".to_vec() };
        let found = check(&case(vec![miss])).unwrap();
        assert_eq!(found[0].evidence[0], Evidence::new("expected status 204", "got 200"));
    }

    #[test]
    fn silent_when_all_is_met_and_when_nothing_whole_came() {
        assert_eq!(check(&case(vec![])), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
