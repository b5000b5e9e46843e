//! SD407: reached, and refused by the server's own authentication.

use super::wire;
use crate::model::{Case, Certainty, Evidence, Fix, Outcome, Protocol, Verdict};

rule! {
    /// The socket and the server work; the server's own authentication refuses.
    ///
    /// # What it means
    /// The connection was made and the server answered in its protocol that it does not let this client in.
    /// Nothing about the socket, its file or its permissions is wrong.
    ///
    /// # How it is known
    /// The server's own words: an SQLSTATE of class 28, NOAUTH, REJECTED, Permission denied.
    ///
    /// # Not to be confused with
    /// EACCES of connect(2), which is about the file's permissions and comes before the server sees anything.
    ///
    /// # Fix
    /// Connect as the user the server expects (peer authentication compares uids), or give the password; in
    /// PostgreSQL a map in pg_ident.conf.
    AUTH_LAYER_REFUSAL = "SD407", "auth-layer-refusal", Warning
}

fn check(case: &Case) -> Verdict {
    let probed = wire::probed(case)?;
    if probed.outcome != Outcome::AuthRefused {
        return Ok(vec![]);
    }
    let summary = "The socket and the server work; the server's own authentication refuses.";
    let said = probed.reply.as_ref().and_then(|reply| reply.message.clone()).unwrap_or_default();
    let server = probed.protocol.map_or("server", Protocol::title);
    let advice = match probed.protocol {
        Some(Protocol::Postgres) => "connect as the database's user, or map yours to it in pg_ident.conf",
        Some(Protocol::Redis) => "authenticate: `redis-cli -s PATH --askpass ping`",
        _ => "connect as a user the server lets in, or give it what it asks for",
    };
    let finding = AUTH_LAYER_REFUSAL
        .finding(case, Certainty::Likely, summary)
        .proven_by([Evidence::new(server, said), wire::steps(probed)])
        .caused_by("the server does not know this client, or wants a password; whether that is meant only it can tell")
        .fixed_by([Fix::advice(advice)]);
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NoVerdict, Probed, Severity};

    fn case(outcome: Outcome) -> Case {
        Case { probe: Fact::Known(Box::new(Probed { outcome, ..Probed::sample() })), ..Case::sample() }
    }

    #[test]
    fn fires_as_a_warning() {
        assert_eq!(check(&case(Outcome::AuthRefused)).unwrap()[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_when_it_lets_in() {
        assert_eq!(check(&case(Outcome::Answered)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let probe = Fact::Unknown(Gap::new("probe", "not made"));
        assert!(matches!(check(&Case { probe, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
