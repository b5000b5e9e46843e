//! What becomes of sockets that lost their name: some end a moment later, and some listen on where nobody gets to.

use std::time::Instant;

use super::super::subject::Live;
use super::{SEARCH, Vigil, face, inodes};
use crate::facts::listener::{self, Sought};
use crate::model::Deed;

impl Vigil<'_> {
    /// What became of sockets that lost their name.
    pub(super) fn follow_lost(&mut self, number: usize) {
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
                    if let Some(removal) = removal.and_then(|removal| self.timeline.removals.get_mut(removal))
                    {
                        removal.listens_on.get_or_insert(false);
                    }
                    over.push(index);
                }
                (false, true) => {
                    let pids = subject.lost[index].live.as_ref().map(|live| live.bound.holders(machine));
                    let holders = self.holders(&pids.unwrap_or_default());
                    if let Some(removal) = removal.and_then(|removal| self.timeline.removals.get_mut(removal))
                    {
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
}
