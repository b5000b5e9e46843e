//! Two streams of one happening: inotify tells the order, fanotify tells who. Pure.
//!
//! Both are told in one call of the kernel, so what belongs together arrives together. A record of fanotify may stand
//! for several events of one process, as long as nobody has read it: which of two processes, whose records were read
//! together, did what first is then likely at best.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::fanotify::ATTRIB;
use crate::model::{Certainty, Doer};

/// Records older than this belong to nothing that is still to come.
const KEPT: Duration = Duration::from_millis(200);
/// How many records wait at most.
const WAITING: usize = 4096;

/// Who did something to a name.
#[derive(Debug)]
pub(super) struct Record {
    /// Which directory.
    pub(super) directory: usize,
    /// The name in it.
    pub(super) name: Vec<u8>,
    /// What was done, as a set.
    pub(super) mask: u64,
    /// Who did it.
    pub(super) doer: Doer,
    /// When it was read.
    pub(super) at: Instant,
    /// Records that were read together have one number: they may have grown side by side.
    pub(super) batch: u64,
}

/// The records that wait for their events.
#[derive(Debug, Default)]
pub(super) struct Join {
    /// With what of each was not claimed yet.
    records: VecDeque<(Record, u64)>,
}

impl Join {
    pub(super) fn add(&mut self, record: Record) {
        if self.records.len() >= WAITING {
            self.records.pop_front();
        }
        let left = record.mask;
        self.records.push_back((record, left));
    }

    /// Nothing that was told so far is complete.
    pub(super) fn forget(&mut self) {
        self.records.clear();
    }

    /// Drops what nothing can belong to any more.
    pub(super) fn expire(&mut self, now: Instant) {
        self.records.retain(|(record, _)| now.duration_since(record.at) < KEPT);
    }

    /// Who did this to a name; `last`: no more records of it are waited for. `None`: not told yet.
    pub(super) fn claim(&mut self, directory: usize, name: &[u8], bit: u64, last: bool) -> Option<Doer> {
        let same =
            |record: &Record| record.directory == directory && record.name == name && record.mask & bit != 0;
        let those = || self.records.iter().enumerate().filter(|(_, (record, _))| same(record));
        let unclaimed = those().find(|(_, (_, left))| left & bit != 0).map(|(number, _)| number);
        // One record may stand for many events of its process.
        let number = unclaimed.or_else(|| those().next_back().filter(|_| last).map(|(number, _)| number))?;
        let (pid, batch) = (self.records[number].0.doer.actor.pid, self.records[number].0.batch);
        let mut beside = those().map(|(_, (record, _))| record).filter(|record| record.batch == batch);
        let one_process = beside.clone().all(|record| record.doer.actor.pid == pid);
        let in_order =
            unclaimed.is_some() && bit != ATTRIB && beside.all(|record| record.mask.is_power_of_two());
        let (record, left) = &mut self.records[number];
        *left &= !bit;
        let mut doer = record.doer.clone();
        if !one_process && !in_order {
            doer.certainty = Certainty::Likely;
        }
        Some(doer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fanotify::{CREATE, DELETE};
    use super::*;
    use crate::model::Actor;

    fn told(join: &mut Join, mask: u64, pid: u32) {
        told_in(join, 0, mask, pid);
    }

    fn told_in(join: &mut Join, batch: u64, mask: u64, pid: u32) {
        let actor = Actor {
            pid,
            parent: None,
            command: Some(b"x".to_vec()),
            executable: None,
            arguments: None,
            user: None,
            unit: None,
            container: None,
        };
        let doer = Doer { actor: Arc::new(actor), certainty: Certainty::Certain };
        join.add(Record { directory: 0, name: b"s".to_vec(), mask, doer, at: Instant::now(), batch });
    }

    fn claim(join: &mut Join, bit: u64, last: bool) -> Option<(u32, Certainty)> {
        join.claim(0, b"s", bit, last).map(|doer| (doer.actor.pid, doer.certainty))
    }

    #[test]
    fn each_event_gets_the_process_that_did_it() {
        let mut join = Join::default();
        for (mask, pid) in [(CREATE, 1), (DELETE, 2), (CREATE, 3), (DELETE, 4)] {
            told(&mut join, mask, pid);
        }
        let claims: Vec<_> =
            [CREATE, DELETE, CREATE, DELETE].map(|bit| claim(&mut join, bit, false)).into_iter().collect();
        assert_eq!(claims, [1, 2, 3, 4].map(|pid| Some((pid, Certainty::Certain))));
        assert_eq!(claim(&mut join, DELETE, false), None, "what is not told yet is waited for");
        assert_eq!(join.claim(0, b"other", DELETE, true), None);
    }

    #[test]
    fn a_record_that_stands_for_many_serves_them_all() {
        let mut join = Join::default();
        told(&mut join, CREATE | DELETE, 1);
        assert_eq!(claim(&mut join, DELETE, false), Some((1, Certainty::Certain)));
        assert_eq!(claim(&mut join, DELETE, false), None);
        assert_eq!(claim(&mut join, DELETE, true), Some((1, Certainty::Certain)));
    }

    #[test]
    fn two_processes_in_one_instant_are_only_likely() {
        let mut join = Join::default();
        told(&mut join, CREATE | DELETE, 1);
        told(&mut join, CREATE | DELETE, 2);
        assert_eq!(claim(&mut join, DELETE, false), Some((1, Certainty::Likely)));
        let mut join = Join::default();
        told(&mut join, ATTRIB, 1);
        told(&mut join, ATTRIB, 2);
        assert_eq!(claim(&mut join, ATTRIB, false), Some((1, Certainty::Likely)), "inotify merges these");
    }

    #[test]
    fn what_was_read_before_the_other_happened_is_certain() {
        let mut join = Join::default();
        told_in(&mut join, 1, CREATE | DELETE, 1);
        assert_eq!(claim(&mut join, DELETE, false), Some((1, Certainty::Certain)));
        told_in(&mut join, 2, DELETE, 2);
        assert_eq!(claim(&mut join, DELETE, false), Some((2, Certainty::Certain)));
    }

    #[test]
    fn what_is_old_belongs_to_nothing() {
        let mut join = Join::default();
        told(&mut join, DELETE, 1);
        join.expire(Instant::now() + KEPT);
        assert_eq!(claim(&mut join, DELETE, true), None);
    }
}
