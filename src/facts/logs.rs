//! Logs as they are read: a file from its beginning to where it ended when it was opened, or a unit's journal.

use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
    pieces(file.take(status.len()), take, None).map_err(|error| gap(&error)).map(|_| ())
}

/// The journal of a process's unit since the process began, the last part where it is long; whether it was cut.
pub fn journal(process: &Process, since: Option<i64>, take: impl FnMut(&[u8])) -> Result<bool, Gap> {
    let gap = |why: String| Gap::new("journalctl", why);
    let Some(unit) = &process.unit else {
        let why = format!("pid {} belongs to no unit", process.pid);
        return Err(gap(why).helped_by("name its log with --log FILE"));
    };
    let option = if process.user_unit { "--user-unit" } else { "--unit" };
    let since = since.map(|seconds| format!("--since=@{seconds}"));
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
    let read = pieces(stdout.take(JOURNAL), take, Some(Instant::now() + PATIENCE));
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

fn pieces(mut from: impl Read, mut take: impl FnMut(&[u8]), until: Option<Instant>) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut all = 0;
    loop {
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(io::ErrorKind::TimedOut.into());
        }
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
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        for wrong in [fifo.as_path(), directory.path(), Path::new("/nonexistent")] {
            assert!(file(wrong, |_| panic!("{}", wrong.display())).is_err());
        }
    }
}
