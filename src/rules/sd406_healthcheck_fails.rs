//! SD406: the check that HAProxy is told to make gets another answer than it is told to expect.

use super::wire;
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Verdict};

rule! {
    /// HAProxy's health check gets another answer than it expects.
    ///
    /// # What it means
    /// The server answers, and HAProxy takes it for down: L7STS, L7RSP. Its check asks in its own way, HTTP/1.0 and no
    /// Host unless told otherwise, so that a server which serves people well may still refuse it.
    ///
    /// # How it is known
    /// The check of that server was made as it is configured: method, path, version, header fields, expectations.
    ///
    /// # Not to be confused with
    /// A check that gets no connection (SOCKERR: SD101, SD104, SD201, SD603) or no answer (L7TOUT: SD401). A check
    /// that passes though `/` fails.
    ///
    /// # Fix
    /// The path of the application's health; `http-check send ver HTTP/1.1 hdr Host NAME` where it wants a Host.
    HEALTHCHECK_FAILS = "SD406", "healthcheck-fails", Warning
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    let checked = case.configured.checked.as_ref().ok_or(NoVerdict::NotApplicable)?;
    let Some((miss, expected_at)) = &checked.verdict.miss else { return Ok(vec![]) };
    let (label, word) = (checked.check.label(), checked.verdict.word);
    let summary = format!("HAProxy's check of {label} gets another answer than it expects ({word}).");
    let got = [b"got ", miss.got.as_slice()].concat();
    let mut finding = HEALTHCHECK_FAILS.finding(case, Certainty::Certain, summary);
    finding = finding.proven_by([Evidence::new(format!("expected {}", miss.expected), got)]);
    finding = finding.proven_by(wire::head(probed)).proven_by([wire::steps(probed)]);
    for written in expected_at.iter().chain(&checked.check.asked_at).chain([&checked.check.written]) {
        finding = finding.written_at(written);
    }
    let status = probed.reply.as_ref().and_then(|reply| reply.status).unwrap_or_default();
    let fix = match status {
        400 if probed.host.as_deref().is_none_or(str::is_empty) => {
            Fix::advice("send what the server wants: http-check send ver HTTP/1.1 hdr Host NAME")
        }
        404 => Fix::advice("ask for a path that the server has, in `option httpchk GET /PATH`"),
        405 | 501 => Fix::advice("ask by a method that the server knows: `option httpchk GET /PATH`"),
        500.. => wire::log(case, "read what its handler met"),
        _ => Fix::advice("correct what is asked, or what `http-check expect` says"),
    };
    Ok(vec![finding.fixed_by([fix])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Checked, Fact, Gap, HealthCheck, Probed, Reply};

    fn case(status: u16) -> Case {
        let reply = Reply { status: Some(status), version_line: Some("HTTP/1.0"), ..Reply::default() };
        let probed = Probed { reply: Some(reply), host: None, ..Probed::sample() };
        let check = HealthCheck::sample();
        let verdict = check.verdict(&probed);
        let mut case = Case { probe: Fact::Known(Box::new(probed)), ..Case::sample() };
        case.configured.checked = Some(Box::new(Checked { check, verdict }));
        case
    }

    #[test]
    fn fires_with_the_word_of_haproxy() {
        let found = &check(&case(400)).unwrap()[0];
        assert_eq!(found.summary, "HAProxy's check of app/one gets another answer than it expects (L7STS).");
        assert!(found.fixes[0].text.contains("hdr Host"), "{:?}", found.fixes);
    }

    #[test]
    fn silent_when_the_check_passes_and_when_none_was_made() {
        assert_eq!(check(&case(204)), Ok(vec![]));
        let mut plain = case(503);
        plain.configured.checked = None;
        assert_eq!(check(&plain), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..case(503) }), Err(NoVerdict::Unknown(_))));
    }
}
