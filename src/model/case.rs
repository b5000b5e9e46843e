//! One socket under examination: everything the rules may argue from, and nothing else.

use nix::errno::Errno;

use super::{
    Address, AgedLine, Certainty, Fact, File, FileState, Gap, Holder, Liveness, Names, NoVerdict, Probed,
    Role, Seen, Socket, SocketState, SocketType, Subject, SubjectKind, Target, Walk,
};

/// How a socket relates to the path under examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relation {
    /// It was bound under the very name that was asked for (or one that resolves to the same place).
    pub names_path: bool,
    /// A connect to the target reaches it: its file is the file at the path, or its abstract name is the one
    /// asked for in our network namespace.
    pub serves: bool,
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
    /// Its file is on another filesystem than the one at its name in our view: it was bound in another mount
    /// namespace.
    pub foreign_device: bool,
    /// The name of its network namespace, where it has one and is not ours.
    pub netns_label: Option<String>,
    /// Who waits to be accepted, asked only of a listener whose queue is full.
    pub waiting: Fact<Waiting>,
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

impl Sighting {
    /// What became of its file, by the facts; `Unknown` where its holder's view could not be seen.
    pub fn role(&self) -> Result<Option<Role>, NoVerdict> {
        if self.relation.serves {
            let serves = self.socket.owns_name() && self.socket.address != Address::Unnamed;
            return Ok(serves.then_some(Role::ServesPath));
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

    /// A stream or seqpacket socket that accepts connections, or a datagram socket with a name.
    pub fn is_alive(&self) -> bool {
        match self.socket.kind {
            SocketType::Dgram => self.socket.owns_name(),
            SocketType::Stream | SocketType::Seqpacket => self.socket.state == SocketState::Listening,
        }
    }
}

/// A path inside a sentence: its own characters where it has any, else its bytes.
fn printable(path: &[u8]) -> String {
    std::str::from_utf8(path).map_or_else(|_| path.escape_ascii().to_string(), str::to_owned)
}

/// `errno(3)` values that mean "no such name".
const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const EACCES: i32 = 13;
const EPERM: i32 = 1;
const ENAMETOOLONG: i32 = 36;
const ELOOP: i32 = 40;

/// One target with all its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What was asked for.
    pub target: Target,
    /// The target's absolute path before symlinks are resolved; empty when it is not a path.
    pub path: Vec<u8>,
    /// Somebody means this very path; else it was only taken from the kernel's own name of a socket.
    pub asked_for: bool,
    /// The path, walked in the client's root. `NotAsked`: not a path.
    pub walk: Fact<Walk>,
    /// The passive test of the socket file.
    pub liveness: Fact<Liveness>,
    /// Kernel sockets that have to do with the target; the gaps are network namespaces not seen.
    pub sockets: Seen<Vec<Sighting>>,
    /// Why holders may be missing: processes that could not be read.
    pub hidden_holders: Vec<Gap>,
    /// Live socket names that are nearly the path, nearest first; looked for only when nothing is there.
    pub nearest: Vec<Vec<u8>>,
    /// The socket type its client speaks, where the target's spelling tells.
    pub expects: Option<SocketType>,
    /// The line of tmpfiles.d(5) that has the file removed when it is old; asked for paths only.
    pub aged: Fact<Option<AgedLine>>,
    /// The sockets and the file kept changing while they were looked at.
    pub unsettled: Option<Gap>,
    /// What its server said; `NotAsked` where nobody talked to it.
    pub probe: Fact<Box<Probed>>,
}

impl Case {
    /// A target of which nothing is known yet.
    pub fn new(target: Target, path: Vec<u8>) -> Self {
        Self {
            target,
            path,
            asked_for: false,
            walk: Fact::NotAsked,
            liveness: Fact::NotAsked,
            sockets: Seen::default(),
            hidden_holders: Vec::new(),
            nearest: Vec::new(),
            expects: None,
            aged: Fact::NotAsked,
            unsettled: None,
            probe: Fact::NotAsked,
        }
    }

    /// What findings about this case are about.
    pub fn subject(&self) -> Subject {
        let kind = match (&self.target, self.file()) {
            (Target::Path(_), Ok(Some(file))) if file.kind == super::FileKind::Directory => {
                SubjectKind::Directory
            }
            (Target::Path(_), _) => SubjectKind::Path,
            (Target::Abstract(_), _) => SubjectKind::Abstract,
            (Target::Inode(_), _) => SubjectKind::Inode,
            (Target::Tcp(_), _) => SubjectKind::Tcp,
        };
        let name = match &self.target {
            Target::Path(_) => self.path.clone(),
            Target::Abstract(name) => name.clone(),
            Target::Inode(ino) => ino.to_string().into_bytes(),
            Target::Tcp(address) => address.clone().into_bytes(),
        };
        Subject { kind, name }
    }

    /// The file at the end of the path; `None` when the kernel says there is none. Any other errno is Unknown, our
    /// own EACCES and a lack of descriptors among them.
    pub fn file(&self) -> Result<Option<&File>, NoVerdict> {
        let walk = self.walk.get()?;
        match &walk.reached {
            super::Reached::File(file) => Ok(Some(file)),
            super::Reached::Stopped { errno: ENOENT | ENOTDIR | ELOOP | ENAMETOOLONG, .. } => Ok(None),
            super::Reached::Stopped { errno, at, .. } => {
                let gap = Gap::new(format!("lstat {}", printable(at)), Errno::from_raw(*errno).desc());
                let denied = matches!(*errno, EACCES | EPERM);
                Err(NoVerdict::Unknown(if denied { gap.helped_by(Gap::AS_ROOT) } else { gap }))
            }
        }
    }

    /// For rules that find nothing where nothing serves the path: `Unknown` where the path could not be looked at.
    pub fn seen(&self) -> Result<(), NoVerdict> {
        match self.file() {
            Err(NoVerdict::Unknown(gap)) => Err(NoVerdict::Unknown(gap)),
            Ok(_) | Err(NoVerdict::NotApplicable) => Ok(()),
        }
    }

    /// For rules that state how things are: `Unknown` while the picture kept changing.
    pub fn settled(&self) -> Result<(), NoVerdict> {
        self.unsettled.as_ref().map_or(Ok(()), |gap| Err(NoVerdict::Unknown(gap.clone())))
    }

    /// For rules that say nobody has a name: how sure that is, `Unknown` where names stayed hidden.
    pub fn nobody_else(&self) -> Result<Certainty, NoVerdict> {
        if let Some(gap) = self.sockets.gaps.iter().find(|gap| gap.names == Names::Hidden) {
            return Err(NoVerdict::Unknown(gap.clone()));
        }
        let beyond = self.sockets.gaps.iter().any(|gap| gap.names == Names::BeyondSight);
        Ok(if beyond { Certainty::Likely } else { Certainty::Certain })
    }

    /// The sockets bound to the very file at the path.
    pub fn serving(&self) -> impl Iterator<Item = &Sighting> {
        self.sockets.items.iter().filter(|sighting| sighting.relation.serves && sighting.socket.owns_name())
    }

    /// The one socket that serves the path, listeners first.
    pub fn server(&self) -> Option<&Sighting> {
        self.serving().max_by_key(|sighting| sighting.is_alive())
    }

    /// Sockets that own the target's name and are not bound to its file.
    pub fn orphans(&self) -> impl Iterator<Item = &Sighting> {
        self.sockets.items.iter().filter(|sighting| sighting.is_orphan())
    }

    /// The file in one word, for output. `None`: not a path, or not looked at.
    pub fn file_state(&self) -> Option<FileState> {
        let file = match self.file() {
            Ok(file) => file,
            Err(NoVerdict::Unknown(_)) => return Some(FileState::Unreadable),
            Err(NoVerdict::NotApplicable) => return None,
        };
        let orphan_role = |role: Role| self.orphans().any(|orphan| orphan.role() == Ok(Some(role)));
        Some(match file {
            None if self.orphans().any(|orphan| orphan.renamed_to().is_some()) => FileState::Renamed,
            None if orphan_role(Role::OtherView) => FileState::OtherView,
            None => FileState::Missing,
            Some(file) if file.kind != super::FileKind::Socket => FileState::NotASocket,
            Some(_) if self.serving().next().is_some() => FileState::Socket,
            Some(_) if orphan_role(Role::Replaced) => FileState::Replaced,
            Some(_) => FileState::Socket,
        })
    }
}

#[cfg(test)]
impl Case {
    /// A healthy case for tests: one listener, its file, one holder, everything seen.
    pub(crate) fn sample() -> Self {
        let path = b"/tmp/x.sock".to_vec();
        let file = File::sample();
        Self {
            asked_for: true,
            walk: Fact::Known(Walk { steps: vec![], reached: super::Reached::File(Box::new(file)) }),
            sockets: Seen { items: vec![Sighting::sample()], gaps: vec![] },
            ..Self::new(Target::Path(path.clone()), path)
        }
    }

    /// The same with nothing at the path.
    pub(crate) fn sample_missing() -> Self {
        let mut case = Self::sample();
        case.walk = Fact::Known(Walk::sample_missing());
        case.sockets.items[0].relation = Relation { names_path: true, serves: false };
        case.sockets.items[0].view = Fact::Known(View::sample_missing());
        case
    }

    /// The sample with no socket at all: a file nobody is bound to.
    pub(crate) fn sample_stale() -> Self {
        let mut case = Self::sample();
        case.sockets.items.clear();
        case.liveness = Fact::Known(Liveness::Refused { tries: 3 });
        case
    }

    /// The file of the sample, to be changed.
    pub(crate) fn file_mut(&mut self) -> &mut File {
        match &mut self.walk {
            Fact::Known(Walk { reached: super::Reached::File(file), .. }) => file,
            _ => panic!("the sample has a file"),
        }
    }
}

#[cfg(test)]
impl Sighting {
    pub(crate) fn sample() -> Self {
        Self {
            socket: Socket::sample("/tmp/x.sock"),
            relation: Relation { names_path: true, serves: true },
            holders: Fact::Known(vec![Holder::sample(4242)]),
            view: Fact::NotAsked,
            second_look: Fact::NotAsked,
            foreign_device: false,
            netns_label: None,
            waiting: Fact::NotAsked,
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

    #[test]
    fn our_own_eacces_is_not_a_missing_file() {
        let mut case = Case::sample();
        let reached =
            super::super::Reached::Stopped { at: b"/root".to_vec(), rest: b"x".to_vec(), errno: EACCES };
        case.walk = Fact::Known(Walk { steps: vec![], reached });
        assert!(matches!(case.file(), Err(NoVerdict::Unknown(_))));
        assert_eq!(case.file_state(), Some(FileState::Unreadable));
    }
}
