//! What was read of processes for one picture, and is not read again for it: one process may hold all the sockets.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Examiner, Root};
use crate::facts::holders::Holders;
use crate::facts::machine::Machine;
use crate::facts::pinned::Pinned;
use crate::facts::{credentials, process};
use crate::model::{Credentials, Gap, Holder, Process, SocketIno};

/// Processes by their pids.
#[derive(Debug, Default)]
pub(super) struct Once {
    processes: HashMap<u32, Arc<Process>>,
    /// The last one that was asked: more would be as many descriptors.
    pinned: Option<Pinned>,
    views: RefCell<HashMap<u32, bool>>,
    credentials: RefCell<HashMap<u32, Result<Credentials, Gap>>>,
}

impl Once {
    fn holds(&mut self, machine: &Machine, process: &Process, fd: u32, ino: SocketIno) -> bool {
        if !self.pinned.as_ref().is_some_and(|pinned| pinned.is_of(process)) {
            self.pinned = Pinned::of(machine, process);
        }
        self.pinned.as_ref().is_some_and(|pinned| pinned.holds(fd, ino))
    }
}

impl Examiner<'_> {
    /// Holders of one socket with their processes, the longest-lived first.
    pub fn holders_of(&mut self, holders: &Holders, ino: SocketIno) -> Vec<Holder> {
        let each = holders.of(ino).iter();
        let mut found: Vec<Holder> = each.filter_map(|held| self.holder(held.pid, held.fd, ino)).collect();
        found.sort_by_key(|holder| (holder.process.start_ticks, holder.process.pid));
        found
    }

    /// A holder that still is one.
    fn holder(&mut self, pid: u32, fd: u32, ino: SocketIno) -> Option<Holder> {
        let (machine, once) = (self.machine, &mut self.once);
        if let Some(process) = once.processes.get(&pid).cloned()
            && once.holds(machine, &process, fd, ino)
        {
            return Some(Holder { process, fd });
        }
        let process = Arc::new(process::read(machine, &mut self.users, pid)?);
        once.processes.insert(pid, Arc::clone(&process));
        once.holds(machine, &process, fd, ino).then_some(Holder { process, fd })
    }

    /// Whether names mean the same to a process as to the client.
    pub(super) fn shares_view(&self, pid: u32) -> bool {
        let client = match self.client {
            Root::Ours => None,
            Root::Process(client) => Some(client),
        };
        let same = || process::same_view(self.machine, pid, client) == Some(true);
        *self.once.views.borrow_mut().entry(pid).or_insert_with(same)
    }

    pub(super) fn credentials_of(&self, pid: u32) -> Result<Credentials, Gap> {
        let read = || credentials::of_process(self.machine, pid);
        self.once.credentials.borrow_mut().entry(pid).or_insert_with(read).clone()
    }
}
