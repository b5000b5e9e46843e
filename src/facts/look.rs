//! One look at one path in one root: the walk, the passive test, the search for a renamed inode.
//!
//! The same code runs in this process where nothing can hang, and in [`super::helper`] where a FUSE or network
//! mount lies on the way.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::walk::{Touch, Viewpoint, Walked, names_of};
use super::{liveness, mounts};
use crate::model::{FileIno, FileKind, Gap, Liveness, Look, Mount, MountTable, SocketType};

/// Whose root a path is resolved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Root {
    /// Ours, or the one the machine is re-rooted to.
    Ours,
    /// That of a process, in its mount namespace.
    Process(u32),
}

/// How hard the passive test is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Passive {
    /// Not at all.
    No,
    /// Once: the file already refused long enough.
    Once,
    /// Until something answers, or three refusals over 300 ms say that nothing does.
    Thrice,
}

/// What to look at, and how hard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Where.
    pub root: Root,
    /// An absolute path there.
    pub path: Vec<u8>,
    /// Whether to run the passive test on a socket.
    pub passive: Passive,
    /// The socket's type, where known.
    pub kind: Option<SocketType>,
    /// File inodes to look for in the path's directory.
    pub wanted: Vec<FileIno>,
}

impl Question {
    /// Only what stands there.
    pub fn walk(root: Root, path: &[u8]) -> Self {
        Self { root, path: path.to_vec(), passive: Passive::No, kind: None, wanted: Vec::new() }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum NoLook {
    /// The path leads to a mount that may hang: ask the helper.
    MayHang(Arc<Mount>),
    /// The root or its mounts could not be seen.
    Unseen(Gap),
}

/// Opens the root a question is about, with its mounts.
pub fn viewpoint(machine: &Machine, root: Root) -> Result<Viewpoint, NoLook> {
    let (directory, pid, prefix) = match root {
        Root::Ours => (machine.root.clone(), None, machine.prefix()),
        Root::Process(pid) => (machine.process(pid, "root"), Some(pid), Vec::new()),
    };
    let opened = open(&directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| NoLook::Unseen(unseen(&directory.display().to_string(), errno)))?;
    let mounts: MountTable = mounts::of(machine, pid).map_err(NoLook::Unseen)?;
    Ok(Viewpoint::new(opened, prefix, mounts))
}

/// Looks.
pub fn look(view: &Viewpoint, question: &Question, touch: Touch) -> Result<Look, NoLook> {
    let Walked { walk, end, parent } = view.walk(&question.path, touch).map_err(NoLook::MayHang)?;
    let is_socket = walk.file().is_some_and(|file| file.kind == FileKind::Socket);
    let liveness: Option<Liveness> = end.filter(|_| is_socket).and_then(|pinned| match question.passive {
        Passive::No => None,
        Passive::Once => Some(liveness::ask(&pinned, question.kind)),
        Passive::Thrice => liveness::settle(&[(&pinned, question.kind)]).pop(),
    });
    let found = match parent {
        Some((directory, path)) if !question.wanted.is_empty() => {
            names_of(directory.as_fd(), &path, &question.wanted)
        }
        _ => None,
    };
    Ok(Look { walk, liveness, found })
}

fn unseen(source: &str, errno: rustix::io::Errno) -> Gap {
    let gap = Gap::new(source, std::io::Error::from(errno).to_string());
    match errno {
        rustix::io::Errno::ACCESS | rustix::io::Errno::PERM => gap.helped_by(Gap::AS_ROOT),
        _ => gap,
    }
}
