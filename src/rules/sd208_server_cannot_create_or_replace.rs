//! SD208: the server may not make its socket in this directory.

use super::server_way::{self, Bar};
use super::{evidence, quote};
use crate::model::{Case, Certainty, Credentials, Evidence, Finding, Fix, Severity, Verdict};

rule! {
    /// The server may not make, or not replace, its socket in this directory.
    ///
    /// # What it means
    /// bind(2) takes w and x on the directory (else EACCES, 13). In a sticky directory such as /tmp only its owner
    /// may remove a file: another user can neither unlink it nor bind over it (EADDRINUSE, 98). A server that
    /// runs keeps its socket; it is its next start that fails.
    ///
    /// # How it is known
    /// Mode, owner and ACL of the directory, and the identity of the process that made the socket, whose uid the
    /// kernel names. Likely: it may start as root and change its user later.
    ///
    /// # Not to be confused with
    /// A socket that PID 1 made for the server.
    ///
    /// # Fix
    /// `RuntimeDirectory=NAME` in the unit; or let the server's user write there.
    SERVER_CANNOT_CREATE_OR_REPLACE = "SD208", "server-cannot-create-or-replace", Error
}

fn check(case: &Case) -> Verdict {
    let binder = case.binder.get()?;
    Ok(server_way::bar(case, binder)?.map(|bar| finding(case, binder, &bar)).into_iter().collect())
}

fn finding(case: &Case, binder: &Credentials, bar: &Bar<'_>) -> Finding {
    let directory = &bar.directory;
    let place = String::from_utf8_lossy(&directory.path).into_owned();
    let mode = format!("{place}: mode {:04o}, {}", directory.permissions.mode & 0o7777, bar.detail);
    let (certainty, severity, when) = match case.preflight.known() {
        None => (Certainty::Likely, Severity::Warning, "The next start of the server fails"),
        Some(before) if before.server_is_named() => {
            (Certainty::Certain, Severity::Error, "The server cannot start here")
        }
        Some(_) => (Certainty::Certain, Severity::Error, "A server of your own cannot start here"),
    };
    let summary = format!("{when}: uid {} {} {place}.", binder.uid, bar.what);
    let yours = Fix::advice("if it runs as another user: --server USER, as root, tries it as that user");
    let give = quote::command(&format!("setfacl -m u:{}:wx", binder.uid), &case.from_here(&directory.path));
    let mut finding = SERVER_CANNOT_CREATE_OR_REPLACE
        .finding(case, certainty, summary)
        .proven_by([Evidence::new("lstat", mode)])
        .proven_by(case.server().map(evidence::holders))
        .fixed_by(case.preflight.known().filter(|before| !before.server_is_named()).map(|_| yours))
        .fixed_by([Fix::advice("RuntimeDirectory=NAME in the server's unit makes /run/NAME for its user")])
        .fixed_by([Fix::change(give, "or let this one user make files there")]);
    finding.severity = severity;
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Gap, NoVerdict};

    fn bound_by(uid: u32, directory: u32, owner: u32) -> Case {
        let mut case = Case::sample_before(Consumer::sample(uid, &[]), directory, 0o666);
        case.binder = Fact::Known(case.accesses.remove(0).consumer.credentials);
        case.file_mut().uid = owner;
        case
    }

    #[test]
    fn fires_where_the_next_bind_or_unlink_fails() {
        assert!(check(&bound_by(33, 0o755, 33)).unwrap()[0].summary.contains("may not make"));
        assert!(check(&bound_by(33, 0o1777, 7)).unwrap()[0].summary.contains("may not replace"));
    }

    #[test]
    fn fires_before_the_first_start_as_an_error() {
        let mut case = Case::sample_preflight();
        case.binder = Fact::Known(Consumer::sample(33, &[]).credentials);
        assert_eq!(check(&case).unwrap()[0].severity, Severity::Error);
    }

    #[test]
    fn silent_where_it_may() {
        assert_eq!(check(&bound_by(33, 0o1777, 33)), Ok(vec![]));
        assert_eq!(check(&bound_by(0, 0o1755, 33)), Ok(vec![]), "root owns the directory");
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let case = Case { binder: Fact::Unknown(Gap::new("/proc/7/status", "gone")), ..Case::sample() };
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
