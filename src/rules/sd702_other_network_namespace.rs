//! SD702: the socket is in another network namespace.

use super::{evidence, owner};
use crate::model::{Case, Certainty, Evidence, Finding, Fix, NoVerdict, Severity, Sighting, Target, Verdict};

rule! {
    /// The socket belongs to another network namespace than the client's.
    ///
    /// # What it means
    /// For a path it makes no difference: the kernel finds it by its file, from every network namespace. But `ss`,
    /// `lsof` and /proc/net/unix show only one network namespace and miss it. An abstract name exists in its own
    /// network namespace only: connect(2) from another answers ECONNREFUSED (111).
    ///
    /// # How it is known
    /// unix_diag, asked in every network namespace, lists it in another one and not in the client's.
    ///
    /// # Not to be confused with
    /// A listener in the client's own network namespace that tools do not show for want of rights.
    ///
    /// # Fix
    /// For a path none is needed. For an abstract name: the same network namespace for both, or a socket with a path.
    OTHER_NETWORK_NAMESPACE = "SD702", "other-network-namespace", Info
}

fn check(case: &Case) -> Verdict {
    if !case.asked_for {
        return Err(NoVerdict::NotApplicable);
    }
    match case.target {
        Target::Path(_) => {
            case.seen()?;
            let foreign = case.server().filter(|server| server.socket.netns != case.netns);
            Ok(foreign.map(|server| finding(case, server)).into_iter().collect())
        }
        Target::Abstract(_) if case.server().is_none() => {
            let mut others = case.sockets.items.iter().filter(|other| other.socket.owns_name());
            let Some(other) = others.next() else { return Ok(vec![]) };
            let mut finding = finding(case, other);
            finding.severity = Severity::Error;
            finding.summary =
                "The abstract name exists in another network namespace only, which its client cannot reach."
                    .into();
            Ok(vec![finding.fixed_by([Fix::advice(
                "give both the same network namespace (`--network container:NAME`), or use a socket with a path",
            )])])
        }
        Target::Abstract(_) => Ok(vec![]),
        Target::Inode(_) | Target::Tcp(_) => Err(NoVerdict::NotApplicable),
    }
}

fn finding(case: &Case, server: &Sighting) -> Finding {
    let label = server.netns_label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    let which = format!("net:[{}]{label}; the client's is net:[{}]", server.socket.netns.0, case.netns.0);
    let look = owner::of(server).map(|holder| {
        let command = format!("nsenter -t {} -n ss -xlp", holder.process.pid);
        Fix::look(command, "what ss shows there; here it shows nothing")
    });
    OTHER_NETWORK_NAMESPACE
        .finding(
            case,
            Certainty::Certain,
            "The listener is in another network namespace: `ss` does not show it here; connecting works.",
        )
        .proven_by([Evidence::new("unix_diag", which), evidence::socket(server), evidence::holders(server)])
        .fixed_by(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NetnsId};

    fn elsewhere() -> Case {
        Case { netns: NetnsId(7), ..Case::sample() }
    }

    #[test]
    fn fires_and_is_an_error_for_an_abstract_name() {
        assert_eq!(check(&elsewhere()).unwrap()[0].severity, Severity::Info);
        let mut case = Case { target: Target::Abstract(b"x".to_vec()), walk: Fact::NotAsked, ..elsewhere() };
        case.sockets.items[0].relation.serves = false;
        assert_eq!(check(&case).unwrap()[0].severity, Severity::Error);
    }

    #[test]
    fn silent_in_the_clients_own() {
        assert_eq!(check(&Case::sample()), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("nfs mount /srv", "it did not answer in time"));
        assert!(matches!(check(&Case { walk, ..elsewhere() }), Err(NoVerdict::Unknown(_))));
    }
}
