//! `getent`, which asks what nsswitch.conf(5) names, on a short leash: it may wait for a directory server.

use std::io;
use std::time::{Duration, Instant};

use crate::model::Gap;

use super::{proc_file, program};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long all of them together may take.
const PATIENCE_IN_ALL: Duration = Duration::from_secs(3);

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Lines of the database.
    Found(Vec<u8>),
    /// There is no such entry.
    NotFound,
    /// There is no `getent` here, or the key is none.
    NotAsked,
    /// It gave no answer.
    Failed(Gap),
}

/// Asks as long as answers come in time; who once was too late is not asked again.
#[derive(Debug)]
pub(super) struct Getent {
    patience: Duration,
}

impl Getent {
    pub(super) const fn new() -> Self {
        Self { patience: PATIENCE_IN_ALL }
    }

    /// Looks for an entry of `passwd` or `group` by name or number, or of `initgroups` by name.
    pub(super) fn ask(&mut self, database: &str, key: &str) -> Answer {
        // It takes a leading dash for an option.
        if key.is_empty() || key.starts_with('-') || key.contains([':', '\n', '\0']) {
            return Answer::NotAsked;
        }
        let source = format!("getent {database} {key}");
        if self.patience.is_zero() {
            return Answer::Failed(Gap::new(source, "not asked again: earlier answers took too long"));
        }
        let begun = Instant::now();
        let answer = run("getent", &[database, key], PATIENCE.min(self.patience));
        self.patience = self.patience.saturating_sub(begun.elapsed());
        match answer {
            Ok(Some(text)) => Answer::Found(text),
            Ok(None) => Answer::NotFound,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::NotAsked,
            Err(error) => {
                if error.kind() == io::ErrorKind::TimedOut {
                    self.patience = Duration::ZERO;
                }
                Answer::Failed(Gap::new(source, proc_file::why(&error)))
            }
        }
    }
}

/// What it prints. `None`: it says there is no such entry (getent(1), status 2).
fn run(program: &str, arguments: &[&str], patience: Duration) -> io::Result<Option<Vec<u8>>> {
    let (text, status) = program::ask(program, arguments, patience)?;
    match status.code() {
        Some(0) => Ok(Some(text)),
        Some(2) => Ok(None),
        _ => Err(io::Error::other("it failed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_system_is_asked() {
        match Getent::new().ask("passwd", "0") {
            Answer::Found(text) => assert!(text.starts_with(b"root:")),
            other => assert_eq!(other, Answer::NotAsked),
        }
    }

    #[test]
    fn no_option_gets_through() {
        for key in ["", "-s", "--help", "a:b", "a\nb", "a\0b"] {
            assert_eq!(Getent::new().ask("passwd", key), Answer::NotAsked, "{key:?}");
        }
    }

    #[test]
    fn who_was_too_late_is_not_asked_again() {
        let mut getent = Getent { patience: Duration::ZERO };
        assert!(matches!(getent.ask("passwd", "0"), Answer::Failed(_)));
    }

    #[test]
    fn a_program_says_found_absent_or_fails() {
        let ask = |script| run("sh", &["-c", script], PATIENCE_IN_ALL);
        assert_eq!(ask("echo a:x:1").unwrap(), Some(b"a:x:1\n".to_vec()));
        assert_eq!(ask("exit 2").unwrap(), None);
        assert_eq!(ask("exit 1").unwrap_err().to_string(), "it failed");
        assert_eq!(run("/nonexistent", &[], PATIENCE).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
