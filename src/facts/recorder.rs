//! Recording what happens to names in directories: inotify(7) for the order, which everybody may have, and fanotify(7)
//! for who did it, where that is told. A thread of its own reads both, and looks at the process and at the file the
//! moment it hears of them: a short-lived program may be gone a moment later, a mode may be another one.

mod actor;
mod fanotify;
mod join;
mod reader;

use std::collections::{BTreeSet, VecDeque};
use std::io::PipeWriter;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use rustix::fs::{Mode, OFlags};

use super::machine::Machine;
use super::walk::join as join_paths;
use crate::model::{Actor, Doer, FileSeen, Gap};
use actor::Actors;
use fanotify::Group;
use join::Join;
use reader::Reader;

/// How many notes wait to be fetched. Beyond that the kernel's own queues fill, and say when they overflow.
const WAITING: usize = 8192;
/// How many directories are marked for who did it: each takes one of the 128 groups that a user has
/// (`/proc/sys/fs/fanotify/max_user_groups`).
const GROUPS: usize = 64;

/// What happened to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It was made.
    Made,
    /// It was removed.
    Removed,
    /// It came by a rename; with the number that its going has too.
    Came(u32),
    /// It went by a rename.
    Went(u32),
    /// Mode, owner or the like were set.
    Attributes,
    /// The kernel's queue overflowed: there was more, and nobody knows what.
    Overflowed,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Note {
    /// In which directory, by the path that it was watched by.
    pub directory: Vec<u8>,
    /// To which name in it.
    pub name: Vec<u8>,
    /// What.
    pub act: Act,
    /// It was a directory.
    pub is_directory: bool,
    /// When it was read.
    pub at: SystemTime,
    /// The same, for differences.
    pub clock: Instant,
    /// The file under the name right after; looked at where one has to be there.
    pub file: Option<FileSeen>,
    /// Who did it, where that is told.
    pub who: Option<Doer>,
    /// The other name of a rename, where its directory is watched too.
    pub other: Option<Vec<u8>>,
}

/// Which names of a directory are of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// These.
    Names(BTreeSet<Vec<u8>>),
}

impl Wanted {
    fn has(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name),
        }
    }

    fn join(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Names(names), Self::Names(more)) => names.extend(more),
            (here, other) => *here = if other == Self::All { other } else { here.clone() },
        }
    }
}

/// A directory that is watched.
#[derive(Debug)]
struct Directory {
    /// Never used again.
    number: usize,
    descriptor: WatchDescriptor,
    path: Vec<u8>,
    pin: Arc<OwnedFd>,
    group: Option<Arc<Group>>,
    wanted: Wanted,
}

#[derive(Debug)]
struct Shared {
    inotify: Inotify,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    directories: Vec<Directory>,
    made: usize,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, table: &mut Table, gone: impl Fn(&[u8]) -> bool) {
        table.directories.retain(|known| {
            if gone(&known.path) {
                // It may have gone by itself.
                let _ = self.inotify.rm_watch(known.descriptor);
            }
            !gone(&known.path)
        });
    }
}

/// Records until it is dropped.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    notes: Receiver<Note>,
    /// Wakes the thread; closed, it ends it.
    waker: PipeWriter,
    /// Why who did it is not told. `None`: it is.
    pub blind: Option<Gap>,
    machine: Machine,
    /// Directories that are watched without being told who.
    pub unmarked: usize,
}

impl Recorder {
    /// A recorder that watches nothing yet; `arguments`: those of a process are wanted too. The signals that the
    /// calling thread holds back are held back by it too.
    pub fn new(machine: &Machine, arguments: bool) -> Result<Self, Gap> {
        let gap = |errno: Errno| {
            let gap = Gap::new("inotify", errno.desc());
            match errno {
                Errno::EMFILE => gap.helped_by("raise fs.inotify.max_user_instances"),
                _ => gap,
            }
        };
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map_err(gap)?;
        let blind = fanotify::tells_pids().err().map(|errno| {
            let gap = Gap::new("fanotify", format!("{}: who did it is not told", errno.desc()));
            if errno == Errno::EPERM { gap.helped_by(Gap::AS_ROOT) } else { gap }
        });
        let broken = |error: std::io::Error| Gap::new("pipe", error.to_string());
        let (woken, waker) = std::io::pipe().map_err(broken)?;
        rustix::fs::fcntl_setfl(&woken, OFlags::NONBLOCK).map_err(|errno| broken(errno.into()))?;
        let shared = Arc::new(Shared { inotify, table: Mutex::new(Table::default()) });
        let (sender, notes) = sync_channel(WAITING);
        let reader = Reader {
            shared: Arc::clone(&shared),
            sender,
            actors: Actors::new(machine.clone(), arguments),
            join: Join::default(),
            pending: VecDeque::new(),
            went: None,
            batch: 0,
            wakes: woken.into(),
            buffer: vec![0; 16 << 10],
        };
        std::thread::Builder::new().name("recorder".into()).spawn(move || reader.run()).map_err(broken)?;
        Ok(Self { shared, notes, waker, blind, machine: machine.clone(), unmarked: 0 })
    }

    /// Watches names in a directory from now on. Whether it is new: what happened before was not recorded.
    pub fn watch(&mut self, directory: &[u8], wanted: Wanted) -> Result<bool, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let pin = rustix::fs::open(directory, flags, Mode::empty())
            .map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
        // By its descriptor: all three mean the same directory, whatever becomes of the path meanwhile.
        let place = PathBuf::from(format!("/proc/self/fd/{}", pin.as_raw_fd()));
        let mask = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_ONLYDIR;
        let mut table = self.shared.table();
        let descriptor = self.shared.inotify.add_watch(&place, mask)?;
        if let Some(known) = table.directories.iter_mut().find(|known| known.descriptor == descriptor) {
            known.wanted.join(wanted);
            known.path = directory.to_vec();
            return Ok(false);
        }
        // What had the path before has it no more: another mount lies over it, or it went elsewhere.
        self.shared.forget(&mut table, |known| known == directory);
        let marked = table.directories.iter().filter(|known| known.group.is_some()).count();
        let wants_mark = self.blind.is_none();
        let group = (wants_mark && marked < GROUPS).then(|| Group::on(&place).ok()).flatten();
        let unmarked = wants_mark && group.is_none();
        table.made += 1;
        let number = table.made;
        let (path, group) = (directory.to_vec(), group.map(Arc::new));
        table.directories.push(Directory { number, descriptor, path, pin: Arc::new(pin), group, wanted });
        drop(table);
        self.unmarked += usize::from(unmarked);
        // Its group is to be listened to as well.
        let _ = rustix::io::write(&self.waker, &[1]);
        Ok(true)
    }

    /// Stops watching a directory that has gone elsewhere, and those below it: their paths mean others now.
    pub fn forget(&self, directory: &[u8]) {
        let below = join_paths(directory, b"");
        let gone = |path: &[u8]| path == directory || path.starts_with(&below);
        self.shared.forget(&mut self.shared.table(), gone);
    }

    /// The next thing that happened, if anything does within this time.
    pub fn next(&self, within: Duration) -> Option<Note> {
        match self.notes.recv_timeout(within) {
            Ok(note) => Some(note),
            Err(RecvTimeoutError::Timeout) => None,
            // The thread ends only after this; a time without notes all the same.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(within);
                None
            }
        }
    }

    /// A process as it is now, read as those are that do something.
    pub fn actor(&self, pid: u32) -> Actor {
        actor::read(&self.machine, pid, false)
    }
}

#[cfg(test)]
mod tests;
