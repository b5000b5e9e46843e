//! `/proc/PID/status` and numbers of `/proc/sys`.

use std::path::Path;

use super::machine::Machine;
use super::proc_file;
use crate::model::Gap;

/// A small text file; bytes that are no UTF-8 replaced.
pub(super) fn read(path: &Path) -> Result<String, Gap> {
    proc_file::read(path, proc_file::SMALL)
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .map_err(|error| proc_file::gap(path, &error))
}

/// `Name:` and what follows it (proc_pid_status(5)).
pub(super) fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// A setting of `/proc/sys` that is a number.
pub fn sysctl(machine: &Machine, name: &str) -> Result<u64, Gap> {
    let path = machine.proc("sys").join(name);
    let text = read(&path)?;
    text.trim().parse().map_err(|_| Gap::new(path.to_string_lossy(), "it is no number"))
}
