//! What an open directory itself tells: when it was made, which sockets are in it, whether anything is.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, StatxFlags, openat, statx};

use super::{join, status_of};
use crate::model::{FileIno, FileKind};

/// How many entries of a directory are read before the search for a name is given up.
const MAX_ENTRIES: usize = 100_000;

/// When a directory was made, seconds since the epoch, where its filesystem keeps that.
pub fn born(directory: BorrowedFd<'_>) -> Option<i64> {
    let found = statx(directory, c"", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    (found.stx_mask & StatxFlags::BTIME.bits() != 0).then_some(found.stx_btime.tv_sec)
}

/// Names in a directory that are sockets whose inode is wanted. `None`: it could not be read to its end.
pub fn socket_names(
    directory: impl AsFd,
    canonical: &[u8],
    wanted: impl Fn(FileIno) -> bool,
) -> Option<Vec<(FileIno, Vec<u8>)>> {
    let directory = directory.as_fd();
    let mut found = Vec::new();
    let readable =
        openat(directory, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    for (seen, entry) in Dir::new(readable).ok()?.enumerate() {
        let entry = entry.ok()?;
        if seen >= MAX_ENTRIES {
            return None;
        }
        if !matches!(entry.file_type(), rustix::fs::FileType::Socket | rustix::fs::FileType::Unknown) {
            continue;
        }
        let name = entry.file_name().to_bytes();
        if let Ok(status) = status_of(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            && wanted(FileIno::from_stat(status.ino))
            && FileKind::of_mode(status.mode) == FileKind::Socket
        {
            found.push((FileIno::from_stat(status.ino), join(canonical, name)));
        }
    }
    Some(found)
}

/// Whether it holds nothing. `None`: it cannot be read.
pub(super) fn is_empty(directory: BorrowedFd<'_>) -> Option<bool> {
    let readable =
        openat(directory, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    for entry in Dir::new(readable).ok()? {
        let entry = entry.ok()?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Some(false);
        }
    }
    Some(true)
}
