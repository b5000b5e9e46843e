//! Workflow commands of GitHub Actions: each finding an annotation, at its place in a file where it has one.
//!
//! Commands: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>; escaping as in
//! <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>; of each kind only ten are shown per
//! step: <https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md#limitations>.

use std::io::{self, Write};

use super::levels::levels;
use super::style::escape;
use super::{Loudness, lines, markdown, text};
use crate::model::{Finding, Report, Severity};

/// Annotations of one kind that a step may have.
const SHOWN: usize = 10;

/// What a step's summary may hold. Beyond that GitHub shows nothing of it.
pub(crate) const SUMMARY_LIMIT: usize = 1 << 20;

/// The last line of a summary that is cut off.
const CUT: &str = "\n… and more than a step summary can hold.\n";

/// Writes a command a finding, most important first. Where there are more than are shown, the tenth of its kind
/// says how many. The count line is plain log.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if let Some(failure) = &report.failure {
        let hint = failure.hint.as_ref().map(|hint| format!("\n{}", escape(hint.as_bytes())));
        let message = format!("{}{}", escape(failure.message.as_bytes()), hint.unwrap_or_default());
        writeln!(out, "::error title=sockdoctor::{}", data(&message))?;
    }
    // One for the failure.
    let taken = |severity| usize::from(report.failure.is_some() && severity == Severity::Error);
    let of = |severity| report.findings.iter().filter(move |finding| finding.severity == severity);
    let mut written = [0; 3];
    for finding in &report.findings {
        let (all, shown) = (of(finding.severity).count(), SHOWN - taken(finding.severity));
        let so_far = &mut written[finding.severity as usize];
        *so_far += 1;
        match *so_far {
            // The last place goes to the finding itself when it is the last.
            number if number < shown || all == shown && number == shown => annotation(finding, out)?,
            number if number == shown => {
                let (kind, more) = (levels(finding.severity).github, all + 1 - shown);
                writeln!(out, "::{kind} title=sockdoctor::… and {more} more")?;
            }
            _ => {}
        }
    }
    writeln!(out, "{}", text::counts(report, "·"))
}

fn annotation(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "::{} ", levels(finding.severity).github)?;
    if let Some(place) = finding.locations.first() {
        write!(out, "file={},line={},col={},", property(&escape(&place.file)), place.line, place.column)?;
    }
    let title = format!("{} {}", finding.code, finding.name);
    writeln!(out, "title={}::{}", property(&title), data(&lines::all(finding)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The markdown for a step's summary, cut at the end of a line so that it fits into `room` bytes.
pub(crate) fn summary(report: &Report, room: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    markdown::render(report, Loudness::Normal, &mut text)?;
    if text.len() > room {
        text.truncate(room.saturating_sub(CUT.len()));
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        if room >= CUT.len() {
            text.extend_from_slice(CUT.as_bytes());
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_hostile_name_stays_in_its_command() {
        assert_eq!(
            sample::written(&sample::hostile(), render),
            "::error title=SD104 stale-socket-file::/tmp/a\\x0a\\x1b[31m\\xff\"<|%25`_: Nobody has it bound, \
             100%25.%0Aevidence: lstat: socket /tmp/a\\x0a\\x1b[31m\\xff\"<|%25`_%0Acause: its server died: a, \
             b%0Afix: rm /tmp/a\\x0a\\x1b[31m\\xff\"<|%25`_: remove it\n1 error · 1 target, 3 checks\n"
        );
    }

    #[test]
    fn a_place_in_a_file_is_a_property() {
        let text = sample::written(&sample::report(vec![sample::located(Severity::Warning, b"/x")]), render);
        let expected =
            "::warning file=/etc/a%3Ab%2Cc d.conf,line=12,col=9,title=SD104 stale-socket-file::/x: ";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn of_each_kind_ten_are_written_and_the_tenth_counts_the_rest() {
        for (count, lines, last) in
            [(9, 9, "::error title=SD"), (10, 10, "::error title=SD"), (11, 10, "… and 2 more")]
        {
            let mut findings = vec![sample::finding(Severity::Error, b"/x"); count];
            findings.push(sample::finding(Severity::Info, b"/x"));
            let text = sample::written(&sample::report(findings), render);
            let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("::error ")).collect();
            assert_eq!(errors.len(), lines, "{text}");
            assert!(errors[lines - 1].contains(last), "{text}");
            assert_eq!(text.matches("::notice ").count(), 1, "{text}");
        }
    }

    #[test]
    fn a_failure_is_one_of_the_ten() {
        let report = crate::model::Report {
            findings: vec![sample::finding(Severity::Error, b"/x"); 10],
            ..sample::failed()
        };
        let text = sample::written(&report, render);
        assert!(
            text.starts_with("::error title=sockdoctor::no \\x1b <such> socket%0Alook, again\n"),
            "{text}"
        );
        assert_eq!(text.matches("::error ").count(), 10, "{text}");
        assert!(text.contains("… and 2 more"), "{text}");
    }

    #[test]
    fn a_summary_ends_with_a_whole_line_within_its_limit() {
        let report = sample::report(vec![sample::finding(Severity::Error, sample::HOSTILE); 20]);
        let whole = summary(&report, SUMMARY_LIMIT).unwrap();
        assert!(whole.ends_with("20 errors · 1 target, 3 checks\n".as_bytes()));
        for room in [0, 10, 100, 1000, whole.len() - 1] {
            let cut = String::from_utf8(summary(&report, room).unwrap()).unwrap();
            assert!(cut.len() <= room && (cut.is_empty() || cut.ends_with(CUT)), "{room}: {cut}");
        }
    }
}
