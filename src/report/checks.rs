//! What `self-check` prints: each thing with its state, what it lets the tool see, and what would help.

use std::io::{self, Write};

use colored::Colorize;

use super::Loudness;
use super::style::{Style, escape};
use super::text::wrapped;
use crate::model::{Check, CheckState, Overall};

const INDENT: usize = 4;
const LABEL: usize = 8;

/// How a state is coloured; a missing right breaks nothing.
const fn shade(state: CheckState) -> Overall {
    match state {
        CheckState::Ok => Overall::Ok,
        CheckState::Limited => Overall::Warning,
        CheckState::Missing => Overall::Error,
        CheckState::Unknown => Overall::Unknown,
    }
}

/// Writes them; the count line last.
pub(super) fn render(
    checks: &[Check],
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    for check in checks {
        let word = style.mark(shade(check.state), &format!("{:<7}", check.state.word()));
        writeln!(out, "{word}  {}: {}", check.name.bold(), escape(check.detail.as_bytes()))?;
        if loudness == Loudness::Quiet {
            continue;
        }
        labelled(style, "lets", &format!("see {}", check.lets), out)?;
        if let Some(help) = &check.would_help {
            labelled(style, "helps", &escape(help.as_bytes()), out)?;
        }
    }
    if loudness == Loudness::Quiet {
        return Ok(());
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let counts = CheckState::ALL.into_iter().map(|state| (count(state), state.word()));
    let counts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    writeln!(out, "{}", counts.join(&format!(" {} ", style.dot())))
}

fn labelled(style: &Style, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    wrapped(style, &format!("{label:<LABEL$}{text}"), INDENT, INDENT + LABEL, out)
}

/// `name state detail lets would_help`
pub(super) fn render_plain(checks: &[Check], out: &mut dyn Write) -> io::Result<()> {
    for check in checks {
        let help = check.would_help.as_deref().unwrap_or("-");
        let (detail, help) = (escape(check.detail.as_bytes()), escape(help.as_bytes()));
        writeln!(out, "{}\t{}\t{detail}\t{}\t{help}", check.name, check.state.word(), check.lets)?;
    }
    Ok(())
}
