//! What `merge` answers, for people: each finding with the hosts that share it.

use std::io::{self, Write};

use colored::Colorize;

use super::Loudness;
use super::style::{Style, escape};
use crate::model::{Merged, MergedFinding};

/// Hosts that are named one by one.
const NAMED: usize = 8;

/// Writes findings; quiet: one line each, verbose: every host.
pub(super) fn render(
    merged: &Merged,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    for finding in &merged.findings {
        let sign = style.verdict(finding.severity.into());
        let (code, name) = (escape(finding.code.as_bytes()), escape(finding.name.as_bytes()));
        let subject = escape(finding.subject.as_bytes());
        writeln!(out, "{sign} {} {name}  {}  {}", code.bold(), subject.bold(), share(merged, finding))?;
        if loudness > Loudness::Quiet {
            let named = if loudness == Loudness::Verbose { usize::MAX } else { NAMED };
            super::text::wrapped(style, &escape(finding.summary.as_bytes()), 4, 4, out)?;
            super::text::labelled(style, "hosts", &hosts(merged, finding, named), out)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// Writes `severity code name subject hosts of host,host,…`.
pub(super) fn render_plain(merged: &Merged, out: &mut dyn Write) -> io::Result<()> {
    for finding in &merged.findings {
        let cell = |text: &str| escape(text.as_bytes());
        let (code, name, subject) = (cell(&finding.code), cell(&finding.name), cell(&finding.subject));
        let (count, all) = (finding.hosts.len(), merged.hosts.len());
        write!(out, "{}\t{code}\t{name}\t{subject}\t{count}\t{all}\t", finding.severity.word())?;
        for (number, host) in merged.hosts_of(finding).enumerate() {
            write!(out, "{}{host}", if number > 0 { "," } else { "" })?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// `12 of 3000 hosts`
pub(super) fn share(merged: &Merged, finding: &MergedFinding) -> String {
    format!("{} of {}", finding.hosts.len(), super::text::plural(merged.hosts.len(), "host"))
}

/// The first so many, and how many more there are.
pub(super) fn hosts(merged: &Merged, finding: &MergedFinding, named: usize) -> String {
    let first: Vec<&str> = merged.hosts_of(finding).take(named).collect();
    let others = finding.hosts.len() - first.len();
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    format!("{}{others}", first.join(", "))
}
