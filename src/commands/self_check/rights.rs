//! The lines about our rights: processes, capabilities, the user namespace.

use super::{AS_ROOT, check, known, more_rights, why};
use crate::model::{Check, CheckState, Sight, Trial};

/// Bits of include/uapi/linux/capability.h that matter, and what each gives.
const CAPABILITIES: [(&str, &str, u32, &str); 5] = [
    (
        "cap-sys-ptrace",
        "CAP_SYS_PTRACE",
        19,
        "processes of other users: their descriptors, roots and namespaces",
    ),
    (
        "cap-sys-admin",
        "CAP_SYS_ADMIN",
        21,
        "the sockets of other network namespaces; who removes a file, by pid",
    ),
    (
        "cap-net-admin",
        "CAP_NET_ADMIN",
        12,
        "the file a socket is bound to, from the kernel itself, also once it is gone",
    ),
    ("cap-dac-read-search", "CAP_DAC_READ_SEARCH", 2, "files in directories that are closed to us"),
    ("cap-dac-override", "CAP_DAC_OVERRIDE", 1, "whether a socket that we may not write to is alive"),
];

/// Whether every capability that matters is effective, and everywhere.
pub(super) fn has_all(sight: &Sight) -> bool {
    let all = CAPABILITIES.iter().fold(0, |all, (_, _, bit, _)| all | 1 << bit);
    let set = sight.capabilities.known().copied().unwrap_or_default();
    set & all == all && sight.first_user_namespace.known() == Some(&true)
}

pub(super) fn processes(sight: &Sight) -> Check {
    let lets = "who holds a socket: pid, command, unit, container";
    known("processes", lets, &sight.processes, |(readable, seen)| {
        let hidden = if sight.processes_hidden { ", more are hidden" } else { "" };
        let detail = format!("descriptors of {readable} of {seen} processes readable{hidden}");
        if readable == seen && !sight.processes_hidden {
            return (CheckState::Ok, detail, None);
        }
        (CheckState::Limited, detail, more_rights(sight))
    })
}

pub(super) fn hidepid(sight: &Sight) -> Check {
    let lets = "that there are processes of other users at all";
    known("hidepid", lets, &sight.hidepid, |hidepid| match hidepid {
        None if sight.processes_hidden => (
            CheckState::Limited,
            "/proc is mounted without it, and still shows no process 1".into(),
            more_rights(sight),
        ),
        None => (CheckState::Ok, "/proc is mounted without it".into(), None),
        Some(option) if sight.processes_hidden => {
            (CheckState::Limited, format!("/proc is mounted with {option}"), more_rights(sight))
        }
        Some(option) => {
            (CheckState::Ok, format!("/proc is mounted with {option}, which does not stop us"), None)
        }
    })
}

pub(super) fn capabilities(sight: &Sight) -> impl Iterator<Item = Check> {
    CAPABILITIES.into_iter().map(|(name, kernel, bit, lets)| {
        known(name, lets, &sight.capabilities, |set| {
            match (set >> bit & 1, sight.first_user_namespace.known()) {
                (0, _) => (CheckState::Missing, format!("{kernel} is not effective"), more_rights(sight)),
                (_, Some(false)) => {
                    let detail = format!("{kernel} is effective, inside of this user namespace only");
                    (CheckState::Limited, detail, more_rights(sight))
                }
                _ => (CheckState::Ok, format!("{kernel} is effective"), None),
            }
        })
    })
}

/// Yama asks more of `pidfd_getfd(2)` than of a look into `/proc` (ptrace(2), `PTRACE_MODE_ATTACH`).
pub(super) fn bound_file(sight: &Sight) -> Check {
    let (name, lets) =
        ("bound-file", "the proof that a listener's file is unlinked, and the name it has now");
    let yama = sight.ptrace_scope == Some(3);
    let first = sight.first_user_namespace.known() != Some(&false);
    let (state, detail, help) = match &sight.bound_file {
        Trial::Works if yama => {
            let detail =
                "SIOCUNIXFILE works on our own sockets; kernel.yama.ptrace_scope=3 forbids borrowing others'";
            (
                CheckState::Limited,
                detail.to_owned(),
                Some("a boot with kernel.yama.ptrace_scope below 3".into()),
            )
        }
        Trial::Works if !first => {
            let detail = "SIOCUNIXFILE works, for sockets of this user namespace";
            (CheckState::Limited, detail.to_owned(), more_rights(sight))
        }
        Trial::Works => (CheckState::Ok, "SIOCUNIXFILE works through pidfd_getfd".to_owned(), None),
        Trial::Denied(why) => (CheckState::Missing, format!("SIOCUNIXFILE: {why}"), more_rights(sight)),
        absent @ Trial::Absent(_) => {
            let detail = format!("SIOCUNIXFILE or pidfd_getfd: {}", why(absent));
            (CheckState::Missing, detail, Some("Linux 5.6 or later".into()))
        }
    };
    check(name, lets, state, detail, help)
}

pub(super) fn user_namespace(sight: &Sight) -> Check {
    let lets = "owners of files and processes by their real numbers";
    known("user-namespace", lets, &sight.first_user_namespace, |first| {
        if *first {
            return (CheckState::Ok, "the first one".into(), None);
        }
        let mapped = sight.mapped_uids.known();
        let mapped = mapped.map_or_else(String::new, |count| format!(", it knows {count} of all uids"));
        (CheckState::Limited, format!("one of its own{mapped}"), Some(format!("outside of it: {AS_ROOT}")))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sample, state_of};
    use super::*;
    use crate::model::Fact;

    #[test]
    fn a_capability_is_told_by_its_own_bit() {
        let with = |bits: u64| Sight { capabilities: Fact::Known(bits), ..sample() };
        for (name, _, bit, _) in CAPABILITIES {
            assert_eq!(state_of(&with(1 << bit), name), CheckState::Ok, "{name}");
            assert_eq!(state_of(&with(!(1 << bit)), name), CheckState::Missing, "{name}");
        }
    }

    #[test]
    fn root_of_a_user_namespace_has_less_than_it_seems() {
        let inside = Sight { first_user_namespace: Fact::Known(false), ..sample() };
        for name in ["cap-sys-admin", "bound-file", "user-namespace"] {
            assert_eq!(state_of(&inside, name), CheckState::Limited, "{name}");
        }
    }

    #[test]
    fn hidepid_counts_only_where_it_hides() {
        let mounted = Sight { hidepid: Fact::Known(Some("hidepid=2".into())), ..sample() };
        assert_eq!(state_of(&mounted, "hidepid"), CheckState::Ok);
        let hidden = Sight { processes_hidden: true, ..mounted };
        assert_eq!(state_of(&hidden, "hidepid"), CheckState::Limited);
        assert_eq!(state_of(&hidden, "processes"), CheckState::Limited);
    }

    #[test]
    fn yama_may_forbid_what_the_kernel_offers() {
        assert_eq!(state_of(&Sight { ptrace_scope: Some(3), ..sample() }, "bound-file"), CheckState::Limited);
        assert_eq!(state_of(&Sight { ptrace_scope: Some(1), ..sample() }, "bound-file"), CheckState::Ok);
    }
}
