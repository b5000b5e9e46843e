//! Other programs that know what we cannot: asked on a short leash, and killed when they do not answer.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// More than any answer: a group can list thousands of members.
const ANSWER_LIMIT: u64 = 1 << 20;

/// What a program prints, and the status it ends with. An error when it does not end in time.
pub(super) fn ask(
    program: &str,
    arguments: &[&str],
    patience: Duration,
) -> io::Result<(Vec<u8>, ExitStatus)> {
    let deadline = Instant::now() + patience;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    // Not joined: a grandchild that keeps the pipe open would keep us.
    let reader = thread::Builder::new().spawn(move || {
        let mut text = Vec::new();
        let outcome = stdout.map_or(Ok(0), |pipe| pipe.take(ANSWER_LIMIT).read_to_end(&mut text));
        let _ = sender.send(outcome.map(|_| text));
    });
    let too_late = |_| Err(io::ErrorKind::TimedOut.into());
    let text = reader.and_then(|_| receiver.recv_timeout(patience).unwrap_or_else(too_late));
    let status = end_of(&mut child, deadline)?;
    Ok((text?, status))
}

/// Waits until the deadline, then kills. A child that not even that ends at once is left behind.
fn end_of(child: &mut Child, deadline: Instant) -> io::Result<ExitStatus> {
    const GRACE: Duration = Duration::from_millis(100);
    let mut killed = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return if killed { Err(io::ErrorKind::TimedOut.into()) } else { Ok(status) };
        }
        if !killed && Instant::now() >= deadline {
            child.kill()?;
            killed = true;
        }
        if Instant::now() >= deadline + GRACE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_is_killed() {
        let begun = Instant::now();
        // The second closes its output and goes on.
        for script in ["exec sleep 30", "exec sleep 30 >&-"] {
            let error = ask("sh", &["-c", script], Duration::from_millis(50)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn an_answer_comes_with_its_status() {
        let (text, status) = ask("sh", &["-c", "echo a:x:1; exit 2"], Duration::from_secs(3)).unwrap();
        assert_eq!((text.as_slice(), status.code()), (&b"a:x:1\n"[..], Some(2)));
        assert_eq!(
            ask("/nonexistent", &[], Duration::from_secs(3)).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
