//! Which process holds which socket, by a walk over every `/proc/PID/fd`.
//!
//! A socket without a visible holder is no error: its descriptor may be in flight, in an `io_uring`, in the kernel,
//! or in a process that is hidden from us.

use std::collections::{HashMap, HashSet};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw, stat};
use rustix::io::Errno;

use crate::model::{Gap, NetnsId, SocketIno};

use super::machine::Machine;
use super::netns_census::namespace_id;
use super::netns_keepers::{KEEPERS, Keeper, Keepers, Way};
use super::proc_file;
use super::process::{self, Stat, socket_ino};

/// More threads only wait for the same kernel locks.
const MAX_WORKERS: usize = 4;

/// Pids a worker takes at a time: processes differ widely in how many descriptors they have.
const CHUNK: usize = 16;

/// A descriptor by numbers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HolderFd {
    /// Whose descriptor.
    pub pid: u32,
    /// Its number there; the lowest, when the process has several.
    pub fd: u32,
}

/// What a walk over all processes saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holders {
    /// Who holds each socket: one entry per process, by pid. Sockets of other families are among them when no
    /// inodes were asked for.
    pub by_socket: HashMap<SocketIno, Vec<HolderFd>>,
    /// Network namespaces that were met on the way, in descriptors and by threads.
    pub namespaces: Keepers,
    /// Processes some descriptor of which could not be read, by pid; never those that cannot have any.
    pub unreadable: Vec<u32>,
    /// Processes that were still there when it was their turn; the base of `unreadable`.
    pub processes_seen: usize,
    /// Why no walk was possible at all, or why it was not of all processes.
    pub hidden: Option<Gap>,
}

/// Looks through the descriptors of every process for `wanted` sockets, or for all of them.
///
/// `/proc/PID/fd` shows a process's main descriptor table only: a thread that called `unshare(CLONE_FILES)`
/// has one of its own, which is not looked at.
#[expect(clippy::implicit_hasher, reason = "`None` would need its type spelt out")]
#[must_use]
pub fn walk(machine: &Machine, wanted: Option<&HashSet<SocketIno>>) -> Holders {
    if !machine.has_kernel() {
        return Holders::default();
    }
    let pids = match process::pids(machine) {
        Ok(pids) => pids,
        Err(gap) => return Holders { hidden: Some(gap), ..Holders::default() },
    };
    let ourselves = process::own_pid(machine);
    let next = AtomicUsize::new(0);
    let chunks: Vec<&[u32]> = pids.chunks(CHUNK).collect();
    let work = || {
        let mut part = Part::default();
        while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
            for pid in *chunk {
                part.look_at(machine, *pid, wanted);
                // What we have open ourselves is known.
                if Some(*pid) != ourselves {
                    part.keep(*pid);
                }
            }
        }
        part
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS).min(chunks.len());
    let parts = thread::scope(|scope| {
        // A thread that cannot be had is no loss: this one does the rest.
        let helpers: Vec<_> =
            (1..workers).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut parts = vec![work()];
        for helper in helpers {
            parts.push(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        parts
    });
    let mut holders = merge(parts);
    holders.hidden = hidden(machine, &pids);
    holders
}

/// Every pid namespace has a pid 1 (`pid_namespaces(7)`): if it is not listed, `hidepid=` hides it and others.
fn hidden(machine: &Machine, pids: &[u32]) -> Option<Gap> {
    (pids.first() != Some(&1)).then(|| {
        Gap::new(machine.proc.to_string_lossy(), "processes of other users are hidden (mount option hidepid)")
            .helped_by(proc_file::more_rights())
    })
}

fn merge(parts: Vec<Part>) -> Holders {
    let mut holders = Holders::default();
    for part in parts {
        for (ino, holder) in part.held {
            holders.by_socket.entry(ino).or_default().push(holder);
        }
        for (id, keepers) in part.namespaces {
            holders.namespaces.entry(id).or_default().extend(keepers);
        }
        holders.unreadable.extend(part.unreadable);
        holders.processes_seen += part.seen;
    }
    holders.by_socket.values_mut().for_each(|held| held.sort_unstable());
    // Always the same ones first, whichever thread met them.
    holders.namespaces.values_mut().for_each(|keepers| keepers.sort_unstable());
    holders.unreadable.sort_unstable();
    holders
}

impl Holders {
    /// Who holds a socket, as far as it was seen.
    #[must_use]
    pub fn of(&self, ino: SocketIno) -> &[HolderFd] {
        self.by_socket.get(&ino).map_or(&[], Vec::as_slice)
    }

    /// Why holders may be missing. `None`: every process was read.
    #[must_use]
    pub fn gap(&self, machine: &Machine) -> Option<Gap> {
        if self.hidden.is_some() {
            return self.hidden.clone();
        }
        (!self.unreadable.is_empty()).then(|| {
            let why =
                format!("{} of {} processes could not be read", self.unreadable.len(), self.processes_seen);
            Gap::new(machine.proc("*/fd").to_string_lossy(), why).helped_by(proc_file::more_rights())
        })
    }
}

/// What one worker saw.
#[derive(Default)]
struct Part {
    held: Vec<(SocketIno, HolderFd)>,
    unreadable: Vec<u32>,
    seen: usize,
    namespaces: Keepers,
    /// Of one process; kept for its memory.
    found: Found,
}

impl Part {
    fn look_at(&mut self, machine: &Machine, pid: u32, wanted: Option<&HashSet<SocketIno>>) {
        self.found.sockets.clear();
        self.found.namespaces.clear();
        match sockets_of(machine, pid, wanted, &mut self.found) {
            Err(error) if is_gone(error) || holds_nothing(machine, pid) => return,
            Err(_) => self.unreadable.push(pid),
            Ok(()) => {}
        }
        self.seen += 1;
        let Found { sockets, namespaces } = &mut self.found;
        threads(machine, pid, namespaces);
        sockets.sort_unstable();
        sockets.dedup_by_key(|(ino, _)| *ino);
        self.held.extend(sockets.iter().map(|(ino, fd)| (*ino, HolderFd { pid, fd: *fd })));
    }
}

impl Part {
    /// Notes the namespaces of the process that was looked at.
    fn keep(&mut self, pid: u32) {
        for (id, way) in self.found.namespaces.drain(..) {
            let keepers = self.namespaces.entry(id).or_default();
            if keepers.len() < KEEPERS {
                keepers.push(Keeper { pid, way });
            }
        }
    }
}

/// What the descriptors of one process are.
#[derive(Default)]
struct Found {
    sockets: Vec<(SocketIno, u32)>,
    namespaces: Vec<(NetnsId, Way)>,
}

/// The network namespaces of a process's threads, where it has several: setns(2) moves the calling one alone.
fn threads(machine: &Machine, pid: u32, found: &mut Vec<(NetnsId, Way)>) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // `proc_task_getattr` (fs/proc/base.c) counts threads as links; a directory alone has two.
    let path = machine.process(pid, "task");
    let single = stat(&path).is_ok_and(|task| task.st_nlink == 3);
    if single {
        return;
    }
    let Ok(directory) = openat(CWD, path, flags, Mode::empty()) else { return };
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(directory.as_fd(), &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let Some(thread) = entry.file_name().to_str().ok().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let mut text = [MaybeUninit::uninit(); 64];
        let link = readlinkat_raw(directory.as_fd(), format!("{thread}/ns/net"), &mut text[..]);
        let id = link.ok().and_then(|(link, _)| namespace_id(link));
        if let Some(id) = id.filter(|id| found.last().is_none_or(|(last, _)| last != id)) {
            found.push((id, Way::Thread(thread)));
        }
    }
}

/// What was found stays found when an error ends the walk of one process or when one link of it is denied.
fn sockets_of(
    machine: &Machine,
    pid: u32,
    wanted: Option<&HashSet<SocketIno>>,
    found: &mut Found,
) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory: OwnedFd = openat(CWD, machine.process(pid, "fd"), flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(directory.as_fd(), &mut buffer);
    let mut outcome = Ok(());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let Some(fd) = entry.file_name().to_str().ok().and_then(|name| name.parse().ok()) else { continue };
        // Longer texts are cut, and are the names of files.
        let mut text = [MaybeUninit::uninit(); 64];
        match readlinkat_raw(directory.as_fd(), entry.file_name(), &mut text[..]) {
            Ok((link, _)) => {
                let ino = socket_ino(link).filter(|ino| wanted.is_none_or(|wanted| wanted.contains(ino)));
                found.sockets.extend(ino.map(|ino| (ino, fd)));
                found.namespaces.extend(namespace_id(link).map(|id| (id, Way::Descriptor(fd))));
            }
            Err(error) if is_gone(error) => {}
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

/// The process or the descriptor ended between listing and reading.
fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::SRCH)
}

fn holds_nothing(machine: &Machine, pid: u32) -> bool {
    proc_file::read(&machine.process(pid, "stat"), proc_file::SMALL)
        .is_ok_and(|text| Stat::parse(&text).is_some_and(|stat| stat.holds_nothing()))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::*;

    fn fake(processes: &[(u32, &[(&str, &str)])]) -> (tempfile::TempDir, Machine) {
        let directory = tempfile::tempdir().unwrap();
        let machine = Machine { proc: directory.path().to_path_buf(), ..Machine::default() };
        for (pid, links) in processes {
            let fds = machine.process(*pid, "fd");
            std::fs::create_dir_all(&fds).unwrap();
            for (fd, link) in *links {
                symlink(link, fds.join(fd)).unwrap();
            }
        }
        (directory, machine)
    }

    #[test]
    fn our_own_listener_is_found_under_its_lowest_number() {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("x")).unwrap();
        let again = listener.try_clone().unwrap();
        let lowest = listener.as_raw_fd().min(again.as_raw_fd());
        let ino = std::fs::metadata(format!("/proc/self/fd/{lowest}")).unwrap().ino();
        let ino = SocketIno(u32::try_from(ino).unwrap());
        let ours = HolderFd { pid: std::process::id(), fd: lowest.try_into().unwrap() };
        for wanted in [Some(HashSet::from([ino])), None] {
            let holders = walk(&Machine::default(), wanted.as_ref());
            // Another test of this process may fork while the listener is open.
            assert!(holders.of(ino).contains(&ours), "{holders:?}");
            assert_eq!(holders.of(ino).iter().filter(|holder| holder.pid == ours.pid).count(), 1);
        }
    }

    #[test]
    fn only_wanted_sockets_are_kept_one_entry_per_process() {
        let links: &[(&str, &str)] = &[
            ("11", "socket:[7]"),
            ("4", "socket:[7]"),
            ("5", "socket:[8]"),
            ("6", "/tmp/socket:[7]"),
            ("7", "/run/x (deleted)"),
            ("x", "socket:[7]"),
        ];
        let (_directory, machine) = fake(&[(20, links), (1, &[("3", "socket:[7]")])]);
        let holders = walk(&machine, Some(&HashSet::from([SocketIno(7)])));
        assert_eq!(holders.of(SocketIno(7)), [HolderFd { pid: 1, fd: 3 }, HolderFd { pid: 20, fd: 4 }]);
        assert_eq!(holders.of(SocketIno(8)), []);
        assert_eq!((holders.processes_seen, holders.gap(&machine)), (2, None));
        assert_eq!(walk(&machine, None).of(SocketIno(8)), [HolderFd { pid: 20, fd: 5 }]);
    }

    #[test]
    fn many_processes_are_all_seen_once() {
        let processes: Vec<(u32, &[(&str, &str)])> =
            (1..=200).map(|pid| (pid, &[("0", "socket:[7]")][..])).collect();
        let (_directory, machine) = fake(&processes);
        let holders = walk(&machine, None);
        let pids: Vec<u32> = holders.of(SocketIno(7)).iter().map(|holder| holder.pid).collect();
        assert_eq!(pids, (1..=200).collect::<Vec<_>>());
        assert_eq!(holders.processes_seen, 200);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_kernel_threads_are_not() {
        let (_directory, machine) = fake(&[(1, &[])]);
        for (pid, flags) in [(2, 0x0020_8040), (3, 0x0040_0100)] {
            std::fs::create_dir(machine.process(pid, "")).unwrap();
            // Opening a file as a directory fails for root too, unlike a mode of 000.
            std::fs::write(machine.process(pid, "fd"), "").unwrap();
            let stat = format!("{pid} (x) S 1 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 5 0");
            std::fs::write(machine.process(pid, "stat"), stat).unwrap();
        }
        std::fs::create_dir(machine.process(4, "")).unwrap();
        let holders = walk(&machine, None);
        assert_eq!((holders.unreadable.as_slice(), holders.processes_seen), ([3].as_slice(), 2));
        let gap = holders.gap(&machine).unwrap();
        assert_eq!(gap.why, "1 of 2 processes could not be read");
        assert!(gap.source.ends_with("/*/fd") && gap.would_help.is_some());
    }

    #[test]
    fn a_listing_without_pid_1_is_not_complete() {
        let (_directory, machine) = fake(&[(20, &[("3", "socket:[7]")])]);
        let holders = walk(&machine, None);
        assert_eq!(holders.of(SocketIno(7)).len(), 1);
        assert!(holders.gap(&machine).unwrap().why.contains("hidden"));
    }

    #[test]
    fn without_a_proc_nothing_reads_as_fine() {
        let machine = Machine { proc: Path::new("/nonexistent").into(), ..Machine::default() };
        let gap = walk(&machine, None).gap(&machine).unwrap();
        assert_eq!(gap, Gap::new("/nonexistent", "No such file or directory"));
    }
}
