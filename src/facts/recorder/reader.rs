//! The thread that reads both streams, and looks at the process and at the file the moment it hears of them.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InotifyEvent};
use rustix::fs::{AtFlags, StatxFlags, statx};

use super::super::walk::join;
use super::actor::Actors;
use super::fanotify::{self, Group, Told};
use super::join::{Join, Record};
use super::{Act, Note, Shared};
use crate::model::{FileKind, FileSeen};

/// How long an event waits for who did it.
const PATIENCE: Duration = Duration::from_millis(30);
/// How often each queue is read at one wake.
const READS: usize = 64;
/// The thread.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) sender: SyncSender<Note>,
    pub(super) actors: Actors,
    pub(super) join: Join,
    /// What happened, waiting for who did it: in order.
    pub(super) pending: VecDeque<Pending>,
    /// The last name that went by a rename, wanted or not: the name that it came to follows.
    pub(super) went: Option<(u32, Vec<u8>)>,
    /// How often the records were read to their end.
    pub(super) batch: u64,
    pub(super) wakes: OwnedFd,
    pub(super) buffer: Vec<u8>,
}

pub(super) struct Pending {
    note: Note,
    /// Which directory, and how fanotify names the act; `None`: nobody is waited for.
    asks: Option<(usize, u64)>,
}

impl Reader {
    pub(super) fn run(mut self) {
        // What did it may be gone in a moment. Only root may, and only root is told who it was.
        let _ = rustix::process::nice(-20);
        loop {
            let groups: Vec<(usize, Arc<Group>)> = {
                let table = self.shared.table();
                let marked = table.directories.iter();
                marked.filter_map(|dir| Some((dir.number, Arc::clone(dir.group.as_ref()?)))).collect()
            };
            if !self.sleep(&groups) {
                return;
            }
            self.join.expire(Instant::now());
            for (number, group) in &groups {
                self.who(*number, group);
            }
            self.batch += 1;
            self.what();
            // The last of it may have been told between the two.
            if !self.pending.is_empty() {
                for (number, group) in &groups {
                    self.who(*number, group);
                }
                self.batch += 1;
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
                    let (at, batch) = (Instant::now(), self.batch);
                    self.join.add(Record { directory: number, name, mask, doer, at, batch });
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
                Some((directory, bit)) => match self.join.claim(directory, &first.note.name, bit, late) {
                    None if !late => return Some(()),
                    who => who,
                },
                None => None,
            };
            let Some(Pending { mut note, .. }) = self.pending.pop_front() else { break };
            note.who = who;
            self.sender.send(note).ok()?;
        }
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
    let file =
        if matches!(act, Act::Made | Act::Came(_) | Act::Attributes) { file(&pin, &name) } else { None };
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
