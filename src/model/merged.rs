//! The reports of many hosts as one: which hosts share which finding.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Overall, Severity};

/// Different findings that are kept apart. What is beyond is counted.
const KINDS: usize = 200_000;

/// What the reports that were added say together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// The names of the hosts, in the order their reports came.
    pub hosts: Vec<String>,
    /// Hosts of each verdict, worst first.
    pub verdicts: Vec<(Overall, usize)>,
    /// In the order of [`Merged::finish`].
    pub findings: Vec<MergedFinding>,
    /// Findings that were too many to be kept apart.
    pub left_out: usize,
    known: HashMap<Key, usize>,
}

/// One finding and the hosts that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedFinding {
    /// `SD102`
    pub code: Box<str>,
    /// `listener-unlinked`
    pub name: Box<str>,
    /// The worst that a host calls it.
    pub severity: Severity,
    /// About what: `path`, `abstract`, …
    pub kind: Box<str>,
    /// Its name, as the reports have it.
    pub subject: Box<str>,
    /// Its exact bytes in base64, where the name could not hold them.
    pub subject_b64: Option<Box<str>>,
    /// The sentence of the first host that has it.
    pub summary: Box<str>,
    /// Numbers of the hosts, ascending.
    pub hosts: Vec<u32>,
}

/// What makes findings of two hosts the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    code: Box<str>,
    kind: Box<str>,
    subject: Box<str>,
    subject_b64: Option<Box<str>>,
}

/// The part of the envelope that counts here.
#[derive(Deserialize)]
struct Document<'d> {
    #[serde(borrow)]
    schema: Cow<'d, str>,
    #[serde(borrow)]
    verdict: Cow<'d, str>,
    #[serde(borrow)]
    error: Option<Failure<'d>>,
    #[serde(borrow)]
    findings: Vec<Found<'d>>,
    #[serde(rename = "data")]
    _data: IgnoredAny,
}

#[derive(Deserialize)]
struct Failure<'d> {
    #[serde(borrow)]
    message: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Found<'d> {
    #[serde(borrow)]
    code: Cow<'d, str>,
    #[serde(borrow)]
    name: Cow<'d, str>,
    #[serde(borrow)]
    severity: Cow<'d, str>,
    #[serde(borrow)]
    subject: Subject<'d>,
    #[serde(borrow)]
    summary: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Subject<'d> {
    #[serde(borrow)]
    kind: Cow<'d, str>,
    #[serde(borrow)]
    name: Cow<'d, str>,
    #[serde(borrow)]
    name_b64: Option<Cow<'d, str>>,
}

impl Merged {
    /// Adds the report of a host; what was wrong with that run itself is returned. `Err`: it is no report.
    pub fn add(&mut self, host: String, document: &[u8]) -> Result<Option<String>, String> {
        let document: Document<'_> = serde_json::from_slice(document).map_err(|error| error.to_string())?;
        if document.schema != "sockdoctor/v1" {
            return Err(format!("its schema is `{}`, not sockdoctor/v1", document.schema));
        }
        let verdict = overall(&document.verdict)?;
        let severities: Vec<Severity> =
            document.findings.iter().map(|found| severity(&found.severity)).collect::<Result<_, _>>()?;
        let number = u32::try_from(self.hosts.len()).map_err(|_| "too many hosts")?;
        self.hosts.push(host);
        match self.verdicts.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, count)) => *count += 1,
            None => self.verdicts.push((verdict, 1)),
        }
        for (found, severity) in document.findings.iter().zip(severities) {
            self.found(number, found, severity);
        }
        Ok(document.error.map(|error| error.message.into_owned()))
    }

    fn found(&mut self, host: u32, found: &Found<'_>, severity: Severity) {
        let text = |text: &str| -> Box<str> { text.into() };
        let key = Key {
            code: text(&found.code),
            kind: text(&found.subject.kind),
            subject: text(&found.subject.name),
            subject_b64: found.subject.name_b64.as_deref().map(text),
        };
        let known = self.known.get(&key).copied();
        let full = self.findings.len() >= KINDS;
        match known.and_then(|number| self.findings.get_mut(number)) {
            Some(known) => {
                known.severity = known.severity.max(severity);
                if known.hosts.last() != Some(&host) {
                    known.hosts.push(host);
                }
            }
            None if full => self.left_out += 1,
            None => {
                self.findings.push(MergedFinding {
                    code: key.code.clone(),
                    name: text(&found.name),
                    severity,
                    kind: key.kind.clone(),
                    subject: key.subject.clone(),
                    subject_b64: key.subject_b64.clone(),
                    summary: text(&found.summary),
                    hosts: vec![host],
                });
                self.known.insert(key, self.findings.len() - 1);
            }
        }
    }

    /// Puts what is worst first, and of that what most hosts have.
    pub fn finish(&mut self) {
        self.known = HashMap::new();
        self.verdicts.sort_unstable();
        self.findings.sort_unstable_by(|a, b| {
            let worst = b.severity.cmp(&a.severity).then(b.hosts.len().cmp(&a.hosts.len()));
            worst.then_with(|| (&a.code, &a.subject, &a.kind).cmp(&(&b.code, &b.subject, &b.kind)))
        });
    }

    /// The worst of all.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The names of the hosts that have a finding.
    pub fn hosts_of<'m>(&'m self, finding: &'m MergedFinding) -> impl Iterator<Item = &'m str> {
        finding.hosts.iter().filter_map(|number| self.hosts.get(*number as usize)).map(String::as_str)
    }
}

fn severity(word: &str) -> Result<Severity, String> {
    let all = [Severity::Info, Severity::Warning, Severity::Error];
    let known = all.into_iter().find(|severity| severity.word() == word);
    known.ok_or_else(|| format!("`{word}` is no severity"))
}

fn overall(word: &str) -> Result<Overall, String> {
    let all = [Overall::Error, Overall::Warning, Overall::Unknown, Overall::Info, Overall::Ok];
    let known = all.into_iter().find(|verdict| verdict.word() == word);
    known.ok_or_else(|| format!("`{word}` is no verdict"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: &[(&str, &str, &str)]) -> String {
        let findings: Vec<serde_json::Value> = findings
            .iter()
            .map(|(code, severity, name)| {
                serde_json::json!({"code": code, "name": "n", "severity": severity, "summary": "s",
                    "subject": {"kind": "path", "name": name, "name_b64": null}, "evidence": [1]})
            })
            .collect();
        let report = serde_json::json!({"schema": "sockdoctor/v1", "verdict": "error", "error": null,
            "findings": findings, "data": {"x": [1]}, "later": true});
        report.to_string()
    }

    #[test]
    fn what_is_worst_and_shared_by_most_comes_first() {
        let mut merged = Merged::default();
        for (host, findings) in [
            ("a", &[("SD206", "warning", "/x"), ("SD102", "error", "/rare")][..]),
            ("b", &[("SD104", "error", "/y"), ("SD104", "error", "/y"), ("SD206", "warning", "/x")]),
            (
                "c",
                &[("SD104", "error", "/y\n\u{fffd}"), ("SD104", "error", "/y"), ("SD206", "warning", "/x")],
            ),
        ] {
            assert_eq!(merged.add(host.into(), report(findings).as_bytes()), Ok(None));
        }
        merged.finish();
        let rows: Vec<(&str, &str, Vec<&str>)> = merged
            .findings
            .iter()
            .map(|finding| (&*finding.code, &*finding.subject, merged.hosts_of(finding).collect()))
            .collect();
        assert_eq!(
            rows,
            [
                ("SD104", "/y", vec!["b", "c"]),
                ("SD102", "/rare", vec!["a"]),
                ("SD104", "/y\n\u{fffd}", vec!["c"]),
                ("SD206", "/x", vec!["a", "b", "c"]),
            ]
        );
        assert_eq!(
            (merged.verdicts.as_slice(), merged.worst()),
            (&[(Overall::Error, 3)][..], Some(Severity::Error))
        );
    }

    #[test]
    fn what_is_no_report_adds_nothing() {
        let mut merged = Merged::default();
        let wrong = report(&[("SD1", "fatal", "/x")]);
        let other = report(&[]).replace("/v1", "/v9");
        for text in ["", "{", "[]", "{}", "null", "\u{0}", &wrong, &other] {
            assert!(merged.add("h".into(), text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(merged, Merged::default());
        let failed = report(&[]).replace("\"error\":null", r#""error":{"message":"no","hint":null}"#);
        assert_eq!(merged.add("h".into(), failed.as_bytes()), Ok(Some("no".into())));
    }
}
