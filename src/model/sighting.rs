//! A kernel socket that has to do with a target, and what stands at its own name where its holder looks.

use super::{Address, Certainty, Fact, Gap, Holder, NoVerdict, Role, Socket, SocketState, SocketType, Walk};

/// `errno(3)` values that mean "no such name".
const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;

/// How a socket relates to the path under examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relation {
    /// It was bound under the very name that was asked for (or one that resolves to the same place).
    pub names_path: bool,
    /// A connect to the target reaches it: its file is the file at the path, or its abstract name is the one
    /// asked for in the client's network namespace.
    pub serves: bool,
    /// Its file has the number and the name of the file at the path, on another filesystem: how sure it is that they
    /// are one file that a layer or a FUSE shows as two. Filesystems that only their own numbers count in have twins
    /// by chance.
    pub twin: Option<Certainty>,
}

/// What stands at a socket's own name in the mount view of a process that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Whose view it is.
    pub pid: u32,
    /// Whether that is the same mount namespace and root as ours.
    pub ours: bool,
    /// The absolute name that was resolved there; a relative one was taken from the holder's directory.
    pub path: Vec<u8>,
    /// The name, walked in that view.
    pub walk: Walk,
    /// Names that stand for the socket's inode now, in the same directory or where the kernel says. `None`: the
    /// directory was not read.
    pub renamed_to: Option<Vec<Vec<u8>>>,
    /// Hard links of the bound file, from the kernel itself (`SIOCUNIXFILE`).
    pub links: Fact<u32>,
    /// The directory of the name is older than the process: it was not put in place of another since.
    pub old_directory: bool,
}

impl View {
    /// How sure it is that the bound file stands nowhere any more. `None`: it stands under another name, or
    /// somewhere.
    pub fn file_is_gone(&self) -> Option<Certainty> {
        match (&self.links, &self.renamed_to) {
            (Fact::Known(0), _) => Some(Certainty::Certain),
            (_, Some(names)) if !names.is_empty() => None,
            // It has a name somewhere, out of sight.
            (Fact::Known(_), _) => None,
            (_, Some(_)) if self.old_directory => Some(Certainty::Certain),
            _ => Some(Certainty::Likely),
        }
    }
}

/// One kernel socket that has to do with the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The socket.
    pub socket: Socket,
    /// What it is to the target.
    pub relation: Relation,
    /// Who holds it.
    pub holders: Fact<Vec<Holder>>,
    /// What stands at its own name where its holder looks. `NotAsked` for a socket that serves the path.
    pub view: Fact<View>,
    /// Its state on a second look 300 ms later, asked only of a bound stream socket that does not listen.
    /// `Known(None)`: it was gone.
    pub second_look: Fact<Option<SocketState>>,
    /// Its name leads the client to another directory than its holder, or than its file is in: it was bound in
    /// another mount namespace, and may be a stranger's.
    pub foreign: bool,
    /// The name of its network namespace, where it has one and is not ours.
    pub netns_label: Option<String>,
    /// Who waits to be accepted, asked only of a listener whose queue is not empty.
    pub waiting: Fact<Waiting>,
    /// Paths by which the client reaches its file, where its own name does not lead there.
    pub here: Vec<Vec<u8>>,
    /// The service that runs on it and that its .socket unit does not start beside: one that is not stopped with it.
    pub stop_first: Option<String>,
}

/// Connections that wait to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Clients that still wait, each by the process that holds its end.
    pub clients: Vec<Holder>,
    /// Clients that still wait, held by processes that are not visible.
    pub hidden: usize,
    /// Connections whose client has gone; each holds its place until it is accepted.
    pub gone: usize,
}

impl Waiting {
    /// One number a place, 0 for a client that has left; which client it is of is not told.
    pub fn places(&self) -> Vec<u32> {
        let stays = self.clients.len() + self.hidden;
        [vec![1; stays], vec![0; self.gone]].concat()
    }
}

impl Sighting {
    /// What became of its file, by the facts; `Unknown` where its holder's view could not be seen.
    pub fn role(&self) -> Result<Option<Role>, NoVerdict> {
        if self.relation.serves {
            let serves = self.socket.owns_name() && self.socket.address != Address::Unnamed;
            return Ok(serves.then_some(Role::ServesPath));
        }
        if self.relation.twin.is_some() {
            return Ok(Some(Role::OtherView));
        }
        if !self.relation.names_path || !self.socket.owns_name() || self.socket.address.path().is_none() {
            return Ok(None);
        }
        let view = self.view.get()?;
        Ok(match (view.walk.file(), self.socket.file) {
            (Some(file), Some(own)) if file.id() == Some(own) => Some(Role::OtherView),
            (Some(file), Some(_)) if file.id().is_some() => Some(Role::Replaced),
            (Some(_), _) => {
                let why = "the kernel did not say which file the socket is bound to";
                return Err(NoVerdict::Unknown(Gap::new("unix_diag", why)));
            }
            (None, _) if matches!(view.walk.errno(), Some(ENOENT | ENOTDIR)) => Some(Role::Unlinked),
            (None, _) => None,
        })
    }

    /// It owns the target's name and is not bound to its file.
    pub fn is_orphan(&self) -> bool {
        !self.relation.serves && self.relation.names_path && self.socket.owns_name()
    }

    /// Where its inode stands now, when it stands beside its old name.
    pub fn renamed_to(&self) -> Option<&[u8]> {
        // In another view the name means something else, perhaps the very file that was bound.
        let view = self.view.known().filter(|view| view.ours)?;
        let names = view.renamed_to.as_ref()?;
        names.first().map(Vec::as_slice)
    }

    /// Its queue takes nobody: it admits one more than its backlog (`unix_recvq_full`, net/unix/af_unix.c).
    pub fn is_full(&self) -> bool {
        let queue = self.socket.queue().filter(|_| self.socket.state == SocketState::Listening);
        queue.is_some_and(|queue| queue.waiting > queue.backlog)
    }

    /// Somebody waits to be accepted.
    pub fn has_clients(&self) -> bool {
        self.socket.queue().is_some_and(|queue| queue.waiting > 0)
    }

    /// Its file where its holder looks, when that is not the client's view, and whose view it is.
    pub fn seen_elsewhere(&self) -> Option<(&super::File, u32)> {
        let view = self.view.known().filter(|view| !view.ours)?;
        let file = view.walk.file().filter(|file| file.id().is_some() && file.id() == self.socket.file)?;
        Some((file, view.pid))
    }

    /// A stream or seqpacket socket that accepts connections, or a datagram socket with a name.
    pub fn is_alive(&self) -> bool {
        match self.socket.kind {
            SocketType::Dgram => self.socket.owns_name(),
            SocketType::Stream | SocketType::Seqpacket => self.socket.state == SocketState::Listening,
        }
    }
}

#[cfg(test)]
impl Sighting {
    pub(crate) fn sample() -> Self {
        Self {
            socket: Socket::sample("/tmp/x.sock"),
            relation: Relation { names_path: true, serves: true, twin: None },
            holders: Fact::Known(vec![Holder::sample(4242)]),
            view: Fact::NotAsked,
            second_look: Fact::NotAsked,
            foreign: false,
            netns_label: None,
            waiting: Fact::NotAsked,
            here: vec![],
            stop_first: None,
        }
    }
}

#[cfg(test)]
impl View {
    pub(crate) fn sample_missing() -> Self {
        Self {
            pid: 4242,
            ours: true,
            path: b"/tmp/x.sock".to_vec(),
            walk: Walk::sample_missing(),
            renamed_to: Some(vec![]),
            links: Fact::Known(0),
            old_directory: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Case, FileState};

    #[test]
    fn what_became_of_a_listeners_file_is_its_role() {
        let mut case = Case::sample();
        assert_eq!(case.sockets.items[0].role(), Ok(Some(Role::ServesPath)));
        case = Case::sample_missing();
        assert_eq!(case.sockets.items[0].role(), Ok(Some(Role::Unlinked)));
        assert_eq!(case.file_state(), Some(FileState::Missing));
        case.sockets.items[0].view = Fact::Unknown(Gap::new("/proc/1/root", "Permission denied"));
        assert!(case.sockets.items[0].role().is_err());
    }
}
