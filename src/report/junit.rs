//! JUnit XML, as CI systems read it: a test case per finding, per check that was not possible, and per target about
//! which there is nothing to say.
//!
//! Elements: <https://github.com/testmoapp/junitxml>. GitLab drops test cases of one name:
//! <https://docs.gitlab.com/ci/testing/unit_test_reports/>. Characters: <https://www.w3.org/TR/xml/#charsets>.

use std::collections::HashSet;
use std::io::{self, Write};

use serde::Serialize;

use super::levels::levels;
use super::style::escape;
use super::{compose, facts, json, lines, text};
use crate::model::{Data, Failure, Finding, NotChecked, Overall, Report};

#[derive(Serialize)]
#[serde(rename = "testsuites")]
struct Suites {
    testsuite: Suite,
}

#[derive(Serialize)]
struct Suite {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@tests")]
    tests: usize,
    #[serde(rename = "@failures")]
    failures: usize,
    #[serde(rename = "@errors")]
    errors: usize,
    #[serde(rename = "@skipped")]
    skipped: usize,
    #[serde(rename = "@time")]
    time: f64,
    #[serde(rename = "@timestamp")]
    timestamp: String,
    testcase: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@classname")]
    class: String,
    #[serde(rename = "$value", skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

/// What is no success; named after its element.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Failure(Said),
    Error(Said),
    Skipped(Skipped),
    /// A success with something to read.
    SystemOut(String),
}

#[derive(Serialize)]
struct Said {
    #[serde(rename = "@message")]
    message: String,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "$text")]
    text: String,
}

#[derive(Serialize)]
struct Skipped {
    #[serde(rename = "@message")]
    message: String,
}

/// Writes the one document.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let xml = quick_xml::se::to_string(&Suites { testsuite: Suite::of(report) }).map_err(io::Error::other)?;
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}")
}

impl Suite {
    fn of(report: &Report) -> Self {
        let mut cases: Vec<(String, Option<Outcome>)> = Vec::new();
        cases.extend(report.failure.iter().map(|failure| (report.command.into(), Some(failed(failure)))));
        cases.extend(report.findings.iter().map(found));
        cases.extend(report.not_checked.iter().map(|gap| not_checked(gap, report)));
        if let Data::Inspect(targets) | Data::Preflight(targets) = &report.data {
            for target in targets.iter().filter(|target| facts::silent(target, report)) {
                let open = target.verdict == Overall::Unknown;
                let open =
                    open.then(|| Outcome::Skipped(Skipped { message: "the question stays open".into() }));
                cases.push((format!("verdict {}", xml(&target.case.target.label())), open));
            }
        }
        if let Data::Compose { files, .. } = &report.data {
            cases.extend(
                compose::silent(files, report).map(|file| (format!("verdict {}", xml(&file.file)), None)),
            );
        }
        let mut taken = HashSet::new();
        let class = format!("sockdoctor.{}", report.command);
        let cases: Vec<Case> = cases
            .into_iter()
            .map(|(name, outcome)| Case { name: unique(name, &mut taken), class: class.clone(), outcome })
            .collect();
        let count = |of: fn(&Outcome) -> bool| {
            cases.iter().filter(|case| case.outcome.as_ref().is_some_and(of)).count()
        };
        Self {
            name: format!("sockdoctor {}", report.command),
            tests: cases.len(),
            failures: count(|outcome| matches!(outcome, Outcome::Failure(_))),
            errors: count(|outcome| matches!(outcome, Outcome::Error(_))),
            skipped: count(|outcome| matches!(outcome, Outcome::Skipped(_))),
            time: report.duration.as_secs_f64(),
            timestamp: json::rfc3339(report.started),
            testcase: cases,
        }
    }
}

/// The name, numbered where it is taken.
fn unique(name: String, taken: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
    let free = free.unwrap_or(name);
    taken.insert(free.clone());
    free
}

fn failed(failure: &Failure) -> Outcome {
    let hint = failure.hint.as_ref().map(|hint| xml(hint.as_bytes())).unwrap_or_default();
    Outcome::Error(Said { message: xml(failure.message.as_bytes()), kind: "failed", text: hint })
}

fn found(finding: &Finding) -> (String, Option<Outcome>) {
    let summary = xml(finding.summary.as_bytes());
    let head = format!("{} {}", finding.code, finding.certainty.word());
    let lines: Vec<String> = std::iter::once(head).chain(lines::rest(finding)).collect();
    let text = characters(&lines.join("\n"));
    let outcome = if levels(finding.severity).junit_fails {
        Outcome::Failure(Said { message: summary, kind: finding.severity.word(), text })
    } else {
        Outcome::SystemOut(format!("{summary}\n{text}"))
    };
    (format!("{} {}", finding.name, xml(&finding.place())), Some(outcome))
}

/// A gap belongs to a rule, and not always to one target: the source stands in its place.
fn not_checked(not_checked: &NotChecked, report: &Report) -> (String, Option<Outcome>) {
    let rule = report.rules.iter().find(|rule| Some(rule.code) == not_checked.code);
    let rule = rule.map_or("not-checked", |rule| rule.name);
    let message = xml(text::gap_text(not_checked).as_bytes());
    let name = format!("{rule} {}", xml(not_checked.gap.source.as_bytes()));
    (name, Some(Outcome::Skipped(Skipped { message })))
}

/// Harmless, and of the characters that XML 1.0 has; markup is escaped by the writer.
fn xml(bytes: &[u8]) -> String {
    characters(&escape(bytes))
}

/// The two that are harmless, and none of XML's.
fn characters(text: &str) -> String {
    text.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;
    use crate::report::sample;

    #[test]
    fn a_hostile_name_is_a_name_and_the_gap_is_skipped() {
        let name = "/tmp/a\\x0a\\x1b[31m\\xff&quot;&lt;|%`_";
        let text = name.replace("&quot;", "\"");
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"sockdoctor inspect\" \
             tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"1.5\" \
             timestamp=\"1970-01-01T00:00:00.000Z\"><testcase name=\"stale-socket-file {name}\" \
             classname=\"sockdoctor.inspect\"><failure message=\"Nobody has it bound, 100%.\" \
             type=\"error\">SD104 certain\nevidence: lstat: socket {text}\ncause: its server died: a, b\nfix: rm \
             {text}: remove it</failure></testcase><testcase name=\"stale-socket-file unix_diag\" \
             classname=\"sockdoctor.inspect\"><skipped message=\"SD104: unix_diag: Operation not permitted; sudo \
             sockdoctor\"/></testcase></testsuite></testsuites>\n"
        );
        assert_eq!(sample::written(&sample::with_gap(), render), expected);
    }

    #[test]
    fn what_is_worth_knowing_passes_and_what_failed_is_an_error() {
        let info = sample::report(vec![sample::finding(Severity::Info, b"/x")]);
        let text = sample::written(&info, render);
        assert!(text.contains("failures=\"0\"") && text.contains("<system-out>Nobody has it"), "{text}");
        let text = sample::written(&sample::failed(), render);
        assert!(text.contains("errors=\"1\""), "{text}");
        let error = "<error message=\"no \\x1b &lt;such&gt; socket\" type=\"failed\">look, again</error>";
        assert!(text.contains(error), "{text}");
    }

    #[test]
    fn no_two_cases_have_one_name() {
        let mut taken = HashSet::new();
        let names = ["a", "a (2)", "a", "a"].map(|name| unique(name.into(), &mut taken));
        assert_eq!(names, ["a", "a (2)", "a (3)", "a (4)"]);
    }

    #[test]
    fn no_character_is_left_that_xml_has_not() {
        let every: String = (0..=0x1_0fff).filter_map(char::from_u32).collect();
        // https://www.w3.org/TR/xml/#NT-Char
        let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..);
        assert!(xml(every.as_bytes()).chars().all(allowed));
    }
}
