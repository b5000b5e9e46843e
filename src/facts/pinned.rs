//! A process that cannot become another one while it is looked at.

use std::os::fd::OwnedFd;

use super::machine::Machine;
use super::proc_file;
use super::process::{Stat, link_at, socket_ino};
use crate::model::{Process, SocketIno};

/// The directory in `/proc` of a process that was read: it stays with that very process when its pid is used again.
#[derive(Debug)]
pub(super) struct Pinned {
    directory: OwnedFd,
    pid: u32,
    start_ticks: u64,
}

impl Pinned {
    /// `None`: the pid is not that process any more.
    pub(super) fn of(machine: &Machine, process: &Process) -> Option<Self> {
        let (pid, start_ticks) = (process.pid, process.start_ticks);
        let directory = proc_file::directory(&machine.process(pid, "")).ok()?;
        let stat = Stat::parse(&proc_file::read_at(&directory, "stat", proc_file::SMALL).ok()?)?;
        (stat.start_ticks == start_ticks).then_some(Self { directory, pid, start_ticks })
    }

    /// Whether it is of that process.
    pub(super) const fn is_of(&self, process: &Process) -> bool {
        self.pid == process.pid && self.start_ticks == process.start_ticks
    }

    /// Whether a descriptor of it still is that socket: descriptors are used again.
    pub(super) fn holds(&self, fd: u32, ino: SocketIno) -> bool {
        link_at(&self.directory, &format!("fd/{fd}")).is_some_and(|link| socket_ino(&link) == Some(ino))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::facts::process;
    use crate::facts::users::Users;

    #[test]
    fn a_holder_is_believed_only_while_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let machine = Machine::default();
        let listener = UnixListener::bind(directory.path().join("x")).unwrap();
        let fd = listener.as_raw_fd();
        let ino = std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().ino();
        let (fd, ino) = (fd.try_into().unwrap(), SocketIno(ino.try_into().unwrap()));
        let process = process::read(&machine, &mut Users::new(&machine), std::process::id()).unwrap();
        let pinned = Pinned::of(&machine, &process).unwrap();
        assert!(pinned.is_of(&process) && pinned.holds(fd, ino));
        assert!(!pinned.holds(fd, SocketIno(ino.0 ^ 1)));
        assert!(!pinned.holds(0x7fff_ffff, ino));
        let another = Process { start_ticks: process.start_ticks + 1, ..process };
        assert!(Pinned::of(&machine, &another).is_none() && !pinned.is_of(&another));
    }
}
