//! What `wait` says on standard error while it waits: one live line on a terminal, else one line for each change.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::candidate::{Candidate, Standing};
use crate::report::style::escape;

/// How often the live line is drawn anew.
const TICK: Duration = Duration::from_secs(1);
/// Back to the beginning of the line, which is erased (ECMA-48, EL).
const ERASE: &str = "\r\x1b[K";

/// Nothing that is said here may fail the waiting.
pub(super) struct Progress {
    quiet: bool,
    /// Columns of the terminal that standard error is.
    terminal: Option<usize>,
    started: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    pub(super) fn new(quiet: bool, started: Instant) -> Self {
        let width =
            || terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
        let terminal = io::stderr().is_terminal().then(width);
        Self { quiet, terminal, started, drawn: None }
    }

    /// A target has another state than before.
    pub(super) fn changed(&mut self, candidate: &Candidate, now: Instant) {
        if self.quiet || self.terminal.is_some() || candidate.standing(now) != Standing::Open {
            return;
        }
        let _ = writeln!(io::stderr(), "sockdoctor: waiting for {}", about(candidate));
    }

    /// Draws the live line, where there is one.
    pub(super) fn draw(&mut self, candidates: &[Candidate], now: Instant) {
        let Some(width) = self.terminal.filter(|_| !self.quiet) else { return };
        let mut waiting = candidates.iter().filter(|candidate| candidate.standing(now) != Standing::Ready);
        let Some(first) = waiting.next() else { return };
        let more = match waiting.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let seconds = now.duration_since(self.started).as_secs();
        let line = format!("waiting {seconds} s for {}{more}", about(first));
        let line: String = line.chars().take(width.saturating_sub(1)).collect();
        let _ = write!(io::stderr(), "{ERASE}{line}");
        self.drawn = Some(now);
    }

    /// When the live line is to be drawn again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.drawn.map(|drawn| drawn + TICK)
    }

    /// Says something beside the live line.
    pub(super) fn say(&mut self, candidate: &Candidate, text: &str) {
        if !self.quiet {
            self.clear();
            let _ = writeln!(io::stderr(), "sockdoctor: {}: {text}", escape(&candidate.target.label()));
        }
    }

    /// Takes the live line away.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "{ERASE}");
        }
    }
}

fn about(candidate: &Candidate) -> String {
    format!("{}: {}", escape(&candidate.target.label()), candidate.reach().says())
}
