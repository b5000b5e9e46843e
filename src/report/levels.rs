//! What each format calls a severity: the one table.
//!
//! | severity | SARIF `level` | GitHub command | JUnit |
//! |---|---|---|---|
//! | error | `error` | `::error` | failed |
//! | warning | `warning` | `::warning` | failed |
//! | info | `note` | `::notice` | passed, with what was found as its output |

use crate::model::Severity;

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Levels {
    /// `level` of a result (SARIF 2.1.0 §3.27.10).
    pub(super) sarif: &'static str,
    /// The workflow command.
    pub(super) github: &'static str,
    /// Whether a test case fails by it.
    pub(super) junit_fails: bool,
}

/// The row of a severity.
pub(super) const fn levels(severity: Severity) -> Levels {
    match severity {
        Severity::Error => Levels { sarif: "error", github: "error", junit_fails: true },
        Severity::Warning => Levels { sarif: "warning", github: "warning", junit_fails: true },
        Severity::Info => Levels { sarif: "note", github: "notice", junit_fails: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_severity_has_its_word_in_every_format() {
        for (severity, sarif, github, junit_fails) in [
            (Severity::Error, "error", "error", true),
            (Severity::Warning, "warning", "warning", true),
            (Severity::Info, "note", "notice", false),
        ] {
            assert_eq!(levels(severity), Levels { sarif, github, junit_fails });
        }
    }
}
