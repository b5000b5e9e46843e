//! A temporary directory that leaves nothing behind, also when a signal ends the process.
//!
//! The signals are blocked and one thread waits for them: it removes the directory, then lets the signal end the
//! process as it would have. No handler, so nothing has to be safe inside of one. SIGKILL alone leaves it behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{SigSet, Signal, raise};

/// What ends a process that is told to go.
const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// A directory of our own, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Whoever holds the lock removes it; `None`: gone.
    directory: Arc<Mutex<Option<tempfile::TempDir>>>,
}

impl Scratch {
    /// Makes one below TMPDIR. To be called while the process has one thread: later ones inherit the blocked
    /// signals, earlier ones would take them from us.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let awaited = awaited();
        awaited.thread_block()?;
        let directory = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let path = directory.path().to_path_buf();
        let directory = Arc::new(Mutex::new(Some(directory)));
        let shared = Arc::clone(&directory);
        std::thread::Builder::new().name("signals".into()).spawn(move || end_on(&awaited, &shared))?;
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

/// The signals that would end us: what our parent had us ignore, as nohup(1) does, stays ignored.
fn awaited() -> SigSet {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    SIGNALS.into_iter().filter(|signal| ignored & (1 << (*signal as i32 - 1)) == 0).collect()
}

/// Waits for a signal, removes the directory and dies of the signal. The lock is kept until then: whoever is
/// about to answer waits, and is not heard.
fn end_on(awaited: &SigSet, directory: &Mutex<Option<tempfile::TempDir>>) {
    let Ok(signal) = awaited.wait() else { return };
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
    let _ = SigSet::from(signal).thread_unblock();
    let _ = raise(signal);
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

    #[test]
    fn what_ends_a_process_is_awaited() {
        let awaited = awaited();
        assert!(awaited.contains(Signal::SIGTERM));
        assert!(!awaited.contains(Signal::SIGCHLD));
    }
}
