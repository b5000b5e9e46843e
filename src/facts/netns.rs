//! The network namespaces that can be reached from here, and how to look into one (`network_namespaces(7)`).
//!
//! The kernel answers questions about sockets for one namespace at a time, so an empty answer means little until
//! all of them were asked. Found are those of visible processes, those mounted in the view of any of them, and
//! those that a walk over all descriptors met, see [`super::netns_keepers`].

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{panic, thread};

use nix::sched::{CloneFlags, setns};
use rustix::fs::{Mode, OFlags, fstat};
use rustix::io::Errno;

use super::errno::words;
use super::machine::{Machine, Scope};
use super::netns_census::Census;
use super::netns_keepers::Keepers;
use super::netns_mounts::{self, Mounted, Views};
use super::netns_name;
use crate::model::{Gap, Names, NetnsId};

/// How a namespace is entered.
#[derive(Debug)]
pub(super) enum Door {
    /// We are in it.
    Here,
    /// By setns(2); it also keeps the namespace alive while we hold it.
    Open(OwnedFd),
    /// Not with these rights.
    Closed,
}

/// One network namespace, and the ways into it.
#[derive(Debug)]
pub struct Namespace {
    /// Its inode in nsfs. Where no process in it may be examined: the inode of its `/proc/PID/net/unix`, which
    /// comes from the same counter (`proc_alloc_inum`, `fs/proc/generic.c`) and is nobody else's.
    pub id: NetnsId,
    /// Its name in `/run/netns` or `/run/docker/netns`, else the container, unit or process it belongs to. `None`:
    /// it is ours, or nothing of it may be seen.
    pub label: Option<String>,
    /// Whether it is the one the machine is looked at from: that of this process, or of a host's first.
    pub ours: bool,
    pub(super) door: Door,
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

/// Every network namespace in reach, ours first, and what could not be seen. `kept`: those met elsewhere.
#[must_use]
pub fn reachable(machine: &Machine, kept: &Keepers) -> (Vec<Namespace>, Vec<Gap>) {
    if !machine.has_kernel() {
        return (Vec::new(), Vec::new());
    }
    // A namespace that closed under our eyes has mostly ended; a second look tells.
    let first = Look::taken(machine, kept);
    let look = if first.lost.is_empty() { first } else { Look::taken(machine, kept) };
    (look.namespaces, [look.gaps, look.lost, beyond_our_pid_namespace(machine)].concat())
}

/// `PROC_PID_INIT_INO` (include/linux/proc_ns.h).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// In a pid namespace of our own no process outside it is listed, nor the network namespaces they are in.
fn beyond_our_pid_namespace(machine: &Machine) -> Vec<Gap> {
    let seen = std::fs::metadata(machine.viewer("ns/pid")).map(|found| found.ino());
    let outer = match seen {
        Ok(ino) => ino == INITIAL_PID_NAMESPACE,
        // Of a host's first process it takes the right to trace it; our own may always be read.
        Err(_) => machine.scope == Scope::Running,
    };
    if outer || (machine.scope == Scope::Running && machine.proc != Path::new("/proc")) {
        return Vec::new();
    }
    let why = "processes outside this pid namespace, and their network namespaces, are not listed";
    let gap = Gap::new(machine.proc.display().to_string(), why).helped_by("run it on the host");
    vec![Gap { names: Names::BeyondSight, ..gap }]
}

/// One pass over processes and mounts.
struct Look {
    namespaces: Vec<Namespace>,
    gaps: Vec<Gap>,
    /// Namespaces that were there and could not be opened.
    lost: Vec<Gap>,
}

impl Look {
    fn taken(machine: &Machine, kept: &Keepers) -> Self {
        let (ours, gap) = ours(machine);
        let id = ours.id;
        let mut look = Self { namespaces: vec![ours], gaps: gap.into_iter().collect(), lost: Vec::new() };
        let census = Census::take(machine, id);
        look.gaps.extend(census.gaps);
        let mut mounts = netns_mounts::all(machine, &census.views);
        mounts.remove(&id);
        let mut views = Views::new();
        for (id, pids) in census.readable {
            look.add(foreign(machine, id, &pids, mounts.remove(&id).unwrap_or_default(), &mut views));
        }
        for (id, mounted) in mounts {
            look.add(foreign(machine, id, &[], mounted, &mut views));
        }
        look.namespaces.extend(census.closed.into_iter().map(|(table_ino, pid)| Namespace {
            id: NetnsId(table_ino),
            label: None,
            ours: false,
            door: Door::Closed,
            table: Some(machine.process(pid, "net/unix")),
        }));
        for (id, keepers) in kept {
            let mut opened =
                keepers.iter().filter_map(|keeper| Some((keeper, keeper.open(machine, *id).ok()?)));
            if !look.namespaces.iter().any(|namespace| namespace.id == *id)
                && let Some((keeper, entry)) = opened.next()
            {
                let label = netns_name::of_process(machine, keeper.pid);
                let door = Door::Open(entry);
                look.namespaces.push(Namespace { id: *id, label, ours: false, door, table: None });
            }
        }
        look
    }

    fn add(&mut self, opened: Result<Namespace, Gap>) {
        match opened {
            Ok(namespace) => self.namespaces.push(namespace),
            Err(gap) => self.lost.push(gap),
        }
    }
}

/// Runs `work` in a namespace: here if we are in it, else on a thread that enters it and ends there, because a
/// thread that has changed its namespace must never serve anything else.
pub fn inside<T: Send>(namespace: &Namespace, work: impl FnOnce() -> T + Send) -> Result<T, Gap> {
    let entry = match &namespace.door {
        Door::Here => return Ok(work()),
        Door::Open(entry) => entry,
        Door::Closed => return Err(denied(namespace, "Permission denied")),
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

/// The namespace the machine is looked at from.
fn ours(machine: &Machine) -> (Namespace, Option<Gap>) {
    let number = |link: &Path| std::fs::metadata(link).map(|file| NetnsId(file.ino()));
    let here = number(Path::new("/proc/self/ns/net"));
    let link = machine.viewer("ns/net");
    // A procfs of another pid namespace may not list us.
    let found = if machine.scope == Scope::Host { number(&link) } else { here.or_else(|_| number(&link)) };
    let (id, gap) = match found {
        Ok(id) => (id, None),
        Err(error) => {
            // The inode of the table stands for it, as for others that may not be examined.
            let table = std::fs::metadata(machine.viewer("net/unix")).map(|file| NetnsId(file.ino()));
            let gap = Gap::new(link.display().to_string(), words(error)).helped_by(privilege());
            (table.unwrap_or(NetnsId(0)), Some(Gap { names: Names::Seen, ..gap }))
        }
    };
    let door = match machine.scope {
        Scope::Host if number(Path::new("/proc/self/ns/net")).ok() != Some(id) => {
            open(&link, id).map_or(Door::Closed, Door::Open)
        }
        _ => Door::Here,
    };
    let table = Some(machine.viewer("net/unix"));
    (Namespace { id, label: None, ours: true, door, table }, gap)
}

/// A namespace that is not ours, held by the first of its doors that opens. Processes come and go between the
/// census and here, so a door counts only if it still leads to the same namespace.
fn foreign(
    machine: &Machine,
    id: NetnsId,
    pids: &[u32],
    mounted: Mounted,
    views: &mut Views,
) -> Result<Namespace, Gap> {
    let one = pids.first().copied().or_else(|| mounted.places.first()?.pid());
    let label = mounted.label.or_else(|| netns_name::of_process(machine, one?));
    let mut namespace = Namespace { id, label, ours: false, door: Door::Closed, table: None };
    let mut refusal = None;
    for pid in pids {
        match open(&machine.process(*pid, "ns/net"), id) {
            Ok(entry) => {
                namespace.door = Door::Open(entry);
                namespace.table = Some(machine.process(*pid, "net/unix"));
                return Ok(namespace);
            }
            Err(errno) => refusal = Some(words(errno)),
        }
    }
    for place in mounted.places {
        match place.open(machine, views).and_then(|entry| checked(entry, id).map_err(words)) {
            Ok(entry) => {
                namespace.door = Door::Open(entry);
                return Ok(namespace);
            }
            Err(why) => refusal = Some(why),
        }
    }
    Err(Gap::new(namespace.source(), refusal.unwrap_or_default()).helped_by("run it again"))
}

/// Never waits: whatever has come to stand at a mount point, a FIFO too, is opened and found to be another file.
fn open(door: &Path, id: NetnsId) -> Result<OwnedFd, Errno> {
    checked(rustix::fs::open(door, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?, id)
}

fn checked(entry: OwnedFd, id: NetnsId) -> Result<OwnedFd, Errno> {
    if fstat(&entry)?.st_ino == id.0 { Ok(entry) } else { Err(Errno::STALE) }
}

#[cfg(test)]
mod tests;
