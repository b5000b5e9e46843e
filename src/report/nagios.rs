//! One line for Nagios, Icinga and Sensu: the state, the cause, and behind `|` what can be drawn.
//!
//! The convention: <https://www.monitoring-plugins.org/doc/guidelines.html>; performance data is
//! `'label'=value[unit];[warning];[critical];[least];[most]`.

use std::io::{self, Write};
use std::time::Duration;

use super::style::escape;
use super::{guard, text};
use crate::model::{Alarm, Data, Probed, Report, Served, Severity, StepName};

/// Targets that have numbers of their own. Some systems keep no more than 4 KiB of a line.
const DRAWN: usize = 10;

/// A target's name, and its numbers by their labels.
type Target = (Vec<u8>, Vec<(&'static str, String)>);

/// Writes the line.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let said = one_line(&said(report));
    writeln!(out, "{}: {said} | {}", report.alarm.word(), numbers(report).join(" "))
}

/// The cause stands first; what else was found is counted.
fn said(report: &Report) -> String {
    if let Some(failure) = &report.failure {
        let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        return format!("{}{hint}", failure.message);
    }
    let first = report.findings.first().filter(|_| report.alarm != Alarm::Ok);
    if let Some(finding) = first {
        let (code, name, place) = (finding.code, finding.name, escape(&finding.place()));
        let more = report.findings.len() - 1 + report.suppressed;
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        return format!("{code} {name} {place}: {}{more}", finding.summary);
    }
    let failed = |probed: &&Probed| !probed.is_fine();
    if let Data::Probe { targets, .. } = &report.data
        && let Some((target, probed)) =
            targets.iter().find_map(|target| Some((target, target.probes.iter().find(failed)?)))
    {
        return format!("{}: {}", escape(&target.label), probed.outcome.word().replace('_', " "));
    }
    if let Data::Guard(pass) = &report.data {
        let cause = pass.cause.as_ref().map(|cause| cause.summary.as_str());
        // Of one that was repaired the cause is over.
        let tense = if pass.outcome.is_fine() { "before: " } else { "" };
        let cause = cause.map(|cause| format!("{tense}{cause}"));
        let parts = [Some(guard::headline(pass)), cause, pass.why.clone()];
        return parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
    }
    let gap = report.not_checked.first().filter(|_| report.alarm == Alarm::Unknown);
    gap.map_or_else(|| text::counts(report, "-"), text::gap_text)
}

/// What is behind a `|` would be taken for numbers.
fn one_line(text: &str) -> String {
    escape(text.as_bytes()).replace('|', "\\x7c")
}

fn numbers(report: &Report) -> Vec<String> {
    let kinds = [("errors", Severity::Error), ("warnings", Severity::Warning), ("infos", Severity::Info)];
    let count = |(label, severity)| {
        let count = report.findings.iter().filter(|finding| finding.severity == severity).count();
        format!("{label}={count};;;0")
    };
    let mut numbers = kinds.map(count).to_vec();
    numbers.push(format!("checks={};;;0", report.checks));
    numbers.push(format!("not_checked={};;;0", report.not_checked.len()));
    numbers.push(format!("time={}s;;;0", seconds(report.duration)));
    let own: Vec<Target> = match &report.data {
        Data::Inspect(targets) => {
            let served = targets.iter().filter_map(|target| Served::of_case(&target.case));
            served.filter_map(|served| Some((served.name, queue(served.queue?)))).collect()
        }
        Data::Probe { targets, .. } => {
            let last = targets.iter().filter_map(|target| Some((target, target.probes.last()?)));
            last.map(|(target, probed)| (target.label.clone(), phases(probed))).collect()
        }
        Data::Guard(pass) => {
            let (made, allowed) = (pass.repairs.made, pass.repairs.allowed);
            let repairs = ("repairs", format!("{made};;;0;{allowed}"));
            let phases = pass.tries.last().map(phases).unwrap_or_default();
            vec![(pass.label.clone(), phases.into_iter().chain([repairs]).collect())]
        }
        _ => Vec::new(),
    };
    let only = own.len() == 1;
    for (name, values) in own.iter().take(DRAWN) {
        for (label, value) in values {
            let label = if only { (*label).to_owned() } else { quoted(&format!("{label} {}", escape(name))) };
            numbers.push(format!("{label}={value}"));
        }
    }
    numbers
}

fn queue(queue: crate::model::Queue) -> Vec<(&'static str, String)> {
    vec![("waiting", format!("{};;;0;{}", queue.waiting, u64::from(queue.backlog) + 1))]
}

fn phases(probed: &Probed) -> Vec<(&'static str, String)> {
    let limit = probed.timeout.as_secs_f64();
    let shown = |took: Duration| format!("{}s;;;0;{limit}", seconds(took));
    let until = |label, step| Some((label, shown(probed.until(step)?)));
    let reached = [until("connect", StepName::Connect), until("first_byte", StepName::FirstByte)];
    reached.into_iter().flatten().chain([("total", shown(probed.total()))]).collect()
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// A label with spaces stands in quotes, and may hold neither a quote nor `=`.
fn quoted(label: &str) -> String {
    let label = label.replace('\'', "\\x27").replace('=', "\\x3d").replace('|', "\\x7c");
    format!("'{label}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Certainty, GuardCause, GuardOutcome};
    use crate::report::sample;

    #[test]
    fn a_hostile_name_stays_before_the_numbers() {
        let line = concat!(
            "CRITICAL: SD104 stale-socket-file /tmp/a\\x0a\\x1b[31m\\xff\"<\\x7c%`_: Nobody has it bound, 100%. | ",
            "errors=1;;;0 warnings=0;;;0 infos=0;;;0 checks=3;;;0 not_checked=0;;;0 time=1.500000s;;;0\n"
        );
        assert_eq!(sample::written(&sample::hostile(), render), line);
        assert_eq!(quoted("a 'b'=c|"), "'a \\x27b\\x27\\x3dc\\x7c'");
    }

    #[test]
    fn the_code_stands_within_the_first_20_columns_of_every_state() {
        for alarm in [Alarm::Warning, Alarm::Critical] {
            let line = sample::written(&Report { alarm, ..sample::hostile() }, render);
            assert!(line.find("SD104").is_some_and(|at| at < 20), "{line}");
        }
        let line = sample::written(&Report { alarm: Alarm::Ok, ..sample::hostile() }, render);
        assert!(line.starts_with("OK: 1 error - 1 target, 3 checks | "), "{line}");
    }

    #[test]
    fn a_failure_is_unknown_and_says_what_to_do() {
        let line = sample::written(&sample::failed(), render);
        assert!(line.starts_with("UNKNOWN: no \\x1b <such> socket; look, again | "), "{line}");
    }
    #[test]
    fn a_guard_says_how_it_ended() {
        let mut pass = sample::guard();
        let data = Data::Guard(Box::new(pass.clone()));
        let line =
            sample::written(&Report { data, alarm: Alarm::Critical, ..sample::report(vec![]) }, render);
        let expected = "CRITICAL: backing off  /run/x\\x0a: so\\x1b | ";
        assert!(line.starts_with(expected), "{line}");
        assert!(line.ends_with(" repairs=1;;;0;3\n"), "{line}");
        pass.outcome = GuardOutcome::Recovered;
        let summary = "It was stale.".into();
        pass.cause = Some(GuardCause { code: None, name: None, certainty: Certainty::Certain, summary });
        let data = Data::Guard(Box::new(pass));
        let line = sample::written(&Report { data, alarm: Alarm::Ok, ..sample::report(vec![]) }, render);
        assert!(line.starts_with("OK: recovered  /run/x\\x0a: before: It was stale."), "{line}");
    }
}
