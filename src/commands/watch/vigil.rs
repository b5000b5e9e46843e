//! The watching itself: what is told is put into the timeline at once, and every 100 ms who listens is looked at.

mod looks;
mod lost;
mod notes;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::subject::{Live, Subject};
use super::timeline::{Happening, Timeline};
use crate::cli::WatchUntil;
use crate::facts::glance::{Glance, Glancer};
use crate::facts::interrupt::Interrupts;
use crate::facts::machine::Machine;
use crate::facts::recorder::{Recorder, Wanted};
use crate::facts::walk::{join, split};
use crate::model::{Certainty, Deed, Doer, FileKind, FileSeen, Reach, SocketIno, WatchEnd};

/// How often who listens is looked at.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How long a look at a mount that does not answer may take.
const HELPER: Duration = Duration::from_secs(1);
/// How long what belongs to the last event is waited for once `--until` is met.
const STRAGGLERS: Duration = Duration::from_millis(500);
/// How long a socket without a name is looked for that was not seen before it lost it.
const SEARCH: Duration = Duration::from_secs(2);
/// How many names are watched at most.
pub(super) const SUBJECTS: usize = 256;

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

    fn glance(&mut self, path: &[u8]) -> Glance {
        let deadline = Instant::now() + HELPER;
        let mut glance = self.glancer.at(path, false, deadline);
        // Armed before the look that counts.
        for _ in 0..8 {
            if !self.follow(&glance) {
                break;
            }
            glance = self.glancer.at(path, false, deadline);
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
        let glance = self.glance(&path);
        let is_there = glance.reach == Reach::NotASocket(FileKind::Directory);
        let place = glance
            .file
            .as_ref()
            .filter(|_| is_there && glance.hazard.is_none())
            .map(|file| file.path.clone());
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

    fn tell_polled(
        &mut self,
        deed: Deed,
        path: Vec<u8>,
        at: SystemTime,
        clock: Instant,
        file: Option<FileSeen>,
    ) {
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
