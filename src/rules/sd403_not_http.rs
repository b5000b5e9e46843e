//! SD403: another protocol than the one it was asked in.

use super::{quote, wire};
use crate::model::{Case, Certainty, Evidence, Fix, Outcome, Protocol, Verdict};

rule! {
    /// The server speaks another protocol than the one it was asked in.
    ///
    /// # What it means
    /// What came back is no reply of HTTP, or of the protocol that was named; a proxy that speaks HTTP to it
    /// answers 502.
    ///
    /// # How it is known
    /// The first bytes that came back; where the server only closes or is silent, the usual name of its socket or
    /// of its process.
    ///
    /// # Not to be confused with
    /// HTTP/2 with prior knowledge, which a probe recognises and goes on in; a reply of HTTP that broke off
    /// (SD409).
    ///
    /// # Fix
    /// Use the proxy's directive for that protocol (fastcgi_pass, uwsgi_pass), or ask in it: sockdoctor probe
    /// --protocol.
    NOT_HTTP = "SD403", "not-http", Error
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    let asked = probed.protocol.map_or("what it was asked in", Protocol::title);
    let (spoken, certainty, proof) = match (&probed.outcome, wire::other_tongue(probed)) {
        (Outcome::Foreign(spoken), usual) => {
            (spoken.or(usual.map(|(usual, _)| usual)), Certainty::Certain, wire::first_bytes(probed))
        }
        (Outcome::Closed | Outcome::NoReply, Some((usual, by))) => {
            let by = by.word().replace('_', " ");
            (
                Some(usual),
                Certainty::Likely,
                Evidence::new("known by", format!("its {by}: {}", usual.title())),
            )
        }
        _ => return Ok(vec![]),
    };
    let instead = spoken.map(|spoken| format!(", but {}", spoken.title())).unwrap_or_default();
    let summary = format!("The server does not speak {asked}{instead}.");
    let mut finding = NOT_HTTP.finding(case, certainty, summary).proven_by([proof, wire::steps(probed)]);
    let probe = |flag: &str| {
        let command = [quote::command("sockdoctor probe", &case.target.label()), flag.as_bytes().to_vec()];
        Fix::look(command.concat(), "ask it in its own protocol")
    };
    finding.fixes.extend(spoken.map(|spoken| match spoken {
        Protocol::Http => probe(" --http /"),
        other => probe(&format!(" --protocol {}", other.word())),
    }));
    let directive = match spoken {
        Some(Protocol::FastCgi) => "in nginx, use fastcgi_pass instead of proxy_pass",
        _ => "connect to it with a client of its own protocol",
    };
    finding.fixes.push(Fix::advice(directive));
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, KnownBy, NoVerdict, Probed, StepName};

    fn case(outcome: Outcome, usually: Option<(Protocol, KnownBy)>) -> Case {
        let probed = Probed { usually, ..Probed::sample_failed(StepName::Reply, outcome) };
        Case { probe: Fact::Known(Box::new(probed)), ..Case::sample() }
    }

    #[test]
    fn fires_and_names_what_it_is() {
        let found = check(&case(Outcome::Foreign(Some(Protocol::Redis)), None)).unwrap();
        assert_eq!(found[0].summary, "The server does not speak HTTP/1.1, but Redis.");
        let closed = check(&case(Outcome::Closed, Some((Protocol::Dbus, KnownBy::Path)))).unwrap();
        assert_eq!(closed[0].certainty, Certainty::Likely);
    }

    #[test]
    fn silent_on_an_http_server_that_closes() {
        assert_eq!(check(&case(Outcome::Closed, Some((Protocol::Http, KnownBy::Holder)))), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
