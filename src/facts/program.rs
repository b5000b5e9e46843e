//! Other programs that know what we cannot: asked on a short leash, and killed when they do not answer.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// More than any answer: a group can list thousands of members, and systemd thousands of units.
const ANSWER_LIMIT: u64 = 4 << 20;

/// What a program has printed until its time was up, and the status it ended with, if it did.
pub(super) struct Told {
    pub(super) text: Vec<u8>,
    pub(super) status: Option<ExitStatus>,
}

/// What a program prints, and the status it ends with. An error when it does not end in time.
pub(super) fn ask(
    program: &str,
    arguments: &[&str],
    patience: Duration,
) -> io::Result<(Vec<u8>, ExitStatus)> {
    let told = listen(program, arguments, patience)?;
    Ok((told.text, told.status.ok_or(io::ErrorKind::TimedOut)?))
}

/// What a program prints within its time.
pub(super) fn listen(program: &str, arguments: &[&str], patience: Duration) -> io::Result<Told> {
    let deadline = Instant::now() + patience;
    let mut child = Command::new(program)
        .args(arguments)
        // Else it colours what it prints where somebody wants that everywhere (systemd(1)).
        .env("SYSTEMD_COLORS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    // Not joined: a grandchild that keeps the pipe open would keep us.
    let reader = thread::Builder::new().spawn(move || {
        let Some(mut pipe) = stdout.map(|pipe| pipe.take(ANSWER_LIMIT)) else { return };
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = match pipe.read(&mut piece) {
                Ok(0) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map(|length| piece[..length].to_vec()),
            };
            let last = read.is_err();
            if sender.send(read).is_err() || last {
                return;
            }
        }
    });
    let mut text: io::Result<Vec<u8>> = Ok(Vec::new());
    let left = || deadline.saturating_duration_since(Instant::now());
    while let (true, Ok(read)) = (reader.is_ok(), receiver.recv_timeout(left())) {
        text = text.and_then(|text| Ok([text, read?].concat()));
    }
    let status = end_of(&mut child, deadline)?;
    reader?;
    Ok(Told { text: text?, status })
}

/// Waits until the deadline, then kills. A child that not even that ends at once is left behind.
fn end_of(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    const GRACE: Duration = Duration::from_millis(100);
    let mut killed = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status).filter(|_| !killed));
        }
        if !killed && Instant::now() >= deadline {
            child.kill()?;
            killed = true;
        }
        if Instant::now() >= deadline + GRACE {
            return Ok(None);
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
    fn what_was_said_in_time_is_kept() {
        let script = "echo a; exec sleep 30";
        let told = listen("sh", &["-c", script], Duration::from_secs(2)).unwrap();
        assert_eq!((told.text.as_slice(), told.status), (&b"a\n"[..], None));
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
