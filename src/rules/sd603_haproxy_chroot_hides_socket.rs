//! SD603: HAProxy looks for a server's socket below its chroot.

use super::{configured, evidence, quote};
use crate::model::{Case, Certainty, Fix, Jail, NoVerdict, Verdict};

rule! {
    /// HAProxy changes its root before it connects, and the socket is not below it.
    ///
    /// # What it means
    /// Its stats say SOCKERR, "No such file or directory", and its clients get 503: with `chroot` the path of a `server`
    /// line begins at that directory.
    ///
    /// # How it is known
    /// The lines of `chroot` and of the server; the path below /proc/PID/root, else below the directory that is named.
    ///
    /// # Not to be confused with
    /// The paths of `bind` and of the stats socket, which are made before the root is changed. A socket that is
    /// missing in a directory that does stand below the chroot (SD601).
    ///
    /// # Fix
    /// The socket's directory mounted below the chroot, or the server binding there; or no chroot.
    HAPROXY_CHROOT_HIDES_SOCKET = "SD603", "haproxy-chroot-hides-socket", Error
}

fn check(case: &Case) -> Verdict {
    let jail = case.configured.jail.as_ref().ok_or(NoVerdict::NotApplicable)?;
    let client = configured::client(case)?;
    let outside = jail.outside.known() == Some(&true);
    if *jail.inside.get()? || (*jail.directory.get()? && !outside) {
        return Ok(vec![]);
    }
    let certainty = if case.client.is_some() { Certainty::Certain } else { Certainty::Likely };
    let [root, path] = [&jail.chroot.value, &case.path].map(|bytes| configured::path(bytes));
    let there = if outside { "; it is there outside" } else { "" };
    let summary = format!(
        "{} sends to {path} from within {root}, where it does not exist{there}.",
        configured::place(client)
    );
    let finding = HAPROXY_CHROOT_HIDES_SOCKET.finding(case, certainty, summary);
    let finding = finding.written_at(&client.written).written_at(&jail.chroot.written);
    Ok(vec![finding.proven_by(evidence::path(case)).fixed_by(fixes(case, jail))])
}

fn fixes(case: &Case, jail: &Jail) -> Vec<Fix> {
    let root = jail.chroot.value.strip_suffix(b"/").unwrap_or(&jail.chroot.value);
    if case.path.strip_prefix(root).is_some_and(|below| below.starts_with(b"/")) {
        let below = configured::path(&case.path[root.len()..]);
        return vec![Fix::advice(format!(
            "write {below} in the server's line: the chroot is before it already"
        ))];
    }
    let end = case.path.iter().rposition(|byte| *byte == b'/').unwrap_or(0).max(1);
    let directory = &case.path[..end];
    let below = [root, directory].concat();
    let mount = [b"mount --bind ", &quote::word(directory)[..], b" ", &quote::word(&below)].concat();
    let command = [quote::command("mkdir -p", &below), mount].join(&b" && "[..]);
    vec![
        Fix::change(command, "show the socket's directory below the chroot, until the next boot"),
        Fix::advice("for good: let the server bind below the chroot, or take `chroot` out"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Declaration, Fact, Gap, Setting, Written};

    fn jailed(inside: Fact<bool>, directory: bool, outside: bool) -> Case {
        let mut case = Case { client: Some(7), ..Case::sample() };
        case.configured.mentions.push(Declaration::sample("/tmp/x.sock"));
        let chroot = Setting { value: b"/jail".to_vec(), written: Written::sample() };
        let [directory, outside] = [directory, outside].map(Fact::Known);
        case.configured.jail = Some(Jail { chroot, below: false, inside, directory, outside });
        case
    }

    #[test]
    fn fires_when_the_socket_is_outside_or_its_directory_is_not_there() {
        for (directory, outside) in [(false, false), (false, true), (true, true)] {
            let found = check(&jailed(Fact::Known(false), directory, outside)).unwrap();
            let wanted = &b"mkdir -p /jail/tmp && mount --bind /tmp /jail/tmp"[..];
            assert_eq!(found[0].fixes[0].command.as_deref(), Some(wanted));
        }
    }

    #[test]
    fn silent_when_it_is_inside_or_only_its_server_is_missing() {
        assert_eq!(check(&jailed(Fact::Known(true), true, true)), Ok(vec![]));
        assert_eq!(check(&jailed(Fact::Known(false), true, false)), Ok(vec![]));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let unseen = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        assert!(matches!(check(&jailed(unseen, false, false)), Err(NoVerdict::Unknown(_))));
    }
}
