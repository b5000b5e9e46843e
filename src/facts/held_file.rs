//! A socket file held by descriptors, the file itself and its directory: what is proven of it is proven of this very
//! inode, whatever its name leads to by then.

use std::os::fd::OwnedFd;

use super::examine::Examiner;
use super::liveness;
use super::look::Root;
use super::walk::{Touch, split};
use crate::model::{Case, File, FileKind, Liveness, MountClass, SocketType};

/// A held file.
#[derive(Debug)]
pub struct HeldFile {
    /// Its directory.
    pub directory: OwnedFd,
    /// Its name there.
    pub name: Vec<u8>,
    /// Itself (open(2), `O_PATH`).
    pub file: OwnedFd,
}

/// Why a file is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotHeld {
    /// The path leads to another file by now, or to none.
    Replaced,
    /// Nothing may be done with it, and this is why.
    Refused(&'static str),
}

impl Examiner<'_> {
    /// Holds the file a case is about, if the path still leads to it and it may be acted on: a socket on a local mount
    /// that no other layer or kernel shows, in our own view, and not itself a mount point.
    pub fn hold(&mut self, case: &Case) -> Result<HeldFile, NotHeld> {
        let known = case.file().ok().flatten().ok_or(NotHeld::Replaced)?;
        let (root, path) = self.rooted(&case.path);
        if root != Root::Ours {
            return Err(NotHeld::Refused("it is in another root: name it as it is seen from here"));
        }
        if known.class != MountClass::Local {
            return Err(NotHeld::Refused("its mount may show another inode than its server has"));
        }
        let view = self.viewpoint(root).map_err(|_| NotHeld::Replaced)?;
        let walked = view.walk(path, Touch::Safe).map_err(|_| NotHeld::Replaced)?;
        let now = walked.walk.file().filter(|now| now.kind == FileKind::Socket && same(now, known));
        let now = now.ok_or(NotHeld::Replaced)?;
        if now.mount.as_ref().is_some_and(|mount| mount.point == now.path) {
            return Err(NotHeld::Refused("it is itself a mount point"));
        }
        let name = split(&now.path).map(|(_, name)| name.to_vec());
        match (walked.end, walked.parent, name) {
            (Some(file), Some((directory, _)), Some(name)) => Ok(HeldFile { directory, name, file }),
            _ => Err(NotHeld::Replaced),
        }
    }
}

/// Asks all of them until something is bound, or three refusals over 300 ms say that nothing is.
pub fn settle(files: &[HeldFile]) -> Vec<Liveness> {
    let files: Vec<(&OwnedFd, Option<SocketType>)> = files.iter().map(|held| (&held.file, None)).collect();
    liveness::settle(&files)
}

/// Whether a held file refuses at this moment: nothing is bound to it.
pub fn refuses(file: &OwnedFd) -> bool {
    matches!(liveness::ask(file, None), Liveness::Refused { .. })
}

fn same(now: &File, known: &File) -> bool {
    now.ino == known.ino && now.id().is_some() && now.id() == known.id()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::machine::Machine;
    use crate::model::Target;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixListener;
    use std::time::Instant;

    #[test]
    fn only_the_very_file_that_was_examined_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        let machine = Machine::default();
        let mut examiner = Examiner::new(&machine, Instant::now(), false);
        let target = Target::Path(path.as_os_str().as_bytes().to_vec());
        let case = examiner.examine(&[target], b"/").remove(0).unwrap();
        match examiner.hold(&case) {
            Ok(held) => {
                assert_eq!((held.name.as_slice(), refuses(&held.file)), (&b"s"[..], true));
                // Held, its number is not given to the next one.
                std::fs::remove_file(&path).unwrap();
                drop(UnixListener::bind(&path).unwrap());
                assert_eq!(examiner.hold(&case).unwrap_err(), NotHeld::Replaced);
            }
            Err(refused) => assert!(matches!(refused, NotHeld::Refused(_)), "an overlay, perhaps"),
        }
    }
}
