//! SD405: 400, because of the Host header.

use super::{quote, wire};
use crate::model::{Case, Certainty, Evidence, Fix, Verdict};

rule! {
    /// The server answers 400 because of the Host header.
    ///
    /// # What it means
    /// Many servers check Host against a list of names they serve (Django's ALLOWED_HOSTS), or refuse one that is
    /// no name at all, as Go does for a socket's path.
    ///
    /// # How it is known
    /// The same request with another Host header got another status than 400.
    ///
    /// # Not to be confused with
    /// A 400 whatever the Host: then the request itself is wrong (SD408).
    ///
    /// # Fix
    /// Send a Host header the server accepts: --host, in HAProxy `http-check send … hdr Host`, in nginx
    /// proxy_set_header Host.
    HOST_HEADER_REJECTED = "SD405", "host-header-rejected", Error
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    let Some((host, status)) = &probed.other_host else { return Ok(vec![]) };
    let sent = probed.host.as_deref().unwrap_or_default();
    let summary = "The server answers 400 because of the Host header.";
    let finding = HOST_HEADER_REJECTED
        .finding(case, Certainty::Certain, summary)
        .proven_by([
            Evidence::new(format!("Host: {sent}"), "400"),
            Evidence::new(format!("Host: {host}"), status.to_string()),
        ])
        .caused_by("it serves a list of names, and the one that was sent is not among them")
        .fixed_by([
            Fix::look(
                [
                    quote::command("sockdoctor probe --http / --host", host.as_bytes()),
                    b" ".to_vec(),
                    quote::word(&case.target.label()),
                ]
                .concat(),
                "ask with a name it accepts",
            ),
            Fix::advice(
                "let the proxy or the health check send that Host, or add the name to the server's list",
            ),
        ]);
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NoVerdict, Probed};

    fn case(other_host: Option<(String, u16)>) -> Case {
        Case { probe: Fact::Known(Box::new(Probed { other_host, ..Probed::sample() })), ..Case::sample() }
    }

    #[test]
    fn fires_when_another_host_is_let_in() {
        let found = check(&case(Some(("127.0.0.1".into(), 200)))).unwrap();
        assert_eq!(found[0].evidence[1].detail, b"200");
        let command = found[0].fixes[0].command.clone().unwrap();
        assert_eq!(command, b"sockdoctor probe --http / --host 127.0.0.1 /tmp/x.sock");
    }

    #[test]
    fn silent_when_every_host_gets_the_same() {
        assert_eq!(check(&case(None)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
