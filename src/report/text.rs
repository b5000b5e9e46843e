//! For people: code first, one line that stands alone, then the proof, then what to do; the count line last.

use std::io::{self, Write};

use colored::Colorize;

use super::style::{Style, escape};
use super::{
    Loudness, access, checks, clean, compose, explain, facts, graph, guard, merged, probe, reply, table,
    waited, watched,
};
use crate::model::{
    Data, DemoEntry, Ending, Finding, InspectedTarget, NotChecked, NotProbed, Overall, ProbedTarget,
    ReplyShown, Report, Severity,
};

/// Where labels stand, and where their text begins.
const INDENT: usize = 4;
const LABEL: usize = 10;
/// Evidence beyond this many columns is wrapped even in a very wide terminal.
const WIDEST: usize = 120;

/// Writes a report.
pub fn render(report: &Report, style: &Style, loudness: Loudness, out: &mut dyn Write) -> io::Result<()> {
    // A file is never coloured, whatever was decided for the terminal.
    colored::control::set_override(style.color);
    let page = Page { style, loudness };
    if page.is_all(report, out)? {
        return Ok(());
    }
    // A picture is read as one: `inspect` has the findings.
    let told = report.findings.iter().filter(|_| !matches!(report.data, Data::Graph(_)));
    for finding in told {
        page.finding(finding, out)?;
        if loudness != Loudness::Quiet {
            writeln!(out)?;
        }
    }
    page.facts(report, out)?;
    if matches!(report.data, Data::Waited { ending: Ending::Ready, .. }) {
        return Ok(());
    }
    if loudness == Loudness::Quiet {
        let says_itself = matches!(report.data, Data::Access(_) | Data::Probe { .. } | Data::Waited { .. });
        let open = report.verdict == Overall::Unknown && !says_itself;
        let lines = report.not_checked.iter().filter(|_| open);
        return lines.map(gap_text).try_for_each(|line| writeln!(out, "not checked  {line}"));
    }
    page.not_checked(&report.not_checked, out)?;
    if let Data::Demo { demo, recognised, .. } = &report.data {
        writeln!(out, "{}", demo_outcome(demo, *recognised))?;
    }
    page.count_line(report, out)
}

struct Page<'s> {
    style: &'s Style,
    loudness: Loudness,
}

impl Page<'_> {
    /// What stands before the findings; whether nothing follows.
    fn is_all(&self, report: &Report, out: &mut dyn Write) -> io::Result<bool> {
        let (style, loudness) = (self.style, self.loudness);
        let quiet = loudness == Loudness::Quiet;
        match &report.data {
            Data::List { sockets, fields } => {
                table::render(sockets, fields, style, out)?;
                if !quiet {
                    self.count_line(report, out)?;
                }
            }
            Data::Demos(demos) => {
                for demo in demos {
                    writeln!(out, "{:<34} {}  {}", demo.name, demo.code, demo.builds)?;
                }
            }
            Data::Explained(explanation) => explain::render(explanation, style, loudness, out)?,
            Data::Explainable { rules, texts } => explain::list(rules, texts, style, out)?,
            Data::Checks(each) => checks::render(each, style, loudness, out)?,
            Data::Probe { targets, shown: shown @ ReplyShown::BodyOnly, .. } => {
                reply::render(targets, *shown, style, out)?;
            }
            Data::Compose { patch: Some(patch), .. } if quiet => compose::patch(patch, out)?,
            Data::Clean { applied, candidates } => {
                clean::render(candidates, *applied, style, loudness, out)?;
                if !quiet {
                    self.not_checked(&report.not_checked, out)?;
                    self.count_line(report, out)?;
                }
            }
            Data::Guard(pass) => {
                guard::render(pass, style, loudness, out)?;
                if !quiet && !report.findings.is_empty() {
                    writeln!(out)?;
                    return Ok(false);
                }
            }
            Data::Watched(trace) => {
                watched::timeline(trace, style, loudness, out)?;
                return Ok(false);
            }
            Data::Graph(graph) => {
                graph::render(graph, style, loudness, out)?;
                return Ok(false);
            }
            Data::Merged(merged) => {
                merged::render(merged, style, loudness, out)?;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What the command found out, behind the findings.
    fn facts(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let (style, loudness) = (self.style, self.loudness);
        match &report.data {
            Data::Waited { targets, ending } => waited::lines(targets, *ending, loudness, out),
            Data::Watched(trace) => watched::summary(trace, style, loudness, out),
            Data::Inspect(targets) | Data::Preflight(targets) | Data::Demo { inspected: targets, .. } => {
                let mut wanted = targets.iter().filter(|target| facts::wanted(target, report, loudness));
                wanted.try_for_each(|target| self.target(target, report, out))
            }
            Data::Compose { files, patch } => {
                if loudness > Loudness::Quiet {
                    compose::lines(files, report, style, out)?;
                }
                compose::patch(patch.as_deref().unwrap_or_default(), out)
            }
            Data::Access(targets) if loudness == Loudness::Quiet => {
                targets.iter().try_for_each(|target| access::headlines(target, style, out))
            }
            Data::Access(targets) => targets.iter().try_for_each(|target| access::render(target, style, out)),
            Data::Probe { targets, not_probed, shown } => {
                self.probes(report, targets, not_probed, out)?;
                if *shown == ReplyShown::Whole { reply::render(targets, *shown, style, out) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// What is known of a target; without a finding of its own, with its verdict.
    fn target(&self, target: &InspectedTarget, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let subject = escape(&target.case.target.label());
        if facts::silent(target, report) {
            writeln!(out, "{}  {}", self.style.verdict(target.verdict), subject.bold())?;
        } else {
            writeln!(out, "    {}", subject.bold())?;
        }
        let lines = facts::lines(target, self.loudness);
        lines.iter().try_for_each(|(label, line)| self.labelled(label, line, out))
    }

    fn finding(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let verdict = self.style.verdict(finding.severity.into());
        let likely = if finding.certainty == crate::model::Certainty::Likely { " (likely)" } else { "" };
        let subject = escape(&finding.place());
        writeln!(out, "{verdict} {} {}{likely}  {}", finding.code.bold(), finding.name, subject.bold())?;
        if self.loudness == Loudness::Quiet {
            return Ok(());
        }
        self.wrapped(&escape(finding.summary.as_bytes()), INDENT, INDENT, out)?;
        for (number, evidence) in finding.evidence.iter().enumerate() {
            let line = format!("{}: {}", escape(&evidence.source), escape(&evidence.detail));
            self.labelled(if number == 0 { "evidence" } else { "" }, &line, out)?;
        }
        if let Some(cause) = &finding.cause {
            self.labelled("cause", &escape(cause.as_bytes()), out)?;
        }
        for (number, fix) in finding.fixes.iter().enumerate() {
            let label = if number == 0 { "fix" } else { "" };
            let text = escape(fix.text.as_bytes());
            match &fix.command {
                None => self.labelled(label, &text, out)?,
                Some(command) => self.command(label, &escape(command), &text, out)?,
            }
        }
        self.labelled("more", &format!("sockdoctor explain {}", finding.code), out)
    }

    /// What each target said: its times, and where no finding says more, how it ended.
    fn probes(
        &self,
        report: &Report,
        targets: &[ProbedTarget],
        not_probed: &[NotProbed],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for target in targets {
            let spoken_of = probe::spoken_of(target, report);
            if spoken_of && self.loudness == Loudness::Quiet {
                continue;
            }
            let name = escape(&target.label);
            let verdict = self.style.verdict(target.verdict);
            writeln!(out, "{verdict}  {}  {}", name.bold(), probe::headline(target))?;
            if self.loudness > Loudness::Quiet {
                probe::lines(target).iter().try_for_each(|(label, line)| self.labelled(label, line, out))?;
            }
        }
        for left in not_probed.iter().filter(|_| self.loudness > Loudness::Quiet) {
            writeln!(out, "- not probed  {}  {}", escape(&left.label), left.why)?;
        }
        Ok(())
    }

    fn not_checked(&self, gaps: &[NotChecked], out: &mut dyn Write) -> io::Result<()> {
        // One reason stands behind many rules at once.
        let mut reasons: Vec<(Vec<&str>, String)> = Vec::new();
        for not_checked in gaps.iter().filter(|_| gaps.len() > 1) {
            let text = reason(not_checked);
            match reasons.iter_mut().find(|(_, known)| *known == text) {
                Some((codes, _)) => codes.extend(not_checked.code),
                None => reasons.push((not_checked.code.into_iter().collect(), text)),
            }
        }
        for (number, (codes, text)) in reasons.iter().enumerate() {
            let label = if number == 0 { "not checked" } else { "" };
            let codes = if codes.is_empty() { String::new() } else { format!("{}: ", codes.join(", ")) };
            self.wrapped(&format!("{label:<12}{codes}{text}"), 0, 12, out)?;
        }
        Ok(())
    }

    fn count_line(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let line = counts(report, self.style.dot());
        self.wrapped(&line, 0, 2, out)
    }

    fn labelled(&self, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        labelled(self.style, label, text, out)
    }

    /// A command stays on one line, so that it can be copied; what it does stands behind it or below.
    fn command(&self, label: &str, command: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let margin = INDENT + LABEL;
        let width = self.style.width.unwrap_or(WIDEST).min(WIDEST);
        if margin + command.len() + 3 + text.len() <= width {
            return writeln!(out, "    {label:<LABEL$}{}   {text}", command.bold());
        }
        writeln!(out, "    {label:<LABEL$}{}", command.bold())?;
        self.wrapped(text, margin + 2, margin + 2, out)
    }

    fn wrapped(&self, text: &str, first: usize, rest: usize, out: &mut dyn Write) -> io::Result<()> {
        wrapped(self.style, text, first, rest, out)
    }
}

/// A label and its text, the lines of which stand below each other.
pub(super) fn labelled(style: &Style, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    wrapped(style, &format!("{label:<LABEL$}{text}"), INDENT, INDENT + LABEL, out)
}

/// A text in lines that fit, the first and the others indented.
pub(super) fn wrapped(
    style: &Style,
    text: &str,
    first: usize,
    rest: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (first, rest) = (" ".repeat(first), " ".repeat(rest));
    let Some(width) = style.width else { return writeln!(out, "{first}{text}") };
    let options = textwrap::Options::new(width.clamp(40, WIDEST))
        .initial_indent(&first)
        .subsequent_indent(&rest)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    for line in textwrap::wrap(text, options) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Whether a demo did what it is for.
pub(super) fn demo_outcome(demo: &DemoEntry, recognised: bool) -> String {
    let outcome = if recognised { "recognised" } else { "NOT recognised on this kernel" };
    format!("demo {}: {} {outcome}; everything it made is removed", demo.name, demo.code)
}

/// How many of what were found, over how much: the last line of every format for people.
pub(super) fn counts(report: &Report, dot: &str) -> String {
    let mut counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .filter_map(|severity| {
            let count = report.count(severity);
            (count > 0).then(|| plural(count, severity.word()))
        })
        .collect();
    if counts.is_empty() {
        counts.push("nothing found".into());
    }
    if report.suppressed > 0 {
        counts.push(format!("{} more explained by these", report.suppressed));
    }
    if report.left_out > 0 {
        counts.push(format!("{} left out", report.left_out));
    }
    let checks = match &report.data {
        Data::Merged(merged) => {
            let fine = merged.verdicts.iter().find(|(verdict, _)| *verdict == Overall::Ok);
            format!("{} ok", fine.map_or(0, |(_, hosts)| *hosts))
        }
        _ => plural(report.checks, "check"),
    };
    let gaps = report.not_checked.len();
    let looked_at = plural(
        report.subjects,
        match report.data {
            Data::List { .. } | Data::Graph(_) => "socket",
            Data::Clean { .. } => "candidate",
            Data::Merged(_) => "host",
            Data::Compose { .. } => "file",
            Data::Scan { .. } => "path",
            _ => "target",
        },
    );
    let subjects = match report.data {
        Data::Scan { files, sockets, .. } => {
            format!("{}, {looked_at} in {}", plural(sockets, "socket"), plural(files, "file"))
        }
        _ => looked_at,
    };
    counts.push(match (gaps, report.not_checked.first()) {
        (0, _) => format!("{subjects}, {checks}"),
        (1, Some(only)) => format!("{subjects}, {checks}, 1 not possible ({})", gap_text(only)),
        _ => format!("{subjects}, {checks}, {gaps} not possible"),
    });
    counts.join(&format!(" {dot} "))
}

/// A gap on one line: what could not be seen, why, what would help.
pub(super) fn gap_text(not_checked: &NotChecked) -> String {
    let code = not_checked.code.map(|code| format!("{code}: ")).unwrap_or_default();
    format!("{code}{}", reason(not_checked))
}

fn reason(not_checked: &NotChecked) -> String {
    let help = not_checked.gap.would_help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    escape(format!("{}: {}{help}", not_checked.gap.source, not_checked.gap.why).as_bytes())
}

pub(super) fn plural(count: usize, word: &str) -> String {
    let ending = if count == 1 || word == "info" { "" } else { "s" };
    format!("{count} {word}{ending}")
}
