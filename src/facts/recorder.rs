//! Recording what happens to names in directories: inotify(7) for the order, which everybody may have, and fanotify(7)
//! for who did it, where that is told. A thread of its own reads both, and looks at the process and at the file the
//! moment it hears of them: a short-lived program may be gone a moment later, a mode may be another one.

mod actor;
mod fanotify;
mod join;

use std::collections::{BTreeSet, VecDeque};
use std::io::PipeWriter;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, statx};

use super::machine::Machine;
use super::walk::join;
use crate::model::{Actor, Doer, FileKind, FileSeen, Gap};
use actor::Actors;
use fanotify::{Group, Told};
use self::join::{Join, Record};

/// How many notes wait to be fetched. Beyond that the kernel's own queues fill, and say when they overflow.
const WAITING: usize = 8192;
/// How long an event waits for who did it.
const PATIENCE: Duration = Duration::from_millis(30);
/// How many directories are marked for who did it: each takes one of the 128 groups that a user has
/// (`/proc/sys/fs/fanotify/max_user_groups`).
const GROUPS: usize = 64;
/// How often each queue is read at one wake.
const READS: usize = 64;

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
        let (wakes, waker) = std::io::pipe().map_err(broken)?;
        rustix::fs::fcntl_setfl(&wakes, OFlags::NONBLOCK).map_err(|errno| broken(errno.into()))?;
        let shared = Arc::new(Shared { inotify, table: Mutex::new(Table::default()) });
        let (sender, notes) = sync_channel(WAITING);
        let reader = Reader {
            shared: Arc::clone(&shared),
            sender,
            actors: Actors::new(machine.clone(), arguments),
            join: Join::default(),
            pending: VecDeque::new(),
            went: None,
            wakes: wakes.into(),
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

/// The thread.
struct Reader {
    shared: Arc<Shared>,
    sender: SyncSender<Note>,
    actors: Actors,
    join: Join,
    /// What happened, waiting for who did it: in order.
    pending: VecDeque<Pending>,
    /// The last name that went by a rename, wanted or not: the name that it came to follows.
    went: Option<(u32, Vec<u8>)>,
    wakes: OwnedFd,
    buffer: Vec<u8>,
}

struct Pending {
    note: Note,
    /// Which directory, and how fanotify names the act; `None`: nobody is waited for.
    asks: Option<(usize, u64)>,
}

impl Reader {
    fn run(mut self) {
        loop {
            let groups: Vec<(usize, Arc<Group>)> = {
                let table = self.shared.table();
                let marked = table.directories.iter();
                marked.filter_map(|dir| Some((dir.number, Arc::clone(dir.group.as_ref()?)))).collect()
            };
            if !self.sleep(&groups) {
                return;
            }
            for (number, group) in &groups {
                self.who(*number, group);
            }
            self.what();
            // The last of it may have been told between the two.
            if !self.pending.is_empty() {
                groups.iter().for_each(|(number, group)| self.who(*number, group));
            }
            if self.send().is_none() {
                return;
            }
        }
    }

    /// Until something happens; `false`: nobody wants to know any more.
    fn sleep(&self, groups: &[(usize, Arc<Group>)]) -> bool {
        let mut fds: Vec<PollFd<'_>> = [self.wakes.as_fd(), self.shared.inotify.as_fd()]
            .into_iter()
            .chain(groups.iter().map(|(_, group)| group.as_fd()))
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let timeout = if self.pending.is_empty() { PollTimeout::NONE } else { PollTimeout::from(2_u8) };
        let _ = poll(&mut fds, timeout);
        let woken = fds.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        if woken.contains(PollFlags::POLLIN) {
            let _ = rustix::io::read(&self.wakes, &mut [0_u8; 64][..]);
        }
        !woken.contains(PollFlags::POLLHUP)
    }

    /// Reads who did something, and who that is.
    fn who(&mut self, number: usize, group: &Group) {
        for _ in 0..READS {
            let told = group.read(&mut self.buffer);
            if told.is_empty() {
                return;
            }
            for told in told {
                let Told::Done { mask, pid, name } = told else {
                    self.join.forget();
                    continue;
                };
                let wanted = {
                    let table = self.shared.table();
                    let mut known = table.directories.iter();
                    known.any(|directory| directory.number == number && directory.wanted.has(&name))
                };
                if let Some(doer) = wanted.then(|| self.actors.doer(pid)).flatten() {
                    let mask = mask & (fanotify::CREATE | fanotify::DELETE | fanotify::ATTRIB | MOVED);
                    self.join.add(Record { directory: number, name, mask, doer, at: Instant::now() });
                }
            }
        }
    }

    /// Reads what happened, and looks at the files.
    fn what(&mut self) {
        for _ in 0..READS {
            let Ok(events) = self.shared.inotify.read_events() else { return };
            for event in events {
                let mut understood = understood(&self.shared, &event);
                self.pair(&event, understood.as_mut().map(|pending| &mut pending.note));
                self.pending.extend(understood);
            }
        }
    }

    /// Remembers the first half of a rename, and completes it by the second.
    fn pair(&mut self, event: &InotifyEvent, note: Option<&mut Note>) {
        if event.mask.contains(AddWatchFlags::IN_MOVED_FROM) {
            self.went = path_of(&self.shared, event).map(|path| (event.cookie, path));
        } else if event.mask.contains(AddWatchFlags::IN_MOVED_TO) {
            let went = self.went.take().filter(|(cookie, _)| *cookie == event.cookie);
            if let Some(note) = note {
                note.other = went.map(|(_, path)| path);
            }
            let last = self.pending.back_mut().filter(|last| last.note.act == Act::Went(event.cookie));
            if let Some(last) = last {
                last.note.other = path_of(&self.shared, event);
            }
        }
    }

    /// Hands on what is complete, in order. `None`: nobody wants it.
    fn send(&mut self) -> Option<()> {
        let now = Instant::now();
        while let Some(first) = self.pending.front() {
            let late = now.duration_since(first.note.clock) >= PATIENCE;
            let who = match first.asks {
                Some((directory, bit)) => {
                    match self.join.claim(directory, &first.note.name, bit, late) {
                        None if !late => return Some(()),
                        who => who,
                    }
                }
                None => None,
            };
            let Some(Pending { mut note, .. }) = self.pending.pop_front() else { break };
            note.who = who;
            self.sender.send(note).ok()?;
        }
        self.join.expire(now);
        Some(())
    }
}

const MOVED: u64 = fanotify::MOVED_FROM | fanotify::MOVED_TO;

/// An event about what is wanted.
fn understood(shared: &Shared, event: &InotifyEvent) -> Option<Pending> {
    let (at, clock) = (SystemTime::now(), Instant::now());
    let is = |flag| event.mask.contains(flag);
    let is_directory = is(AddWatchFlags::IN_ISDIR);
    if is(AddWatchFlags::IN_Q_OVERFLOW) {
        let (directory, name) = (Vec::new(), Vec::new());
        let act = Act::Overflowed;
        let note = Note { directory, name, act, is_directory, at, clock, file: None, who: None, other: None };
        return Some(Pending { note, asks: None });
    }
    let mut table = shared.table();
    let found = table.directories.iter().position(|known| known.descriptor == event.wd)?;
    if is(AddWatchFlags::IN_IGNORED) {
        // The directory is gone; another one under its path is another one.
        table.directories.remove(found);
        return None;
    }
    let known = &table.directories[found];
    let name = event.name.as_ref()?.as_bytes().to_vec();
    if !known.wanted.has(&name) {
        return None;
    }
    let (act, bit) = match () {
        () if is(AddWatchFlags::IN_CREATE) => (Act::Made, fanotify::CREATE),
        () if is(AddWatchFlags::IN_DELETE) => (Act::Removed, fanotify::DELETE),
        () if is(AddWatchFlags::IN_MOVED_TO) => (Act::Came(event.cookie), fanotify::MOVED_TO),
        () if is(AddWatchFlags::IN_MOVED_FROM) => (Act::Went(event.cookie), fanotify::MOVED_FROM),
        () if is(AddWatchFlags::IN_ATTRIB) => (Act::Attributes, fanotify::ATTRIB),
        () => return None,
    };
    let (directory, number, pin) = (known.path.clone(), known.number, Arc::clone(&known.pin));
    let marked = known.group.is_some();
    drop(table);
    let file = if matches!(act, Act::Made | Act::Came(_) | Act::Attributes) { file(&pin, &name) } else { None };
    let note = Note { directory, name, act, is_directory, at, clock, file, who: None, other: None };
    Some(Pending { note, asks: marked.then_some((number, bit)) })
}

/// The name that an event is about.
fn path_of(shared: &Shared, event: &InotifyEvent) -> Option<Vec<u8>> {
    let table = shared.table();
    let known = table.directories.iter().find(|known| known.descriptor == event.wd)?;
    Some(join(&known.path, event.name.as_ref()?.as_bytes()))
}

/// The file under a name, links not followed.
fn file(directory: &OwnedFd, name: &[u8]) -> Option<FileSeen> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let found = statx(directory, name, flags, StatxFlags::BASIC_STATS).ok()?;
    let mode = u32::from(found.stx_mode);
    let kind = FileKind::of_mode(mode);
    Some(FileSeen { kind, mode, uid: found.stx_uid, gid: found.stx_gid, ino: found.stx_ino })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn names(names: &[&str]) -> Wanted {
        Wanted::Names(names.iter().map(|name| name.as_bytes().to_vec()).collect())
    }

    #[test]
    fn what_is_done_to_a_name_comes_in_order_and_with_who_did_it_where_that_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut recorder = Recorder::new(&Machine::default(), false).unwrap();
        let place = dir.path().as_os_str().as_bytes();
        assert_eq!(recorder.watch(place, names(&["s"])), Ok(true));
        assert_eq!(recorder.watch(place, names(&["t"])), Ok(false), "the same directory again");
        std::fs::write(dir.path().join("other"), "").unwrap();
        let listener = UnixListener::bind(&path).unwrap();
        let first = recorder.next(SOON).unwrap();
        assert_eq!((first.act, first.file.as_ref().map(|file| file.kind)), (Act::Made, Some(FileKind::Socket)));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let second = recorder.next(SOON).unwrap();
        assert_eq!((second.act, second.file.unwrap().permissions()), (Act::Attributes, 0o600));
        std::fs::rename(&path, dir.path().join("t")).unwrap();
        let (went, came) = (recorder.next(SOON).unwrap(), recorder.next(SOON).unwrap());
        let (Act::Went(one), Act::Came(other)) = (went.act, came.act) else { panic!("{went:?} {came:?}") };
        assert_eq!((one, went.name.as_slice(), came.name.as_slice()), (other, &b"s"[..], &b"t"[..]));
        std::fs::remove_file(dir.path().join("t")).unwrap();
        let last = recorder.next(SOON).unwrap();
        assert_eq!(last.act, Act::Removed);
        for note in [&first, &went, &came, &last] {
            let pid = note.who.as_ref().map(|doer| doer.actor.pid);
            assert_eq!(pid, recorder.blind.is_none().then(std::process::id), "{note:?}");
        }
        drop(listener);
    }

    #[test]
    fn a_directory_that_was_removed_and_made_again_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("d");
        let place = below.as_os_str().as_bytes();
        let mut recorder = Recorder::new(&Machine::default(), false).unwrap();
        assert_eq!(recorder.watch(place, Wanted::All), Err(Errno::ENOENT));
        for _ in 0..2 {
            std::fs::create_dir(&below).unwrap();
            assert_eq!(recorder.watch(place, Wanted::All), Ok(true));
            std::fs::write(below.join("x"), "").unwrap();
            assert_eq!(recorder.next(SOON).unwrap().act, Act::Made);
            std::fs::remove_dir_all(&below).unwrap();
            assert!((0..100).filter_map(|_| recorder.next(SOON)).any(|note| note.act == Act::Removed));
        }
    }
}
