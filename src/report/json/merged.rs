//! What `merge` answers.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use crate::model;

#[derive(Serialize)]
pub(super) struct Merged<'r> {
    hosts: usize,
    verdicts: Vec<Count>,
    #[serde(rename = "merged")]
    findings: Findings<'r>,
    left_out: usize,
}

/// Hosts of one verdict.
#[derive(Serialize)]
struct Count {
    verdict: &'static str,
    hosts: usize,
}

#[derive(Serialize)]
struct Found<'r> {
    code: &'r str,
    name: &'r str,
    severity: &'static str,
    subject: Subject<'r>,
    summary: &'r str,
    count: usize,
    hosts: Vec<&'r str>,
}

#[derive(Serialize)]
struct Subject<'r> {
    kind: &'r str,
    name: &'r str,
    name_b64: Option<&'r str>,
}

/// Made one at a time: each names up to all hosts.
struct Findings<'r>(&'r model::Merged);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.0.findings.len()))?;
        for finding in &self.0.findings {
            all.serialize_element(&Found {
                code: &finding.code,
                name: &finding.name,
                severity: finding.severity.word(),
                subject: Subject {
                    kind: &finding.kind,
                    name: &finding.subject,
                    name_b64: finding.subject_b64.as_deref(),
                },
                summary: &finding.summary,
                count: finding.hosts.len(),
                hosts: self.0.hosts_of(finding).collect(),
            })?;
        }
        all.end()
    }
}

impl<'r> Merged<'r> {
    pub(super) fn of(merged: &'r model::Merged) -> Self {
        let count =
            |(verdict, hosts): &(model::Overall, usize)| Count { verdict: verdict.word(), hosts: *hosts };
        Self {
            hosts: merged.hosts.len(),
            verdicts: merged.verdicts.iter().map(count).collect(),
            findings: Findings(merged),
            left_out: merged.left_out,
        }
    }
}
