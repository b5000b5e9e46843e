//! SD406: the check that HAProxy is told to make gets another answer than it is told to expect.

use super::wire;
use crate::model::{Case, Certainty, Checked, Evidence, Finding, Fix, NoVerdict, Severity, Verdict};

rule! {
    /// HAProxy's health check gets another answer than it expects.
    ///
    /// # What it means
    /// The server answers, and HAProxy takes it for down: L7STS, L7RSP. Its check asks in its own way, HTTP/1.0 and no
    /// Host unless told otherwise, so that a server which serves people well may still refuse it; or a server behind
    /// TCP takes no connection: L4CON, L4TOUT. To `probe --like`, which asks for this one check, it is an error.
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
    let (label, word) = (checked.check.label(), checked.verdict.word);
    let Some((miss, _)) = &checked.verdict.miss else {
        let Some(address) = checked.no_connection_to() else { return Ok(vec![]) };
        let summary = format!("HAProxy's check of {label} gets no connection to {address} ({word}).");
        let advice = Fix::advice("start the server, or correct its address in the server's line");
        return Ok(vec![finding(case, checked, summary, vec![wire::steps(probed)]).fixed_by([advice])]);
    };
    let summary = format!("HAProxy's check of {label} gets another answer than it expects ({word}).");
    let got = [b"got ", miss.got.as_slice()].concat();
    let mut proof = vec![Evidence::new(format!("expected {}", miss.expected), got)];
    proof.extend(wire::head(probed).into_iter().chain([wire::steps(probed)]));
    let finding = finding(case, checked, summary, proof);
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

/// Who asked about this check alone is told of an error; a scan warns of what HAProxy will say.
fn finding(case: &Case, checked: &Checked, summary: String, proof: Vec<Evidence>) -> Finding {
    let severity = if case.configured.scanned { Severity::Warning } else { Severity::Error };
    let finding = HEALTHCHECK_FAILS.finding(case, Certainty::Certain, summary).as_severe_as(severity);
    let at = checked.verdict.miss.iter().filter_map(|(_, at)| at.as_ref());
    let lines = at.chain(&checked.check.asked_at).chain([&checked.check.written]);
    lines.fold(finding.proven_by(proof), Finding::written_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Checked, Configured, Fact, Gap, HealthCheck, Probed, Reply};

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
        assert_eq!(
            check(&Case { configured: Configured::default(), ..case(503) }),
            Err(NoVerdict::NotApplicable)
        );
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..case(503) }), Err(NoVerdict::Unknown(_))));
    }
}
