//! What `watch` saw: a timeline of what happened to names, and who did it. Pure.

mod removal;
mod window;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Certainty, FileKind, IdName};
pub use removal::{How, Mechanism, Removal, Victim};
pub use window::Window;

/// A process as it was when it did something, or as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Its pid.
    pub pid: u32,
    /// Its parent's pid. `None`: it was gone before that was read.
    pub parent: Option<u32>,
    /// `comm`: at most 15 bytes chosen by the program. `None`: it was gone before that was read.
    pub command: Option<Vec<u8>>,
    /// The file that it runs, as `/proc/PID/exe` names it.
    pub executable: Option<Vec<u8>>,
    /// Its arguments, each ended by a NUL; asked for with `-v` only.
    pub arguments: Option<Vec<u8>>,
    /// Effective user.
    pub user: Option<IdName>,
    /// Its systemd unit.
    pub unit: Option<String>,
    /// Its container.
    pub container: Option<String>,
}

impl Actor {
    /// A systemd that manages units.
    pub fn is_manager(&self) -> bool {
        self.command.as_deref() == Some(b"systemd")
    }

    /// Whether two are one process, or one the parent of the other; that systemd started something does not count.
    pub fn is_kin_of(&self, other: &Self) -> bool {
        let begot = |parent: &Self, child: &Self| {
            child.parent == Some(parent.pid) && parent.pid != 1 && !parent.is_manager()
        };
        self.pid == other.pid || begot(self, other) || begot(other, self)
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doer {
    /// The process.
    pub actor: Arc<Actor>,
    /// `Likely`: only its number is sure, or another process may have done it in the same instant.
    pub certainty: Certainty,
}

/// A file as it was found right after an event: by then it may have changed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSeen {
    /// What it is.
    pub kind: FileKind,
    /// `st_mode`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The whole `st_ino`.
    pub ino: u64,
}

impl FileSeen {
    /// The permission bits.
    pub const fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A socket file was found there: when the watch began, or where nothing told how it came.
    There,
    /// bind(2) made a socket file.
    Bind,
    /// Something was made that is no socket, or that was gone before it could be looked at.
    Create,
    /// The permission bits are others than they were seen to be before.
    Chmod {
        /// Before.
        from: u32,
        /// After.
        to: u32,
    },
    /// Owner or group are others than they were seen to be before.
    Chown {
        /// Before.
        from: (u32, u32),
        /// After.
        to: (u32, u32),
    },
    /// Mode or owner were set; what they were before was not seen, or was the same.
    Attributes,
    /// It came here from another name; of a directory that is not watched: `None`.
    RenameHere(Option<Vec<u8>>),
    /// It came here by a rename over the file that stood here.
    Replace(Option<Vec<u8>>),
    /// It went to another name; of a directory that is not watched: `None`.
    RenameAway(Option<Vec<u8>>),
    /// The name was removed.
    Unlink,
    /// A directory on the way was made, or came by a rename.
    DirectoryMade,
    /// A directory on the way was removed, or went by a rename.
    DirectoryGone,
    /// Somebody listens; polled.
    Listening,
    /// The listener has gone; polled.
    Gone,
    /// The kernel's queue overflowed: what happened meanwhile was not seen.
    Lost,
}

impl Deed {
    /// The word used in every output.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Bind => "bind",
            Self::Create => "create",
            Self::Chmod { .. } => "chmod",
            Self::Chown { .. } => "chown",
            Self::Attributes => "attrib",
            Self::RenameHere(_) | Self::RenameAway(_) => "rename",
            Self::Replace(_) => "replace",
            Self::Unlink => "unlink",
            Self::DirectoryMade => "mkdir",
            Self::DirectoryGone => "rmdir",
            Self::Listening => "listening",
            Self::Gone => "gone",
            Self::Lost => "lost",
        }
    }

    /// The name leads to no file any more, or to another one than before.
    pub const fn takes_the_file(&self) -> bool {
        matches!(self, Self::Unlink | Self::RenameAway(_) | Self::Replace(_))
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub deed: Deed,
    /// To which name: absolute, links resolved.
    pub path: Vec<u8>,
    /// When it was read.
    pub at: SystemTime,
    /// Since the watch began.
    pub since: Duration,
    /// Since the event before.
    pub delta: Duration,
    /// The file under the name, right after.
    pub file: Option<FileSeen>,
    /// Who did it; of what was polled, who holds the socket. `None`: not seen.
    pub who: Option<Doer>,
    /// Of a listener: how many more processes hold it.
    pub others: usize,
    /// Found by looking every 100 ms, not told by the kernel: it happened up to that much earlier.
    pub polled: bool,
}

/// Why the watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchEnd {
    /// `--duration` is over.
    TimeUp,
    /// `--until` came true.
    Met,
    /// This process was asked to end, by this signal(7).
    Interrupted(i32),
    /// Nobody reads what it prints any more.
    ReaderGone,
}

impl WatchEnd {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TimeUp => "duration",
            Self::Met => "met",
            Self::Interrupted(_) => "interrupted",
            Self::ReaderGone => "reader_gone",
        }
    }
}

/// A whole watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// How many events beyond the first of them were counted and not kept.
    pub left_out: u64,
    /// Each time that a name lost its socket, in order.
    pub removals: Vec<Removal>,
    /// How many of these beyond the first were counted and not kept.
    pub removals_left_out: u64,
    /// Why it ended.
    pub end: WatchEnd,
    /// The kernel tells whose doing the events are.
    pub names_pids: bool,
    /// The events were printed as they came.
    pub streamed: bool,
}

#[cfg(test)]
impl Trace {
    /// These happened to the name of [`Case::sample`](super::Case), one a second, to a file of mode 0755.
    pub(crate) fn sample(deeds: Vec<Deed>) -> Self {
        let event = |(number, deed)| Event {
            deed,
            path: b"/tmp/x.sock".to_vec(),
            at: SystemTime::UNIX_EPOCH,
            since: Duration::from_secs(number),
            delta: Duration::from_secs(1),
            file: Some(FileSeen { kind: FileKind::Socket, mode: 0o140_755, uid: 0, gid: 0, ino: 7 }),
            who: None,
            others: 0,
            polled: false,
        };
        Self {
            events: (0..).zip(deeds).map(event).collect(),
            left_out: 0,
            removals: Vec::new(),
            removals_left_out: 0,
            end: WatchEnd::TimeUp,
            names_pids: true,
            streamed: false,
        }
    }
}
