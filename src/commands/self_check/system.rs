//! The lines about the kernel and what surrounds us.

use super::{check, known, more_rights, why};
use crate::model::{Check, CheckState, Fact, Sight, Trial};

/// LSMs that can forbid a connect that mode bits allow.
const MANDATORY: [&str; 4] = ["selinux", "apparmor", "smack", "tomoyo"];

pub(super) fn kernel(sight: &Sight) -> Check {
    let (name, lets) = ("kernel", "everything the tool asks for, from Linux 5.8 on");
    let (release, machine) = &sight.kernel;
    let detail = format!("Linux {release} on {machine}");
    match version(release) {
        Some(version) if version >= (5, 8) => check(name, lets, CheckState::Ok, detail, None),
        Some(_) => check(name, lets, CheckState::Limited, detail, Some("Linux 5.8 or later".into())),
        None => check(name, lets, CheckState::Unknown, detail, None),
    }
}

/// The first two numbers of a release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

pub(super) fn unix_diag(sight: &Sight) -> Check {
    let lets = "every socket with state, queue and the file it is bound to";
    let (state, detail, help) = match &sight.unix_diag {
        Trial::Works => (CheckState::Ok, "it answers".to_owned(), None),
        Trial::Denied(why) => {
            let help = "run it outside of the sandbox that forbids netlink sockets";
            (CheckState::Missing, format!("{why}: names alone, from /proc/net/unix"), Some(help.to_owned()))
        }
        Trial::Absent(why) => {
            let detail = format!("{why}: names alone, from /proc/net/unix");
            (CheckState::Missing, detail, Some("sudo modprobe unix_diag".to_owned()))
        }
    };
    check("unix-diag", lets, state, detail, help)
}

pub(super) fn network_namespaces(sight: &Sight) -> Check {
    let lets = "sockets of containers and of units with PrivateNetwork=, and that nothing listens anywhere";
    let (found, entered) = sight.namespaces;
    let hidden = if sight.namespaces_hidden { ", there may be more" } else { "" };
    let detail = format!("{entered} of {found} could be looked into{hidden}");
    let all = entered == found && !sight.namespaces_hidden;
    let (state, help) = match (all, entered) {
        (true, _) => (CheckState::Ok, None),
        (false, 0) => (CheckState::Missing, more_rights(sight)),
        (false, _) => (CheckState::Limited, more_rights(sight)),
    };
    check("network-namespaces", lets, state, detail, help)
}

pub(super) fn file_events(sight: &Sight) -> Check {
    let lets = "who creates, renames or removes a socket file, as it happens";
    let (state, detail, help) = match (&sight.file_events_with_pid, &sight.file_events) {
        (Trial::Works, _) if sight.first_pid_namespace.known() == Some(&false) => {
            let detail = "fanotify tells names; pids only of this pid namespace".to_owned();
            (CheckState::Limited, detail, more_rights(sight))
        }
        (Trial::Works, _) => (CheckState::Ok, "fanotify tells names and pids".to_owned(), None),
        (Trial::Denied(why), Trial::Works) => {
            (CheckState::Limited, format!("fanotify tells names; with pids: {why}"), more_rights(sight))
        }
        (Trial::Absent(why), Trial::Works) => (
            CheckState::Limited,
            format!("fanotify tells names; with pids: {why}"),
            Some("Linux 5.15 or later".into()),
        ),
        (_, Trial::Denied(why)) => (CheckState::Missing, format!("fanotify: {why}"), more_rights(sight)),
        (_, Trial::Absent(why)) => (
            CheckState::Missing,
            format!("fanotify with names: {why}"),
            Some("Linux 5.9 or later, with CONFIG_FANOTIFY".into()),
        ),
    };
    check("file-events", lets, state, detail, help)
}

pub(super) fn path_walk(sight: &Sight) -> Check {
    let lets = "paths as a process in a container sees them, and the mount each file is on";
    let (state, detail, help) = match &sight.path_walk {
        Trial::Works => (CheckState::Ok, "openat2 and the mount IDs of statx work".to_owned(), None),
        Trial::Denied(why) => {
            let help = "run it outside of the sandbox that forbids openat2";
            (CheckState::Missing, format!("openat2 or statx: {why}"), Some(help.to_owned()))
        }
        absent @ Trial::Absent(_) => (
            CheckState::Missing,
            format!("openat2 or statx: {}", why(absent)),
            Some("Linux 5.8 or later".into()),
        ),
    };
    check("path-walk", lets, state, detail, help)
}

pub(super) fn getent(sight: &Sight) -> Check {
    let lets = "names of users and groups that a directory service has, and not only /etc/passwd";
    known("getent", lets, &sight.getent, |there| {
        if *there {
            return (CheckState::Ok, "it answers".into(), None);
        }
        (
            CheckState::Limited,
            "it is not in the PATH".into(),
            Some("install getent (libc-bin on Debian)".into()),
        )
    })
}

pub(super) fn user_namespaces(sight: &Sight) -> Check {
    let lets = "a setup tried out as root of a namespace, without root: unshare --user --map-root-user";
    let switches = &sight.user_namespaces;
    known("user-namespaces", lets, &switches.most, |most| {
        let by_root = |setting: &str| Some(format!("sudo sysctl {setting}"));
        if *most == 0 {
            return (
                CheckState::Missing,
                "user.max_user_namespaces is 0".into(),
                by_root("user.max_user_namespaces=10000"),
            );
        }
        let only_root = |setting: &str, help: &str| {
            if sight.root {
                return (CheckState::Ok, format!("allowed to root ({setting})"), None);
            }
            (CheckState::Missing, format!("forbidden to users ({setting})"), by_root(help))
        };
        if switches.unprivileged == Some(false) {
            let name = "kernel.unprivileged_userns_clone";
            return only_root(&format!("{name}=0"), &format!("{name}=1"));
        }
        if switches.restricted == Some(true) {
            let name = "kernel.apparmor_restrict_unprivileged_userns";
            return only_root(&format!("{name}=1"), &format!("{name}=0"));
        }
        (CheckState::Ok, format!("allowed, at most {most}"), None)
    })
}

pub(super) fn security(sight: &Sight) -> Check {
    let lets = "that mode bits and ACLs alone decide who may connect";
    let security = &sight.security;
    known("mac", lets, &security.modules, |modules| {
        let mut parts = vec![if modules.is_empty() {
            "no LSM that labels processes".to_owned()
        } else {
            modules.join(", ")
        }];
        parts.extend(
            security.enforcing.map(|yes| format!("SELinux {}", if yes { "enforcing" } else { "permissive" })),
        );
        parts.extend(security.confinement.as_ref().map(|how| format!("this process {how}")));
        let detail = parts.join("; ");
        let denies = |name: &String| {
            MANDATORY.contains(&name.as_str()) && (name != "selinux" || security.enforcing != Some(false))
        };
        if !modules.iter().any(denies) {
            return (CheckState::Ok, detail, None);
        }
        let help = "its denials are in the kernel's log: sudo journalctl -k -g 'avc|apparmor'";
        (CheckState::Limited, format!("{detail}; its policy is not evaluated"), Some(help.into()))
    })
}

pub(super) fn container(sight: &Sight) -> Check {
    let lets = "the processes and sockets of the whole machine";
    known("container", lets, &sight.first_pid_namespace, |first| {
        let ours = sight.container_cgroup == Fact::Known(true);
        let detail = match (first, ours) {
            (true, false) => return (CheckState::Ok, "not in one".into(), None),
            (true, true) => {
                return (CheckState::Ok, "in one that shares the pid namespace of the machine".into(), None);
            }
            (false, true) => "in a container, with a pid namespace of its own",
            (false, false) => "in a pid namespace of its own",
        };
        (
            CheckState::Limited,
            detail.into(),
            Some("run it on the machine, or in a container with --pid=host".into()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sample, state_of};
    use super::*;

    #[test]
    fn a_release_is_read_up_to_its_second_number() {
        assert_eq!(version("6.18.5-cloud-amd64"), Some((6, 18)));
        assert_eq!(version("5.4-rc1"), Some((5, 4)));
        assert_eq!(version("unknown"), None);
        let old = Sight { kernel: ("4.19.0".into(), "x86_64".into()), ..sample() };
        assert_eq!(state_of(&old, "kernel"), CheckState::Limited);
    }

    #[test]
    fn a_namespace_that_may_be_hidden_is_not_nothing() {
        assert_eq!(
            state_of(&Sight { namespaces: (3, 1), ..sample() }, "network-namespaces"),
            CheckState::Limited
        );
        assert_eq!(
            state_of(&Sight { namespaces: (3, 0), ..sample() }, "network-namespaces"),
            CheckState::Missing
        );
        let hidden = Sight { namespaces_hidden: true, ..sample() };
        assert_eq!(state_of(&hidden, "network-namespaces"), CheckState::Limited);
    }

    #[test]
    fn file_events_without_pids_are_half_of_it() {
        let denied = || Trial::Denied("Operation not permitted".into());
        let names = Sight { file_events_with_pid: denied(), ..sample() };
        assert_eq!(state_of(&names, "file-events"), CheckState::Limited);
        assert_eq!(state_of(&Sight { file_events: denied(), ..names }, "file-events"), CheckState::Missing);
        let inside = Sight { first_pid_namespace: Fact::Known(false), ..sample() };
        assert_eq!(state_of(&inside, "file-events"), CheckState::Limited);
        assert_eq!(state_of(&inside, "container"), CheckState::Limited);
    }

    #[test]
    fn only_what_can_deny_is_mandatory_access_control() {
        let with = |modules: &[&str], enforcing| {
            let mut sight = sample();
            sight.security.modules = Fact::Known(modules.iter().map(|&name| name.to_owned()).collect());
            sight.security.enforcing = enforcing;
            state_of(&sight, "mac")
        };
        assert_eq!(with(&["capability", "landlock", "yama"], None), CheckState::Ok);
        assert_eq!(with(&["capability", "apparmor"], None), CheckState::Limited);
        assert_eq!(with(&["selinux"], Some(false)), CheckState::Ok);
        assert_eq!(with(&["selinux"], Some(true)), CheckState::Limited);
    }

    #[test]
    fn switches_that_bind_users_do_not_bind_root() {
        let mut sight = sample();
        sight.user_namespaces.unprivileged = Some(false);
        assert_eq!(state_of(&sight, "user-namespaces"), CheckState::Ok);
        sight.root = false;
        assert_eq!(state_of(&sight, "user-namespaces"), CheckState::Missing);
    }
}
