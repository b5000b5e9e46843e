//! One pass of `guard`: what the tries said, what was decided, what was done.

use std::time::{Duration, SystemTime};

use super::{Certainty, Probed};

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardOutcome {
    /// A try got the answer that was expected.
    Healthy,
    /// None did, and why is not certain: nothing is done.
    Undecided,
    /// The failure is certain, and there is no repair to make, or `--dry-run` forbids it.
    WouldRepair,
    /// An earlier repair did not help: the next one has to wait.
    BackingOff,
    /// `--max-repairs` are used up.
    LimitReached,
    /// It was repaired, and answers.
    Recovered,
    /// It was repaired, and does not answer.
    NotRecovered,
    /// The repair itself failed.
    RepairFailed,
    /// A signal(7) ended the pass before anything was decided.
    Interrupted,
}

impl GuardOutcome {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Undecided => "undecided",
            Self::WouldRepair => "would_repair",
            Self::BackingOff => "backing_off",
            Self::LimitReached => "limit_reached",
            Self::Recovered => "recovered",
            Self::NotRecovered => "not_recovered",
            Self::RepairFailed => "repair_failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// The server answers as it should.
    pub const fn is_fine(self) -> bool {
        matches!(self, Self::Healthy | Self::Recovered | Self::Interrupted)
    }
}

/// Why the server is known to have failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardCause {
    /// The rule that says so, where one does.
    pub code: Option<&'static str>,
    /// Its name.
    pub name: Option<&'static str>,
    /// How sure it is.
    pub certainty: Certainty,
    /// One sentence.
    pub summary: String,
}

/// A repair that was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The program and its arguments.
    pub command: Vec<Vec<u8>>,
    /// The same as a line that a POSIX shell understands.
    pub line: Vec<u8>,
    /// How it ended, where it did: its exit status, or 128 + the signal. `None`: not made, or it runs on.
    pub status: Option<u8>,
    /// From its start until the server answered, or was given up.
    pub took: Duration,
}

/// What the record says after the pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairCount {
    /// Repairs within the window.
    pub made: usize,
    /// How many are allowed in it.
    pub allowed: u32,
    /// How long it is.
    pub window: Duration,
    /// When the next one may be made; `None`: at once.
    pub next: Option<SystemTime>,
}

/// A pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardPass {
    /// The target, as it is shown.
    pub label: Vec<u8>,
    /// How it ended.
    pub outcome: GuardOutcome,
    /// Each try.
    pub tries: Vec<Probed>,
    /// Why the server is known to have failed.
    pub cause: Option<GuardCause>,
    /// Why nothing, or no more, was done.
    pub why: Option<String>,
    /// What was done, or would be.
    pub repair: Option<Repair>,
    /// What the record says.
    pub repairs: RepairCount,
    /// How many passes were made, this one among them.
    pub passes: u64,
    /// How many of them recovered the server.
    pub recovered: u64,
}
