//! What the kernel told, understood: which name it is about, what it changes, whose doing it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::subject::{Live, Lost, Subject};
use super::{SUBJECTS, Vigil, inodes};
use crate::facts::listener::{self, Sought};
use crate::facts::recorder::{Act, Note};
use crate::facts::walk::join;
use crate::model::{Certainty, Deed, Doer, FileKind, FileSeen, How, Removal, SocketIno};

/// A socket that was bound so short a time ago may have lost its name before it was seen to listen.
const YOUNG: Duration = Duration::from_secs(1);
/// The removal of a directory belongs to the removals in it of so much earlier.
const TOGETHER: Duration = Duration::from_secs(2);
/// How many sockets without a name are followed for each name.
const LOST: usize = 16;

impl Vigil<'_> {
    pub(super) fn take(&mut self, mut note: Note) {
        note.who = note.who.take().map(|doer| self.timeline.named(doer));
        if note.act == Act::Overflowed {
            self.overflowed = true;
            let (at, clock) = (note.at, note.clock);
            self.tell(Deed::Lost, Vec::new(), at, clock, None, None);
            // Whatever was missed, what stands there now is looked at anew.
            self.subjects.iter_mut().for_each(|subject| subject.is_told = false);
            return;
        }
        let path = join(&note.directory, &note.name);
        if note.is_directory {
            self.take_directory(&note, path);
            return;
        }
        let known = self.subjects.iter().position(|subject| subject.place.as_ref() == Some(&path));
        let number = known.or_else(|| self.newcomer(&note, &path));
        if let Some(number) = number {
            self.take_event(number, note, path);
        }
    }

    /// A name in a directory that was given: it is watched from now on if it is a socket's.
    fn newcomer(&mut self, note: &Note, path: &[u8]) -> Option<usize> {
        let is_socket = note.file.as_ref().is_some_and(|file| file.kind == FileKind::Socket);
        let target = self.targets.iter().position(|target| {
            target.is_directory && target.place.as_deref() == Some(note.directory.as_slice())
        })?;
        (is_socket && matches!(note.act, Act::Made | Act::Came(_) | Act::Attributes))
            .then(|| self.add_subject(target, path.to_vec()))
            .flatten()
    }

    pub(super) fn add_subject(&mut self, target: usize, path: Vec<u8>) -> Option<usize> {
        if self.subjects.len() >= SUBJECTS {
            // One whose socket has come and gone makes room.
            let over = |subject: &Subject| {
                let gone = subject.file.is_none() && subject.live.is_none() && subject.lost.is_empty();
                gone && self.targets[subject.target].is_directory
            };
            let Some(number) = self.subjects.iter().position(over) else {
                self.crowded = true;
                return None;
            };
            self.subjects.remove(number);
        }
        let mut subject = Subject::new(target, path.clone());
        subject.place = Some(path);
        subject.is_told = true;
        self.subjects.push(subject);
        Some(self.subjects.len() - 1)
    }

    fn take_directory(&mut self, note: &Note, path: Vec<u8>) {
        if !self.ways.contains(&path) {
            return;
        }
        match note.act {
            Act::Made | Act::Came(_) => {
                self.tell(Deed::DirectoryMade, path, note.at, note.clock, None, note.who.clone());
                // What is made in it next is to be told.
                self.tick();
            }
            Act::Removed | Act::Went(_) => {
                let below = [path.as_slice(), b"/"].concat();
                let pid = |who: &Option<Doer>| who.as_ref().map(|doer| doer.actor.pid);
                let since = note.clock.saturating_duration_since(self.timeline.started());
                for removal in &mut self.timeline.removals {
                    removal.with_directory |= removal.path.starts_with(&below)
                        && pid(&removal.culprit) == pid(&note.who)
                        && since.saturating_sub(removal.since) < TOGETHER;
                }
                let deed = Deed::DirectoryGone;
                self.tell(deed, path.clone(), note.at, note.clock, None, note.who.clone());
                if matches!(note.act, Act::Went(_)) {
                    if let Some(recorder) = &self.recorder {
                        recorder.forget(&path);
                    }
                    // What is in it went along, and nothing else tells.
                    for number in 0..self.subjects.len() {
                        let subject = &self.subjects[number];
                        if subject.name().starts_with(&below) && (subject.file.is_some() || subject.made) {
                            self.removed(number, How::RenamedAway, note.clock, note.who.clone());
                        }
                    }
                }
            }
            Act::Attributes | Act::Overflowed => {}
        }
    }

    fn take_event(&mut self, number: usize, note: Note, path: Vec<u8>) {
        let Note { act, at, clock, file, who, other, .. } = note;
        let subject = &mut self.subjects[number];
        subject.differs = None;
        let is_socket =
            |file: &Option<FileSeen>| file.as_ref().is_some_and(|file| file.kind == FileKind::Socket);
        match act {
            Act::Made => {
                let deed = if is_socket(&file) { Deed::Bind } else { Deed::Create };
                subject.made = true;
                (subject.binder, subject.bound_at) = (who.clone(), Some(clock));
                subject.file.clone_from(&file);
                self.tell(deed, path, at, clock, file, who);
            }
            Act::Attributes => {
                let before = subject.file.as_ref().zip(file.as_ref());
                let mut deeds = Vec::new();
                if let Some((before, now)) = before.filter(|(before, now)| before.ino == now.ino) {
                    if before.permissions() != now.permissions() {
                        deeds.push(Deed::Chmod { from: before.permissions(), to: now.permissions() });
                    }
                    let owners = |file: &FileSeen| (file.uid, file.gid);
                    if owners(before) != owners(now) {
                        deeds.push(Deed::Chown { from: owners(before), to: owners(now) });
                    }
                    subject.file.clone_from(&file);
                } else if subject.file.is_none() {
                    subject.file.clone_from(&file);
                }
                if deeds.is_empty() {
                    deeds.push(Deed::Attributes);
                }
                for deed in deeds {
                    self.tell(deed, path.clone(), at, clock, file.clone(), who.clone());
                }
            }
            Act::Came(_) => {
                let replaces = subject.file.is_some() || subject.made;
                let deed =
                    if replaces { Deed::Replace(other.clone()) } else { Deed::RenameHere(other.clone()) };
                self.tell(deed, path, at, clock, file.clone(), who.clone());
                if replaces {
                    self.removed(number, How::Replaced, clock, who.clone());
                }
                // Who bound it under its other name, where that is watched too.
                let origin = other.and_then(|other| {
                    self.subjects.iter().find(|subject| subject.place.as_ref() == Some(&other))
                });
                let origin =
                    origin.and_then(|origin| origin.earlier.last().map(|(actor, _)| Arc::clone(actor)));
                let binder = origin.map(|actor| Doer { actor, certainty: Certainty::Likely }).or(who);
                let subject = &mut self.subjects[number];
                (subject.binder, subject.bound_at, subject.made) = (binder, Some(clock), true);
                subject.file = file;
                self.came_back(number);
            }
            Act::Went(_) => {
                // Its server gives it its own name, in sight: nobody lost anything.
                let in_sight = other.is_some() && self.targets[subject.target].is_directory;
                let victim = subject.victim(clock);
                let is_moved = in_sight && who.as_ref().is_some_and(|doer| victim.knows(&doer.actor));
                if is_moved {
                    subject.part(&victim);
                }
                self.tell(Deed::RenameAway(other), path, at, clock, None, who.clone());
                if !is_moved {
                    self.removed(number, How::RenamedAway, clock, who);
                }
            }
            Act::Removed => {
                self.tell(Deed::Unlink, path, at, clock, None, who.clone());
                self.removed(number, How::Removed, clock, who);
            }
            Act::Overflowed => {}
        }
    }

    /// The very file that a name lost may have come back to it: then its listener lost nothing, and its binder is who
    /// bound it.
    fn came_back(&mut self, number: usize) {
        let subject = &mut self.subjects[number];
        let Some(ino) = subject.file.as_ref().map(|file| file.ino) else { return };
        let Some(at) = subject.lost.iter().position(|lost| lost.number == Some(ino)) else { return };
        let lost = subject.lost.remove(at);
        subject.live = lost.live;
        let removal = lost.removal.and_then(|removal| self.timeline.removals.get_mut(removal));
        if let Some(removal) = removal {
            removal.listens_on.get_or_insert(false);
            subject.binder.clone_from(&removal.victim.binder);
            subject.bound_at = removal.victim.age.and_then(|age| lost.at.checked_sub(age));
            subject.from_before = removal.victim.from_before;
        }
    }

    /// A name lost its file.
    pub(super) fn removed(&mut self, number: usize, how: How, clock: Instant, who: Option<Doer>) {
        let machine = self.machine;
        let subject = &mut self.subjects[number];
        let is_other = subject.file.as_ref().is_some_and(|file| file.kind != FileKind::Socket);
        let ino = subject.file.as_ref().map(|file| file.ino);
        if subject.live.is_none() && !is_other {
            // It came and went faster than it is looked at.
            let known: Vec<SocketIno> = inodes(subject);
            let bound = listener::find(machine, Sought::Name(&subject.path, ino), &known);
            subject.live = bound.map(|bound| Live { bound, holders: Vec::new(), listens: false });
            self.settle_live(number);
        }
        let subject = &mut self.subjects[number];
        let victim = subject.victim(clock);
        let age = victim.age;
        let earlier = who.as_ref().and_then(|doer| subject.had_it_before(&doer.actor));
        let path = subject.name().to_vec();
        let live = subject.part(&victim);
        if is_other {
            return;
        }
        let since = clock.saturating_duration_since(self.timeline.started());
        let removal = self.timeline.removed(Removal {
            path,
            since,
            how,
            culprit: who,
            earlier,
            with_directory: false,
            victim,
            listens_on: None,
        });
        let subject = &mut self.subjects[number];
        let young = age.is_some_and(|age| age < YOUNG);
        if subject.lost.len() < LOST && (live.is_some() || young) {
            subject.lost.push(Lost { removal, live, number: ino, at: clock, judged: false, unsettled: 0 });
        }
    }
}
