//! The watching itself: what is told is put into the timeline at once, and every 100 ms who listens is looked at.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::subject::{Live, Lost, Subject};
use super::timeline::{Happening, Timeline};
use crate::cli::WatchUntil;
use crate::facts::glance::{Glance, Glancer};
use crate::facts::interrupt::Interrupts;
use crate::facts::listener::{self, Sought};
use crate::facts::machine::Machine;
use crate::facts::recorder::{Act, Note, Recorder, Wanted};
use crate::facts::walk::{join, split};
use crate::model::{
    Actor, Certainty, Deed, Doer, FileKind, FileSeen, How, Reach, Removal, SocketIno, WatchEnd,
};

/// How often who listens is looked at.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How often where a look is costly.
const COSTLY: Duration = Duration::from_secs(1);
/// How long a look at a mount that does not answer may take.
const HELPER: Duration = Duration::from_secs(1);
/// How long what belongs to the last event is waited for once `--until` is met.
const STRAGGLERS: Duration = Duration::from_millis(500);
/// How long a socket without a name is looked for that was not seen before it lost it.
const SEARCH: Duration = Duration::from_secs(2);
/// The removal of a directory belongs to the removals in it of so much earlier.
const TOGETHER: Duration = Duration::from_secs(2);
/// A difference that lasts so long is not told any more.
const UNTOLD: Duration = Duration::from_millis(250);
/// How often a socket is looked for that is bound, and in no network namespace that can be seen.
const HIDDEN: Duration = Duration::from_secs(5);
/// A socket that was bound so short a time ago may have lost its name before it was seen to listen.
const YOUNG: Duration = Duration::from_secs(1);
/// How many names are watched at most.
pub(super) const SUBJECTS: usize = 256;
/// How many holders of a socket are read.
const HOLDERS: usize = 32;
/// How many sockets without a name are followed for each name.
const LOST: usize = 16;

/// An argument.
#[derive(Debug)]
pub(super) struct Target {
    /// Absolute.
    pub(super) path: Vec<u8>,
    /// All sockets in it are meant.
    pub(super) is_directory: bool,
    /// The directory, where it is there.
    pub(super) place: Option<Vec<u8>>,
    /// How the last look at it ended.
    pub(super) reach: Reach,
}

pub(super) struct Vigil<'m> {
    pub(super) machine: &'m Machine,
    pub(super) glancer: Glancer<'m>,
    pub(super) recorder: Option<Recorder>,
    pub(super) timeline: Timeline<'m>,
    pub(super) targets: Vec<Target>,
    pub(super) subjects: Vec<Subject>,
    pub(super) interrupts: Option<Interrupts>,
    pub(super) until: Option<WatchUntil>,
    /// Directories on the way, whose coming and going is told.
    ways: BTreeSet<Vec<u8>>,
    /// Directories that could not be watched, and why.
    pub(super) unwatched: Vec<(Vec<u8>, nix::errno::Errno)>,
    /// Names beyond the first were left out.
    pub(super) crowded: bool,
    /// The queue of events overflowed.
    pub(super) overflowed: bool,
    first: bool,
}

impl<'m> Vigil<'m> {
    pub(super) fn new(
        machine: &'m Machine,
        recorder: Option<Recorder>,
        timeline: Timeline<'m>,
        targets: Vec<Target>,
        interrupts: Option<Interrupts>,
        until: Option<WatchUntil>,
    ) -> Self {
        let named = targets.iter().enumerate().filter(|(_, target)| !target.is_directory);
        let subjects = named.map(|(number, target)| Subject::new(number, target.path.clone())).collect();
        Self {
            machine,
            glancer: Glancer::new(machine),
            recorder,
            timeline,
            targets,
            subjects,
            interrupts,
            until,
            ways: BTreeSet::new(),
            unwatched: Vec::new(),
            crowded: false,
            overflowed: false,
            first: true,
        }
    }

    /// The first look: what is there, and from when on everything is told.
    pub(super) fn begin(&mut self) {
        self.tick();
        self.first = false;
    }

    /// Watches until it is to end; `judge` is asked at every look about sockets that lost their names.
    pub(super) fn watch(&mut self, end: Option<Instant>, mut judge: impl FnMut(&mut Self, bool)) -> WatchEnd {
        let mut met: Option<Instant> = None;
        let ending = loop {
            let next = Instant::now() + TICK;
            self.listen(next);
            self.tick();
            judge(self, false);
            let now = Instant::now();
            if met.is_none() && self.is_met() {
                met = Some(now);
            }
            if self.timeline.unread {
                break WatchEnd::ReaderGone;
            }
            if let Some(signal) = self.interrupts.as_ref().and_then(|fd| fd.within(Duration::ZERO)) {
                break WatchEnd::Interrupted(signal as i32);
            }
            if met.is_some_and(|met| now >= met + STRAGGLERS) {
                break WatchEnd::Met;
            }
            if end.is_some_and(|end| now >= end) {
                break if met.is_some() { WatchEnd::Met } else { WatchEnd::TimeUp };
            }
        };
        // What was told until now belongs to it.
        self.listen(Instant::now() + Duration::from_millis(40));
        self.tick();
        judge(self, true);
        ending
    }

    fn is_met(&self) -> bool {
        let of = |target: usize| self.subjects.iter().filter(move |subject| subject.target == target);
        (0..self.targets.len()).all(|target| match self.until {
            None => false,
            Some(WatchUntil::Listening) => of(target).any(Subject::is_served),
            Some(WatchUntil::Gone) => {
                of(target).any(|subject| subject.was_served) && !of(target).any(Subject::is_served)
            }
        })
    }

    /// Takes what is told until then.
    fn listen(&mut self, until: Instant) {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Some(recorder) = &self.recorder else { return std::thread::sleep(left) };
            // What is there already is taken in any case.
            let Some(note) = recorder.next(left) else { return };
            self.take(note);
            if left.is_zero() || self.timeline.unread {
                return;
            }
        }
    }

    fn take(&mut self, mut note: Note) {
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

    fn add_subject(&mut self, target: usize, path: Vec<u8>) -> Option<usize> {
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
                self.tell(deed, path, note.at, note.clock, None, note.who.clone());
                if matches!(note.act, Act::Went(_)) {
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
        let is_socket = |file: &Option<FileSeen>| file.as_ref().is_some_and(|file| file.kind == FileKind::Socket);
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
                let deed = if replaces { Deed::Replace(other.clone()) } else { Deed::RenameHere(other.clone()) };
                self.tell(deed, path, at, clock, file.clone(), who.clone());
                if replaces {
                    self.removed(number, How::Replaced, clock, who.clone());
                }
                // Who bound it under its other name, where that is watched too.
                let origin = other.and_then(|other| {
                    self.subjects.iter().find(|subject| subject.place.as_ref() == Some(&other))
                });
                let origin = origin.and_then(|origin| origin.earlier.last().map(|(actor, _)| Arc::clone(actor)));
                let binder = origin.map(|actor| Doer { actor, certainty: Certainty::Likely }).or(who);
                let subject = &mut self.subjects[number];
                (subject.binder, subject.bound_at, subject.made) = (binder, Some(clock), true);
                subject.file = file;
            }
            Act::Went(_) => {
                self.tell(Deed::RenameAway(other), path, at, clock, None, who.clone());
                self.removed(number, How::RenamedAway, clock, who);
            }
            Act::Removed => {
                self.tell(Deed::Unlink, path, at, clock, None, who.clone());
                self.removed(number, How::Removed, clock, who);
            }
            Act::Overflowed => {}
        }
    }

    /// A name lost its file.
    fn removed(&mut self, number: usize, how: How, clock: Instant, who: Option<Doer>) {
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
            subject.lost.push(Lost { removal, live, number: ino, at: clock, judged: false });
        }
    }

    /// Whether a socket that was just found listens, and who holds it.
    fn settle_live(&mut self, number: usize) {
        let machine = self.machine;
        let Some(live) = self.subjects[number].live.as_mut() else { return };
        let listens = live.bound.state().is_some_and(|state| live.bound.serves(state));
        live.listens = listens;
        if !listens {
            return;
        }
        let pids = live.bound.holders(machine);
        let holders = self.holders(&pids);
        if let Some(live) = self.subjects[number].live.as_mut() {
            live.holders = holders;
        }
        self.subjects[number].was_served = true;
    }

    /// These processes, the one that stands for the others first.
    fn holders(&mut self, pids: &[u32]) -> Vec<Arc<Actor>> {
        let Some(recorder) = &self.recorder else { return Vec::new() };
        let mut actors: Vec<Actor> = pids.iter().take(HOLDERS).map(|pid| recorder.actor(*pid)).collect();
        let parents: BTreeSet<u32> = actors.iter().filter_map(|actor| actor.parent).collect();
        actors.sort_by_key(|actor| (!parents.contains(&actor.pid), actor.pid));
        let named = |actor| {
            let doer = Doer { actor: Arc::new(actor), certainty: Certainty::Certain };
            self.timeline.named(doer).actor
        };
        actors.into_iter().map(named).collect()
    }

    /// Looks at everything once.
    fn tick(&mut self) {
        for number in 0..self.targets.len() {
            if self.targets[number].is_directory {
                self.look_at_directory(number);
            }
        }
        for number in 0..self.subjects.len() {
            self.look_at(number);
            self.follow_lost(number);
        }
    }

    fn glance(&mut self, path: &[u8], passive: bool) -> Glance {
        let deadline = Instant::now() + HELPER;
        let mut glance = self.glancer.at(path, passive, deadline);
        // Armed before the look that counts.
        for _ in 0..8 {
            if !self.follow(&glance) {
                break;
            }
            glance = self.glancer.at(path, passive, deadline);
        }
        glance
    }

    /// Watches the last directory of a path that is there, for the name that leads on, and the one above it for its
    /// own name. Whether that is new.
    fn follow(&mut self, glance: &Glance) -> bool {
        let Some((directory, name)) = &glance.edge else { return false };
        let mut is_new = self.record(directory, Wanted::Names(BTreeSet::from([name.clone()])));
        if !glance.at_end {
            self.ways.insert(join(directory, name));
        }
        if let Some((above, own)) = split(directory) {
            let (above, own) = (above.to_vec(), own.to_vec());
            self.ways.insert(directory.clone());
            is_new |= self.record(&above, Wanted::Names(BTreeSet::from([own])));
        }
        is_new
    }

    fn record(&mut self, directory: &[u8], wanted: Wanted) -> bool {
        let Some(recorder) = &mut self.recorder else { return false };
        match recorder.watch(directory, wanted) {
            Ok(is_new) => {
                self.unwatched.retain(|(known, _)| known != directory);
                is_new
            }
            Err(errno) => {
                let known = self.unwatched.iter().any(|(known, _)| known == directory);
                // What has just gone is found again, or its parent is.
                if !known && errno != nix::errno::Errno::ENOENT && self.unwatched.len() < SUBJECTS {
                    self.unwatched.push((directory.to_vec(), errno));
                }
                false
            }
        }
    }

    fn look_at_directory(&mut self, number: usize) {
        let path = self.targets[number].path.clone();
        let glance = self.glance(&path, false);
        let is_there = glance.reach == Reach::NotASocket(FileKind::Directory);
        let place = glance.file.as_ref().filter(|_| is_there && glance.hazard.is_none()).map(|file| file.path.clone());
        self.targets[number].reach = glance.reach;
        if let Some(place) = &place
            && self.record(place, Wanted::All)
        {
            // What was there before it was watched.
            self.ways.insert(place.clone());
            for name in self.glancer.sockets_in(place) {
                let known = self.subjects.iter().any(|subject| subject.place.as_ref() == Some(&name));
                if !known {
                    self.add_subject(number, name);
                }
            }
        }
        self.targets[number].place = place;
    }

    fn look_at(&mut self, number: usize) {
        let now = Instant::now();
        if self.subjects[number].due.is_some_and(|due| now < due) {
            return;
        }
        let path = self.subjects[number].path.clone();
        let glance = self.glance(&path, true);
        let place = match (&glance.edge, glance.at_end) {
            (Some((directory, name)), true) => Some(join(directory, name)),
            _ => None,
        };
        let is_told = glance.edge.as_ref().is_some_and(|(directory, _)| {
            self.recorder.is_some() && !self.unwatched.iter().any(|(known, _)| known == directory)
        });
        let subject = &mut self.subjects[number];
        subject.due = glance.hazard.is_some().then(|| now + COSTLY);
        // The name that what happened last was told of stays until another one is known.
        subject.place = place.or_else(|| subject.place.take());
        let target = subject.target;
        if !self.targets[target].is_directory {
            self.targets[target].reach = glance.reach;
        }
        let file = glance.file.as_ref().map(|file| FileSeen {
            kind: file.kind,
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            ino: file.ino,
        });
        let subject = &mut self.subjects[number];
        let was_told = std::mem::replace(&mut subject.is_told, is_told);
        let ino = file.as_ref().map(|file| file.ino);
        let is_seen = file.is_some() || glance.reach == Reach::Missing;
        if !is_seen || subject.file.as_ref().map(|file| file.ino) == ino {
            subject.differs = None;
        } else {
            // What is told in order is not anticipated: the note is on its way.
            let since = subject.differs.filter(|(_, seen)| *seen == ino).map_or(now, |(since, _)| since);
            subject.differs = Some((since, ino));
            if self.first || !was_told || !is_told || now >= since + UNTOLD {
                self.found(number, file);
            }
        }
        self.look_at_socket(number, &glance);
    }

    /// Something else stands there than was known, and nothing told it.
    fn found(&mut self, number: usize, file: Option<FileSeen>) {
        let (at, clock, first) = (SystemTime::now(), Instant::now(), self.first);
        let path = self.subjects[number].name().to_vec();
        if self.subjects[number].file.is_some() {
            self.tell_polled(Deed::Unlink, path.clone(), at, clock, None);
            self.removed(number, How::Removed, clock, None);
        }
        let Some(file) = file.filter(|file| file.kind == FileKind::Socket) else { return };
        let subject = &mut self.subjects[number];
        (subject.made, subject.from_before) = (true, first);
        subject.file = Some(file.clone());
        subject.bound_at = (!first).then_some(clock);
        self.tell_polled(if first { Deed::There } else { Deed::Bind }, path, at, clock, Some(file));
    }

    fn look_at_socket(&mut self, number: usize, glance: &Glance) {
        let machine = self.machine;
        let subject = &mut self.subjects[number];
        if let Some(live) = &mut subject.live {
            let state = live.bound.state();
            let listens = state.is_some_and(|state| live.bound.serves(state));
            if live.listens && !listens {
                self.tell_gone(number);
                self.subjects[number].live = None;
            } else if !live.listens && listens {
                self.settle_live(number);
                self.tell_listening(number);
            } else if state.is_none() {
                subject.live = None;
            }
            return;
        }
        let file = glance.file.as_ref().filter(|_| glance.reach == Reach::Bound);
        if file.is_none() && subject.hidden.take().is_some() {
            return self.tell_gone(number);
        }
        let known = |ino: u64| subject.file.as_ref().is_some_and(|file| file.ino == ino);
        let Some(file) = file.filter(|file| known(file.ino)) else { return };
        if subject.hidden.is_some_and(|since| since.elapsed() < HIDDEN) {
            return;
        }
        let but = inodes(subject);
        let bound = file.id().and_then(|id| listener::find(machine, Sought::File(id), &but)).or_else(|| {
            // A layer shows another number than the kernel has.
            listener::find(machine, Sought::Name(&subject.path, None), &but)
        });
        let Some(bound) = bound else {
            // Somebody has it, out of sight: that is all that a client needs.
            if subject.hidden.replace(Instant::now()).is_none() {
                subject.was_served = true;
                self.tell_listening(number);
            }
            return;
        };
        subject.hidden = None;
        subject.live = Some(Live { bound, holders: Vec::new(), listens: false });
        self.settle_live(number);
        if self.subjects[number].live.as_ref().is_some_and(|live| live.listens) {
            self.tell_listening(number);
        }
    }

    /// What became of sockets that lost their name.
    fn follow_lost(&mut self, number: usize) {
        let (machine, now) = (self.machine, Instant::now());
        let mut over = Vec::new();
        for index in 0..self.subjects[number].lost.len() {
            let subject = &mut self.subjects[number];
            let path = subject.path.clone();
            let known = inodes(subject);
            let lost = &mut subject.lost[index];
            if lost.live.is_none() {
                let bound = listener::find(machine, Sought::Name(&path, lost.number), &known);
                lost.live = bound.map(|bound| Live { bound, holders: Vec::new(), listens: false });
                if lost.live.is_none() && now >= lost.at + SEARCH {
                    over.push(index);
                }
            }
            let Some(live) = &mut subject.lost[index].live else { continue };
            let state = live.bound.state();
            let listens = state.is_some_and(|state| live.bound.serves(state));
            let removal = subject.lost[index].removal;
            match (subject.lost[index].live.as_ref().is_some_and(|live| live.listens), listens) {
                (true, false) => {
                    let who = self.subjects[number].lost[index].live.as_ref().and_then(face);
                    let path = self.subjects[number].name().to_vec();
                    self.tell_live(Deed::Gone, path, who);
                    if let Some(removal) = removal.and_then(|removal| self.timeline.removals.get_mut(removal)) {
                        removal.listens_on.get_or_insert(false);
                    }
                    over.push(index);
                }
                (false, true) => {
                    let pids = subject.lost[index].live.as_ref().map(|live| live.bound.holders(machine));
                    let holders = self.holders(&pids.unwrap_or_default());
                    if let Some(removal) = removal.and_then(|removal| self.timeline.removals.get_mut(removal)) {
                        removal.victim.served = true;
                        removal.victim.holders.clone_from(&holders);
                    }
                    let subject = &mut self.subjects[number];
                    subject.was_served = true;
                    if let Some(live) = &mut subject.lost[index].live {
                        (live.listens, live.holders) = (true, holders);
                    }
                    let who = self.subjects[number].lost[index].live.as_ref().and_then(face);
                    let path = self.subjects[number].name().to_vec();
                    self.tell_live(Deed::Listening, path, who);
                }
                (false, false) if state.is_none() => over.push(index),
                _ => {}
            }
        }
        for index in over.into_iter().rev() {
            self.subjects[number].lost.remove(index);
        }
    }

    fn tell_listening(&mut self, number: usize) {
        let path = self.subjects[number].name().to_vec();
        let who = self.subjects[number].live.as_ref().and_then(face);
        self.tell_live(Deed::Listening, path, who);
    }

    fn tell_gone(&mut self, number: usize) {
        let path = self.subjects[number].name().to_vec();
        let who = self.subjects[number].live.as_ref().and_then(face);
        self.tell_live(Deed::Gone, path, who);
    }

    fn tell_live(&mut self, deed: Deed, path: Vec<u8>, who: Option<(Doer, usize)>) {
        let (at, clock) = (SystemTime::now(), Instant::now());
        let (who, others) = who.map_or((None, 0), |(doer, others)| (Some(doer), others));
        self.timeline.add(Happening { deed, path, at, clock, file: None, who, others, polled: true });
    }

    fn tell_polled(&mut self, deed: Deed, path: Vec<u8>, at: SystemTime, clock: Instant, file: Option<FileSeen>) {
        self.timeline.add(Happening { deed, path, at, clock, file, who: None, others: 0, polled: true });
    }

    fn tell(
        &mut self,
        deed: Deed,
        path: Vec<u8>,
        at: SystemTime,
        clock: Instant,
        file: Option<FileSeen>,
        who: Option<Doer>,
    ) {
        self.timeline.add(Happening { deed, path, at, clock, file, who, others: 0, polled: false });
    }
}

/// The process that stands for a socket, and how many more hold it.
fn face(live: &Live) -> Option<(Doer, usize)> {
    let (first, others) = live.holders.split_first()?;
    Some((Doer { actor: Arc::clone(first), certainty: Certainty::Certain }, others.len()))
}

/// The sockets that are known of a name.
fn inodes(subject: &Subject) -> Vec<SocketIno> {
    let lost = subject.lost.iter().filter_map(|lost| lost.live.as_ref());
    subject.live.iter().chain(lost).map(|live| live.bound.socket.ino).collect()
}
