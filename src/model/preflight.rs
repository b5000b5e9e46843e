//! A directory before a server is put there: what it is made of, and what a trial in it showed.

use serde::{Deserialize, Serialize};

use super::{Acl, Case, Consumer, Fact, File, FileKind};

/// What is known of a directory beside its walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The name a socket is to have there.
    pub name: Option<Vec<u8>>,
    /// What stands at that name already.
    pub existing: Option<File>,
    /// Who is to make the socket; whoever runs this where nobody was named.
    pub server: Consumer,
    /// What the filesystem says about the directory.
    pub place: Fact<Place>,
    /// What making a socket there came to; `NotAsked`: it was only looked at.
    pub trial: Fact<SocketTrial>,
}

impl Preflight {
    /// Whether a server was named.
    pub fn server_is_named(&self) -> bool {
        self.server.origin != super::Origin::Caller
    }
}

/// What the filesystem says about a directory: statvfs(3), statx(2) and its extended attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Bytes that an ordinary user may still write, and all there are.
    pub space: Ratio,
    /// Inodes that an ordinary user may still make, and all there are. Filesystems that make them as they need say 0
    /// and 0.
    pub inodes: Ratio,
    /// Nothing can be made or removed there (`chattr +i`).
    pub immutable: bool,
    /// Nothing can be removed there (`chattr +a`).
    pub append_only: bool,
    /// What new files get beside, or instead of, the bits of the umask.
    pub default_acl: Fact<Option<Acl>>,
}

/// What is left, and of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ratio {
    /// Left.
    pub free: u64,
    /// Of so much.
    pub total: u64,
}

/// A step of the trial, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TrialAct {
    /// chdir(2) into the directory.
    Enter,
    /// bind(2) of a stream socket.
    Bind,
    /// lstat(2) of what bind made: a socket.
    Type,
    /// chmod(2) of it to 0600 and to 0777.
    Chmod,
    /// The same of a regular file; only where that of the socket failed.
    ChmodFile,
    /// fchmod(2) of a socket before its bind; only where chmod failed.
    ModeBeforeBind,
    /// chown(2) of it.
    Chown,
    /// listen(2)
    Listen,
    /// connect(2)
    Connect,
    /// bind(2) of a second socket to the name: to be refused with EADDRINUSE.
    BindAgain,
    /// link(2)
    Link,
    /// connect(2) through that hard link.
    ConnectLink,
    /// rename(2) of another listener over the first.
    Rename,
    /// connect(2) to it.
    ConnectRenamed,
    /// unlink(2)
    Unlink,
}

impl TrialAct {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Bind => "bind",
            Self::Type => "type",
            Self::Chmod => "chmod",
            Self::ChmodFile => "chmod_file",
            Self::ModeBeforeBind => "mode_before_bind",
            Self::Chown => "chown",
            Self::Listen => "listen",
            Self::Connect => "connect",
            Self::BindAgain => "bind_again",
            Self::Link => "link",
            Self::ConnectLink => "connect_link",
            Self::Rename => "rename",
            Self::ConnectRenamed => "connect_renamed",
            Self::Unlink => "unlink",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrialEnd {
    /// As it should; a second bind with the error it should have.
    Done,
    /// With an error.
    Failed,
    /// Without an error and without effect, as a look afterwards told.
    Ignored,
}

/// A step and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialStep {
    /// Which.
    pub act: TrialAct,
    /// How it ended.
    pub end: TrialEnd,
    /// errno(3), where the call gave one.
    pub errno: Option<i32>,
    /// What stood at the name afterwards; `None`: nothing, or it was not looked at.
    pub after: Option<Born>,
}

/// What lstat(2) says about a file of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Born {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, all twelve.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What came of making a socket in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SocketTrial {
    /// What was tried, in order; the first that all others need and that failed is the last.
    pub steps: Vec<TrialStep>,
    /// Names that earlier trials were not allowed to remove, and that are gone now.
    pub removed: Vec<Vec<u8>>,
    /// Names of trials, this one's too, that could not be removed, each with its errno.
    pub left: Vec<(Vec<u8>, i32)>,
}

impl SocketTrial {
    /// What came of a step, if it was tried.
    pub fn step(&self, act: TrialAct) -> Option<&TrialStep> {
        self.steps.iter().find(|step| step.act == act)
    }

    /// The steps that did not do what they should.
    pub fn faults(&self) -> impl Iterator<Item = &TrialStep> {
        self.steps.iter().filter(|step| step.end != TrialEnd::Done)
    }

    /// What a new socket is there, under umask 022.
    pub fn born(&self) -> Option<Born> {
        self.step(TrialAct::Type).filter(|step| step.end == TrialEnd::Done)?.after
    }

    /// Whether a step met this errno.
    pub fn met(&self, errno: i32) -> bool {
        self.faults().any(|step| step.errno == Some(errno))
    }
}

impl Case {
    /// The bytes that a server gives to bind(2): of a directory with the name that is meant there, or with the
    /// shortest there can be.
    pub fn address(&self) -> Vec<u8> {
        let super::Target::Path(given) = &self.target else { return Vec::new() };
        match self.preflight.known() {
            None => given.clone(),
            Some(preflight) => {
                let slash: &[u8] = if self.path.ends_with(b"/") { b"" } else { b"/" };
                [&self.path, slash, preflight.name.as_deref().unwrap_or(b"s")].concat()
            }
        }
    }
}

#[cfg(test)]
impl Case {
    /// A directory of root on a local disk, in which every step of the trial passed.
    pub(crate) fn sample_preflight() -> Self {
        let mut case = Self::sample_before(Consumer::sample(33, &[]), 0o755, 0o666);
        case.sockets.items.clear();
        case.path = b"/tmp".to_vec();
        case.target = super::Target::Path(case.path.clone());
        let file = case.file_mut();
        (file.path, file.kind, file.mode) = (b"/tmp".to_vec(), FileKind::Directory, 0o040_755);
        if let Fact::Known(walk) = &mut case.walk {
            walk.steps.pop();
        }
        let server = case.accesses.remove(0).consumer;
        let done = |act| TrialStep { act, end: TrialEnd::Done, errno: None, after: None };
        let steps = [TrialAct::Enter, TrialAct::Bind, TrialAct::Type, TrialAct::Chmod, TrialAct::Chown];
        let place = Place {
            space: Ratio { free: 1 << 30, total: 1 << 34 },
            inodes: Ratio { free: 1000, total: 100_000 },
            immutable: false,
            append_only: false,
            default_acl: Fact::Known(None),
        };
        let trial = SocketTrial { steps: steps.map(done).to_vec(), ..SocketTrial::default() };
        case.preflight = Fact::Known(Box::new(Preflight {
            name: None,
            existing: None,
            server,
            place: Fact::Known(place),
            trial: Fact::Known(trial),
        }));
        case
    }

    /// The same with a step that failed or was ignored, the last one.
    pub(crate) fn sample_trial(act: TrialAct, end: TrialEnd, errno: Option<i32>) -> Self {
        let mut case = Self::sample_preflight();
        if let Fact::Known(preflight) = &mut case.preflight
            && let Fact::Known(trial) = &mut preflight.trial
        {
            trial.steps.retain(|step| step.act != act);
            trial.steps.push(TrialStep { act, end, errno, after: None });
        }
        case
    }
}
