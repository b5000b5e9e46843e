//! A temporary directory that leaves nothing behind, also when a signal ends the process.
//!
//! The signal ends the process as it would have, only later. SIGKILL alone leaves it behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signals;

/// A directory of our own, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Whoever holds the lock removes it; `None`: gone.
    directory: Arc<Mutex<Option<tempfile::TempDir>>>,
}

impl Scratch {
    /// Makes one below TMPDIR. To be called while the process has one thread, for the signals' sake.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let directory = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&directory);
        signals::clean_up_on_death(move |die| remove(&shared, die))?;
        // A signal waits for what is being made.
        let mut empty = locked(&directory);
        let made = empty.insert(tempfile::Builder::new().prefix(prefix).tempdir()?);
        let path = made.path().to_path_buf();
        drop(empty);
        Ok(Self { path, directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it.
    pub fn close(self) -> io::Result<()> {
        locked(&self.directory).take().map_or(Ok(()), tempfile::TempDir::close)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(locked(&self.directory).take());
    }
}

fn locked(directory: &Mutex<Option<tempfile::TempDir>>) -> MutexGuard<'_, Option<tempfile::TempDir>> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the directory. The lock is kept until death: whoever is about to answer waits, and is not heard.
fn remove(directory: &Mutex<Option<tempfile::TempDir>>, die: &dyn Fn()) {
    let mut directory = locked(directory);
    if let Some(found) = directory.take() {
        let path = found.keep();
        // Somebody may be building in it: what comes after the last removal finds no directory to be in.
        while fs::symlink_metadata(&path).is_ok() {
            if let Err(error) = fs::remove_dir_all(&path)
                && !matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound)
            {
                break;
            }
        }
    }
    die();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_everything_in_it() {
        let scratch = Scratch::new("sockdoctor-test-").unwrap();
        let path = scratch.path().to_path_buf();
        fs::write(path.join("file"), "").unwrap();
        drop(scratch);
        assert!(!path.exists());
        let scratch = Scratch::new("sockdoctor-test-").unwrap();
        let path = scratch.path().to_path_buf();
        scratch.close().unwrap();
        assert!(!path.exists());
    }
}
