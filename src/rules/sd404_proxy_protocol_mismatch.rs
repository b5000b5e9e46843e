//! SD404: a proxy speaks another protocol to a server than the server's own configuration has it speak.

use super::configured;
use crate::model::{Case, Certainty, Declaration, Fix, NoVerdict, Protocol, Verdict};

rule! {
    /// A proxy is told to speak another protocol than its server.
    ///
    /// # What it means
    /// `proxy_pass` speaks HTTP, `fastcgi_pass` FastCGI, `uwsgi_pass` uwsgi. A server that is asked in another one
    /// closes the connection (nginx: 502), or takes letters for lengths: uwsgi logs "invalid request block size: 21573",
    /// the "ET" of "GET".
    ///
    /// # How it is known
    /// The directive of the proxy, and what the configuration of the server on that path says it is: php-fpm, gunicorn,
    /// a database. That of uwsgi is not read.
    ///
    /// # Not to be confused with
    /// uwsgi with `http-socket`, which does speak HTTP. What a server really says on the wire is SD403.
    ///
    /// # Fix
    /// The directive for that protocol: fastcgi_pass, uwsgi_pass; or a server that speaks what the proxy does.
    PROXY_PROTOCOL_MISMATCH = "SD404", "proxy-protocol-mismatch", Error
}

fn check(case: &Case) -> Verdict {
    let servers: Vec<&Declaration> =
        case.configured.servers().filter(|server| server.protocol.is_some()).collect();
    let [server, others @ ..] = servers.as_slice() else { return Err(NoVerdict::NotApplicable) };
    // Two owners who speak differently are SD604's.
    let spoken = server.protocol.filter(|_| others.iter().all(|other| other.protocol == server.protocol));
    let Some(spoken) = spoken else { return Err(NoVerdict::NotApplicable) };
    let differs = |client: &&Declaration| client.protocol.is_some_and(|asked| !same(asked, spoken));
    let mut wrong = case.configured.clients().filter(differs);
    // Many lines may send to one socket: it is one fault.
    let Some(first) = wrong.next() else { return Ok(vec![]) };
    Ok(vec![wrong.fold(finding(case, first, server), |finding, other| finding.written_at(&other.written))])
}

fn finding(case: &Case, client: &Declaration, server: &Declaration) -> crate::model::Finding {
    let title = |of: &Declaration| of.protocol.map_or("something else", Protocol::title);
    let summary = format!(
        "{} speaks {} to {}, where {} speaks {}.",
        configured::place(client),
        title(client),
        configured::path(&case.path),
        server.owner,
        title(server)
    );
    let fix = match (client.protocol, server.protocol) {
        (Some(Protocol::Http), Some(Protocol::FastCgi)) => {
            "in nginx fastcgi_pass and fastcgi_params instead of proxy_pass; in HAProxy `proto fcgi` and a fcgi-app"
        }
        (Some(Protocol::FastCgi), Some(Protocol::Http)) => "in nginx proxy_pass instead of fastcgi_pass",
        _ => "send to a server that speaks what the proxy does",
    };
    let finding = PROXY_PROTOCOL_MISMATCH.finding(case, Certainty::Certain, summary);
    finding.written_at(&client.written).written_at(&server.written).fixed_by([Fix::advice(fix)])
}

/// Whether one who speaks this understands that. A server of HTTP may take any form of it.
fn same(one: Protocol, other: Protocol) -> bool {
    one == other || (one.is_http() && other.is_http())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Usage;

    fn case(asked: Option<Protocol>, spoken: Option<Protocol>) -> Case {
        let client = Declaration { protocol: asked, ..Declaration::sample("/tmp/x.sock") };
        let server = Declaration { usage: Usage::Binds, protocol: spoken, ..client.clone() };
        let mut case = Case::sample();
        case.configured.mentions = vec![client, server];
        case
    }

    #[test]
    fn fires_on_http_to_fastcgi() {
        let found = check(&case(Some(Protocol::Http), Some(Protocol::FastCgi))).unwrap();
        assert!(found[0].summary.ends_with("speaks HTTP/1.1 to /tmp/x.sock, where app speaks FastCGI."));
        assert!(found[0].fixes[0].text.contains("fastcgi_pass"));
    }

    #[test]
    fn silent_where_both_speak_http() {
        assert_eq!(check(&case(Some(Protocol::Grpc), Some(Protocol::Http))), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        assert_eq!(check(&case(Some(Protocol::Http), None)), Err(NoVerdict::NotApplicable));
        assert_eq!(check(&case(None, Some(Protocol::FastCgi))), Ok(vec![]), "what it asks is not known");
    }
}
