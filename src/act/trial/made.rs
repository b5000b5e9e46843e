//! The names of one trial, each removed when this is dropped, whatever happened in between.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, statat, unlinkat};
use rustix::io::Errno;

use crate::model::{Born, FileKind};

/// What all names begin with. [`super::remains`] knows them by it.
pub(super) const PREFIX: &str = ".sockdoctor-trial-";
/// Digits of the random number that follows.
pub(super) const DIGITS: usize = 16;

/// What a name of the trial is for: its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The socket.
    First,
    /// A hard link to it.
    Link,
    /// Another one, which is renamed over it.
    Next,
    /// A regular file.
    File,
}

impl Role {
    pub(super) const ALL: [Self; 4] = [Self::First, Self::Link, Self::Next, Self::File];

    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::First => "",
            Self::Link => "-link",
            Self::Next => "-next",
            Self::File => "-file",
        }
    }
}

/// The directory of a trial and the names that may stand in it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) directory: OwnedFd,
    number: u64,
}

impl Made {
    /// In an open directory, under a number that nobody can guess.
    pub(super) fn new(directory: OwnedFd) -> Self {
        // Seeded by the kernel (getrandom(2)), also where there is no /dev.
        Self { directory, number: RandomState::new().build_hasher().finish() }
    }

    pub(super) fn name(&self, role: Role) -> String {
        format!("{PREFIX}{:0DIGITS$x}{}", self.number, role.ending())
    }

    /// What stands at the name.
    pub(super) fn look(&self, role: Role) -> Result<Born, Errno> {
        let found = statat(self.directory.as_fd(), self.name(role), AtFlags::SYMLINK_NOFOLLOW)?;
        let mode = found.st_mode;
        Ok(Born { kind: FileKind::of_mode(mode), mode: mode & 0o7777, uid: found.st_uid, gid: found.st_gid })
    }

    pub(super) fn unlink(&self, role: Role) -> Result<(), Errno> {
        unlinkat(self.directory.as_fd(), self.name(role), AtFlags::empty())
    }

    /// Removes what is left; the names that stay, each with its reason.
    pub(super) fn clean_up(&self) -> Vec<(Vec<u8>, i32)> {
        let stays = |role: Role| match self.unlink(role) {
            Ok(()) | Err(Errno::NOENT) => None,
            // A filesystem that does not make them does not remove them either.
            Err(_) if self.look(role).is_err() => None,
            Err(errno) => Some((self.name(role).into_bytes(), errno.raw_os_error())),
        };
        Role::ALL.into_iter().filter_map(stays).collect()
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.clean_up();
    }
}
