//! The only code that talks to servers. What comes back is a value ([`Probed`]); async begins and ends here.
//!
//! A protocol is a file: pure functions over bytes and one small exchange. All share `wire`: one deadline, one
//! limit of bytes, the first bytes kept, the time of each step. Judging what came back is not done here.

mod connect;
pub mod connectable;
mod dbus;
mod dialogue;
mod fastcgi;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod grpc;
mod haproxy;
mod http;
mod http1;
mod http2;
mod memcached;
mod mysql;
mod postgres;
mod raw;
mod recognise;
mod redis;
mod websocket;
mod wire;

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout_at};

use crate::model::{Depth, KnownBy, Miss, Outcome, ProbePlan, ProbeStep, Probed, Protocol, Reply, StepName};
use dialogue::Dialogue;
use wire::{Log, Wire};

/// How long a server is given to speak first.
const LISTEN: Duration = Duration::from_millis(100);

/// What a server is taken to speak, given the process that listens.
pub type Guess<'g> = dyn Fn(Option<u32>) -> Option<(Protocol, KnownBy)> + 'g;

/// Talks to servers, one after the other.
#[derive(Debug)]
pub struct Prober {
    runtime: Runtime,
}

/// How an exchange ended by itself; the deadline is looked after outside.
enum Ending {
    Whole,
    Refused,
    Foreign,
    TooLong(crate::model::Unfinished),
    /// Its beginning was right, and what follows its protocol does not allow.
    Malformed,
    /// The connection gave an error or its end; the log tells which.
    Broken,
}

/// What an exchange has so far: it outlives an exchange that is given up.
#[derive(Default)]
struct Progress {
    reply: Option<Reply>,
    misses: Vec<Miss>,
}

impl Prober {
    /// With a runtime of its own, on the calling thread.
    pub fn new() -> io::Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_all().build()? })
    }

    /// Waits between two probes.
    pub fn pause(&self, length: Duration) {
        self.runtime.block_on(tokio::time::sleep(length));
    }

    /// One probe, never longer than its timeout.
    pub fn probe(&self, plan: &ProbePlan, guess: &Guess<'_>) -> Probed {
        self.runtime.block_on(probe(plan, guess))
    }
}

/// A probe of a path that a mount does not let anybody come to: connect(2) would hang there, and cannot be given up on.
pub fn hung(plan: &ProbePlan) -> Probed {
    not_connected(plan, plan.timeout, nix::libc::ETIMEDOUT)
}

/// A probe that somebody else would make, whom the kernel does not let connect.
pub fn denied(plan: &ProbePlan) -> Probed {
    not_connected(plan, Duration::ZERO, nix::libc::EACCES)
}

fn not_connected(plan: &ProbePlan, took: Duration, errno: i32) -> Probed {
    let steps = vec![ProbeStep { name: StepName::Connect, took, done: false, errno: Some(errno) }];
    Probed { steps, outcome: Outcome::NotConnected, ..blank(plan) }
}

/// Why a plan cannot be carried out, whatever the server.
pub fn check(plan: &ProbePlan) -> Result<(), String> {
    http::request(plan, false).map(|_| ()).and_then(|()| raw::pattern_of(plan).map(|_| ()))
}

async fn probe(plan: &ProbePlan, guess: &Guess<'_>) -> Probed {
    let log = Log::begin();
    let deadline = Instant::now() + plan.timeout;
    let mut probed = blank(plan);
    let connected = connect::to(&plan.target, deadline, &log).await;
    let outcome = match connected {
        Err(()) => Outcome::NotConnected,
        Ok((wire, peer_pid)) => {
            probed.peer_pid = peer_pid;
            spoken(plan, wire, deadline, &log, guess, &mut probed).await
        }
    };
    let log = wire::lock(&log);
    // Somebody else speaks: what our parser took for a reply is none.
    if matches!(outcome, Outcome::Foreign(_)) {
        probed.reply = None;
    }
    (probed.steps, probed.outcome) = (log.steps(&outcome), outcome);
    (probed.first_bytes, probed.received) = (log.first.clone(), log.received);
    probed
}

fn blank(plan: &ProbePlan) -> Probed {
    Probed {
        protocol: plan.protocol,
        known_by: plan.protocol.map(|_| KnownBy::Asked),
        usually: None,
        asked: None,
        host: None,
        steps: Vec::new(),
        outcome: Outcome::Connected,
        reply: None,
        first_bytes: Vec::new(),
        received: 0,
        peer_pid: None,
        misses: Vec::new(),
        other_host: None,
        check: None,
        timeout: plan.timeout,
        max_body: plan.max_body,
    }
}

/// Chooses what to speak, speaks it, and says how that ended.
async fn spoken(
    plan: &ProbePlan,
    mut wire: Wire,
    deadline: Instant,
    log: &wire::Shared,
    guess: &Guess<'_>,
    probed: &mut Probed,
) -> Outcome {
    if plan.depth == Depth::Connect {
        return Outcome::Connected;
    }
    if plan.protocol.is_none() {
        match timeout_at(deadline.min(Instant::now() + LISTEN), wire.peek()).await {
            Ok(Ok(())) => {
                probed.protocol = match recognise::of(&wire::lock(log).first) {
                    // Servers of gRPC send their SETTINGS unasked; others wait for the client's preface.
                    Some(Protocol::Http2) => Some(Protocol::Grpc),
                    spoken => spoken,
                };
                probed.known_by = Some(KnownBy::FirstBytes);
            }
            Ok(Err(())) => return Outcome::Closed,
            Err(_) => {
                wire::lock(log).listened = Some(std::time::Instant::now());
                (probed.protocol, probed.known_by) = guess(probed.peer_pid).unzip();
            }
        }
    }
    let Some(protocol) = probed.protocol else {
        // It spoke in a tongue not known: that is an answer.
        return if wire::lock(log).received > 0 { Outcome::Answered } else { Outcome::Connected };
    };
    probed.asked = http::in_words(plan, protocol);
    probed.host = protocol.is_http().then(|| plan.request.host.clone());
    let mut progress = Progress::default();
    let ended = timeout_at(deadline, exchange(plan, protocol, wire, &mut progress)).await;
    (probed.reply, probed.misses) = (progress.reply, progress.misses);
    outcome(protocol, ended.ok().as_ref(), &wire::lock(log))
}

async fn exchange(plan: &ProbePlan, protocol: Protocol, wire: Wire, progress: &mut Progress) -> Ending {
    let dialogue: Dialogue = match protocol {
        Protocol::Http | Protocol::Docker => return http1::exchange(plan, protocol, wire, progress).await,
        Protocol::Http2 => return http2::exchange(plan, wire, progress).await,
        Protocol::Grpc => return grpc::exchange(plan, wire, progress).await,
        Protocol::WebSocket => return websocket::exchange(plan, wire, progress).await,
        Protocol::Raw => return raw::exchange(plan, wire, progress).await,
        Protocol::Postgres => postgres::DIALOGUE,
        Protocol::Mysql => mysql::DIALOGUE,
        Protocol::Redis => redis::DIALOGUE,
        Protocol::Memcached => memcached::DIALOGUE,
        Protocol::FastCgi => fastcgi::DIALOGUE,
        Protocol::Dbus => dbus::DIALOGUE,
        Protocol::Haproxy => haproxy::DIALOGUE,
    };
    dialogue.hold(wire, progress).await
}

/// What an ending, or none in time, amounts to by what came over the wire.
fn outcome(protocol: Protocol, ending: Option<&Ending>, log: &Log) -> Outcome {
    use crate::model::Unfinished::{CutShort, Dripping, Malformed, Silent};
    match ending {
        Some(Ending::Whole) => return Outcome::Answered,
        Some(Ending::Refused) => return Outcome::AuthRefused,
        Some(Ending::TooLong(why)) if recognise::may_be(protocol, &log.first) => {
            return Outcome::Unfinished(*why);
        }
        _ => {}
    }
    if log.received == 0 {
        return if ending.is_some() { Outcome::Closed } else { Outcome::NoReply };
    }
    let foreign = matches!(ending, Some(Ending::Foreign | Ending::TooLong(_)));
    if foreign && protocol.is_http() && recognise::has_status_line(&log.first) {
        return Outcome::Unfinished(Malformed);
    }
    if foreign || !recognise::may_be(protocol, &log.first) {
        return Outcome::Foreign(recognise::of(&log.first).filter(|other| *other != protocol));
    }
    Outcome::Unfinished(match ending {
        Some(Ending::Malformed) => Malformed,
        Some(_) => CutShort,
        None if log.still_coming() => Dripping,
        None => Silent,
    })
}

#[cfg(test)]
mod tests;
