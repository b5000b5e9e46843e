//! Which machine is looked at: its root directory and its `/proc`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the machine's files and processes are found. Re-rooted for tests and for containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The root directory in the terms of our own mountinfo: empty for `/`.
    pub fn prefix(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        let root = self.root.as_os_str().as_bytes();
        root.strip_suffix(b"/").unwrap_or(root).to_vec()
    }

    /// Whether its pids are ours to open descriptors of.
    pub fn is_running_system(&self) -> bool {
        self.proc == Path::new("/proc")
    }

    /// A path below `/proc`.
    pub fn proc(&self, below: impl AsRef<Path>) -> PathBuf {
        self.proc.join(below)
    }

    /// A path below `/proc/PID`.
    pub fn process(&self, pid: u32, below: impl AsRef<Path>) -> PathBuf {
        self.proc.join(pid.to_string()).join(below)
    }
}
