//! The network namespaces that can be reached from here, and how to look into one (`network_namespaces(7)`).
//!
//! The kernel answers questions about sockets for one namespace at a time, so an empty answer means little until
//! all of them were asked. Found are those of visible processes and those mounted somewhere in our view; one that
//! only a descriptor or a socket keeps alive is not.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{panic, thread};

use nix::sched::{CloneFlags, setns};
use rustix::fs::{Mode, OFlags, fstat};
use rustix::io::Errno;

use super::errno::words;
use super::machine::Machine;
use super::netns_census::Census;
use super::netns_mounts::{self, Mounted};
use crate::model::{Gap, Names, NetnsId};

/// One network namespace, and the ways into it.
#[derive(Debug)]
pub struct Namespace {
    /// Its inode in nsfs. Where no process in it may be examined: the inode of its `/proc/PID/net/unix`, which
    /// comes from the same counter (`proc_alloc_inum`, `fs/proc/generic.c`) and is nobody else's.
    pub id: NetnsId,
    /// Its name in `/run/netns` or `/run/docker/netns`. `None`: it has none, or it is ours.
    pub label: Option<String>,
    /// Whether it is the one this process is in.
    pub ours: bool,
    /// What setns(2) takes; it also keeps the namespace alive while we hold it.
    pub(super) entry: Option<OwnedFd>,
    /// Its socket table, which may be read by everybody.
    pub(super) table: Option<PathBuf>,
}

impl Namespace {
    /// How a gap speaks of it: `net:[4026532286]`, with its name where it has one.
    pub(super) fn source(&self) -> String {
        let id = self.id.0;
        self.label.as_ref().map_or_else(|| format!("net:[{id}]"), |label| format!("net:[{id}] ({label})"))
    }
}

/// Every network namespace in reach, ours first, and what could not be seen.
#[must_use]
pub fn reachable(machine: &Machine) -> (Vec<Namespace>, Vec<Gap>) {
    // A namespace that closed under our eyes has mostly ended; a second look tells.
    let first = Look::taken(machine);
    let look = if first.lost.is_empty() { first } else { Look::taken(machine) };
    (look.namespaces, [look.gaps, look.lost, beyond_our_pid_namespace(machine)].concat())
}

/// `PROC_PID_INIT_INO` (include/linux/proc_ns.h).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// In a pid namespace of our own no process outside it is listed, nor the network namespaces they are in.
fn beyond_our_pid_namespace(machine: &Machine) -> Vec<Gap> {
    let own = std::fs::metadata(machine.proc("self/ns/pid")).map(|found| found.ino());
    match own {
        Ok(ino) if ino != INITIAL_PID_NAMESPACE && machine.is_running_system() => {
            let why = "processes outside this pid namespace, and their network namespaces, are not listed";
            let gap = Gap::new("/proc", why).helped_by("run it on the host");
            vec![Gap { names: Names::BeyondSight, ..gap }]
        }
        _ => Vec::new(),
    }
}

/// One pass over processes and mounts.
struct Look {
    namespaces: Vec<Namespace>,
    gaps: Vec<Gap>,
    /// Namespaces that were there and could not be opened.
    lost: Vec<Gap>,
}

impl Look {
    fn taken(machine: &Machine) -> Self {
        let own = own_id(machine);
        let id = own.as_ref().map_or(NetnsId(0), |own| *own);
        let table = Some(machine.proc("self/net/unix"));
        let ours = Namespace { id, label: None, ours: true, entry: None, table };
        let mut look =
            Self { namespaces: vec![ours], gaps: own.err().into_iter().collect(), lost: Vec::new() };
        let census = Census::take(machine, id);
        look.gaps.extend(census.gaps);
        let mut mounts = netns_mounts::all(machine);
        mounts.remove(&id);
        for (id, pids) in census.readable {
            look.add(foreign(machine, id, &pids, mounts.remove(&id).unwrap_or_default()));
        }
        for (id, mounted) in mounts {
            look.add(foreign(machine, id, &[], mounted));
        }
        look.namespaces.extend(census.closed.into_iter().map(|(table_ino, pid)| Namespace {
            id: NetnsId(table_ino),
            label: None,
            ours: false,
            entry: None,
            table: Some(machine.process(pid, "net/unix")),
        }));
        look
    }

    fn add(&mut self, opened: Result<Namespace, Gap>) {
        match opened {
            Ok(namespace) => self.namespaces.push(namespace),
            Err(gap) => self.lost.push(gap),
        }
    }
}

/// Runs `work` in a namespace: here if it is ours, else on a thread that enters it and ends there, because a
/// thread that has changed its namespace must never serve anything else.
pub fn inside<T: Send>(namespace: &Namespace, work: impl FnOnce() -> T + Send) -> Result<T, Gap> {
    if namespace.ours {
        return Ok(work());
    }
    let Some(entry) = &namespace.entry else {
        return Err(denied(namespace, "Permission denied"));
    };
    thread::scope(|scope| {
        let entered = thread::Builder::new()
            .spawn_scoped(scope, || setns(entry, CloneFlags::CLONE_NEWNET).map(|()| work()))
            .map_err(|error| Gap::new(namespace.source(), words(error)))?;
        match entered.join() {
            Ok(done) => done.map_err(|errno| denied(namespace, errno.desc())),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    })
}

fn denied(namespace: &Namespace, why: &str) -> Gap {
    Gap::new(namespace.source(), why).helped_by(privilege())
}

/// What is missing to look at everything.
pub(super) fn privilege() -> &'static str {
    if nix::unistd::geteuid().is_root() {
        "run it as root of the host (CAP_SYS_ADMIN and CAP_SYS_PTRACE)"
    } else {
        "run it as root"
    }
}

/// Our own namespace, which is not one of `machine.proc` when that belongs to another pid namespace.
fn own_id(machine: &Machine) -> Result<NetnsId, Gap> {
    let by_kernel = Path::new("/proc/self/ns/net");
    std::fs::metadata(by_kernel)
        .or_else(|_| std::fs::metadata(machine.proc("self/ns/net")))
        .map(|file| NetnsId(file.ino()))
        .map_err(|error| Gap::new(by_kernel.display().to_string(), words(error)))
}

/// A namespace that is not ours, held by the first of its doors that opens. Processes come and go between the
/// census and here, so a door counts only if it still leads to the same namespace.
fn foreign(machine: &Machine, id: NetnsId, pids: &[u32], mounted: Mounted) -> Result<Namespace, Gap> {
    let mut namespace = Namespace { id, label: mounted.label, ours: false, entry: None, table: None };
    let mut refusal = None;
    for pid in pids {
        match open(&machine.process(*pid, "ns/net"), id) {
            Ok(entry) => {
                namespace.entry = Some(entry);
                namespace.table = Some(machine.process(*pid, "net/unix"));
                return Ok(namespace);
            }
            Err(errno) => refusal = Some(errno),
        }
    }
    for point in mounted.points {
        match open(&point, id) {
            Ok(entry) => {
                namespace.entry = Some(entry);
                return Ok(namespace);
            }
            Err(errno) => refusal = Some(errno),
        }
    }
    Err(Gap::new(namespace.source(), refusal.map_or_else(String::new, words)).helped_by("run it again"))
}

/// Never waits: whatever has come to stand at a mount point, a FIFO too, is opened and found to be another file.
fn open(door: &Path, id: NetnsId) -> Result<OwnedFd, Errno> {
    let entry = rustix::fs::open(door, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    if fstat(&entry)?.st_ino == id.0 { Ok(entry) } else { Err(Errno::STALE) }
}

#[cfg(test)]
mod tests;
