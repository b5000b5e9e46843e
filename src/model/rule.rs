//! A rule is data plus one pure function; a verdict has three states.

use super::{Case, Certainty, Declared, Finding, Gap, Severity, Subject, SubjectKind, Written};

/// Why a rule says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoVerdict {
    /// The rule has nothing to say about this case: silent, and no gap.
    NotApplicable,
    /// A fact it needs could not be seen: listed under "not checked".
    Unknown(Gap),
}

impl From<Gap> for NoVerdict {
    fn from(gap: Gap) -> Self {
        Self::Unknown(gap)
    }
}

/// Findings (none = checked and fine), or why there is no verdict. An alias of `Result` so that `?` on a
/// fact accessor leaves with the right reason.
pub type Verdict = Result<Vec<Finding>, NoVerdict>;

/// One diagnosis.
pub struct Rule {
    /// `SD104`; never reused, never renumbered.
    pub code: &'static str,
    /// `stale-socket-file`.
    pub name: &'static str,
    /// Its usual severity; a finding may differ where rules.md says so.
    pub severity: Severity,
    /// The rule's doc comment: the text of `explain`, man 7, README and SARIF help.
    pub explain: &'static str,
    /// The judgement of a socket.
    pub check: fn(&Case) -> Verdict,
    /// The judgement of what configuration files say.
    pub declared: fn(&Declared) -> Verdict,
}

impl Rule {
    /// Of a rule about declarations: it has nothing to say about a socket.
    pub fn no_case(_: &Case) -> Verdict {
        Err(NoVerdict::NotApplicable)
    }

    /// Of a rule about sockets: it has nothing to say about declarations.
    pub fn no_declaration(_: &Declared) -> Verdict {
        Err(NoVerdict::NotApplicable)
    }

    /// A finding of this rule about a case, to be given its proof and its cure.
    pub fn finding(&self, case: &Case, certainty: Certainty, summary: impl Into<String>) -> Finding {
        self.about(case.subject(), certainty, summary.into())
    }

    /// A finding of this rule about what is written in a file, with that as its first proof.
    pub fn finding_at(&self, written: &Written, certainty: Certainty, summary: impl Into<String>) -> Finding {
        let subject = Subject { kind: SubjectKind::Config, name: written.location.file.clone() };
        self.about(subject, certainty, summary.into()).written_at(written)
    }

    fn about(&self, subject: Subject, certainty: Certainty, summary: String) -> Finding {
        Finding {
            code: self.code,
            name: self.name,
            severity: self.severity,
            certainty,
            subject,
            summary,
            evidence: Vec::new(),
            cause: None,
            fixes: Vec::new(),
            locations: Vec::new(),
        }
    }

    /// Its explanation without the space that `///` leaves before every line.
    pub fn text(&self) -> String {
        self.explain.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.name)
    }
}
