//! SD709: the client's root directory is below the socket.

use super::{elsewhere, evidence, quote};
use crate::model::{Access, Case, Certainty, Evidence, Finding, Fix, NoVerdict, Verdict};

rule! {
    /// The client runs in a chroot that the socket is not in.
    ///
    /// # What it means
    /// connect(2) answers ENOENT (2) to the client alone: for it the path begins at its own root directory. Postfix's
    /// daemons, HAProxy and SFTP sessions are run like this.
    ///
    /// # How it is known
    /// /proc/PID/root of the client is another directory than the root of its mount namespace; the path does not
    /// exist below it, and outside a listener is bound to it.
    ///
    /// # Not to be confused with
    /// A client in a container or with PrivateTmp=: there the mount namespace differs (SD701).
    ///
    /// # Fix
    /// The socket below the chroot, such as /var/spool/postfix, or its directory mounted there.
    CLIENT_CHROOTED = "SD709", "client-chrooted", Error
}

fn check(case: &Case) -> Verdict {
    let chrooted = |access: &&Access| access.consumer.chroot.is_some();
    let Some(access) = case.accesses.iter().find(chrooted) else { return Err(NoVerdict::NotApplicable) };
    if case.file()?.is_some() {
        return Ok(vec![]);
    }
    Ok(elsewhere::listener(case).map(|listener| finding(case, access, listener)).into_iter().collect())
}

fn finding(case: &Case, access: &Access, listener: &crate::model::Sighting) -> Finding {
    let root = access.consumer.chroot.as_deref().unwrap_or_default();
    let pid = access.consumer.process.as_ref().map_or(0, |process| process.pid);
    let name = listener.socket.address.path().unwrap_or_default();
    let directory =
        name.iter().rposition(|byte| *byte == b'/').map_or(&b"/"[..], |slash| &name[..slash.max(1)]);
    let below = [root, directory].concat();
    let words = [
        quote::command("mkdir -p", &below),
        [b"mount --bind ", &quote::word(directory)[..], b" ", &quote::word(&below)].concat(),
    ];
    CLIENT_CHROOTED
        .finding(case, Certainty::Certain, "The client runs in a chroot, and the socket is outside of it.")
        .proven_by([Evidence::new(format!("/proc/{pid}/root"), root), evidence::socket(listener)])
        .proven_by(evidence::path(case))
        .proven_by(evidence::view(listener))
        .fixed_by([
            Fix::change(
                words.join(&b" && "[..]),
                "show the socket's directory inside the chroot, until the next boot",
            ),
            Fix::advice("for good: let the server bind below the chroot, or take the client out of it"),
        ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Gap, Walk};

    fn jailed(chroot: Option<&str>) -> Case {
        let mut case = elsewhere::sample();
        let mut consumer = Consumer::sample(33, &[]);
        consumer.chroot = chroot.map(|root| root.as_bytes().to_vec());
        case.accesses = vec![Access::of(consumer, &Walk::sample_missing(), &Fact::Known(true))];
        case
    }

    #[test]
    fn fires_when_the_socket_is_outside() {
        let found = &check(&jailed(Some("/jail"))).unwrap()[0];
        let wanted = &b"mkdir -p /jail/tmp && mount --bind /tmp /jail/tmp"[..];
        assert_eq!(found.fixes[0].command.as_deref(), Some(wanted));
    }

    #[test]
    fn silent_when_it_is_inside_or_the_client_is_not_chrooted() {
        let inside = Case { walk: Case::sample().walk, ..jailed(Some("/jail")) };
        assert_eq!(check(&inside), Ok(vec![]));
        assert_eq!(check(&jailed(None)), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&Case { walk, ..jailed(Some("/jail")) }), Err(NoVerdict::Unknown(_))));
    }
}
