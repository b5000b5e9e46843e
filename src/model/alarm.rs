//! The states of the plugin convention of monitoring systems
//! (<https://www.monitoring-plugins.org/doc/guidelines.html#AEN78>).

use super::Severity;

/// What a monitoring system is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// Nothing is wrong.
    Ok,
    /// Something will break.
    Warning,
    /// Something is broken.
    Critical,
    /// The question stays open.
    Unknown,
}

impl Alarm {
    /// The word at the start of the line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// By the worst that was found; what is below `least` does not count. A problem beats an open question.
    pub fn of(worst: Option<Severity>, least: Option<Severity>, open: bool) -> Self {
        match worst.filter(|worst| least.is_some_and(|least| *worst >= least)) {
            Some(Severity::Error) => Self::Critical,
            Some(Severity::Warning | Severity::Info) => Self::Warning,
            None if open => Self::Unknown,
            None => Self::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_beats_an_open_question_and_what_does_not_count_is_none() {
        let all = Some(Severity::Warning);
        assert_eq!(Alarm::of(Some(Severity::Error), all, true), Alarm::Critical);
        assert_eq!(Alarm::of(Some(Severity::Warning), all, true), Alarm::Warning);
        assert_eq!(Alarm::of(Some(Severity::Info), all, true), Alarm::Unknown);
        assert_eq!(Alarm::of(Some(Severity::Info), Some(Severity::Info), false), Alarm::Warning);
        assert_eq!(Alarm::of(Some(Severity::Error), None, false), Alarm::Ok);
    }
}
