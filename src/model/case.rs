//! One socket under examination: everything the rules may argue from, and nothing else.

use std::sync::Arc;

use nix::errno::Errno;

use super::{
    Access, AgedLine, Certainty, Configured, Credentials, Fact, File, FileState, Gap, Health, IdName,
    Liveness, Names, NetnsId, NoVerdict, Preflight, Probed, Role, Seen, Sighting, SocketType, Subject,
    SubjectKind, Target, Trace, Unit, Walk,
};

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
    /// The process in whose root the path is meant; `None`: ours.
    pub client: Option<u32>,
    /// Somebody means this very path; else it was only taken from the kernel's own name of a socket.
    pub asked_for: bool,
    /// There is no kernel to ask: an image or a rescue mount, whose sockets and processes are no facts at all.
    pub files_only: bool,
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
    /// The .socket unit whose file names the target; asked for a path or abstract name that nothing alive serves.
    pub socket_unit: Fact<Option<Arc<Unit>>>,
    /// The directory of the path in the client's view; asked where a listener has the path elsewhere.
    pub directory: Fact<Option<File>>,
    /// What becomes of the user's runtime directory at logout; asked where the path leads below one that is gone.
    pub linger: Fact<Linger>,
    /// The client's network namespace.
    pub netns: NetnsId,
    /// The sockets and the file kept changing while they were looked at.
    pub unsettled: Option<Gap>,
    /// What its server said; `NotAsked` where nobody talked to it.
    pub probe: Fact<Box<Probed>>,
    /// What it is as a place for sockets; `NotAsked` where nobody means to put one there.
    pub preflight: Fact<Box<Preflight>>,
    /// The consumers it is looked at for, and how far each gets; empty: none was named.
    pub accesses: Vec<Access>,
    /// The identity that made the socket and will make the next one, where the kernel and the holders agree on it.
    pub binder: Fact<Credentials>,
    /// What the file's mode, owner and group should be; empty: nothing was said.
    pub wished: Wished,
    /// What configuration says about it; empty where none was read.
    pub configured: Configured,
    /// How its server fares; asked by what is about one socket, or about time.
    pub health: Fact<Box<Health>>,
    /// What happened to it while it was watched.
    pub watched: Fact<Arc<Trace>>,
}

/// A user whose runtime directory (`/run/user/UID`) a path needs (loginctl(1), `enable-linger`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linger {
    /// Whose.
    pub user: IdName,
    /// It stays when the user has logged out.
    pub enabled: bool,
}

/// What was said of a file before it was looked at (`--expect-mode`, `--expect-owner`, `--expect-group`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wished {
    /// Permission bits, all twelve.
    pub mode: Option<u32>,
    /// Its owner.
    pub owner: Option<IdName>,
    /// Its group.
    pub group: Option<IdName>,
}

impl Case {
    /// A target of which nothing is known yet.
    pub fn new(target: Target, path: Vec<u8>) -> Self {
        Self {
            target,
            path,
            client: None,
            asked_for: false,
            files_only: false,
            walk: Fact::NotAsked,
            liveness: Fact::NotAsked,
            sockets: Seen::default(),
            hidden_holders: Vec::new(),
            nearest: Vec::new(),
            expects: None,
            aged: Fact::NotAsked,
            socket_unit: Fact::NotAsked,
            directory: Fact::NotAsked,
            linger: Fact::NotAsked,
            netns: NetnsId(0),
            unsettled: None,
            probe: Fact::NotAsked,
            preflight: Fact::NotAsked,
            accesses: Vec::new(),
            binder: Fact::NotAsked,
            wished: Wished::default(),
            configured: Configured::default(),
            health: Fact::NotAsked,
            watched: Fact::NotAsked,
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

    /// A canonical path of the client's view as it is reached from ours, so that a command means the same file.
    pub fn from_here(&self, canonical: &[u8]) -> Vec<u8> {
        match self.client {
            Some(pid) => [format!("/proc/{pid}/root").as_bytes(), canonical].concat(),
            None => [self.named_root(), canonical].concat(),
        }
    }

    /// `/proc/PID/root`, where the path was spelt with it.
    fn named_root(&self) -> &[u8] {
        let below = self.path.strip_prefix(b"/proc/").unwrap_or_default();
        let pid = below.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let names_root = pid > 0 && below[pid..].starts_with(b"/root/");
        if names_root { &self.path[..b"/proc/".len() + pid + b"/root".len()] } else { b"" }
    }

    /// The file at the end of the path; `None` when the kernel says there is none. Any other errno is Unknown, our
    /// own EACCES and a lack of descriptors among them.
    #[inline]
    pub fn file(&self) -> Result<Option<&File>, NoVerdict> {
        let walk = self.walk.get()?;
        match &walk.reached {
            super::Reached::File(file) => Ok(Some(file)),
            super::Reached::Stopped { errno: ENOENT | ENOTDIR | ELOOP | ENAMETOOLONG, .. } => Ok(None),
            super::Reached::Stopped { errno, at, .. } => Err(unread(at, *errno)),
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

    /// For rules that say nobody has a name: how sure that is, `Unknown` where names stayed hidden, not their business
    /// where nobody was looked for.
    pub fn nobody_else(&self) -> Result<Certainty, NoVerdict> {
        if self.files_only {
            return Err(NoVerdict::NotApplicable);
        }
        if let Some(gap) = self.sockets.gaps.iter().find(|gap| gap.names == Names::Hidden) {
            return Err(NoVerdict::Unknown(gap.clone()));
        }
        let beyond = self.sockets.gaps.iter().any(|gap| gap.names == Names::BeyondSight);
        Ok(if beyond { Certainty::Likely } else { Certainty::Certain })
    }

    /// Whether a path of ours is that of the target to a consumer that has changed its root.
    pub fn is_below_a_chroot(&self, path: &[u8]) -> bool {
        let mut roots = self.accesses.iter().filter_map(|access| access.consumer.chroot.as_ref());
        roots.any(|root| path.strip_prefix(root.as_slice()) == Some(self.path.as_slice()))
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

#[cold]
fn unread(at: &[u8], errno: i32) -> NoVerdict {
    let gap = Gap::new(format!("lstat {}", printable(at)), Errno::from_raw(errno).desc());
    let denied = matches!(errno, EACCES | EPERM);
    NoVerdict::Unknown(if denied { gap.helped_by(Gap::AS_ROOT) } else { gap })
}

/// A path inside a sentence: its own characters where it has any, else its bytes.
fn printable(path: &[u8]) -> String {
    std::str::from_utf8(path).map_or_else(|_| path.escape_ascii().to_string(), str::to_owned)
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
            netns: super::Socket::sample("/x").netns,
            ..Self::new(Target::Path(path.clone()), path)
        }
    }

    /// The same with nothing at the path.
    pub(crate) fn sample_missing() -> Self {
        let mut case = Self::sample();
        case.walk = Fact::Known(Walk::sample_missing());
        case.sockets.items[0].relation = super::Relation { names_path: true, serves: false, twin: None };
        case.sockets.items[0].view = Fact::Known(super::View::sample_missing());
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
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_client_is_reached_through_its_root() {
        let ours = Case::sample();
        assert_eq!(ours.from_here(b"/run/x.sock"), b"/run/x.sock");
        let theirs = Case { client: Some(7), ..ours };
        assert_eq!(theirs.from_here(b"/run/x.sock"), b"/proc/7/root/run/x.sock");
        let spelt = Case { client: None, path: b"/proc/9/root/run/link.sock".to_vec(), ..theirs };
        assert_eq!(spelt.from_here(b"/run/x.sock"), b"/proc/9/root/run/x.sock");
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
