//! The waiting itself: look, sleep until something happens or it is time, look again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::candidate::{Candidate, Standing};
use super::progress::Progress;
use super::question::{self, Question};
use crate::facts::glance::Glancer;
use crate::facts::helper;
use crate::facts::watch_path::{Wake, Watch};
use crate::model::{Ending, Goal, Mount, Probed, Reach, Target};
use crate::probe::connectable;

/// How long one look at a mount that may hang is given: the other targets wait meanwhile.
const HELPER: Duration = Duration::from_secs(1);
/// What a last look is given where it takes more than a system call, so that it is not cut off before it began.
const LAST: Duration = Duration::from_millis(250);
/// How often a path is looked at in a row while directories come up on the way to it.
const FOLLOWS: usize = 8;

/// Which file a look was at.
type Place = (Option<u64>, u64);

/// Everything that is waited for, and when the waiting ends.
pub(super) struct Vigil<'m> {
    pub(super) candidates: Vec<Candidate>,
    /// For each, the file at which a real connect got through: while it is bound it need not be asked again.
    proven: Vec<Option<Place>>,
    glancer: Glancer<'m>,
    watch: Watch,
    progress: Progress,
    any: bool,
    end: Instant,
    /// What is asked of servers that are bound.
    asking: Option<Asking>,
    /// What each said last.
    pub(super) said: Vec<Option<Probed>>,
}

/// A question, and the path of each target's own URL.
pub(super) struct Asking {
    pub(super) question: Question,
    pub(super) urls: Vec<Option<String>>,
}

impl<'m> Vigil<'m> {
    pub(super) fn new(
        candidates: Vec<Candidate>,
        glancer: Glancer<'m>,
        watch: Watch,
        progress: Progress,
        any: bool,
        end: Instant,
        asking: Option<Asking>,
    ) -> Self {
        let (proven, said) = (vec![None; candidates.len()], vec![None; candidates.len()]);
        Self { candidates, proven, glancer, watch, progress, any, end, asking, said }
    }

    /// Looks once.
    pub(super) fn once(&mut self) -> Ending {
        self.look(|_| true);
        self.decided(Instant::now()).filter(|ending| *ending == Ending::Ready).unwrap_or(Ending::Once)
    }

    /// Looks until it is decided.
    pub(super) fn wait(&mut self, producer: Option<u32>) -> Ending {
        let ending = loop {
            // Asked before the look: what the process did last is seen by it.
            let orphaned = producer.filter(|_| self.watch.ended());
            let late = Instant::now() >= self.end;
            let all = late || orphaned.is_some();
            self.look(|candidate| all || candidate.due <= Instant::now());
            let now = Instant::now();
            if let Some(ending) = self.decided(now) {
                break ending;
            }
            if let Some(pid) = orphaned {
                break Ending::ProducerGone(pid);
            }
            if late {
                break Ending::TimedOut;
            }
            if let Some(signal) = self.sleep(now) {
                break Ending::Interrupted(signal);
            }
        };
        self.progress.clear();
        ending
    }

    fn look(&mut self, wanted: impl Fn(&Candidate) -> bool) {
        for number in 0..self.candidates.len() {
            let candidate = &self.candidates[number];
            if candidate.standing(Instant::now()) == Standing::Ready || !wanted(candidate) {
                continue;
            }
            let (reach, costly) = self.look_at(number);
            let now = Instant::now();
            let candidate = &mut self.candidates[number];
            if candidate.note(reach, costly, now) {
                self.progress.changed(candidate, now);
            }
            if candidate.seems_stale(now) {
                self.progress.say(candidate, "file exists, nobody listens: stale?");
            }
            if self.any && candidate.standing(now) == Standing::Ready {
                return;
            }
        }
    }

    /// Until something may have changed, or there is a signal to end.
    fn sleep(&mut self, now: Instant) -> Option<i32> {
        if self.progress.next().is_none_or(|next| next <= now) {
            self.progress.draw(&self.candidates, now);
        }
        let waiting = self.candidates.iter().filter(|candidate| candidate.standing(now) == Standing::Open);
        let due = waiting.map(|candidate| candidate.due).chain(self.progress.next()).chain([self.end]);
        let until = due.min().unwrap_or(self.end);
        match self.watch.sleep(until) {
            Wake::Interrupted(signal) => return Some(signal as i32),
            Wake::Time | Wake::Ended => {}
            wake @ (Wake::Name | Wake::Mounts) => {
                if wake == Wake::Mounts {
                    self.glancer.forget_mounts();
                }
                let now = Instant::now();
                self.candidates.iter_mut().for_each(|candidate| candidate.wake(now));
            }
        }
        None
    }

    fn decided(&self, now: Instant) -> Option<Ending> {
        let standing = |wanted| move |candidate: &Candidate| candidate.standing(now) == wanted;
        let mut candidates = self.candidates.iter();
        if self.any {
            if candidates.any(standing(Standing::Ready)) {
                return Some(Ending::Ready);
            }
            return self.candidates.iter().all(standing(Standing::Never)).then_some(Ending::Never);
        }
        if candidates.any(standing(Standing::Never)) {
            return Some(Ending::Never);
        }
        self.candidates.iter().all(standing(Standing::Ready)).then_some(Ending::Ready)
    }

    /// The state of one target, and whether to see it was costly.
    fn look_at(&mut self, number: usize) -> (Reach, bool) {
        let http = self.candidates[number].goal == Goal::Http;
        match &self.candidates[number].target {
            Target::Abstract(_) | Target::Tcp(_) if http => (self.ask(number), true),
            Target::Abstract(name) => (connectable::abstract_name(name), false),
            Target::Tcp(address) => (connectable::tcp(address, self.deadline()), true),
            Target::Path(path) => self.look_at_path(number, &path.clone()),
            Target::Inode(_) => (Reach::Unseen, true),
        }
    }

    fn look_at_path(&mut self, number: usize, path: &[u8]) -> (Reach, bool) {
        let goal = self.candidates[number].goal;
        if matches!(goal, Goal::Connect | Goal::Http) && !connectable::fits(path) {
            return (Reach::TooLong, false);
        }
        let deadline = self.deadline().min(Instant::now() + HELPER);
        let passive = goal != Goal::Exists;
        let mut glance = self.glancer.at(path, passive, deadline);
        // Armed before the look that counts: what happens in between wakes.
        for _ in 0..FOLLOWS {
            let edge = glance.edge.as_ref().map(|(directory, name)| (directory.as_slice(), name.as_slice()));
            if !self.watch.follow(number, edge) {
                break;
            }
            glance = self.glancer.at(path, passive, deadline);
        }
        let costly = glance.hazard.is_some();
        let reach = match (goal, glance.reach) {
            (Goal::Exists, Reach::Bound) => Reach::Open,
            (Goal::Http, Reach::Bound) => return (self.ask(number), true),
            (Goal::Connect, Reach::Bound) => {
                let candidate = &self.candidates[number];
                let proven = self.proven[number].is_some() && self.proven[number] == glance.place;
                if proven && !candidate.decides(Instant::now()) {
                    Reach::Open
                } else {
                    let reach = self.connect(path, glance.hazard.as_ref(), deadline);
                    self.proven[number] = glance.place.filter(|_| reach == Reach::Open);
                    reach
                }
            }
            (_, reach) => reach,
        };
        (reach, costly)
    }

    /// Asks a server, and takes its word.
    fn ask(&mut self, number: usize) -> Reach {
        let Some(asking) = &self.asking else { return Reach::Unseen };
        let probed =
            asking.question.ask(&self.candidates[number].target, asking.urls[number].as_deref(), self.end);
        let reach = question::reach(&probed);
        self.said[number] = Some(probed);
        reach
    }

    fn deadline(&self) -> Instant {
        self.end.max(Instant::now() + LAST)
    }

    fn connect(&self, path: &[u8], hazard: Option<&Arc<Mount>>, deadline: Instant) -> Reach {
        let Some(mount) = hazard else { return connectable::path(path) };
        helper::connect(&self.glancer.absolute(path), mount, deadline).unwrap_or(Reach::Unseen)
    }
}
