//! What `clean` found at each candidate, and what became of it.

use super::Evidence;

/// The prefix of the name a file is moved to before its last test. One that is found later was left by a kill.
pub const ASIDE_PREFIX: &[u8] = b".sockdoctor-stale-";

/// A candidate's state: of a plan what would become of it, afterwards what did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CleanState {
    /// Proven stale: `--apply` removes it.
    Stale,
    /// It was proven stale, and is removed.
    Removed,
    /// A socket is bound to it.
    Alive,
    /// Not proven; nothing of it is touched.
    Unproven,
    /// Nothing is at the path.
    Missing,
    /// Something else is at the path.
    NotASocket,
    /// Its name had passed to another file when it was to be removed; that one has it.
    Replaced,
    /// It was proven stale, and could not be removed; errno(3).
    Failed(i32),
    /// What was moved aside turned out to be another's, and the name was taken before it could be moved back.
    Aside(Vec<u8>),
}

impl CleanState {
    /// The word used in every output.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Removed => "removed",
            Self::Alive => "alive",
            Self::Unproven => "unproven",
            Self::Missing => "missing",
            Self::NotASocket => "not_a_socket",
            Self::Replaced => "replaced",
            Self::Failed(_) => "failed",
            Self::Aside(_) => "left_aside",
        }
    }

    /// What is done with it, in words.
    pub const fn says(&self) -> &'static str {
        match self {
            Self::Stale => "would remove",
            Self::Removed => "removed",
            Self::Missing => "nothing at",
            Self::Failed(_) => "not removed",
            Self::Aside(_) => "left aside",
            Self::Alive | Self::Unproven | Self::NotASocket | Self::Replaced => "left alone",
        }
    }
}

/// A socket file that may be stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is: its canonical path, where it has one.
    pub path: Vec<u8>,
    /// What is or was done with it.
    pub state: CleanState,
    /// It has the name of what an interrupted `clean` leaves.
    pub leftover: bool,
    /// By what it is known to be stale, or not.
    pub proof: Vec<Evidence>,
    /// Why it is left alone, or what went wrong.
    pub why: Option<String>,
    /// What somebody who knows better may run.
    pub command: Option<Vec<u8>>,
}

impl Candidate {
    /// A candidate of which nothing is known but its state.
    pub fn new(path: Vec<u8>, state: CleanState) -> Self {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let leftover = name.starts_with(ASIDE_PREFIX);
        Self { path, state, leftover, proof: Vec::new(), why: None, command: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leftover_is_known_by_its_name_alone() {
        let leftover = |path: &[u8]| Candidate::new(path.to_vec(), CleanState::Stale).leftover;
        assert!(leftover(b"/run/.sockdoctor-stale-0f"));
        assert!(!leftover(b"/run/.sockdoctor-stale-x/app.sock") && !leftover(b"/run/app.sock"));
    }
}
