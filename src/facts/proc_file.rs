//! Bounded reads of small files that others write: `/proc`, `/etc/passwd`.
//!
//! Nothing here waits for a writer or grows without end, whatever stands where a small file was expected.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::retry_on_intr;

use crate::model::Gap;

/// Enough for every file of `/proc/PID` but mountinfo.
pub(super) const SMALL: u64 = 1 << 20;

/// Enough for mountinfo with 100,000 mounts, and for a passwd file with as many users.
pub(super) const LARGE: u64 = 16 << 20;

/// More than most files of `/proc` have, which tell no size.
const USUAL: u64 = 2048;

/// `O_NONBLOCK`, because opening a FIFO would wait for its writer.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// The whole file; one that is larger than `limit` is an error, because a part of it would read as an absence.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    whole(openat(CWD, path, READ, Mode::empty())?, limit)
}

/// The same, relative to an open directory.
pub(super) fn read_at(directory: impl AsFd, name: &str, limit: u64) -> io::Result<Vec<u8>> {
    whole(openat(directory, name, READ, Mode::empty())?, limit)
}

/// The same, with symlinks resolved as a process with that root would (openat2(2), `RESOLVE_IN_ROOT`): an
/// absolute link in a container must not lead to our own file.
pub(super) fn read_in_root(root: &Path, name: &str, limit: u64) -> io::Result<Vec<u8>> {
    whole(open_in_root(root, Path::new(name))?, limit)
}

/// Opens such a file.
pub(super) fn open_in_root(root: &Path, name: &Path) -> io::Result<OwnedFd> {
    if root == Path::new("/") {
        return Ok(openat(CWD, root.join(name), READ, Mode::empty())?);
    }
    Ok(openat2(directory(root)?, name, READ, Mode::empty(), ResolveFlags::IN_ROOT)?)
}

/// A handle to a directory. One to `/proc/PID` stays with that very process when its pid is used again.
pub(super) fn directory(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// As much of a file as may be read, which is `usual` bytes or less as a rule: without a guess, reading begins with 32.
pub(super) fn up_to(file: &File, usual: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(usual.min(limit)).unwrap_or_default());
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As much of a regular file as may be read; nothing of any other.
pub(super) fn regular(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let status = fstat(file)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Ok(Vec::new());
    }
    let size = u64::try_from(status.st_size).unwrap_or_default();
    let mut bytes = vec![0; usize::try_from((size + 1).min(limit)).unwrap_or_default()];
    let length = retry_on_intr(|| rustix::io::read(file, &mut bytes))?;
    bytes.truncate(length);
    // A read that stops short of what was asked for, at the very size, has met the end.
    if length as u64 != size {
        file.take(limit - length as u64).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn whole(file: OwnedFd, limit: u64) -> io::Result<Vec<u8>> {
    let bytes = up_to(&File::from(file), USUAL, limit + 1)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The error in the words of strerror(3), without its number.
pub(super) fn why(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |errno| Errno::from_raw(errno).desc().to_owned())
}

/// Why `path` could not be read, and whether more rights would help.
pub(super) fn gap(path: &Path, error: &io::Error) -> Gap {
    let gap = Gap::new(path.to_string_lossy(), why(error));
    if error.kind() == io::ErrorKind::PermissionDenied { gap.helped_by(more_rights()) } else { gap }
}

/// What lets a user see what it may not: root of the host may be refused too, inside a container.
pub(super) fn more_rights() -> &'static str {
    if nix::unistd::geteuid().is_root() { Gap::AS_ROOT_OF_HOST } else { Gap::AS_ROOT }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_too_large_or_never_ends_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [b'x'; 11]).unwrap();
        assert_eq!(read(&path, 11).unwrap().len(), 11);
        assert_eq!(read(&path, 10).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(Path::new("/dev/zero"), 10).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_fifo_without_a_writer_does_not_hold_us_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&path, SMALL).unwrap(), b"");
    }

    #[test]
    fn an_absolute_link_stays_in_its_root() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("real"), "inside").unwrap();
        symlink("/real", root.path().join("etc/passwd")).unwrap();
        assert_eq!(read_in_root(root.path(), "etc/passwd", SMALL).unwrap(), b"inside");
    }

    #[test]
    fn an_error_reads_as_words() {
        let error = read(Path::new("/nonexistent"), SMALL).unwrap_err();
        assert_eq!(
            gap(Path::new("/nonexistent"), &error),
            Gap::new("/nonexistent", "No such file or directory")
        );
    }
}
