//! Who waits to be accepted.

use std::collections::HashSet;

use super::Examiner;
use crate::facts::holders;
use crate::facts::netns::Namespace;
use crate::facts::sockets;
use crate::model::{Case, Fact, SocketIno, Waiting};

impl Examiner<'_> {
    /// Asked of one listener at a time: in a dump thousands who wait would end the answer early (net/unix/diag.c).
    pub(super) fn who_waits<'c>(
        &mut self,
        cases: impl Iterator<Item = &'c mut Case>,
        namespaces: &[Namespace],
    ) {
        for sighting in
            cases.flat_map(|case| case.sockets.items.iter_mut()).filter(|sighting| sighting.has_clients())
        {
            sighting.waiting = match sockets::waiting(namespaces, &sighting.socket) {
                Ok(inodes) => Fact::Known(self.clients(&inodes)),
                Err(gap) => Fact::Unknown(gap),
            };
        }
    }

    fn clients(&mut self, inodes: &[u32]) -> Waiting {
        let waiting: HashSet<SocketIno> =
            inodes.iter().filter(|ino| **ino != 0).map(|ino| SocketIno(*ino)).collect();
        let held = holders::walk(self.machine, Some(&waiting));
        let mut answer = Waiting { gone: inodes.len() - waiting.len(), ..Waiting::default() };
        for ino in inodes.iter().filter(|ino| **ino != 0) {
            match self.holders_of(&held, SocketIno(*ino)).into_iter().next() {
                Some(holder) => answer.clients.push(holder),
                None => answer.hidden += 1,
            }
        }
        answer
    }
}
