//! What `explain` answers: a rule's text is markdown already.

use std::io::{self, Write};

use super::{code, head, own, prose, row};
use crate::model::{ExplainedRule, Explanation, TextFamily};
use crate::report::Loudness;

/// Writes one explanation; the command to run next is its last line.
pub(super) fn render(explanation: &Explanation, loudness: Loudness, out: &mut dyn Write) -> io::Result<()> {
    if let Some(rule) = &explanation.rule {
        return whole_rule(rule, loudness, out);
    }
    if let Some(errno) = &explanation.errno {
        writeln!(out, "# {} ({}): {}\n", errno.name, errno.number, prose(errno.words.as_bytes()))?;
    }
    writeln!(out, "{}\n", prose(explanation.says.as_bytes()))?;
    if loudness != Loudness::Quiet && !explanation.causes.is_empty() {
        head(&["call", "code", "rule", "when"], out)?;
        for cause in &explanation.causes {
            let (code, name) = (cause.code.unwrap_or("-"), cause.name.unwrap_or("-"));
            row(&[cause.call.word().into(), code.into(), name.into(), own(cause.when)], out)?;
        }
        writeln!(out)?;
    }
    if let Some(note) = explanation.note.filter(|_| loudness != Loudness::Quiet) {
        writeln!(out, "{}\n", own(note))?;
    }
    writeln!(out, "next: {}", code(explanation.next.as_deref().unwrap_or(b"sockdoctor inspect PATH")))
}

fn whole_rule(rule: &ExplainedRule, loudness: Loudness, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# {} {} ({})\n", rule.code, rule.name, rule.severity.word())?;
    if loudness == Loudness::Quiet {
        return writeln!(out, "{}", rule.summary());
    }
    // Its headings stand below its name, with a line between them and their text.
    for line in rule.text.trim_end().lines() {
        match line.strip_prefix("# ") {
            Some(heading) => writeln!(out, "## {heading}\n")?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// Writes every code, and the texts that are known.
pub(super) fn list(rules: &[ExplainedRule], texts: &[TextFamily], out: &mut dyn Write) -> io::Result<()> {
    head(&["code", "rule", "severity", "what it says"], out)?;
    for rule in rules {
        let says = own(rule.summary());
        row(&[rule.code.into(), rule.name.into(), rule.severity.word().into(), says], out)?;
    }
    writeln!(out)?;
    head(&["program", "text"], out)?;
    for family in texts {
        family
            .texts
            .iter()
            .try_for_each(|text| row(&[prose(family.name.as_bytes()), code(text.as_bytes())], out))?;
    }
    Ok(())
}
