//! The file that keeps the record of `guard`: one guard at a time, whole at every instant.
//!
//! The lock (flock(2)) is on the file itself, and the file is replaced: the new one is locked before it takes the name,
//! and whoever gets a lock makes sure that the name still leads to what was locked.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, openat, statat};
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// A longer file is no record.
const LONGEST: u64 = 1 << 20;
/// How often another one may take the name while we take the lock.
const TRIES: usize = 16;

/// The file, locked for as long as this lives.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    locked: File,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Another guard has it.
    #[error("another guard has it locked")]
    Held,
    /// It is nothing that a record is kept in.
    #[error("{0}")]
    Wrong(&'static str),
    /// The system refused.
    #[error("{0}")]
    Failed(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Errno> for Unusable {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno.into())
    }
}

/// Reads it without a lock. `None`: there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Unusable> {
    match open(path, OFlags::RDONLY) {
        Ok(mut file) => content(&mut file).map(Some),
        Err(Unusable::Failed(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl StateFile {
    /// Locks it, with what it holds; one that is not there is made with this content.
    pub fn lock(path: &Path, new: &[u8]) -> Result<(Self, Vec<u8>), Unusable> {
        for _ in 0..TRIES {
            let mut locked = match open(path, OFlags::RDWR) {
                Ok(file) => file,
                Err(Unusable::Failed(error)) if error.kind() == io::ErrorKind::NotFound => {
                    match written(path, new)?.persist_noclobber(path) {
                        Ok(locked) => return Ok((Self { path: path.into(), locked }, new.to_vec())),
                        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => continue,
                        Err(error) => return Err(error.error.into()),
                    }
                }
                Err(error) => return Err(error),
            };
            take(&locked)?;
            let own = locked.metadata()?;
            let named = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
            if named.is_ok_and(|named| (named.st_dev, named.st_ino) == (own.dev(), own.ino())) {
                let held = content(&mut locked)?;
                return Ok((Self { path: path.into(), locked }, held));
            }
        }
        Err(Unusable::Held)
    }

    /// Replaces what it holds, whole or not at all.
    pub fn save(&mut self, content: &[u8]) -> io::Result<()> {
        let failed = |error: Unusable| io::Error::other(error.to_string());
        let draft = written(&self.path, content).map_err(failed)?;
        // The old one stays locked until the new one, locked too, has the name.
        self.locked = draft.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// A locked file beside the path that is yet to take its name.
fn written(path: &Path, content: &[u8]) -> Result<NamedTempFile, Unusable> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(".sockdoctor-").permissions(Permissions::from_mode(0o600));
    let mut draft = builder.tempfile_in(directory.unwrap_or(Path::new(".")))?;
    take(draft.as_file())?;
    draft.write_all(content)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// Opens what a record may be kept in: a regular file of ours, or root's, that nobody else may write to.
fn open(path: &Path, access: OFlags) -> Result<File, Unusable> {
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(match openat(CWD, path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::LOOP) => return Err(Unusable::Wrong("it is a symbolic link")),
        Err(errno) => return Err(errno.into()),
    });
    let found = file.metadata()?;
    let us = rustix::process::geteuid().as_raw();
    match found {
        _ if !found.is_file() => Err(Unusable::Wrong("it is no regular file")),
        _ if found.uid() != us && found.uid() != 0 => Err(Unusable::Wrong("it is another user's")),
        _ if found.mode() & 0o022 != 0 => Err(Unusable::Wrong("others may write to it")),
        _ if found.len() > LONGEST => Err(Unusable::Wrong("it is too long to be a record")),
        _ => Ok(file),
    }
}

fn take(file: &impl AsFd) -> Result<(), Unusable> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(Unusable::Held),
        other => Ok(other?),
    }
}

fn content(file: &mut File) -> Result<Vec<u8>, Unusable> {
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn one_has_it_at_a_time_also_after_it_was_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let (mut first, held) = StateFile::lock(&path, b"new").unwrap();
        assert_eq!(held, b"new");
        assert!(matches!(StateFile::lock(&path, b""), Err(Unusable::Held)));
        first.save(b"second").unwrap();
        assert!(matches!(StateFile::lock(&path, b""), Err(Unusable::Held)));
        assert_eq!(read(&path).unwrap().unwrap(), b"second");
        drop(first);
        // Between fork(2) and execve(2) a process that another test starts has all our descriptors, locks and all.
        let again = std::iter::repeat_with(|| StateFile::lock(&path, b"")).take(10_000).find_map(Result::ok);
        assert_eq!(again.unwrap().1, b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn what_somebody_else_could_have_made_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        fs::create_dir(path("directory")).unwrap();
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::write(path("open"), "x").unwrap();
        fs::set_permissions(path("open"), Permissions::from_mode(0o666)).unwrap();
        File::create(path("long")).unwrap().set_len(LONGEST + 1).unwrap();
        for name in ["link", "directory", "fifo", "open", "long", "none/below"] {
            let refused = StateFile::lock(&path(name), b"");
            assert!(matches!(refused, Err(Unusable::Wrong(_) | Unusable::Failed(_))), "{name}");
        }
        assert_eq!(fs::read(path("file")).unwrap(), b"x");
        assert!(read(&path("nothing")).unwrap().is_none());
    }
}
