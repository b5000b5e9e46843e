//! What happened when a server was talked to: which step, why, and how long each took.

use std::time::Duration;

use super::{CheckVerdict, Checked, Miss, Protocol};

/// One step of a probe, in the order they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepName {
    /// connect(2).
    Connect,
    /// Waiting whether the server speaks first. It is our own time and no part of any sum.
    Listen,
    /// Until the request was written.
    Send,
    /// From then until the first byte came back.
    FirstByte,
    /// From then until the reply was whole.
    Reply,
}

impl StepName {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Send => "send",
            Self::FirstByte => "first_byte",
            Self::Reply => "reply",
        }
    }
}

/// A step that was made, or at which it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeStep {
    /// Which.
    pub name: StepName,
    /// How long it took by itself.
    pub took: Duration,
    /// The errno it ended with.
    pub errno: Option<i32>,
    /// It came to its end.
    pub done: bool,
}

/// Why a reply that began has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unfinished {
    /// No further byte came until the time was over.
    Silent,
    /// Bytes still came, too few or without end, when the time was over.
    Dripping,
    /// The connection ended short of what the reply had announced.
    CutShort,
    /// What came breaks the rules of its own protocol.
    Malformed,
    /// The head alone was longer, or had more fields, than any reply's should.
    HeadTooLong,
    /// The body was longer than allowed.
    BodyTooLong,
}

impl Unfinished {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Dripping => "dripping",
            Self::CutShort => "cut_short",
            Self::Malformed => "malformed",
            Self::HeadTooLong => "head_too_long",
            Self::BodyTooLong => "body_too_long",
        }
    }
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A whole reply in the protocol it was asked in.
    Answered,
    /// The server answered that it does not let us in: the socket and the server work.
    AuthRefused,
    /// Connected; nothing was sent because nothing is known of what it speaks, and it said nothing by itself.
    Connected,
    /// connect(2) failed.
    NotConnected,
    /// Connected, and not a byte came back until the time was over.
    NoReply,
    /// The connection was closed, or reset, before a byte came back.
    Closed,
    /// What came back is not of the protocol it was asked in; what it is, where that is recognised.
    Foreign(Option<Protocol>),
    /// A reply began and did not end.
    Unfinished(Unfinished),
}

impl Outcome {
    /// The word used in every output.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::AuthRefused => "auth_refused",
            Self::Connected => "connected",
            Self::NotConnected => "not_connected",
            Self::NoReply => "no_reply",
            Self::Closed => "closed",
            Self::Foreign(_) => "foreign",
            Self::Unfinished(_) => "unfinished",
        }
    }
}

/// What a server said, as far as it was kept; every byte of it chosen by a stranger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: Option<u16>,
    /// `HTTP/1.1`, where the reply is one of HTTP.
    pub version_line: Option<&'static str>,
    /// What calls itself the server.
    pub server: Option<Vec<u8>>,
    /// Its version, where the protocol offers one.
    pub version: Option<Vec<u8>>,
    /// What it said in words: a health, a reason of refusal.
    pub message: Option<Vec<u8>>,
    /// Header fields in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The beginning of the body.
    pub body: Vec<u8>,
    /// All bytes of the body that came, kept or not.
    pub body_bytes: u64,
}

/// By what a server is taken to speak a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KnownBy {
    /// The command line says so.
    Asked,
    /// What it said by itself.
    FirstBytes,
    /// The usual name of its socket.
    Path,
    /// The process that listens.
    Holder,
    /// The usual number of its port.
    Port,
}

impl KnownBy {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::FirstBytes => "first_bytes",
            Self::Path => "path",
            Self::Holder => "holder",
            Self::Port => "port",
        }
    }
}

/// One probe of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// What was spoken. `None`: nothing was sent.
    pub protocol: Option<Protocol>,
    /// By what that was chosen.
    pub known_by: Option<KnownBy>,
    /// What the server is known to speak whatever it was asked in.
    pub usually: Option<(Protocol, KnownBy)>,
    /// The request in words: `GET /health HTTP/1.1`.
    pub asked: Option<String>,
    /// The Host header sent.
    pub host: Option<String>,
    /// Every step that was begun.
    pub steps: Vec<ProbeStep>,
    /// How it ended.
    pub outcome: Outcome,
    /// What came back, whole or not.
    pub reply: Option<Reply>,
    /// The first bytes that came back, as they came.
    pub first_bytes: Vec<u8>,
    /// All bytes that came back.
    pub received: u64,
    /// The process that called listen(2), as the kernel tells a connected client (`SO_PEERCRED`, unix(7)).
    pub peer_pid: Option<u32>,
    /// What was expected and did not come.
    pub misses: Vec<Miss>,
    /// Another Host header, and the status that came with it instead of 400.
    pub other_host: Option<(String, u16)>,
    /// What a proxy would make of it, where its health check was replayed.
    pub check: Option<CheckVerdict>,
    /// The limit of the whole probe.
    pub timeout: Duration,
    /// The limit of the body, bytes.
    pub max_body: u64,
}

impl Probed {
    /// Nothing came between us and a reply as it was wished for. A refusal by the server's own authentication is a
    /// reply.
    pub fn is_fine(&self) -> bool {
        matches!(self.outcome, Outcome::Answered | Outcome::AuthRefused | Outcome::Connected)
            && self.misses.is_empty()
    }

    /// The errno of the step that failed.
    pub fn errno(&self) -> Option<i32> {
        self.steps.iter().find_map(|step| step.errno)
    }

    /// From the beginning to the end of a step; `None` when it did not come to its end.
    pub fn until(&self, name: StepName) -> Option<Duration> {
        let end = self.steps.iter().position(|step| step.name == name && step.done)?;
        Some(sum(&self.steps[..=end]))
    }

    /// All steps together, the one that failed among them.
    pub fn total(&self) -> Duration {
        sum(&self.steps)
    }

    /// The step it ended at, when it failed.
    pub fn failed_at(&self) -> Option<&ProbeStep> {
        self.steps.iter().find(|step| !step.done)
    }
}

fn sum(steps: &[ProbeStep]) -> Duration {
    steps.iter().filter(|step| step.name != StepName::Listen).map(|step| step.took).sum()
}

/// The probes of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedTarget {
    /// The target, as it is shown.
    pub label: Vec<u8>,
    /// What it amounts to.
    pub verdict: super::Overall,
    /// What findings about it are about.
    pub subject: super::Subject,
    /// Each probe, in order.
    pub probes: Vec<Probed>,
    /// Why fewer were made than asked for.
    pub cut_short: Option<&'static str>,
    /// The health check that was replayed, with the verdict that counts.
    pub checked: Option<Box<Checked>>,
}

impl ProbedTarget {
    /// The total times of all that were fine, shortest first.
    pub fn times(&self) -> Vec<Duration> {
        let fine = self.probes.iter().filter(|probed| probed.is_fine());
        let mut times: Vec<Duration> = fine.map(Probed::total).collect();
        times.sort_unstable();
        times
    }
}

/// The value that so many per cent of sorted times do not exceed (nearest rank).
pub fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// A listener that `probe` without a target left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotProbed {
    /// Its name as it is shown.
    pub label: Vec<u8>,
    /// Why.
    pub why: String,
}

#[cfg(test)]
impl Probed {
    /// A healthy HTTP probe for tests.
    pub(crate) fn sample() -> Self {
        let step =
            |name, micros| ProbeStep { name, took: Duration::from_micros(micros), errno: None, done: true };
        Self {
            protocol: Some(Protocol::Http),
            known_by: Some(KnownBy::Asked),
            usually: None,
            asked: Some("GET / HTTP/1.1".into()),
            host: Some("localhost".into()),
            steps: vec![
                step(StepName::Connect, 100),
                step(StepName::Send, 50),
                step(StepName::FirstByte, 800),
                step(StepName::Reply, 50),
            ],
            outcome: Outcome::Answered,
            reply: Some(Reply { status: Some(200), ..Reply::default() }),
            first_bytes: b"HTTP/1.1 200 OK\r\n".to_vec(),
            received: 40,
            peer_pid: None,
            misses: Vec::new(),
            other_host: None,
            check: None,
            timeout: Duration::from_secs(5),
            max_body: 1 << 20,
        }
    }

    /// The same, ended at a step.
    pub(crate) fn sample_failed(at: StepName, outcome: Outcome) -> Self {
        let mut probed = Self::sample();
        let end = probed.steps.iter().position(|step| step.name == at).unwrap();
        probed.steps.truncate(end + 1);
        probed.steps[end].done = false;
        if matches!(outcome, Outcome::NoReply | Outcome::Closed | Outcome::NotConnected) {
            (probed.first_bytes, probed.received, probed.reply) = (Vec::new(), 0, None);
        }
        Self { outcome, ..probed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_and_an_unfinished_step_has_none() {
        let probed = Probed::sample();
        assert_eq!(probed.until(StepName::FirstByte), Some(Duration::from_micros(950)));
        assert_eq!(probed.total(), Duration::from_millis(1));
        let failed = Probed::sample_failed(StepName::FirstByte, Outcome::NoReply);
        assert_eq!(failed.until(StepName::FirstByte), None);
        assert_eq!(failed.failed_at().map(|step| step.name), Some(StepName::FirstByte));
        assert!(probed.is_fine() && !failed.is_fine());
        let listened =
            ProbeStep { name: StepName::Listen, took: Duration::from_secs(1), errno: None, done: true };
        let mut patient = Probed::sample();
        patient.steps.insert(1, listened);
        assert_eq!((patient.total(), patient.until(StepName::Reply)), (probed.total(), Some(probed.total())));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        let at = |percent| percentile(&times, percent).unwrap().as_millis();
        assert_eq!([at(50), at(90), at(99), at(100)], [50, 90, 99, 100]);
        assert_eq!(percentile(&times[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }
}
