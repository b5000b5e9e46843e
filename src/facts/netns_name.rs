//! What a network namespace is called that has no name of its own: after what runs in it, or keeps it.

use super::machine::Machine;
use super::{cgroup, proc_file};

/// The container or unit of a process (`proc_pid_cgroup(5)`), else its pid.
pub(super) fn of_process(machine: &Machine, pid: u32) -> Option<String> {
    let text = proc_file::read(&machine.process(pid, "cgroup"), proc_file::SMALL);
    let member = text.map(|text| cgroup::parse(&text)).unwrap_or_default();
    let container = member.container.map(|id| format!("container {id}"));
    Some(container.or(member.unit).unwrap_or_else(|| format!("of pid {pid}")))
}
