//! Servers that are told a socket's path and listen on TCP instead, beside the cases where nothing is at it.

use crate::facts::machine::Machine;
use crate::facts::tcp_listeners;
use crate::model::Case;

/// Finds them for the cases without a file.
pub(super) fn find<'c>(machine: &Machine, cases: impl Iterator<Item = &'c mut Case>) {
    if !machine.has_kernel() {
        return;
    }
    let missing: Vec<&mut Case> = cases.filter(|case| matches!(case.file(), Ok(None))).collect();
    let paths: Vec<Vec<u8>> = missing.iter().map(|case| case.path.clone()).collect();
    let found = tcp_listeners::naming(machine, &paths);
    for case in missing {
        case.configured.instead = found.get(&case.path).cloned().unwrap_or_default();
    }
}
