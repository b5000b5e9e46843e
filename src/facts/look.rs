//! One look at one path in one root: the walk, the passive test, the search for a renamed inode.
//!
//! The same code runs in this process where nothing can hang, and in [`super::helper`] where a FUSE or network
//! mount lies on the way.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::walk::{Acls, Touch, Viewpoint, Walked, born, socket_names};
use super::{liveness, mounts};
use crate::model::{FileIno, FileKind, Gap, Liveness, Look, Mount, MountTable, SocketType, Walk};

/// Whose root a path is resolved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Root {
    /// Ours, or the one the machine is re-rooted to.
    Ours,
    /// That of a process, in its mount namespace.
    Process(u32),
}

/// `/proc/PID/root/PATH` names a path in that process's root: its symlink is a magic one, whose text says nothing.
pub fn root_of(path: &[u8]) -> (Root, &[u8]) {
    let split = || {
        let rest = path.strip_prefix(b"/proc/")?;
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        let pid = std::str::from_utf8(&rest[..slash]).ok()?.parse().ok()?;
        let below = rest[slash..].strip_prefix(b"/root")?;
        (below.is_empty() || below.starts_with(b"/")).then_some((Root::Process(pid), below))
    };
    match split() {
        Some((root, [])) => (root, b"/"),
        Some(found) => found,
        None => (Root::Ours, path),
    }
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
    /// Whether the ACLs on the way are read.
    pub acls: Acls,
}

impl Question {
    /// Only what stands there.
    pub fn walk(root: Root, path: &[u8]) -> Self {
        Self {
            root,
            path: path.to_vec(),
            passive: Passive::No,
            kind: None,
            wanted: Vec::new(),
            acls: Acls::Ignored,
        }
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
    let mut view = Viewpoint::new(opened, prefix, mounts);
    if pid.is_some()
        && let Ok(ours) = mounts::of(machine, None)
    {
        view.know(ours);
    }
    Ok(view)
}

/// Looks.
pub fn look(view: &Viewpoint, question: &Question, touch: Touch) -> Result<Look, NoLook> {
    let Walked { walk, end, parent } =
        view.walk_reading(&question.path, touch, question.acls).map_err(NoLook::MayHang)?;
    let is_socket = walk.file().is_some_and(|file| file.kind == FileKind::Socket);
    let liveness = end.filter(|_| is_socket).and_then(|pinned| {
        let liveness = match question.passive {
            Passive::No => return None,
            Passive::Once => liveness::ask(&pinned, question.kind),
            Passive::Thrice => liveness::settle(&[(&pinned, question.kind)]).pop()?,
        };
        // A server that renames its socket over the old one leaves an inode behind that is dead, and at no path.
        // While it is pinned no other file has its number.
        let still_there =
            || view.walk(&question.path, touch).is_ok_and(|now| place(&now.walk) == place(&walk));
        (!matches!(liveness, Liveness::Refused { .. }) || still_there()).then_some(liveness)
    });
    let parent = parent.filter(|_| !question.wanted.is_empty());
    let found = parent
        .as_ref()
        .and_then(|(directory, path)| socket_names(directory, path, |ino| question.wanted.contains(&ino)));
    let directory_born = parent.and_then(|(directory, _)| born(directory.as_fd()));
    Ok(Look { walk, liveness, found, directory_born })
}

/// Which file a walk ended at.
pub(super) fn place(walk: &Walk) -> Option<(Option<u64>, u64)> {
    walk.file().map(|file| (file.mount.as_ref().map(|mount| mount.id), file.ino))
}

fn unseen(source: &str, errno: rustix::io::Errno) -> Gap {
    let gap = Gap::new(source, std::io::Error::from(errno).to_string());
    match errno {
        rustix::io::Errno::ACCESS | rustix::io::Errno::PERM => gap.helped_by(Gap::AS_ROOT),
        _ => gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    #[test]
    fn a_refusal_of_a_file_that_was_renamed_over_meanwhile_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("s"), dir.path().join("s.tmp"));
        drop(UnixListener::bind(&path).unwrap());
        let _listener = UnixListener::bind(&other).unwrap();
        let view = viewpoint(&Machine::default(), Root::Ours).unwrap();
        let question =
            Question { passive: Passive::Thrice, ..Question::walk(Root::Ours, path.as_os_str().as_bytes()) };
        let liveness = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                std::fs::rename(&other, &path).unwrap();
            });
            look(&view, &question, Touch::Safe).unwrap().liveness
        });
        assert_eq!(liveness, None);
        assert_eq!(look(&view, &question, Touch::Safe).unwrap().liveness, Some(Liveness::Bound));
    }
}
