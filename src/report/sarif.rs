//! SARIF 2.1.0, the part of it that says what was found, where, and by which rule:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html> (§ numbers below). What GitHub asks for beyond
//! that, and its 25,000 results: <https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support>.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::levels::levels;
use super::style::escape;
use super::{json, lines, text};
use crate::model::{self, Finding, Report, Subject, SubjectKind};

/// More than GitHub takes would have it refuse them all; the most important stand first.
const MOST_RESULTS: usize = 25_000;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log<'r> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'r> {
    tool: Tool<'r>,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<Outcome<'r>>,
}

#[derive(Serialize)]
struct Tool<'r> {
    driver: Driver<'r>,
}

#[derive(Serialize)]
struct Driver<'r> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'r> {
    id: &'r str,
    name: &'r str,
    short_description: Message,
    full_description: Message,
    help: Help,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    start_time_utc: String,
    end_time_utc: String,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<RuleReference>,
}

#[derive(Serialize)]
struct RuleReference {
    id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'r> {
    rule_id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

/// What is one thing in two runs (§3.27.18): the rule and what it is about.
#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "sockdoctorSubject/v1")]
    subject: String,
}

#[derive(Serialize)]
struct Properties {
    certainty: &'static str,
}

/// Writes the one document. A command that failed is an invocation that did not succeed.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [Run::of(report)] };
    json::harmless::pretty(out, &log)?;
    out.write_all(b"\n")
}

impl<'r> Run<'r> {
    fn of(report: &'r Report) -> Self {
        Self {
            tool: Tool {
                driver: Driver {
                    name: "sockdoctor",
                    version: env!("CARGO_PKG_VERSION"),
                    rules: report.rules.iter().map(|rule| Rule::of(rule)).collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: report.failure.is_none(),
                exit_code: report.exit_code,
                start_time_utc: json::rfc3339(report.started),
                end_time_utc: json::rfc3339(report.started + report.duration),
                tool_execution_notifications: notifications(report),
            }],
            column_kind: "unicodeCodePoints",
            results: report
                .findings
                .iter()
                .take(MOST_RESULTS)
                .map(|finding| Outcome::of(finding, report))
                .collect(),
        }
    }
}

impl<'r> Rule<'r> {
    fn of(rule: &'r model::Rule) -> Self {
        let text = rule.text();
        let summary = text.lines().next().unwrap_or_default().to_owned();
        let meaning = text.split("\n# ").find_map(|part| part.strip_prefix("What it means\n"));
        let meaning = meaning.map(|meaning| meaning.split_whitespace().collect::<Vec<_>>().join(" "));
        Self {
            id: rule.code,
            name: rule.name,
            full_description: Message { text: meaning.unwrap_or_else(|| summary.clone()) },
            short_description: Message { text: summary },
            help: Help { text: text.clone(), markdown: text },
            default_configuration: Configuration { level: levels(rule.severity).sarif },
        }
    }
}

/// The failure, the checks that were not possible, and what was left out (§3.20.21).
fn notifications(report: &Report) -> Vec<Notification> {
    let note = |level, text, code: Option<&'static str>| Notification {
        level,
        message: Message { text },
        associated_rule: code.map(|id| RuleReference { id }),
    };
    let failure = report.failure.iter().map(|failure| {
        let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        note("error", escape(format!("{}{hint}", failure.message).as_bytes()), None)
    });
    let gaps = report.not_checked.iter().map(|gap| note("note", text::gap_text(gap), gap.code));
    let left_out = report.findings.len().checked_sub(MOST_RESULTS).filter(|more| *more > 0);
    let left_out = left_out.map(|more| note("warning", format!("{more} more results were left out"), None));
    failure.chain(gaps).chain(left_out).collect()
}

impl<'r> Outcome<'r> {
    fn of(finding: &'r Finding, report: &Report) -> Self {
        let uri = subject_uri(&finding.subject);
        let logical = || LogicalLocation {
            fully_qualified_name: escape(&finding.subject.name),
            // §3.33.7
            kind: "resource",
        };
        // GitHub refuses the whole file for one result without an artifact.
        let place = |uri: String, line: u32, column: u32| Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri },
                region: Region { start_line: line.max(1), start_column: column.max(1) },
            },
            logical_locations: [logical()],
        };
        let mut locations: Vec<Location> =
            finding.locations.iter().map(|at| place(file_uri(&at.file), at.line, at.column)).collect();
        if locations.is_empty() {
            locations.push(place(uri.clone(), 1, 1));
        }
        Self {
            rule_id: finding.code,
            rule_index: report.rules.iter().position(|rule| rule.code == finding.code),
            level: levels(finding.severity).sarif,
            message: Message { text: lines::all(finding) },
            locations,
            partial_fingerprints: Fingerprints { subject: fingerprint(finding, &uri) },
            properties: Properties { certainty: finding.certainty.word() },
        }
    }
}

/// Of a configuration file the line may move, and one rule may find several things: what it says tells them apart.
fn fingerprint(finding: &Finding, uri: &str) -> String {
    match finding.subject.kind {
        SubjectKind::Config => {
            format!("{}:{uri}:{}", finding.code, percent_encoded(finding.summary.as_bytes()))
        }
        _ => format!("{}:{uri}", finding.code),
    }
}

/// A path as a `file:` URI; what is no path as a relative reference, since GitHub refuses other schemes.
fn subject_uri(subject: &Subject) -> String {
    match subject.kind {
        SubjectKind::Path | SubjectKind::Directory | SubjectKind::Config => file_uri(&subject.name),
        SubjectKind::Abstract => percent_encoded(&[b"@", subject.name.as_slice()].concat()),
        SubjectKind::Inode | SubjectKind::Tcp | SubjectKind::Host => {
            percent_encoded(&[subject.kind.word().as_bytes(), b":", &subject.name].concat())
        }
    }
}

fn file_uri(path: &[u8]) -> String {
    let scheme = if path.starts_with(b"/") { "file://" } else { "" };
    format!("{scheme}{}", percent_encoded(path))
}

/// All but the unreserved characters of RFC 3986 §2.3, and the slash.
fn percent_encoded(bytes: &[u8]) -> String {
    let mut uri = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(*byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests;
