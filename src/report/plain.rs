//! One record a line, fields separated by tabs, nothing else: for scripts and for screens without room.

use std::io::{self, Write};

use super::style::escape;
use super::{
    Loudness, access, checks, clean, compose, explain, facts, graph, guard, merged, preflight, probe, reply,
    style::Style, table, waited, watched,
};
use crate::model::{Data, ReplyShown, Report};

/// Writes a report: findings as `severity code name certainty subject summary`, targets without one as
/// `verdict - - - target` (of `probe` with what it said), components of `access` as `passes path mode owner why`, rows of `list` as their columns,
/// targets of `wait` as `outcome target seconds state errno`, candidates of `clean` as `state path why command`,
/// events of `watch` as `at delta event path pid command uid unit certainty detail`,
/// the pass of `guard` as `outcome target code why`,
/// sockets of `graph` as `verdict name consumer|holder|- command pid unit container connections`, findings of `merge`
/// as `severity code name subject hosts of host,…`.
pub fn render(report: &Report, _loudness: Loudness, out: &mut dyn Write) -> io::Result<()> {
    match &report.data {
        Data::List { sockets, fields } => return table::render_plain(sockets, fields, out),
        Data::Demos(demos) => {
            for demo in demos {
                writeln!(out, "{}\t{}\t{}", demo.name, demo.code, demo.builds)?;
            }
            return Ok(());
        }
        Data::Explained(explanation) => return explain::render_plain(explanation, out),
        Data::Explainable { rules, texts } => return explain::list_plain(rules, texts, out),
        Data::Graph(graph) => return graph::render_plain(graph, out),
        Data::Merged(merged) => return merged::render_plain(merged, out),
        Data::Checks(each) => return checks::render_plain(each, out),
        Data::Guard(pass) => guard::render_plain(pass, out)?,
        Data::Clean { candidates, .. } => return clean::render_plain(candidates, out),
        Data::Probe { targets, shown: shown @ ReplyShown::BodyOnly, .. } => {
            return reply::render(targets, *shown, &Style::FILE, out);
        }
        Data::None
        | Data::Inspect(_)
        | Data::Demo { .. }
        | Data::Access(_)
        | Data::Preflight(_)
        | Data::Probe { .. }
        | Data::Compose { .. }
        | Data::Scan { .. }
        | Data::Waited { .. }
        | Data::Watched(_) => {}
    }
    for finding in &report.findings {
        let (severity, certainty) = (finding.severity.word(), finding.certainty.word());
        let (subject, summary) = (escape(&finding.place()), escape(finding.summary.as_bytes()));
        writeln!(out, "{severity}\t{}\t{}\t{certainty}\t{subject}\t{summary}", finding.code, finding.name)?;
    }
    if let Data::Access(targets) = &report.data {
        return access::render_plain(targets, out);
    }
    if let Data::Waited { targets, .. } = &report.data {
        waited::render_plain(targets, out)?;
    }
    if let Data::Watched(trace) = &report.data {
        watched::render_plain(trace, out)?;
    }
    if let Data::Preflight(targets) = &report.data {
        preflight::render_plain(targets, out)?;
    }
    if let Data::Inspect(targets) | Data::Preflight(targets) | Data::Demo { inspected: targets, .. } =
        &report.data
    {
        for target in targets {
            if facts::silent(target, report) {
                writeln!(
                    out,
                    "{}\t-\t-\t-\t{}\t",
                    target.verdict.word(),
                    escape(&target.case.target.label())
                )?;
            }
        }
    }
    if let Data::Compose { files, .. } = &report.data {
        for file in compose::silent(files, report) {
            let looked_at = compose::looked_at(file);
            writeln!(out, "{}\t-\t-\t-\t{}\t{looked_at}", file.verdict.word(), escape(&file.file))?;
        }
    }
    if let Data::Probe { targets, not_probed, .. } = &report.data {
        for target in targets.iter().filter(|target| !probe::spoken_of(target, report)) {
            let (verdict, name) = (target.verdict.word(), escape(&target.label));
            writeln!(out, "{verdict}\t-\t-\t-\t{name}\t{}", probe::headline(target))?;
        }
        for left in not_probed {
            writeln!(out, "unknown\t-\t-\t-\t{}\tnot probed: {}", escape(&left.label), left.why)?;
        }
    }
    Ok(())
}
