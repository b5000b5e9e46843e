//! Logs as they are read: a file from its beginning to where it ended when it was opened, or a unit's journal.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::proc_file;
use crate::model::{Gap, Process};

/// Read at a time.
const PIECE: usize = 256 << 10;

/// More of a journal tells nothing new.
const JOURNAL: u64 = 64 << 20;

/// How long journalctl(1) may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hands a file over in pieces. Only what is in it now: it may be written to faster than it is read.
pub fn file(path: &Path, take: impl FnMut(&[u8])) -> Result<(), Gap> {
    let gap = |error: &io::Error| proc_file::gap(path, error);
    // A FIFO would wait for its writer.
    let mut options = std::fs::OpenOptions::new();
    let opened = options.read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY).open(path);
    let file = opened.map_err(|error| gap(&error))?;
    let status = file.metadata().map_err(|error| gap(&error))?;
    if !status.is_file() {
        return Err(Gap::new(path.to_string_lossy(), "it is no regular file"));
    }
    pieces(file.take(status.len()), take, || Ok(())).map_err(|error| gap(&error)).map(|_| ())
}

/// The journal of a process's unit since the process began, the last part where it is long; whether it was cut.
pub fn journal(process: &Process, since: Option<i64>, take: impl FnMut(&[u8])) -> Result<bool, Gap> {
    let gap = |why: String| Gap::new("journalctl", why);
    let Some(unit) = &process.unit else {
        let why = format!("pid {} belongs to no unit", process.pid);
        return Err(gap(why).helped_by("name its log with --log FILE"));
    };
    let option = if process.user_unit { "--user-unit" } else { "--unit" };
    // When a process began is known to a second or two.
    let since = since.map(|seconds| format!("--since=@{}", seconds - 2));
    let spawned = Command::new("journalctl")
        .args(["--quiet", "--no-pager", "--output=short-unix", "--lines=1000000"])
        .args(since)
        .args([option, unit.as_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            gap("there is no journalctl here".into()).helped_by("name the log with --log FILE")
        }
        _ => gap(proc_file::why(&error)),
    })?;
    let Some(stdout) = child.stdout.take() else { return Err(gap("it says nothing".into())) };
    let until = Instant::now() + PATIENCE;
    let watched = stdout.as_fd().try_clone_to_owned();
    let read = watched.and_then(|watched| pieces(stdout.take(JOURNAL), take, || ready(&watched, until)));
    end(&mut child);
    match read {
        Ok(bytes) => Ok(bytes == JOURNAL),
        Err(error) => Err(gap(proc_file::why(&error))),
    }
}

/// It is asked for nothing more, whether or not it has more to say.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits until something is to be read, or the end, but not for ever.
fn ready(from: &OwnedFd, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now()).as_millis();
    let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(from.as_fd(), PollFlags::POLLIN)], left) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn pieces(
    mut from: impl Read,
    mut take: impl FnMut(&[u8]),
    mut ready: impl FnMut() -> io::Result<()>,
) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut all = 0;
    loop {
        ready()?;
        match from.read(&mut piece) {
            Ok(0) => return Ok(all),
            Ok(length) => {
                take(&piece[..length]);
                all += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_whole_and_what_is_none_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, vec![b'x'; PIECE + 7]).unwrap();
        let mut length = 0;
        file(&path, |piece| length += piece.len()).unwrap();
        assert_eq!(length, PIECE + 7);
        let (silent, _writer) = nix::unistd::pipe().unwrap();
        assert_eq!(ready(&silent, Instant::now()).unwrap_err().kind(), io::ErrorKind::TimedOut);
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        for wrong in [fifo.as_path(), directory.path(), Path::new("/nonexistent")] {
            assert!(file(wrong, |_| panic!("{}", wrong.display())).is_err());
        }
    }
}
