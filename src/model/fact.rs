//! "Could not look" is a value: what is known, what is not and why, and what nobody asked for.

use serde::{Deserialize, Serialize};

use super::NoVerdict;

/// Why something could not be looked at, and what would make it visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Where the fact would have come from: `/proc/812/fd`, `unix_diag`, `lstat /run/x.sock`.
    pub source: String,
    /// What happened instead, in words: `Permission denied`.
    pub why: String,
    /// What the user can do to have it looked at; the exact command where there is one.
    pub would_help: Option<String>,
    /// Whether names were seen all the same: enough to say that nobody has one.
    #[serde(default)]
    pub names: Names,
}

/// What a gap in the sockets leaves of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Names {
    /// Nothing: somebody there may have any name.
    #[default]
    Hidden,
    /// All of them.
    Seen,
    /// What lies outside our pid namespace can never be listed from here: absence is likely at best.
    BeyondSight,
}

impl Gap {
    /// What helps when only privilege is missing; commands print it as their own exact `sudo` line.
    pub const AS_ROOT: &str = "run it as root";

    /// What would help root, who is refused inside a container.
    pub const AS_ROOT_OF_HOST: &str = "run it on the host, with CAP_SYS_PTRACE";

    /// A gap nothing is known to help against.
    pub fn new(source: impl Into<String>, why: impl Into<String>) -> Self {
        Self { source: source.into(), why: why.into(), would_help: None, names: Names::Hidden }
    }

    /// The same gap, with what would help.
    #[must_use]
    pub fn helped_by(mut self, would_help: impl Into<String>) -> Self {
        self.would_help = Some(would_help.into());
        self
    }
}

/// One thing looked up on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Fact<T> {
    /// It was looked at, and this is what was there.
    Known(T),
    /// It was asked for and could not be seen. Never an empty answer.
    Unknown(Gap),
    /// This command does not need it.
    #[default]
    NotAsked,
}

impl<T> Fact<T> {
    /// The value for a rule: `?` turns a missing fact into "not checked" instead of "fine".
    #[inline]
    pub fn get(&self) -> Result<&T, NoVerdict> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(gap) => Err(unknown(gap)),
            Self::NotAsked => Err(NoVerdict::NotApplicable),
        }
    }

    /// The value for showing, where a missing one prints as unknown.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) | Self::NotAsked => None,
        }
    }

    /// Why it is unknown, if it is.
    pub const fn gap(&self) -> Option<&Gap> {
        match self {
            Self::Unknown(gap) => Some(gap),
            Self::Known(_) | Self::NotAsked => None,
        }
    }
}

/// Apart, as it is rare: every rule asks for facts about every row of a list.
#[cold]
fn unknown(gap: &Gap) -> NoVerdict {
    NoVerdict::Unknown(gap.clone())
}

/// Several things looked up together, and what of them could not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    /// What was seen.
    pub items: T,
    /// What was not; empty means nothing is missing.
    pub gaps: Vec<Gap>,
}

impl<T: Default> Default for Seen<T> {
    fn default() -> Self {
        Self { items: T::default(), gaps: Vec::new() }
    }
}

impl<T> Seen<T> {
    /// The items for a rule that argues from absence: a gap makes it "not checked".
    pub fn complete(&self) -> Result<&T, NoVerdict> {
        self.gaps.first().map_or(Ok(&self.items), |gap| Err(NoVerdict::Unknown(gap.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_fact_never_reads_as_fine() {
        let gap = Gap::new("/proc/1/fd", "Permission denied");
        assert_eq!(Fact::<u8>::Unknown(gap.clone()).get(), Err(NoVerdict::Unknown(gap)));
        assert_eq!(Fact::<u8>::NotAsked.get(), Err(NoVerdict::NotApplicable));
        assert_eq!(Fact::Known(7).get(), Ok(&7));
    }

    #[test]
    fn a_list_with_a_gap_is_not_complete() {
        let seen = Seen { items: vec![1], gaps: vec![Gap::new("net:[7]", "Operation not permitted")] };
        assert!(seen.complete().is_err());
        assert!(Seen { items: vec![1], gaps: vec![] }.complete().is_ok());
    }
}
