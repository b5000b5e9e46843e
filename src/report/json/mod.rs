//! The envelope of design.md: `sockdoctor/v1`. Its own types, so that a change inside changes nothing outside.

mod access;
mod check;
mod clean;
mod compose;
mod explain;
mod graph;
mod guard;
pub(super) mod harmless;
mod health;
mod health_check;
mod merged;
mod preflight;
pub(super) mod probe;
pub(super) mod row;
mod scan;
mod target;
mod waited;
pub(super) mod watched;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::model::{self, Data, Report, Severity};
use crate::report::style::escape;
use row::Rows;
use target::Target;
pub(super) use target::errno_name;

/// The JSON Schema that `sockdoctor schema` prints.
pub const SCHEMA: &str = include_str!("../schema.json");

/// Writes the one document.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    harmless::pretty(out, &Envelope::of(report))?;
    out.write_all(b"\n")
}

/// Writes the same document on one line.
pub(super) fn render_line(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    harmless::compact(out, &Envelope::of(report))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Envelope<'r> {
    schema: &'static str,
    tool: Tool,
    command: &'r str,
    host: Host<'r>,
    started_at: String,
    duration_s: f64,
    verdict: &'static str,
    exit_code: u8,
    error: Option<Error<'r>>,
    summary: Summary,
    findings: Vec<Finding<'r>>,
    not_checked: Vec<NotChecked>,
    data: DataOut<'r>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Host<'r> {
    kernel: &'r str,
    netns: Option<u64>,
    mntns: Option<u64>,
    uid: u32,
}

#[derive(Serialize)]
struct Error<'r> {
    message: String,
    hint: Option<&'r str>,
}

#[derive(Serialize)]
struct Summary {
    error: usize,
    warning: usize,
    info: usize,
    suppressed: usize,
    checks: usize,
    not_checked: usize,
    subjects: usize,
}

#[derive(Serialize)]
struct Finding<'r> {
    code: &'r str,
    name: &'r str,
    severity: &'static str,
    certainty: &'static str,
    subject: Subject,
    summary: String,
    evidence: Vec<Evidence>,
    cause: Option<String>,
    fix: Vec<Fix<'r>>,
    locations: Vec<Location>,
}

#[derive(Serialize)]
struct Subject {
    kind: &'static str,
    #[serde(flatten)]
    name: Name,
}

/// Bytes as a string, with the exact bytes beside it when the string could not hold them.
#[derive(Serialize)]
struct Name {
    name: String,
    name_b64: Option<String>,
}

#[derive(Serialize)]
struct Evidence {
    source: String,
    detail: String,
}

#[derive(Serialize)]
struct Fix<'r> {
    text: &'r str,
    command: Option<String>,
    changes_state: bool,
}

#[derive(Serialize)]
struct Location {
    file: String,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct NotChecked {
    code: Option<&'static str>,
    reason: String,
    would_help: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DataOut<'r> {
    Nothing {},
    Targets {
        targets: Vec<Target<'r>>,
    },
    Access(Box<access::Access<'r>>),
    Preflight(Box<preflight::Preflight<'r>>),
    Sockets {
        sockets: Rows<'r>,
    },
    Demo {
        demo: Demo,
        recognised: bool,
        targets: Vec<Target<'r>>,
    },
    Demos {
        demos: Vec<Demo>,
    },
    Compose(compose::Compose),
    Scan(scan::Scan<'r>),
    Clean(clean::Clean),
    Guard(Box<guard::Guard>),
    Graph {
        sockets: Vec<graph::Entry<'r>>,
    },
    Merged(merged::Merged<'r>),
    Checks {
        checks: Vec<check::Check<'r>>,
    },
    Waited {
        ending: &'static str,
        waited: Vec<waited::Entry>,
    },
    Watched(watched::Watched),
    Probes {
        probes: Vec<probe::Probe<'r>>,
        series: Vec<probe::Series>,
        not_probed: Vec<probe::NotProbed<'r>>,
    },
    Explained(Box<explain::Explanation<'r>>),
    Explainable {
        rules: Vec<explain::Rule<'r>>,
        texts: Vec<explain::Texts<'r>>,
    },
}

#[derive(Serialize)]
struct Demo {
    name: &'static str,
    code: &'static str,
    builds: &'static str,
}

impl<'r> Envelope<'r> {
    fn of(report: &'r Report) -> Self {
        let count = |severity| report.count(severity);
        Self {
            schema: "sockdoctor/v1",
            tool: Tool { name: "sockdoctor", version: env!("CARGO_PKG_VERSION") },
            command: report.command,
            host: Host {
                kernel: &report.host.kernel,
                netns: report.host.netns,
                mntns: report.host.mntns,
                uid: report.host.uid,
            },
            started_at: rfc3339(report.started),
            duration_s: report.duration.as_secs_f64(),
            verdict: report.verdict.word(),
            exit_code: report.exit_code,
            error: report
                .failure
                .as_ref()
                .map(|failure| Error { message: failure.message.clone(), hint: failure.hint.as_deref() }),
            summary: Summary {
                error: count(Severity::Error),
                warning: count(Severity::Warning),
                info: count(Severity::Info),
                suppressed: report.suppressed,
                checks: report.checks,
                not_checked: report.not_checked.len(),
                subjects: report.subjects,
            },
            findings: report.findings.iter().map(Finding::of).collect(),
            not_checked: report
                .not_checked
                .iter()
                .map(|not_checked| NotChecked {
                    code: not_checked.code,
                    reason: format!("{}: {}", not_checked.gap.source, not_checked.gap.why),
                    would_help: not_checked.gap.would_help.clone(),
                })
                .collect(),
            data: DataOut::of(&report.data),
        }
    }
}

impl<'r> Finding<'r> {
    fn of(finding: &'r model::Finding) -> Self {
        Self {
            code: finding.code,
            name: finding.name,
            severity: finding.severity.word(),
            certainty: finding.certainty.word(),
            subject: Subject { kind: finding.subject.kind.word(), name: Name::of(&finding.subject.name) },
            summary: finding.summary.clone(),
            evidence: finding
                .evidence
                .iter()
                .map(|evidence| Evidence {
                    source: escape(&evidence.source),
                    detail: escape(&evidence.detail),
                })
                .collect(),
            cause: finding.cause.clone(),
            fix: finding
                .fixes
                .iter()
                .map(|fix| Fix {
                    text: &fix.text,
                    command: fix.command.as_deref().map(escape),
                    changes_state: fix.changes_state,
                })
                .collect(),
            locations: finding
                .locations
                .iter()
                .map(|place| Location { file: escape(&place.file), line: place.line, column: place.column })
                .collect(),
        }
    }
}

impl<'r> DataOut<'r> {
    fn of(data: &'r Data) -> Self {
        match data {
            Data::None => Self::Nothing {},
            Data::Inspect(targets) => Self::Targets { targets: targets.iter().map(Target::of).collect() },
            Data::Access(targets) => Self::Access(Box::new(access::Access::of(targets))),
            Data::Preflight(directories) => Self::Preflight(Box::new(preflight::Preflight::of(directories))),
            Data::List { sockets, .. } => Self::Sockets { sockets: Rows::of(sockets) },
            Data::Demo { demo, recognised, inspected } => Self::Demo {
                demo: Demo::of(demo),
                recognised: *recognised,
                targets: inspected.iter().map(Target::of).collect(),
            },
            Data::Probe { targets, not_probed, shown } => Self::Probes {
                probes: probe::Probe::all(targets, *shown).collect(),
                series: targets.iter().map(probe::Series::of).collect(),
                not_probed: not_probed.iter().map(probe::NotProbed::of).collect(),
            },
            Data::Scan { declarations, files, sockets, checks, .. } => {
                Self::Scan(scan::Scan::of(declarations, *files, *sockets, checks))
            }
            Data::Graph(graph) => Self::Graph { sockets: graph::Entry::all(graph) },
            Data::Merged(merged) => Self::Merged(merged::Merged::of(merged)),
            Data::Compose { files, patch } => Self::Compose(compose::Compose::of(files, patch.as_deref())),
            Data::Guard(pass) => Self::Guard(Box::new(guard::Guard::of(pass))),
            Data::Clean { applied, candidates } => Self::Clean(clean::Clean::of(*applied, candidates)),
            Data::Demos(demos) => Self::Demos { demos: demos.iter().map(Demo::of).collect() },
            Data::Checks(checks) => Self::Checks { checks: checks.iter().map(check::Check::of).collect() },
            Data::Waited { targets, ending } => Self::Waited {
                ending: ending.word(),
                waited: targets.iter().map(waited::Entry::of).collect(),
            },
            Data::Watched(trace) => Self::Watched(watched::Watched::of(trace)),
            Data::Explained(explanation) => Self::Explained(Box::new(explain::Explanation::of(explanation))),
            Data::Explainable { rules, texts } => Self::Explainable {
                rules: rules.iter().map(explain::Rule::of).collect(),
                texts: texts.iter().map(explain::Texts::of).collect(),
            },
        }
    }
}

impl Demo {
    const fn of(demo: &model::DemoEntry) -> Self {
        Self { name: demo.name, code: demo.code, builds: demo.builds }
    }
}

impl Name {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { name: text.to_owned(), name_b64: None },
            Err(_) => Self {
                name: String::from_utf8_lossy(bytes).into_owned(),
                name_b64: Some(STANDARD.encode(bytes)),
            },
        }
    }
}

/// UTC, to the millisecond.
pub(super) fn rfc3339(time: std::time::SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_utf8_comes_with_its_exact_bytes() {
        let name = Name::of(b"/tmp/\xff\n");
        assert_eq!(name.name_b64.as_deref(), Some("L3RtcC//Cg=="));
        assert_eq!(Name::of("/tmp/é\n\0".as_bytes()).name_b64, None);
    }

    #[test]
    fn the_schema_is_json() {
        assert!(serde_json::from_str::<serde_json::Value>(SCHEMA).is_ok());
    }

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(rfc3339(std::time::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
