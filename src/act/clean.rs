//! The removal of one stale socket file.
//!
//! A name may change hands at any instant: a test followed by unlink(2) loses live files of a server that restarts on
//! the same name, and so does one that pins the inode and unlinks by name. Only an inode held in the hand can be
//! proven. So the name is moved aside, what was moved is compared with what is held, and only then unlinked; a
//! successor's file that was moved by mistake is moved back.

use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::fs::{AtFlags, RenameFlags, fstat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

use crate::model::ASIDE_PREFIX;

/// How many random names are tried: each that is taken is a file that somebody left.
const NAMES: usize = 8;

/// How a removal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// Its name had gone by itself, or has passed to another file, which has it.
    NotThere,
    /// The file itself is bound again by the second test; it has its name.
    Alive,
    /// It could not be moved or unlinked, and has its name; errno(3).
    Failed(i32),
    /// Another's file was moved, and could not be moved back: it has this name now.
    Aside(Vec<u8>),
}

/// Removes the file that `held` pins (open(2), `O_PATH`) from its directory, if `name` still leads to it and
/// `refuses` says once more that nothing is bound to it. The caller has proven before that the file is stale, while it
/// held it: an inode that is held is not used anew.
pub fn remove(
    directory: impl AsFd,
    name: &[u8],
    held: &OwnedFd,
    refuses: &dyn Fn(&OwnedFd) -> bool,
) -> Removal {
    // No signal may fall between the two names. Other threads have them blocked too: see `signals::hold`.
    let mut before = SigSet::empty();
    if let Ok(mask) = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK) {
        before = mask;
    }
    let ended = moved_and_removed(&directory, name, held, refuses);
    let _ = before.thread_set_mask();
    ended
}

fn moved_and_removed(
    directory: &impl AsFd,
    name: &[u8],
    held: &OwnedFd,
    refuses: &dyn Fn(&OwnedFd) -> bool,
) -> Removal {
    let failed = |errno: Errno| Removal::Failed(errno.raw_os_error());
    let Ok(own) = fstat(held) else { return Removal::NotThere };
    let is_ours = |name: &[u8]| {
        let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok::<_, Errno>((found.st_dev, found.st_ino) == (own.st_dev, own.st_ino))
    };
    // Not the proof, which follows: a successor that is already there need not be moved at all.
    if !is_ours(name).unwrap_or(false) {
        return Removal::NotThere;
    }
    let aside = match move_aside(directory, name) {
        Ok(aside) => aside,
        Err(Errno::NOENT) => return Removal::NotThere,
        Err(errno) => return failed(errno),
    };
    let back = |kept: Removal| match renameat_with(directory, &aside, directory, name, RenameFlags::NOREPLACE)
    {
        Ok(()) => kept,
        Err(Errno::NOENT) => Removal::NotThere,
        Err(_) => Removal::Aside(aside.clone()),
    };
    match is_ours(&aside) {
        Ok(true) if !refuses(held) => back(Removal::Alive),
        Ok(true) => match unlinkat(directory, &aside, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Removal::Removed,
            Err(errno) => back(failed(errno)),
        },
        Ok(false) => back(Removal::NotThere),
        Err(_) => Removal::NotThere,
    }
}

/// Moves a name to a random one that nobody has.
fn move_aside(directory: &impl AsFd, name: &[u8]) -> Result<Vec<u8>, Errno> {
    for _ in 0..NAMES {
        // Seeded by the kernel; what it collides with is not replaced.
        let random = RandomState::new().hash_one(std::process::id());
        let aside = [ASIDE_PREFIX, format!("{random:016x}").as_bytes()].concat();
        match renameat_with(directory, name, directory, &aside, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(aside),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions, read_dir, remove_file, rename};
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    fn pin(path: &Path) -> OwnedFd {
        let flags = nix::libc::O_PATH | nix::libc::O_NOFOLLOW;
        OpenOptions::new().read(true).custom_flags(flags).open(path).unwrap().into()
    }

    fn names(directory: &Path) -> Vec<String> {
        read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_held_and_refuses_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (path, at) = (dir.path().join("s"), File::open(dir.path()).unwrap());
        drop(UnixListener::bind(&path).unwrap());
        let held = pin(&path);
        assert_eq!(remove(&at, b"s", &held, &|_| false), Removal::Alive);
        assert_eq!(names(dir.path()), ["s"]);
        assert_eq!(remove(&at, b"s", &held, &|_| true), Removal::Removed);
        assert_eq!(remove(&at, b"s", &held, &|_| true), Removal::NotThere);
        assert_eq!(names(dir.path()), Vec::<String>::new());
    }

    #[test]
    fn a_successor_that_came_before_keeps_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, at) = (dir.path().join("s"), File::open(dir.path()).unwrap());
        drop(UnixListener::bind(&path).unwrap());
        let held = pin(&path);
        remove_file(&path).unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        let ino = path.symlink_metadata().unwrap().ino();
        assert_eq!(remove(&at, b"s", &held, &|_| true), Removal::NotThere);
        assert_eq!((names(dir.path()), path.symlink_metadata().unwrap().ino()), (vec!["s".to_owned()], ino));
    }

    /// What the second test finds is done with the file where it is then.
    #[test]
    fn a_name_that_is_taken_meanwhile_is_not_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let (path, at) = (dir.path().join("s"), File::open(dir.path()).unwrap());
        drop(UnixListener::bind(&path).unwrap());
        let held = pin(&path);
        let taken = |_: &OwnedFd| {
            drop(UnixListener::bind(&path).unwrap());
            false
        };
        let Removal::Aside(aside) = remove(&at, b"s", &held, &taken) else { panic!("not aside") };
        assert!(aside.starts_with(ASIDE_PREFIX) && names(dir.path()).len() == 2);
        rename(dir.path().join(std::str::from_utf8(&aside).unwrap()), &path).unwrap();
    }

    #[test]
    fn a_directory_that_may_not_be_written_to_keeps_everything() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        let proc = File::open("/proc").unwrap();
        assert_eq!(remove(&proc, b"s", &pin(&path), &|_| true), Removal::NotThere);
        assert_eq!(names(dir.path()), ["s"]);
    }
}
