//! SD506: the server sees its own socket on a read-only mount.

use super::{declared_view, evidence, owner};
use crate::model::{Case, Certainty, Evidence, Fact, Finding, Fix, NoVerdict, Severity, Sighting, Verdict};

rule! {
    /// The server's own mount of the directory is read-only: it cannot make its socket there, or not again.
    ///
    /// # What it means
    /// bind(2), chmod(2) and unlink(2) answer EROFS (30) on a read-only mount. A listener that is there already
    /// keeps serving; it is the next start of the server that fails.
    ///
    /// # How it is known
    /// The mount, in the view of the process that holds the socket, has `ro` among its options or those of its
    /// filesystem. Where none runs: ProtectSystem= and the like, in its unit.
    ///
    /// # Not to be confused with
    /// A read-only mount of the client: connect(2) does not write, and works.
    ///
    /// # Fix
    /// Mount the directory read-write for the server; `ReadWritePaths=` or `RuntimeDirectory=` in its unit.
    READ_ONLY_FOR_SERVER = "SD506", "read-only-for-server", Error
}

fn check(case: &Case) -> Verdict {
    if !case.asked_for {
        return Err(NoVerdict::NotApplicable);
    }
    case.seen()?;
    let servers = case.serving().filter(|server| server.is_alive() && !made_by_systemd(server));
    let declared = declared_view::read_only(case, &READ_ONLY_FOR_SERVER);
    Ok(servers.filter_map(|server| finding(case, server)).chain(declared).collect())
}

/// PID 1 makes sockets in its own view, whatever its services see.
fn made_by_systemd(server: &Sighting) -> bool {
    server.holders.known().into_iter().flatten().any(|holder| holder.process.is_manager())
}

fn finding(case: &Case, server: &Sighting) -> Option<Finding> {
    let file = match &server.view {
        Fact::Known(view) => view.walk.file()?,
        Fact::Unknown(_) => return None,
        // It sees what we see; by another path than its own the mount may be another one too.
        Fact::NotAsked => case
            .file()
            .ok()
            .flatten()
            .filter(|_| owner::of(server).is_some() && server.relation.names_path)?,
    };
    let mount = file.mount.as_ref().filter(|mount| mount.read_only())?;
    let point = String::from_utf8_lossy(&mount.point).into_owned();
    let options = String::from_utf8_lossy(&mount.super_options).into_owned();
    let line = format!("{} at {point}: {}; filesystem: {options}", mount.fstype, mount.options);
    let mut finding = READ_ONLY_FOR_SERVER
        .finding(
            case,
            Certainty::Certain,
            "The server's mount of this directory is read-only: its next start cannot make the socket.",
        )
        .proven_by([Evidence::new("mountinfo of the server", line), evidence::holders(server)])
        .fixed_by([Fix::advice(
            "mount the directory read-write for the server; clients may keep it read-only",
        )]);
    finding.severity = Severity::Warning;
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Gap, View};

    fn mounted(options: &str) -> Case {
        let mut case = Case::sample();
        case.file_mut().mount.as_mut().map(std::sync::Arc::make_mut).unwrap().options = options.into();
        case
    }

    #[test]
    fn fires_when_the_server_sees_it_read_only() {
        assert_eq!(check(&mounted("ro,relatime")).unwrap()[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_when_only_the_client_does() {
        let mut case = mounted("ro,relatime");
        let walk = Case::sample().walk.known().cloned().unwrap();
        case.sockets.items[0].view = Fact::Known(View { ours: false, walk, ..View::sample_missing() });
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("nfs mount /srv", "it did not answer in time"));
        assert!(matches!(check(&Case { walk, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
