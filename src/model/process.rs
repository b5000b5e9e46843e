//! Processes and what they hold.

use std::sync::Arc;

use super::IdName;

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid, in the pid namespace of the `/proc` that was read.
    pub pid: u32,
    /// Its parent's pid.
    pub parent: u32,
    /// `comm`: at most 15 bytes chosen by the program.
    pub command: Vec<u8>,
    /// Effective user, with its name where there is one.
    pub user: IdName,
    /// The systemd unit its cgroup belongs to; of PID 1, the .socket unit by which it holds a socket, where known.
    pub unit: Option<String>,
    /// That unit is of the user's own systemd, not of the system's.
    pub user_unit: bool,
    /// The container its cgroup belongs to: a name where the cgroup tells one, else the ID's first 12 digits.
    pub container: Option<String>,
    /// Inode of its mount namespace. `None`: not readable.
    pub mount_namespace: Option<u64>,
    /// One letter of proc_pid_stat(5): `S`, `T`, `D`, `Z`, …
    pub state: char,
    /// Start time in clock ticks since boot; with the pid the identity of a process.
    pub start_ticks: u64,
}

impl Process {
    /// A systemd that manages units: the machine's, a container's or a user's.
    pub fn is_manager(&self) -> bool {
        self.command == b"systemd"
    }
}

/// A descriptor that keeps a socket open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Whose descriptor.
    pub process: Arc<Process>,
    /// Its number there; the lowest, when the process has several.
    pub fd: u32,
}

#[cfg(test)]
impl Holder {
    pub(crate) fn sample(pid: u32) -> Self {
        let process = Process {
            pid,
            parent: 1,
            command: b"python3".to_vec(),
            user: IdName::unnamed(1000),
            unit: None,
            user_unit: false,
            container: None,
            mount_namespace: Some(4_026_531_841),
            state: 'S',
            start_ticks: u64::from(pid),
        };
        Self { process: Arc::new(process), fd: 3 }
    }
}
