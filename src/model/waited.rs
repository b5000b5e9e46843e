//! What waiting for a target found: its state at one instant, and how long it took.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FileKind, Target};

/// The state of a target, as somebody who waits for it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// A connect got through; or, where only the file was asked for, it is there.
    Open,
    /// A socket is bound to the file. Whether it listens was not asked.
    Bound,
    /// Nothing at the path.
    Missing,
    /// A socket file, and no socket of this kernel is bound to it.
    Stale,
    /// The name is taken, or the host is there, but nobody listens.
    Refused,
    /// It listens, and its queue is full.
    Busy,
    /// We may not get there.
    Denied,
    /// Something else stands at the path.
    NotASocket(FileKind),
    /// A socket of another type than stream.
    OtherType,
    /// The path is longer than a socket address can hold.
    TooLong,
    /// The mount that the path leads through does not answer, or its root cannot be seen.
    Unseen,
    /// The host has no address.
    Unresolved,
    /// The host does not answer; errno(3).
    Unreached(i32),
    /// Another errno(3).
    Failed(i32),
    /// It takes connections, and no whole reply came in time.
    Mute,
    /// It answers over HTTP with this status, which is not what was expected.
    Answers(u16),
    /// It answers, and not over HTTP.
    NotHttp,
}

impl Reach {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Bound => "bound",
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::Refused => "refused",
            Self::Busy => "queue_full",
            Self::Denied => "denied",
            Self::NotASocket(_) => "not_a_socket",
            Self::OtherType => "other_type",
            Self::TooLong => "too_long",
            Self::Unseen => "unseen",
            Self::Unresolved => "unresolved",
            Self::Unreached(_) => "unreached",
            Self::Failed(_) => "failed",
            Self::Mute => "no_reply",
            Self::Answers(_) => "unexpected_status",
            Self::NotHttp => "not_http",
        }
    }

    /// The errno(3) that a connect ends with in this state, where it does and is known to.
    pub const fn errno(self) -> Option<i32> {
        match self {
            Self::Open
            | Self::Bound
            | Self::Unseen
            | Self::Unresolved
            | Self::Mute
            | Self::Answers(_)
            | Self::NotHttp => None,
            Self::Missing => Some(nix::libc::ENOENT),
            Self::Stale | Self::Refused | Self::NotASocket(_) => Some(nix::libc::ECONNREFUSED),
            Self::Busy => Some(nix::libc::EAGAIN),
            Self::Denied => Some(nix::libc::EACCES),
            Self::OtherType => Some(nix::libc::EPROTOTYPE),
            Self::TooLong => Some(nix::libc::ENAMETOOLONG),
            Self::Unreached(errno) | Self::Failed(errno) => Some(errno),
        }
    }

    /// What is the matter, in words.
    pub fn says(self) -> String {
        match self {
            Self::Open => "somebody listens".into(),
            Self::Bound => "somebody has it bound".into(),
            Self::Missing => "nothing is at the path".into(),
            Self::Stale => "the file is there, but nobody has it bound".into(),
            Self::Refused => "nobody listens".into(),
            Self::Busy => "the queue of the listener is full".into(),
            Self::Denied => "permission denied".into(),
            Self::NotASocket(kind) => format!("{} is at the path", kind.phrase()),
            Self::OtherType => "the socket is no stream socket".into(),
            Self::TooLong => "the path is longer than a socket address can hold".into(),
            Self::Unseen => "the way to it does not answer".into(),
            Self::Unresolved => "the host has no address".into(),
            Self::Mute => "it takes connections, but no reply came".into(),
            Self::Answers(status) => format!("it answers with status {status}"),
            Self::NotHttp => "what answers does not speak HTTP".into(),
            Self::Unreached(errno) | Self::Failed(errno) => {
                nix::errno::Errno::from_raw(errno).desc().to_owned()
            }
        }
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A socket file.
    Exists,
    /// Somebody who takes connections.
    Connect,
    /// Somebody who answers over HTTP, as expected.
    Http,
    /// Nobody who serves it.
    Gone,
}

impl Goal {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Connect => "connect",
            Self::Http => "http",
            Self::Gone => "gone",
        }
    }
}

/// Why `wait` stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It all came to what was waited for.
    Ready,
    /// Time was up.
    TimedOut,
    /// What is there will not become what is waited for.
    Never,
    /// The process that was to make it ready has ended.
    ProducerGone(u32),
    /// It was to look once.
    Once,
    /// This process was asked to end, by this signal(7).
    Interrupted(i32),
}

impl Ending {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::TimedOut => "timed_out",
            Self::Never => "never",
            Self::ProducerGone(_) => "producer_gone",
            Self::Once => "once",
            Self::Interrupted(_) => "interrupted",
        }
    }
}

/// A target of `wait` when the waiting was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// What was waited for.
    pub target: Target,
    /// In which state.
    pub goal: Goal,
    /// Whether it came to that.
    pub ready: bool,
    /// The last state seen.
    pub reach: Reach,
    /// From the beginning until it was ready, or until nobody waited any more.
    pub after: Duration,
}

impl Waited {
    /// How it ended, in a word or two.
    pub const fn outcome(&self) -> &'static str {
        match (self.ready, self.goal) {
            (true, Goal::Gone) => "gone",
            (true, _) => "ready",
            (false, Goal::Gone) => "not gone",
            (false, _) => "not ready",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_in_the_terms_of_the_question() {
        let waited = |goal, ready| {
            let (target, after) = (Target::Abstract(b"x".to_vec()), Duration::ZERO);
            Waited { target, goal, ready, reach: Reach::Stale, after }.outcome()
        };
        assert_eq!([waited(Goal::Gone, true), waited(Goal::Gone, false)], ["gone", "not gone"]);
        assert_eq!([waited(Goal::Connect, true), waited(Goal::Exists, false)], ["ready", "not ready"]);
    }

    #[test]
    fn a_file_that_is_no_socket_refuses_as_a_stale_one_does() {
        assert_eq!(Reach::NotASocket(FileKind::Regular).errno(), Reach::Stale.errno());
        assert_eq!(Reach::NotASocket(FileKind::Regular).says(), "a regular file is at the path");
    }
}
