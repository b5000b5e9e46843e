//! Gauges for Prometheus, in the words that OpenMetrics and the older text format have in common, so that
//! node_exporter's textfile collector takes the same bytes.
//!
//! OpenMetrics: <https://prometheus.io/docs/specs/om/open_metrics_spec/>; the text format:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>. Only gauges without a timestamp or a unit mean the
//! same in both, and `# EOF` is a comment in the older one.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::time::SystemTime;

use super::style::escape;
use crate::model::{Data, Probed, Report, Served, StepName};

/// Names that become label values. Anybody may bind more.
const NAMES: usize = 1000;

/// A label and its value, not escaped yet.
type Label<'a> = (&'static str, &'a [u8]);

/// Writes the families, and `# EOF`.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out };
    sockets(report, &mut page)?;
    probes(report, &mut page)?;
    repairs(report, &mut page)?;
    let mut found: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for finding in &report.findings {
        *found.entry((finding.code, finding.severity.word())).or_default() += 1;
    }
    page.family("findings", "Findings of the last run.", found.iter(), |((code, severity), count)| {
        (vec![("code", code.as_bytes()), ("severity", severity.as_bytes())], count.to_string())
    })?;
    page.single("checks_incomplete", "Checks that were not possible.", report.not_checked.len())?;
    let started = report.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    page.single("last_run_timestamp_seconds", "When the last run that has an answer began.", started)?;
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    page.family("build_info", "The version that ran.", [version], |version| {
        (vec![("version", version)], "1".into())
    })?;
    writeln!(page.out, "# EOF")
}

fn sockets(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let all: Vec<Served> = match &report.data {
        Data::List { sockets, .. } => {
            sockets.iter().filter_map(|row| Served::of_row(&row, report.host.netns)).collect()
        }
        Data::Inspect(targets) => targets.iter().filter_map(|target| Served::of_case(&target.case)).collect(),
        Data::Scan { served, .. } => served.clone(),
        _ => return Ok(()),
    };
    let mut served = Served::by_name(all);
    let left_out = served.len().saturating_sub(NAMES);
    served.truncate(NAMES);
    let path = |served: &'_ Served| escape(&served.name);
    let names: Vec<String> = served.iter().map(path).collect();
    let rows = || names.iter().zip(&served);
    let help = "1: a live socket serves this name, 0: nobody can connect to it.";
    page.family("socket_listening", help, rows(), |(name, served)| {
        (vec![("path", name.as_bytes())], u8::from(served.alive).to_string())
    })?;
    let queues = || rows().filter_map(|(name, served)| Some((name, served.queue?)));
    page.family(
        "socket_queue_waiting",
        "Connections that wait to be accepted.",
        queues(),
        |(name, queue)| (vec![("path", name.as_bytes())], queue.waiting.to_string()),
    )?;
    let help = "The backlog in force; the queue takes one more.";
    page.family("socket_queue_backlog", help, queues(), |(name, queue)| {
        (vec![("path", name.as_bytes())], queue.backlog.to_string())
    })?;
    page.single("sockets_left_out", "Names beyond the first 1000, which have no series.", left_out)
}

fn probes(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let rows: Vec<(String, &[Probed], bool)> = match &report.data {
        Data::Probe { targets, .. } => {
            let mut seen = HashSet::new();
            let targets = targets.iter().filter(|target| seen.insert(&target.label)).take(NAMES);
            let fine = |probes: &[Probed]| !probes.is_empty() && probes.iter().all(Probed::is_fine);
            targets
                .map(|target| (escape(&target.label), target.probes.as_slice(), fine(&target.probes)))
                .collect()
        }
        Data::Guard(pass) => vec![(escape(&pass.label), &pass.tries, pass.outcome.is_fine())],
        _ => return Ok(()),
    };
    let help = "1: the last run got every answer it expected, at the latest after a repair.";
    page.family("probe_success", help, &rows, |(name, _, fine)| {
        (vec![("path", name.as_bytes())], u8::from(*fine).to_string())
    })?;
    let phases = rows.iter().flat_map(|(name, probes, _)| {
        let last = probes.last();
        let until = |step| last.and_then(|probed| probed.until(step));
        let total = last.map(Probed::total);
        [("connect", until(StepName::Connect)), ("first_byte", until(StepName::FirstByte)), ("total", total)]
            .into_iter()
            .filter_map(move |(phase, took)| Some((name, phase, took?)))
    });
    let help = "From the beginning of the last probe to the end of a phase.";
    page.family("probe_duration_seconds", help, phases, |(name, phase, took)| {
        (vec![("path", name.as_bytes()), ("phase", phase.as_bytes())], took.as_secs_f64().to_string())
    })
}

fn repairs(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Data::Guard(pass) = &report.data else { return Ok(()) };
    let (name, repairs) = (escape(&pass.label), &pass.repairs);
    let gauges = [
        ("guard_repairs", "Repairs within the time that --max-repairs counts.", repairs.made.to_string()),
        ("guard_repairs_allowed", "How many of them --max-repairs allows.", repairs.allowed.to_string()),
    ];
    gauges.into_iter().try_for_each(|(gauge, help, value)| {
        page.family(gauge, help, [value], |value| (vec![("path", name.as_bytes())], value))
    })
}

struct Page<'w> {
    out: &'w mut dyn Write,
}

impl Page<'_> {
    /// A gauge with its samples; a family without samples is left out.
    fn family<'a, T>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = T>,
        sample: impl Fn(T) -> (Vec<Label<'a>>, String),
    ) -> io::Result<()> {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_some() {
            writeln!(self.out, "# HELP sockdoctor_{name} {help}\n# TYPE sockdoctor_{name} gauge")?;
        }
        for row in rows {
            let (labels, value) = sample(row);
            let labels: Vec<String> =
                labels.iter().map(|(label, text)| format!("{label}=\"{}\"", value_of(text))).collect();
            writeln!(self.out, "sockdoctor_{name}{{{}}} {value}", labels.join(","))?;
        }
        Ok(())
    }

    fn single(&mut self, name: &str, help: &str, value: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.out, "# HELP sockdoctor_{name} {help}\n# TYPE sockdoctor_{name} gauge")?;
        writeln!(self.out, "sockdoctor_{name} {value}")
    }
}

/// A label's value: `\`, `"` and newlines escaped.
fn value_of(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        GuardOutcome, InspectedTarget, Overall, ProbedTarget, ReplyShown, Subject, SubjectKind,
    };
    use crate::report::sample;

    const END: &str = concat!(
        "# HELP sockdoctor_checks_incomplete Checks that were not possible.\n",
        "# TYPE sockdoctor_checks_incomplete gauge\nsockdoctor_checks_incomplete 0\n",
        "# HELP sockdoctor_last_run_timestamp_seconds When the last run that has an answer began.\n",
        "# TYPE sockdoctor_last_run_timestamp_seconds gauge\nsockdoctor_last_run_timestamp_seconds 0\n",
        "# HELP sockdoctor_build_info The version that ran.\n# TYPE sockdoctor_build_info gauge\n",
        "sockdoctor_build_info{version=\"",
        env!("CARGO_PKG_VERSION"),
        "\"} 1\n# EOF\n"
    );

    #[test]
    fn a_hostile_name_is_a_label_on_one_line() {
        let text = sample::written(&sample::list(), render);
        let expected = concat!(
            "# HELP sockdoctor_socket_listening 1: a live socket serves this name, 0: nobody can connect to it.\n",
            "# TYPE sockdoctor_socket_listening gauge\n",
            r#"sockdoctor_socket_listening{path="/tmp/a\\x0a\\x1b[31m\\xff\"<|%`_"} 0"#,
            "\n# HELP sockdoctor_sockets_left_out Names beyond the first 1000, which have no series.\n",
            "# TYPE sockdoctor_sockets_left_out gauge\nsockdoctor_sockets_left_out 0\n"
        );
        assert_eq!(text, format!("{expected}{END}"));
    }

    #[test]
    fn findings_are_counted_by_code_and_severity() {
        let text = sample::written(&sample::hostile(), render);
        assert!(text.contains("\nsockdoctor_findings{code=\"SD104\",severity=\"error\"} 1\n"), "{text}");
    }

    #[test]
    fn a_name_has_one_series_and_there_are_no_more_than_so_many() {
        let named = |name: &str| {
            let case = crate::model::Case::sample_stale();
            let case = crate::model::Case { path: name.into(), ..case };
            InspectedTarget { case, verdict: Overall::Error, owner: None, left_out: 0 }
        };
        let targets = (0..NAMES + 7).map(|number| named(&format!("/{number}"))).chain([named("/1")]);
        let data = Data::Inspect(targets.collect());
        let text = sample::written(&Report { data, ..sample::report(vec![]) }, render);
        assert_eq!(text.matches("\nsockdoctor_socket_listening{").count(), NAMES);
        assert_eq!(text.matches("{path=\"/1\"}").count(), 1);
        assert!(text.contains("\nsockdoctor_sockets_left_out 7\n"), "{text}");
    }

    #[test]
    fn a_probe_that_failed_has_only_the_phases_it_reached() {
        let failed = Probed::sample_failed(StepName::FirstByte, crate::model::Outcome::NoReply);
        let target = ProbedTarget {
            checked: None,
            label: b"/x".to_vec(),
            verdict: Overall::Error,
            subject: Subject { kind: SubjectKind::Path, name: b"/x".to_vec() },
            probes: vec![Probed::sample(), failed],
            cut_short: None,
        };
        let data = Data::Probe { targets: vec![target], not_probed: vec![], shown: ReplyShown::default() };
        let text = sample::written(&Report { data, ..sample::report(vec![]) }, render);
        assert!(text.contains("sockdoctor_probe_success{path=\"/x\"} 0\n"), "{text}");
        assert!(text.contains("sockdoctor_probe_duration_seconds{path=\"/x\",phase=\"connect\"} 0.0001\n"));
        assert!(!text.contains("first_byte") && text.contains("phase=\"total\"} 0.00095\n"), "{text}");
    }
    #[test]
    fn a_guard_tells_how_it_ended_and_what_it_repaired() {
        let mut pass = sample::guard();
        for (outcome, success) in [(GuardOutcome::Recovered, 1), (GuardOutcome::LimitReached, 0)] {
            pass.outcome = outcome;
            let data = Data::Guard(Box::new(pass.clone()));
            let text = sample::written(&Report { data, ..sample::report(vec![]) }, render);
            for line in [
                format!("sockdoctor_probe_success{{path=\"/run/x\\\\x0a\"}} {success}"),
                "sockdoctor_guard_repairs{path=\"/run/x\\\\x0a\"} 1".into(),
                "sockdoctor_guard_repairs_allowed{path=\"/run/x\\\\x0a\"} 3".into(),
            ] {
                assert!(text.lines().any(|one| one == line), "{line}: {text}");
            }
        }
    }
}
