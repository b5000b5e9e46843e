//! One name that is watched: what stands there, who bound it, who listens, and what became of those before.

use std::sync::Arc;
use std::time::Instant;

use crate::facts::listener::Bound;
use crate::model::{Actor, Doer, FileSeen, Victim};

/// How many processes of earlier sockets are remembered for each name.
const EARLIER: usize = 64;

/// A socket that is bound to the name, or was.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) bound: Bound,
    /// Who holds it: the one that stands for it first.
    pub(super) holders: Vec<Arc<Actor>>,
    pub(super) listens: bool,
}

/// A socket whose name is gone, while it may listen on.
#[derive(Debug)]
pub(super) struct Lost {
    /// Which of the removals.
    pub(super) removal: Option<usize>,
    pub(super) live: Option<Live>,
    /// The number of its file, where that was seen.
    pub(super) number: Option<u64>,
    pub(super) at: Instant,
    pub(super) judged: bool,
    /// How often a look at it settled nothing.
    pub(super) unsettled: u8,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Subject {
    /// Which of the arguments it belongs to.
    pub(super) target: usize,
    /// As it was given, absolute; of a name in a directory that was given, that name there.
    pub(super) path: Vec<u8>,
    /// The same with links resolved, where its directory is there.
    pub(super) place: Option<Vec<u8>>,
    /// What stands there, as far as it was told.
    pub(super) file: Option<FileSeen>,
    /// It was made, whether or not it could be looked at.
    pub(super) made: bool,
    pub(super) binder: Option<Doer>,
    pub(super) bound_at: Option<Instant>,
    pub(super) from_before: bool,
    pub(super) live: Option<Live>,
    /// Processes of the sockets that had the name before, and whether there were several of one socket.
    pub(super) earlier: Vec<(Arc<Actor>, bool)>,
    pub(super) lost: Vec<Lost>,
    /// Somebody served it at some time.
    pub(super) was_served: bool,
    /// When it is to be looked at next, where a look is costly.
    pub(super) due: Option<Instant>,
    /// Its directory tells what happens in it.
    pub(super) is_told: bool,
    /// Since when another file stands there than was told, and its number.
    pub(super) differs: Option<(Instant, Option<u64>)>,
    /// The number of the file whose socket was looked for last, and when.
    pub(super) searched: Option<(u64, Instant)>,
}

impl Subject {
    pub(super) const fn new(target: usize, path: Vec<u8>) -> Self {
        Self {
            target,
            path,
            place: None,
            file: None,
            made: false,
            binder: None,
            bound_at: None,
            from_before: false,
            live: None,
            earlier: Vec::new(),
            lost: Vec::new(),
            was_served: false,
            due: None,
            is_told: false,
            differs: None,
            searched: None,
        }
    }

    /// How it is called in every output.
    pub(super) fn name(&self) -> &[u8] {
        self.place.as_deref().unwrap_or(&self.path)
    }

    /// Somebody serves it: the file is there, and its socket listens.
    pub(super) fn is_served(&self) -> bool {
        self.file.is_some() && self.live.as_ref().is_some_and(|live| live.listens)
    }

    /// Whose socket it is now.
    pub(super) fn victim(&self, now: Instant) -> Victim {
        Victim {
            binder: self.binder.clone(),
            holders: self.live.iter().flat_map(|live| live.holders.iter().cloned()).collect(),
            age: self.bound_at.map(|at| now.saturating_duration_since(at)),
            from_before: self.from_before,
            served: self.live.as_ref().is_some_and(|live| live.listens),
        }
    }

    /// Whether somebody had an earlier socket under the name; `Some(true)`: with several processes.
    pub(super) fn had_it_before(&self, actor: &Actor) -> Option<bool> {
        let kin = self.earlier.iter().filter(|(earlier, _)| earlier.is_kin_of(actor));
        kin.map(|(_, several)| *several).reduce(|one, other| one || other)
    }

    /// Its socket is gone from the name: the next one starts from nothing.
    pub(super) fn part(&mut self, victim: &Victim) -> Option<Live> {
        let binder = victim.binder.iter().map(|doer| &doer.actor);
        let several = victim.holders.len() > 1;
        self.earlier.extend(binder.chain(&victim.holders).map(|actor| (Arc::clone(actor), several)));
        let surplus = self.earlier.len().saturating_sub(EARLIER);
        self.earlier.drain(..surplus);
        (self.file, self.made, self.binder, self.bound_at) = (None, false, None, None);
        self.from_before = false;
        self.live.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Certainty;

    fn actor(pid: u32, parent: u32) -> Arc<Actor> {
        Arc::new(Actor {
            pid,
            parent: Some(parent),
            command: Some(b"server".to_vec()),
            executable: None,
            arguments: None,
            user: None,
            unit: None,
            container: None,
        })
    }

    #[test]
    fn who_had_the_name_before_is_known_by_itself_and_by_its_kin() {
        let mut subject = Subject::new(0, b"/run/x".to_vec());
        subject.binder = Some(Doer { actor: actor(10, 1), certainty: Certainty::Certain });
        let mut victim = subject.victim(Instant::now());
        victim.holders = vec![actor(10, 1), actor(11, 10)];
        subject.part(&victim);
        assert!(subject.binder.is_none() && subject.file.is_none());
        assert_eq!(subject.had_it_before(&actor(10, 1)), Some(true));
        assert_eq!(subject.had_it_before(&actor(12, 10)), Some(true), "another worker");
        assert_eq!(subject.had_it_before(&actor(20, 1)), None, "a stranger, whoever its parent is");
    }
}
