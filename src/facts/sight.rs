//! What this kernel and these privileges let us see: each thing is tried on ourselves, or read where the kernel
//! tells it. Nothing is changed, connected to or marked, and no process is named.

mod kernel;
mod privileges;

use nix::sys::utsname::uname;

use super::getent::{Answer, Getent};
use super::machine::Machine;

use super::netns::{self, inside};
use super::netns_keepers::Keepers;
use super::sockets::Ask;
use super::{bound_file, holders, status, unix_diag};
use crate::model::{Fact, Gap, Security, Sight, Trial};

/// The security modules, and how we are confined.
pub(super) fn security(machine: &Machine) -> Security {
    privileges::security(machine)
}

/// Looks at everything once.
#[must_use]
pub fn sight(machine: &Machine) -> Sight {
    let name = uname().ok();
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let (namespaces, gaps) = netns::reachable(machine, &Keepers::new());
    let owners = Ask { owners_only: true, memory: false };
    let mut unix_diag = Trial::Absent("no network namespace".into());
    let mut dumped = 0;
    for namespace in &namespaces {
        let dump = inside(namespace, || unix_diag::dump(owners, namespace.id).map(drop));
        dumped += usize::from(dump == Ok(Ok(())));
        if let (true, Ok(dump)) = (namespace.ours, dump) {
            unix_diag = kernel::trial(dump);
        }
    }
    let held = holders::walk(machine, Some(&std::collections::HashSet::new()));
    let processes = match &held.hidden {
        Some(gap) if held.processes_seen == 0 => Fact::Unknown(gap.clone()),
        _ => Fact::Known((held.processes_seen - held.unreadable.len(), held.processes_seen)),
    };
    let own = privileges::Own::read(machine);
    Sight {
        kernel: name.map(|name| (text(name.release()), text(name.machine()))).unwrap_or_default(),
        root: nix::unistd::geteuid().is_root(),
        unix_diag,
        namespaces: (namespaces.len(), dumped),
        namespaces_hidden: !gaps.is_empty(),
        processes,
        processes_hidden: held.hidden.is_some(),
        hidepid: privileges::hidepid(machine),
        capabilities: own.capabilities,
        first_user_namespace: own.first_user_namespace,
        mapped_uids: privileges::mapped_uids(machine),
        user_namespaces: privileges::user_namespaces(machine),
        bound_file: kernel::trial(
            bound_file::tried().map_err(|e| nix::errno::Errno::from_raw(e.raw_os_error())),
        ),
        ptrace_scope: status::sysctl(machine, "kernel/yama/ptrace_scope").ok(),
        file_events: kernel::file_events(false),
        file_events_with_pid: kernel::file_events(true),
        path_walk: kernel::path_walk(),
        getent: getent(),
        security: security(machine),
        first_pid_namespace: own.first_pid_namespace,
        container_cgroup: privileges::container_cgroup(machine),
    }
}

/// Whether getent(1) is there and answers.
fn getent() -> Fact<bool> {
    match Getent::new().ask("passwd", "0") {
        Answer::Found(_) | Answer::NotFound => Fact::Known(true),
        Answer::NotAsked => Fact::Known(false),
        Answer::Failed(gap) => Fact::Unknown(Gap::new("getent", gap.why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_is_seen_by_anybody() {
        let sight = sight(&Machine::default());
        let Fact::Known((readable, seen)) = sight.processes else { panic!("{sight:?}") };
        assert!(readable >= 1 && readable <= seen, "{readable} of {seen}");
        assert!(sight.namespaces.0 >= 1 && sight.namespaces.1 <= sight.namespaces.0);
        assert!(!sight.kernel.0.is_empty());
    }

    #[test]
    fn without_a_proc_nothing_reads_as_fine() {
        let nowhere = Machine { proc: "/nonexistent".into(), ..Machine::default() };
        let sight = sight(&nowhere);
        assert!(sight.processes.gap().is_some() && sight.capabilities.gap().is_some());
        assert!(sight.hidepid.gap().is_some() && sight.mapped_uids.gap().is_some());
        assert!(sight.namespaces_hidden && sight.container_cgroup.gap().is_some());
    }
}
