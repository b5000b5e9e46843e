//! What `explain` prints for people: a rule's text under its headings, or causes, numbered, most likely first.

use std::io::{self, Write};

use colored::Colorize;

use super::Loudness;
use super::style::{Style, escape};
use super::text::wrapped;
use crate::model::{Call, ExplainedErrno, ExplainedRule, Explanation, TextFamily};

const INDENT: usize = 4;
const LABEL: usize = 10;

/// Writes one explanation; the command to run next is its last line.
pub(super) fn render(
    explanation: &Explanation,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(rule) = &explanation.rule {
        return whole_rule(rule, style, loudness, out);
    }
    if let Some(errno) = &explanation.errno {
        writeln!(out, "{}", headline(errno).bold())?;
    }
    wrapped(style, &escape(explanation.says.as_bytes()), INDENT, INDENT, out)?;
    if loudness != Loudness::Quiet {
        causes(explanation, style, out)?;
        writeln!(out)?;
        if let Some(note) = explanation.note {
            labelled(style, "note", note, out)?;
        }
        // Only what is in the registry can be explained further.
        if let Some(code) =
            explanation.causes.first().filter(|cause| cause.name.is_some()).and_then(|c| c.code)
        {
            labelled(style, "more", &format!("sockdoctor explain {code}"), out)?;
        }
    }
    let command = explanation.next.as_deref().map(escape);
    let command = command.unwrap_or_else(|| "sockdoctor inspect PATH".into());
    writeln!(out, "    {:<LABEL$}{}", "next", command.bold())
}

fn headline(errno: &ExplainedErrno) -> String {
    format!("{} ({}): {}", errno.name, errno.number, errno.words)
}

fn causes(explanation: &Explanation, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let calls =
        || Call::ALL.into_iter().filter(|call| explanation.causes.iter().any(|cause| cause.call == *call));
    let one = calls().count() == 1;
    for call in calls() {
        writeln!(out)?;
        let title = match (one, call) {
            (true, _) => "causes, the most likely first",
            (_, Call::Connect) => "in a client, at connect",
            (_, Call::Bind) => "in a server, at bind",
            (_, Call::Serve) => "in a server, at work",
        };
        writeln!(out, "{}", title.bold())?;
        let each = explanation.causes.iter().filter(|cause| cause.call == call);
        for (number, cause) in each.enumerate() {
            let named = match (cause.code, cause.name) {
                (Some(code), Some(name)) => format!("{code} {name}: "),
                (Some(code), None) => format!("{code}: "),
                (None, _) => String::new(),
            };
            let text = format!("{:>3}  {named}{}", number + 1, cause.when);
            wrapped(style, &text, 0, 5, out)?;
        }
    }
    Ok(())
}

fn labelled(style: &Style, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    wrapped(style, &format!("{label:<LABEL$}{text}"), INDENT, INDENT + LABEL, out)
}

fn whole_rule(
    rule: &ExplainedRule,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{} {} {}", style.verdict(rule.severity.into()), rule.code.bold(), rule.name)?;
    if loudness == Loudness::Quiet {
        return writeln!(out, "    {}", rule.summary());
    }
    for (number, paragraph) in rule.text.trim_end().split("\n\n").enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let (heading, body) = match paragraph.strip_prefix("# ") {
            Some(titled) => {
                titled.split_once('\n').map_or((Some(titled), ""), |(title, body)| (Some(title), body))
            }
            None => (None, paragraph),
        };
        if let Some(heading) = heading {
            writeln!(out, "{}", heading.bold())?;
        }
        // Its own line breaks are for the source; without a terminal to fit they do as well as any.
        let joined = body.lines().collect::<Vec<_>>().join(" ");
        match style.width {
            Some(_) => wrapped(style, &joined, INDENT, INDENT, out)?,
            None => body.lines().try_for_each(|line| writeln!(out, "    {line}"))?,
        }
    }
    Ok(())
}

/// Writes every code, and the texts that are known.
pub(super) fn list(
    rules: &[ExplainedRule],
    texts: &[TextFamily],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for rule in rules {
        let severity = style.mark(rule.severity.into(), &format!("{:<7}", rule.severity.word()));
        writeln!(out, "{}  {severity}  {}", rule.code.bold(), rule.name)?;
        wrapped(style, rule.summary(), 16, 16, out)?;
    }
    for family in texts {
        writeln!(out, "\n{}", family.name.bold())?;
        family.texts.iter().try_for_each(|text| writeln!(out, "    {text}"))?;
    }
    writeln!(out, "\nEvery errno too, by name or number.")
}

/// `kind errno path sentence`, then `cause call code name when`, then `next command`.
pub(super) fn render_plain(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let kind = explanation.kind.word();
    if let Some(rule) = &explanation.rule {
        return writeln!(
            out,
            "{kind}\t{}\t{}\t{}\t{}",
            rule.code,
            rule.name,
            rule.severity.word(),
            rule.summary()
        );
    }
    let errno = explanation.errno.as_ref().map_or("-", |errno| errno.name.as_str());
    let path = explanation.path.as_deref().map_or_else(|| "-".to_owned(), escape);
    writeln!(out, "{kind}\t{errno}\t{path}\t{}", explanation.says)?;
    for cause in &explanation.causes {
        let (code, name) = (cause.code.unwrap_or("-"), cause.name.unwrap_or("-"));
        writeln!(out, "cause\t{}\t{code}\t{name}\t{}", cause.call.word(), cause.when)?;
    }
    explanation.next.as_deref().map_or(Ok(()), |next| writeln!(out, "next\t{}", escape(next)))
}

/// `rule code name severity summary`, then `text family text`.
pub(super) fn list_plain(
    rules: &[ExplainedRule],
    texts: &[TextFamily],
    out: &mut dyn Write,
) -> io::Result<()> {
    for rule in rules {
        writeln!(out, "rule\t{}\t{}\t{}\t{}", rule.code, rule.name, rule.severity.word(), rule.summary())?;
    }
    for family in texts {
        family.texts.iter().try_for_each(|text| writeln!(out, "text\t{}\t{text}", family.name))?;
    }
    Ok(())
}
