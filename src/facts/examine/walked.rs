//! The walks over all descriptors: who holds a socket, and which sockets are of namespaces that nothing else keeps.

use std::collections::HashSet;
use std::sync::Arc;

use super::Examiner;
use crate::facts::holders::{self, Holders};
use crate::facts::netns_keepers;
use crate::facts::sockets::{self, Ask};
use crate::model::SocketIno;

/// A walk, and the sockets it looked for; `None`: all of them.
#[derive(Debug)]
pub(super) struct Walked {
    asked: Option<HashSet<SocketIno>>,
    held: Arc<Holders>,
}

impl Walked {
    /// A socket that is younger than a walk was not met by it, so that of all tells nothing of those asked for now.
    fn answers(&self, wanted: &HashSet<SocketIno>) -> bool {
        self.asked.as_ref().map_or(wanted.is_empty(), |asked| wanted.is_subset(asked))
    }
}

impl Examiner<'_> {
    /// Who holds these sockets. A walk that already looked for all of them is good enough: what it found is
    /// checked when it is used. Where nobody is looked for yet, the same walk serves the search among all sockets.
    pub(in crate::facts) fn held(&mut self, wanted: HashSet<SocketIno>) -> Arc<Holders> {
        if let Some(walked) = self.walked.as_ref().filter(|walked| walked.answers(&wanted)) {
            return Arc::clone(&walked.held);
        }
        let asked = (!wanted.is_empty()).then_some(wanted);
        let held = Arc::new(holders::walk(self.machine, asked.as_ref()));
        self.remember(asked, &held);
        held
    }

    /// A walk that was made elsewhere, and the sockets it looked for: others it says nothing about.
    pub fn remember_walk(&mut self, asked: HashSet<SocketIno>, held: &Arc<Holders>) {
        self.remember(Some(asked), held);
    }

    fn remember(&mut self, asked: Option<HashSet<SocketIno>>, held: &Arc<Holders>) {
        self.kept.extend(held.namespaces.iter().map(|(id, keepers)| (*id, keepers.clone())));
        self.walked = Some(Walked { asked, held: Arc::clone(held) });
    }

    /// Looks among all sockets for namespaces that nothing else keeps, once: the next dump is of them too.
    pub(super) fn search_sockets(&mut self) {
        if std::mem::replace(&mut self.searched, true) || !self.machine.has_kernel() {
            return;
        }
        let held = match self.walked.as_ref().filter(|walked| walked.asked.is_none()) {
            Some(walked) => Arc::clone(&walked.held),
            None => Arc::new(holders::walk(self.machine, None)),
        };
        let dump = || sockets::all(self.machine, Ask { owners_only: false, memory: false }, &self.kept);
        let found = netns_keepers::of_sockets(self.machine, &held, dump);
        self.kept.extend(found.items);
        self.unasked = found.gaps.into_iter().next();
    }
}
