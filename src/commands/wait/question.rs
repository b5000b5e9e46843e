//! What `--for http` asks of a server, and what its answer is worth.

use std::io;
use std::time::{Duration, Instant};

use crate::cli::WaitArgs;
use crate::model::{Expectations, HttpRequest, Outcome, ProbePlan, Probed, Reach, Statuses, Target};
use crate::probe::Prober;

/// How long one answer is waited for at most: a server that is slow to start is asked again, not waited out.
const PATIENCE: Duration = Duration::from_secs(5);
/// The least that a question gets: the last one is not to be cut off before it began.
const LEAST: Duration = Duration::from_millis(250);
/// No body is longer than a status page.
const MAX_BODY: u64 = 1 << 20;

/// One request, the same of every target but for the path of its URL.
pub(super) struct Question {
    prober: Prober,
    path: Option<String>,
    expected: Expectations,
}

impl Question {
    /// As it was typed.
    pub(super) fn of(args: &WaitArgs) -> io::Result<Self> {
        let statuses = if args.expect.is_empty() { vec![Statuses::USUAL] } else { args.expect.clone() };
        let expected = Expectations { statuses, ..Expectations::default() };
        Ok(Self { prober: Prober::new()?, path: args.http.clone(), expected })
    }

    /// Asks once. On a server that does not answer each question takes a place in its queue: they follow each other.
    pub(super) fn ask(&self, target: &Target, url_path: Option<&str>, end: Instant) -> Probed {
        let path = self.path.as_deref().or(url_path).unwrap_or("/").to_owned();
        let request = HttpRequest::get(target, path);
        let timeout = end.saturating_duration_since(Instant::now()).clamp(LEAST, PATIENCE);
        let plan = ProbePlan::http(target.clone(), request, timeout, MAX_BODY);
        let mut probed = self.prober.probe(&plan, &|_| None);
        if let (Outcome::Answered, Some(reply)) = (&probed.outcome, &probed.reply) {
            probed.misses.extend(self.expected.misses(reply));
        }
        probed
    }
}

/// The state of a server by what it said.
pub(super) fn reach(probed: &Probed) -> Reach {
    match (&probed.outcome, probed.errno()) {
        _ if probed.is_fine() => Reach::Open,
        (Outcome::NotConnected, Some(nix::libc::ENOENT)) => Reach::Missing,
        (Outcome::NotConnected, Some(nix::libc::ECONNREFUSED)) => Reach::Refused,
        (Outcome::NotConnected, Some(nix::libc::EAGAIN)) => Reach::Busy,
        (Outcome::NotConnected, Some(nix::libc::EACCES)) => Reach::Denied,
        (Outcome::NotConnected, Some(nix::libc::EPROTOTYPE)) => Reach::OtherType,
        (Outcome::NotConnected, Some(errno)) => Reach::Unreached(errno),
        (Outcome::Foreign(_), _) => Reach::NotHttp,
        _ => match probed.reply.as_ref().and_then(|reply| reply.status) {
            Some(status) => Reach::Answers(status),
            None => Reach::Mute,
        },
    }
}
