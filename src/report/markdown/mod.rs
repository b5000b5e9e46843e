//! Markdown, for tickets, chats and the summary of a CI step: tables to compare, sections to read.
//!
//! Syntax and its escapes: <https://github.github.com/gfm/>. What strangers chose stands in code spans, which know no
//! markup, links or mentions.

mod explain;

use std::io::{self, Write};

use super::style::escape;
use super::{
    Loudness, access, clean, compose, facts, guard, merged, mermaid, probe, table, text, waited, watched,
};
use crate::model::{
    Candidate, Certainty, Check, Data, DemoEntry, Finding, InspectedTarget, Listing, Merged, Report,
    SocketField,
};

/// Writes a report; the count line is last, as in text.
pub(super) fn render(report: &Report, loudness: Loudness, out: &mut dyn Write) -> io::Result<()> {
    if let Some(failure) = &report.failure {
        writeln!(out, "**sockdoctor:** {}\n", prose(failure.message.as_bytes()))?;
        if let Some(hint) = &failure.hint {
            writeln!(out, "{}\n", prose(hint.as_bytes()))?;
        }
    }
    match &report.data {
        // The failure is all there is to say.
        Data::None if report.failure.is_some() && report.findings.is_empty() => return Ok(()),
        Data::Demos(list) => return demos(list, out),
        Data::Explained(explanation) => return explain::render(explanation, loudness, out),
        Data::Explainable { rules, texts } => return explain::list(rules, texts, out),
        Data::Checks(each) => return checks(each, out),
        Data::List { sockets, fields } => listed(sockets, fields, out)?,
        Data::Guard(pass) => {
            item(&guard::headline(pass), &guard::details(pass), loudness, out)?;
            writeln!(out)?;
            judged(report, loudness, out)?;
        }
        Data::Clean { applied, candidates } => cleaned(candidates, *applied, loudness, out)?,
        Data::Graph(graph) => {
            // Every character that could end the fence is a code in it.
            writeln!(out, "```mermaid")?;
            mermaid::flowchart(graph, out)?;
            writeln!(out, "```\n")?;
            judged(report, Loudness::Quiet, out)?;
        }
        Data::Merged(merged) => shared(merged, loudness, out)?,
        Data::None
        | Data::Inspect(_)
        | Data::Demo { .. }
        | Data::Access(_)
        | Data::Preflight(_)
        | Data::Probe { .. }
        | Data::Compose { .. }
        | Data::Scan { .. }
        | Data::Waited { .. }
        | Data::Watched(_) => {
            judged(report, loudness, out)?;
        }
    }
    if loudness == Loudness::Quiet {
        return Ok(());
    }
    if report.not_checked.len() > 1 {
        for gap in &report.not_checked {
            writeln!(out, "- not checked: {}", prose(text::gap_text(gap).as_bytes()))?;
        }
        writeln!(out)?;
    }
    if let Data::Demo { demo, recognised, .. } = &report.data {
        writeln!(out, "{}\n", prose(text::demo_outcome(demo, *recognised).as_bytes()))?;
    }
    writeln!(out, "{}", prose(text::counts(report, "·").as_bytes()))
}

fn cleaned(
    candidates: &[Candidate],
    applied: bool,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    for candidate in candidates {
        item(&clean::headline(candidate), &clean::details(candidate), loudness, out)?;
    }
    writeln!(out, "\n{}\n", prose(clean::outcome(candidates, applied).as_bytes()))
}

/// An item of a list with a list of its own. A line without a label goes on with that of the line above.
fn item(
    headline: &str,
    details: &[(&str, String)],
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "- {}", code(headline.as_bytes()))?;
    for (label, line) in details.iter().filter(|_| loudness > Loudness::Quiet) {
        let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
        writeln!(out, "  - {label}{}", code(line.as_bytes()))?;
    }
    Ok(())
}

fn checks(checks: &[Check], out: &mut dyn Write) -> io::Result<()> {
    head(&["state", "what", "found", "lets it see", "what would help"], out)?;
    checks.iter().try_for_each(|check| {
        let help = check.would_help.as_ref().map_or_else(|| "-".to_owned(), |help| prose(help.as_bytes()));
        let (detail, lets) = (prose(check.detail.as_bytes()), prose(check.lets.as_bytes()));
        row(&[check.state.word().into(), check.name.into(), detail, lets, help], out)
    })
}

fn judged(report: &Report, loudness: Loudness, out: &mut dyn Write) -> io::Result<()> {
    if !report.findings.is_empty() {
        head(&["severity", "code", "rule", "subject", "what"], out)?;
        for finding in &report.findings {
            let (subject, summary) = (code(&finding.place()), prose(finding.summary.as_bytes()));
            row(&[severity(finding), finding.code.into(), finding.name.into(), subject, summary], out)?;
        }
        writeln!(out)?;
    }
    if loudness != Loudness::Quiet {
        report.findings.iter().try_for_each(|finding| section(finding, out))?;
    }
    if let Data::Access(targets) = &report.data {
        targets.iter().try_for_each(|target| walks(target, out))?;
    }
    if let Data::Waited { targets, ending } = &report.data {
        for target in targets {
            writeln!(out, "- {}", code(waited::line(target, *ending).as_bytes()))?;
        }
        writeln!(out)?;
    }
    if let Data::Watched(trace) = &report.data {
        for removal in &trace.removals {
            let sentence = format!("{}: {}", escape(&removal.path), watched::sentence(removal));
            writeln!(out, "- {}", code(sentence.as_bytes()))?;
        }
        if trace.removals_left_out > 0 {
            writeln!(out, "- and {} times more", trace.removals_left_out)?;
        }
        if !trace.removals.is_empty() {
            // Else the table would be words of the last item.
            writeln!(out)?;
        }
        head(&["at", "event", "path", "pid", "command", "uid", "unit", "certainty", "detail"], out)?;
        for event in &trace.events {
            let line = watched::plain_line(event);
            let mut fields: Vec<String> = line.split('\t').map(|field| code(field.as_bytes())).collect();
            fields.remove(1);
            row(&fields, out)?;
        }
        writeln!(out)?;
        if trace.left_out > 0 {
            writeln!(out, "and {} events more that were not kept\n", trace.left_out)?;
        }
    }
    if let Data::Inspect(targets) | Data::Preflight(targets) | Data::Demo { inspected: targets, .. } =
        &report.data
    {
        for target in targets.iter().filter(|target| facts::wanted(target, report, loudness)) {
            let verdict = target.verdict.word();
            writeln!(out, "## {verdict}: {}\n", code(&target.case.target.label()))?;
            let mut lines = facts::lines(target, loudness).into_iter().peekable();
            if lines.peek().is_some() {
                head(&["fact", "value"], out)?;
                lines.try_for_each(|(label, line)| row(&[label.into(), code(line.as_bytes())], out))?;
                writeln!(out)?;
            }
        }
    }
    if let Data::Compose { files, patch } = &report.data {
        for file in compose::silent(files, report) {
            writeln!(out, "- {}: {}: {}", file.verdict.word(), code(&file.file), compose::looked_at(file))?;
        }
        writeln!(out)?;
        if let Some(patch) = patch.as_ref().filter(|patch| !patch.is_empty()) {
            // No line of a patch begins with a fence: each has its mark before it.
            writeln!(out, "```diff")?;
            compose::patch(patch, out)?;
            writeln!(out, "```\n")?;
        }
    }
    if let Data::Probe { targets, not_probed, .. } = &report.data {
        for target in targets {
            writeln!(out, "## {}: {}\n", target.verdict.word(), code(&target.label))?;
            writeln!(out, "{}\n", code(probe::headline(target).as_bytes()))?;
            if loudness > Loudness::Quiet {
                head(&["fact", "value"], out)?;
                let mut lines = probe::lines(target).into_iter();
                lines.try_for_each(|(label, line)| row(&[label.into(), code(line.as_bytes())], out))?;
                writeln!(out)?;
            }
        }
        if loudness > Loudness::Quiet && !not_probed.is_empty() {
            for left in not_probed {
                writeln!(out, "- not probed: {}: {}", code(&left.label), prose(left.why.as_bytes()))?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

fn walks(target: &InspectedTarget, out: &mut dyn Write) -> io::Result<()> {
    for each in &target.case.accesses {
        let (path, who) = (code(&target.case.target.label()), code(&each.consumer.label()));
        writeln!(out, "## {}: {path} for {who}\n", access::verdict(each).1)?;
        head(&["passes", "component", "mode", "owner", "why"], out)?;
        for access::Row { passes, cells, .. } in access::rows(each) {
            let passes = passes.map_or("unknown", |passes| if passes { "yes" } else { "no" });
            let [component, mode, owner, why] = cells.map(|cell| code(cell.as_bytes()));
            row(&[passes.into(), component, mode, owner, why], out)?;
        }
        writeln!(out)?;
        for (label, note) in access::notes(each) {
            writeln!(out, "- {label}: {}", prose(note.as_bytes()))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn severity(finding: &Finding) -> String {
    let likely = if finding.certainty == Certainty::Likely { " (likely)" } else { "" };
    format!("{}{likely}", finding.severity.word())
}

fn section(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {} {}: {}\n", finding.code, finding.name, code(&finding.place()))?;
    writeln!(out, "{}\n", prose(finding.summary.as_bytes()))?;
    for evidence in &finding.evidence {
        let seen = [&evidence.source, &b": "[..], &evidence.detail].concat();
        writeln!(out, "- evidence: {}", code(&seen))?;
    }
    if let Some(cause) = &finding.cause {
        writeln!(out, "- cause: {}", prose(cause.as_bytes()))?;
    }
    for fix in &finding.fixes {
        let command = fix.command.as_deref().map(|command| format!("{}: ", code(command)));
        writeln!(out, "- fix: {}{}", command.unwrap_or_default(), prose(fix.text.as_bytes()))?;
    }
    for place in &finding.locations {
        writeln!(out, "- written in: {}, line {}", code(&place.file), place.line)?;
    }
    writeln!(out, "- more: `sockdoctor explain {}`\n", finding.code)
}

fn listed(listing: &Listing, fields: &[SocketField], out: &mut dyn Write) -> io::Result<()> {
    if listing.rows.is_empty() {
        return Ok(());
    }
    head(&fields.iter().map(|field| field.word()).collect::<Vec<_>>(), out)?;
    for socket in listing.iter() {
        let cells = fields.iter().map(|field| {
            let cell = table::cell(&socket, *field, None);
            match field {
                SocketField::Name | SocketField::Holders | SocketField::Unit if cell != "-" => {
                    code(cell.as_bytes())
                }
                _ => prose(cell.as_bytes()),
            }
        });
        row(&cells.collect::<Vec<_>>(), out)?;
    }
    writeln!(out)
}

fn shared(merged: &Merged, loudness: Loudness, out: &mut dyn Write) -> io::Result<()> {
    if merged.findings.is_empty() {
        return Ok(());
    }
    head(&["severity", "code", "rule", "subject", "hosts", "which"], out)?;
    let named = if loudness == Loudness::Verbose { usize::MAX } else { 8 };
    for finding in &merged.findings {
        let hosts = merged::hosts(merged, finding, named);
        row(
            &[
                finding.severity.word().into(),
                prose(finding.code.as_bytes()),
                prose(finding.name.as_bytes()),
                code(finding.subject.as_bytes()),
                merged::share(merged, finding),
                code(hosts.as_bytes()),
            ],
            out,
        )?;
    }
    writeln!(out)
}

fn demos(demos: &[DemoEntry], out: &mut dyn Write) -> io::Result<()> {
    head(&["demo", "code", "builds"], out)?;
    demos
        .iter()
        .try_for_each(|demo| row(&[demo.name.into(), demo.code.into(), prose(demo.builds.as_bytes())], out))
}

fn head(titles: &[&str], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| {} |\n|{}", titles.join(" | "), "---|".repeat(titles.len()))
}

/// A row of a table, in which only a line through a cell is left to escape (GFM §4.10).
fn row(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}

/// Bytes in a code span that they cannot end. A backslash before a line would, in a table, escape or not escape that
/// line, as each parser sees it.
fn code(bytes: &[u8]) -> String {
    let text = escape(bytes).replace("\\|", "\\x5c|");
    if text.is_empty() {
        return "(empty)".into();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Words, in which nothing is markup (GFM §6.1).
fn prose(bytes: &[u8]) -> String {
    let text = escape(bytes);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(
            character,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '$' | '&' | '!' | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Words of our own, which may name commands in backticks.
fn own(text: &str) -> String {
    let parts = text.split('`').enumerate();
    // Without a partner the last one is only a character.
    if text.matches('`').count() % 2 == 1 {
        return prose(text.as_bytes());
    }
    // Spaces beside a span are not at an end.
    let plain = |part: &str| prose(part.as_bytes()).replace("\\\\x20", " ");
    parts.map(|(number, part)| if number % 2 == 1 { code(part.as_bytes()) } else { plain(part) }).collect()
}

#[cfg(test)]
mod tests;
