//! SD208: the server may not make its socket in this directory.

use super::{evidence, quote};
use crate::model::{
    Bits, Case, Certainty, Credentials, Evidence, FileKind, Finding, Fix, NoVerdict, Severity, Step, Verdict,
};

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

/// `CAP_FOWNER`, include/uapi/linux/capability.h
const FOWNER: u64 = 1 << 3;
const STICKY: u32 = 0o1000;

fn check(case: &Case) -> Verdict {
    let binder = case.binder.get()?;
    let mut directories = case.walk.get()?.steps.iter().filter(|step| step.kind == FileKind::Directory);
    let directory = directories.next_back().ok_or(NoVerdict::NotApplicable)?;
    let decision = binder.decide(&directory.permissions, Bits::CHANGE, true)?;
    if !decision.allowed {
        let detail = format!("{} for uid {}", decision.granted, binder.uid);
        return Ok(vec![finding(case, binder, directory, &detail, "may not make a socket in")]);
    }
    let Some(file) = case.file()?.filter(|file| bars_removal(directory, file.uid, binder)) else {
        return Ok(vec![]);
    };
    let detail = format!("sticky, and the file belongs to uid {}", file.uid);
    Ok(vec![finding(case, binder, directory, &detail, "may not replace the file in")])
}

/// `__check_sticky` (fs/namei.c)
fn bars_removal(directory: &Step, owner: u32, binder: &Credentials) -> bool {
    let sticky = directory.permissions.mode & STICKY != 0;
    let is_owner = [owner, directory.permissions.uid].contains(&binder.uid);
    sticky && !is_owner && binder.capabilities & FOWNER == 0
}

fn finding(case: &Case, binder: &Credentials, directory: &Step, detail: &str, what: &str) -> Finding {
    let place = String::from_utf8_lossy(&directory.path).into_owned();
    let summary = format!("The next start of the server fails: uid {} {what} {place}.", binder.uid);
    let mode = format!("{place}: mode {:04o}, {detail}", directory.permissions.mode & 0o7777);
    let give = quote::command(&format!("setfacl -m u:{}:wx", binder.uid), &case.from_here(&directory.path));
    let mut finding = SERVER_CANNOT_CREATE_OR_REPLACE
        .finding(case, Certainty::Likely, summary)
        .proven_by([Evidence::new("lstat", mode)])
        .proven_by(case.server().map(evidence::holders))
        .fixed_by([Fix::advice("RuntimeDirectory=NAME in the server's unit makes /run/NAME for its user")])
        .fixed_by([Fix::change(give, "or let this one user make files there")]);
    finding.severity = Severity::Warning;
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Gap};

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
