//! Which machine is looked at: its root directory and its `/proc`.

use std::path::{Path, PathBuf};

/// Where the machine's files and processes are found. Re-rooted for tests and for containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The directory that paths and configuration are resolved in; `/` for the running system.
    pub root: PathBuf,
    /// A procfs; `/proc` for the running system.
    pub proc: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self { root: PathBuf::from("/"), proc: PathBuf::from("/proc") }
    }
}

impl Machine {
    /// A path below `/proc`.
    pub fn proc(&self, below: impl AsRef<Path>) -> PathBuf {
        self.proc.join(below)
    }

    /// A path below `/proc/PID`.
    pub fn process(&self, pid: u32, below: impl AsRef<Path>) -> PathBuf {
        self.proc.join(pid.to_string()).join(below)
    }
}
