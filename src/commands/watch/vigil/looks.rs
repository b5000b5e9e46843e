//! What is looked at every 100 ms: which file stands there, who is bound to it, and whether that one listens.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::subject::Live;
use super::{SEARCH, Vigil, inodes};
use crate::facts::glance::Glance;
use crate::facts::listener::{self, Sought};
use crate::facts::walk::join;
use crate::model::{Actor, Certainty, Deed, Doer, FileKind, FileSeen, How, Reach};

/// How often where a look is costly.
const COSTLY: Duration = Duration::from_secs(1);
/// A difference that lasts so long is not told any more.
const UNTOLD: Duration = Duration::from_millis(250);
/// How often a socket is looked for that is bound to a file that stood there without one.
const SELDOM: Duration = Duration::from_secs(1);
/// How many holders of a socket are read.
const HOLDERS: usize = 32;

impl Vigil<'_> {
    pub(super) fn look_at(&mut self, number: usize) {
        let now = Instant::now();
        if self.subjects[number].due.is_some_and(|due| now < due) {
            return;
        }
        let path = self.subjects[number].path.clone();
        let glance = self.glance(&path);
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
        self.tell_polled(Deed::There, path, at, clock, Some(file));
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
        let known = |ino: u64| subject.file.as_ref().is_some_and(|file| file.ino == ino);
        let Some(file) = file.filter(|file| known(file.ino)) else { return };
        // A dump of all sockets is not for every look at a file that nobody has had for long.
        let young = subject.bound_at.is_some_and(|at| at.elapsed() < SEARCH);
        let seldom = subject.searched.is_some_and(|(ino, at)| ino == file.ino && at.elapsed() < SELDOM);
        if !young && seldom {
            return;
        }
        subject.searched = Some((file.ino, Instant::now()));
        let but = inodes(subject);
        let bound = file.id().and_then(|id| listener::find(machine, Sought::File(id), &but)).or_else(|| {
            // A layer shows another number than the kernel has.
            listener::find(machine, Sought::Name(&subject.path, None), &but)
        });
        let Some(bound) = bound else { return };
        subject.live = Some(Live { bound, holders: Vec::new(), listens: false });
        self.settle_live(number);
        if self.subjects[number].live.as_ref().is_some_and(|live| live.listens) {
            self.tell_listening(number);
        }
    }

    /// Whether a socket that was just found listens, and who holds it.
    pub(super) fn settle_live(&mut self, number: usize) {
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
    pub(super) fn holders(&mut self, pids: &[u32]) -> Vec<Arc<Actor>> {
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
}
