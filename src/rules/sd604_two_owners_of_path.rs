//! SD604: two are to make the same socket.

use super::configured;
use crate::model::{Case, Certainty, Declaration, Fix, NoVerdict, Severity, Verdict};

rule! {
    /// Two owners are declared for one path.
    ///
    /// # What it means
    /// A .socket unit listens on the path and a service is told to bind it too, or two services are. With systemd's
    /// listener (LISTEN_FDS) gunicorn ignores its --bind; started by hand, or without the socket unit, it removes
    /// systemd's file and binds its own: the socket unit then says active and nobody reaches it.
    ///
    /// # How it is known
    /// From the unit files and the command lines. Where the service requires the .socket unit that starts it, systemd
    /// always passes the listener: that is worth knowing, no more.
    ///
    /// # Not to be confused with
    /// A service without --bind behind its .socket unit, which is how it is meant.
    ///
    /// # Fix
    /// Leave --bind out of the service and start it through its .socket unit; give two services a path each.
    TWO_OWNERS_OF_PATH = "SD604", "two-owners-of-path", Warning
}

fn check(case: &Case) -> Verdict {
    let mut owners: Vec<&Declaration> = Vec::new();
    for server in case.configured.servers() {
        if !owners.iter().any(|known| known.owner == server.owner) {
            owners.push(server);
        }
    }
    let (first, second) = match owners.as_slice() {
        [] => return Err(NoVerdict::NotApplicable),
        [_] => return Ok(vec![]),
        [first, second, ..] => (first, second),
    };
    let names: Vec<&str> = owners.iter().map(|owner| owner.owner.as_str()).collect();
    let summary = format!("{} are both to listen on {}.", names.join(" and "), configured::path(&case.path));
    let (severity, fix) = if owners.len() == 2 && is_passed(case) {
        (Severity::Info, "leave --bind out: it would only count where systemd passes no listener")
    } else {
        (Severity::Warning, "no --bind behind a .socket unit, and a path of its own for each service")
    };
    let finding = TWO_OWNERS_OF_PATH.finding(case, Certainty::Certain, summary).as_severe_as(severity);
    Ok(vec![finding.written_at(&first.written).written_at(&second.written).fixed_by([Fix::advice(fix)])])
}

/// The service gets its listener from the .socket unit whenever systemd starts it.
fn is_passed(case: &Case) -> bool {
    let configured = &case.configured;
    let Some(socket) = configured.socket_unit() else { return false };
    let service = socket.service.as_deref().and_then(|name| configured.unit(name));
    service.is_some_and(|service| service.stops_with.contains(&socket.name) && configured.binds(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Unit, Usage};

    fn binds(owner: &str) -> Declaration {
        Declaration { owner: owner.into(), usage: Usage::Binds, ..Declaration::sample("/tmp/x.sock") }
    }

    fn both(requires: bool) -> Case {
        let mut case = Case::sample();
        let mut service = Unit { sockets: vec![binds("app.service")], ..Unit::sample_service() };
        if requires {
            service.stops_with.push("app.socket".into());
        }
        case.configured.mentions = vec![binds("app.socket"), binds("app.service")];
        let socket = Unit { sockets: vec![binds("app.socket")], ..Unit::sample() };
        case.configured.units = vec![socket.into(), service.into()];
        case
    }

    #[test]
    fn fires_on_a_socket_unit_and_a_service_that_binds_too() {
        assert_eq!(check(&both(false)).unwrap()[0].severity, Severity::Warning);
        assert_eq!(
            check(&both(true)).unwrap()[0].severity,
            Severity::Info,
            "it is always passed the listener"
        );
    }

    #[test]
    fn silent_on_one_owner() {
        let mut case = both(false);
        case.configured.mentions.pop();
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn not_applicable_where_nothing_was_read() {
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }
}
