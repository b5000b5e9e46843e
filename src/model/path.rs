//! A path walked component by component, and what stands at its end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FileId, FileIno, Mount, MountClass, Permissions};

/// File type bits of `st_mode` (inode(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FileKind {
    /// `S_IFSOCK`
    Socket,
    /// `S_IFREG`
    Regular,
    /// `S_IFDIR`
    Directory,
    /// `S_IFLNK`
    Symlink,
    /// `S_IFIFO`
    Fifo,
    /// `S_IFCHR` or `S_IFBLK`
    Device,
    /// Anything else.
    Other,
}

impl FileKind {
    /// From `st_mode`.
    pub const fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o140_000 => Self::Socket,
            0o100_000 => Self::Regular,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Symlink,
            0o010_000 => Self::Fifo,
            0o020_000 | 0o060_000 => Self::Device,
            _ => Self::Other,
        }
    }

    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Regular => "regular",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Fifo => "fifo",
            Self::Device => "device",
            Self::Other => "other",
        }
    }

    /// With its article, as in "the path is a directory".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Socket => "a socket",
            Self::Regular => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Device => "a device",
            Self::Other => "a file of unknown type",
        }
    }

    /// The first letter of `ls -l`.
    pub const fn letter(self) -> char {
        match self {
            Self::Socket => 's',
            Self::Regular => '-',
            Self::Directory => 'd',
            Self::Symlink => 'l',
            Self::Fifo => 'p',
            Self::Device => 'c',
            Self::Other => '?',
        }
    }
}

/// One component of a walked path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Where the walk stands after this component: absolute in the viewer's root, symlinks resolved so far.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FileKind,
    /// Who may use it.
    pub permissions: Permissions,
    /// The text of the link, where it is one.
    pub link: Option<Vec<u8>>,
    /// Nothing was to come after it: the last component, or a link at that place.
    pub last: bool,
}

/// What stands at the end of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its canonical path in the viewer's root.
    pub path: Vec<u8>,
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
    /// Hard links; 0 when it is unlinked and only a mount or descriptor keeps it.
    pub nlink: u32,
    /// The mount it is reached through. `None`: not in the table read before (it came or went meanwhile).
    pub mount: Option<Arc<Mount>>,
    /// The class of that mount, an upper layer's directory counted as layered.
    pub class: MountClass,
    /// For a directory: whether it holds nothing.
    pub empty: Option<bool>,
}

impl File {
    /// Its identity in the kernel's terms, comparable with a socket's `file`.
    pub fn id(&self) -> Option<FileId> {
        Some(FileId { dev: self.mount.as_ref()?.device, ino: FileIno::from_stat(self.ino) })
    }

    /// Whether another inode of the same name would be another file: both of one superblock, and one on which
    /// an inode is a file. Another layer, mount or FUSE node shows other numbers for the same file.
    pub fn comparable(&self, other: FileId) -> bool {
        matches!(self.class, MountClass::Local | MountClass::Layered)
            && self.mount.as_ref().is_some_and(|mount| mount.device == other.dev)
    }

    /// The permission bits.
    pub const fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }
}

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reached {
    /// Something is there.
    File(Box<File>),
    /// The kernel said no at this component.
    Stopped {
        /// The component it said it at: absolute, symlinks resolved so far.
        at: Vec<u8>,
        /// What was still to come after that component.
        rest: Vec<u8>,
        /// errno(3): ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, …
        errno: i32,
    },
}

/// A path, walked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Every component that was reached, symlinks among them, in order.
    pub steps: Vec<Step>,
    /// What came of it.
    pub reached: Reached,
}

impl Walk {
    /// The file at the end, if there is one.
    pub fn file(&self) -> Option<&File> {
        match &self.reached {
            Reached::File(file) => Some(file),
            Reached::Stopped { .. } => None,
        }
    }

    /// Where it was heading: the canonical path of its end, or of the component it stopped at plus the rest.
    pub fn destination(&self) -> Vec<u8> {
        match &self.reached {
            Reached::File(file) => file.path.clone(),
            Reached::Stopped { at, rest, .. } if rest.is_empty() => at.clone(),
            Reached::Stopped { at, rest, .. } => [at.as_slice(), b"/", rest].concat(),
        }
    }

    /// The way that somebody takes who looks for a name in the directory at its end; nothing is there yet.
    #[must_use]
    pub fn towards_a_name(&self) -> Self {
        let reached = match &self.reached {
            Reached::File(file) if file.kind == FileKind::Directory => {
                Reached::Stopped { at: file.path.clone(), rest: Vec::new(), errno: 2 }
            }
            other => other.clone(),
        };
        let mut steps = self.steps.clone();
        for step in steps.iter_mut().filter(|step| step.kind == FileKind::Symlink) {
            // Not the last component any more.
            step.last = false;
        }
        Self { steps, reached }
    }

    /// The errno it stopped with, if it did.
    pub const fn errno(&self) -> Option<i32> {
        match self.reached {
            Reached::Stopped { errno, .. } => Some(errno),
            Reached::File(_) => None,
        }
    }
}

/// What connecting with the wrong socket type said about a socket file: a test the server never notices
/// (unix_find_bsd in net/unix/af_unix.c looks the inode up before it compares types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Liveness {
    /// A socket of this kernel is bound to this very inode, in whatever network namespace.
    Bound,
    /// Nothing is, so many times in a row.
    Refused {
        /// How often it was asked.
        tries: u8,
    },
    /// We may not write to the file, which hides the answer.
    Denied,
    /// Another errno.
    Failed(i32),
}

/// One look at a path: the walk, and for a socket the passive test on the pinned inode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The path, walked.
    pub walk: Walk,
    /// For a socket, when asked.
    pub liveness: Option<Liveness>,
    /// Names in the last directory whose inode is one of those asked for, as (inode, canonical path).
    /// `None`: the directory was not read.
    pub found: Option<Vec<(FileIno, Vec<u8>)>>,
    /// When that directory was made, seconds since the epoch.
    pub directory_born: Option<i64>,
}

/// What the file of a socket is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileState {
    /// A socket file, and nothing contradicts it.
    Socket,
    /// Nothing at the path.
    Missing,
    /// A socket file, but not the listener's.
    Replaced,
    /// The listener's inode stands under another name.
    Renamed,
    /// Something that is no socket.
    NotASocket,
    /// It exists in another mount view only.
    OtherView,
    /// We may not look.
    Unreadable,
}

impl FileState {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Missing => "missing",
            Self::Replaced => "replaced",
            Self::Renamed => "renamed",
            Self::NotASocket => "not_a_socket",
            Self::OtherView => "other_view",
            Self::Unreadable => "unreadable",
        }
    }
}

#[cfg(test)]
impl Walk {
    pub(crate) fn sample_missing() -> Self {
        let reached = Reached::Stopped { at: b"/tmp/x.sock".to_vec(), rest: vec![], errno: 2 };
        Self { steps: vec![], reached }
    }
}

#[cfg(test)]
impl File {
    /// A socket file on a local disk, for tests; the one that `Socket::sample` is bound to.
    pub(crate) fn sample() -> Self {
        let mount = Mount {
            id: 1,
            parent: 0,
            device: super::Device { major: 254, minor: 0 },
            root: b"/".to_vec(),
            point: b"/".to_vec(),
            options: "rw".into(),
            fstype: "ext4".into(),
            source: b"/dev/vda".to_vec(),
            super_options: b"rw".to_vec(),
        };
        Self {
            path: b"/tmp/x.sock".to_vec(),
            kind: FileKind::Socket,
            mode: 0o140_755,
            uid: 1000,
            gid: 1000,
            ino: 1831,
            nlink: 1,
            mount: Some(Arc::new(mount)),
            class: MountClass::Local,
            empty: None,
        }
    }
}
