//! A finding as lines of plain words: what the formats that have one field for all of it put there.

use super::style::escape;
use crate::model::Finding;

/// What stands alone: whom it is about, and what.
pub(super) fn first(finding: &Finding) -> String {
    format!("{}: {}", escape(&finding.place()), escape(finding.summary.as_bytes()))
}

/// The proof, how it came to be, and what to do, each on a line.
pub(super) fn rest(finding: &Finding) -> Vec<String> {
    let evidence = finding.evidence.iter();
    let mut lines: Vec<String> =
        evidence.map(|one| format!("evidence: {}: {}", escape(&one.source), escape(&one.detail))).collect();
    lines.extend(finding.cause.as_ref().map(|cause| format!("cause: {}", escape(cause.as_bytes()))));
    for fix in &finding.fixes {
        let command = fix.command.as_deref().map(|command| format!("{}: ", escape(command)));
        lines.push(format!("fix: {}{}", command.unwrap_or_default(), escape(fix.text.as_bytes())));
    }
    lines
}

/// All of it.
pub(super) fn all(finding: &Finding) -> String {
    let mut lines = rest(finding);
    lines.insert(0, first(finding));
    lines.join("\n")
}
