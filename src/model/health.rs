//! How the server behind a socket fares: its processes, what it holds, and what of that changes with time.

use std::time::Duration;

use super::{Fact, LogReading, NoVerdict, Queue, SocketIno};

/// How long the same clients wait before it is worth telling.
const LONG: Duration = Duration::from_secs(1);

/// The state of a server, apart from what its socket and file are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Of each process that holds the socket, in the order of its holders; empty where nobody asked for them.
    pub holders: Vec<Vitals>,
    /// Connections whose client has left and that the server has not closed, the same ones over 300 ms.
    pub half_dead: Fact<HalfDead>,
    /// What time showed, the earliest first; fewer than two show nothing.
    pub samples: Vec<Sample>,
    /// `net.core.somaxconn`, to which the backlog was cut.
    pub clamp: Option<u32>,
    /// What the server's log tells; `NotAsked` without `--logs` and `--log`.
    pub log: Fact<Vec<LogReading>>,
}

/// One process that holds the socket (proc_pid_status(5), proc_pid_limits(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// Whose.
    pub pid: u32,
    /// One letter of proc_pid_stat(5).
    pub state: char,
    /// How many threads it has.
    pub threads: Option<u32>,
    /// Resident memory, bytes.
    pub rss: Option<u64>,
    /// Since its start, seconds.
    pub age: Option<u64>,
    /// What `/proc/PID/exe` names. `None`: not readable.
    pub program: Option<Vec<u8>>,
    /// Its command line says that it is the worker of another process.
    pub worker: bool,
    /// Its parent has died: whoever takes in orphans is its parent now.
    pub orphan: bool,
    /// Its process group (setpgid(2)).
    pub group: Option<u32>,
    /// Its environment says that it was given a listening socket on purpose (sd_listen_fds(3) and its kin).
    pub handed: bool,
    /// Its open descriptors.
    pub descriptors: Fact<Descriptors>,
}

/// The descriptors of one process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Descriptors {
    /// All that are open, also those with numbers that the limit would not allow any more.
    pub open: usize,
    /// Those whose number is below the soft limit.
    pub below: u64,
    /// The soft `RLIMIT_NOFILE` (getrlimit(2)): one more than the highest number that open(2) may give.
    pub limit: u64,
    /// What they are and how many of each, most first; counted only where they run out.
    pub kinds: Vec<(Vec<u8>, usize)>,
}

impl Descriptors {
    /// Numbers that open(2) and accept(2) may still give.
    pub const fn free(&self) -> u64 {
        self.limit.saturating_sub(self.below)
    }

    /// Nine of ten numbers are taken.
    pub const fn nearly_out(&self) -> bool {
        self.below >= self.limit - self.limit / 10
    }
}

/// Connections that the server still holds though their clients have left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HalfDead {
    /// How many.
    pub count: usize,
    /// Which processes hold them, and how many each; those that are not visible are missing.
    pub held_by: Vec<(u32, usize)>,
}

/// One look of several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sample {
    /// Since the first.
    pub at: Duration,
    /// The accept queue. `None`: the socket was not there.
    pub queue: Option<Queue>,
    /// Who waited, in the order of their arrival: inodes of clients, 0 for one that has left. `None`: not known.
    pub waiting: Option<Vec<u32>>,
    /// The processes that held the socket: pid, state, open descriptors.
    pub processes: Vec<Pulse>,
    /// Connections without a client.
    pub half_dead: Vec<SocketIno>,
}

/// A process at one of several looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// Whose.
    pub pid: u32,
    /// How many descriptors were open. `None`: not readable.
    pub open: Option<usize>,
}

/// Why a queue that does not move is known not to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// The same clients wait at every look.
    SameClients,
    /// All that waits has already left.
    NobodyLeft,
}

impl Health {
    /// The first and the last look, where there are two.
    pub fn span(&self) -> Option<(&Sample, &Sample)> {
        match self.samples.as_slice() {
            [first, .., last] => Some((first, last)),
            _ => None,
        }
    }

    /// Whether the queue stood still from the first look to the last; the number says how many waited all the time.
    pub fn stall(&self) -> Option<(Stall, usize)> {
        let (_, last) = self.span()?;
        let queues: Vec<&Vec<u32>> =
            self.samples.iter().map(|sample| sample.waiting.as_ref()).collect::<Option<_>>()?;
        let first = queues.first().filter(|first| !first.is_empty())?;
        if queues.iter().all(|queue| !queue.is_empty() && queue.iter().all(|ino| *ino == 0)) {
            // A client that has left has no number: more and more of them, never fewer, are not accepted.
            let grows = queues.is_sorted_by(|one, next| one.len() <= next.len());
            return grows.then_some((Stall::NobodyLeft, first.len()));
        }
        // Who has left meanwhile is 0 by now, and still in its place.
        let left = |queue: &[u32]| queue.iter().filter(|ino| **ino == 0).count();
        let stands = |queue: &&Vec<u32>| {
            let missing = first.iter().filter(|ino| **ino != 0 && !queue.contains(ino)).count();
            queue.len() >= first.len() && missing <= left(queue).saturating_sub(left(first))
        };
        // Places of those who have left look alike: one who waits must have waited all the time.
        let last = last.waiting.as_deref().unwrap_or_default();
        let held = first.iter().any(|ino| *ino != 0 && last.contains(ino));
        (held && queues.iter().all(stands)).then_some((Stall::SameClients, first.len()))
    }

    /// Looks over so long a time that clients who still wait are worth telling of, though a slow server looks alike.
    pub fn is_long(&self) -> bool {
        self.samples.len() >= 3 && self.over() >= LONG
    }

    /// By how many descriptors a process grew in a minute. `None`: it was not there all the time.
    pub fn growth(&self, pid: u32) -> Option<f64> {
        let (first, last) = self.span()?;
        let open = |sample: &Sample| sample.processes.iter().find(|pulse| pulse.pid == pid)?.open;
        let seconds = last.at.saturating_sub(first.at).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "descriptors are counted in millions at most")]
        let grown = open(last)? as f64 - open(first)? as f64;
        (seconds > 0.0).then(|| grown / seconds * 60.0)
    }

    /// Processes that came and went between the first look and the last.
    pub fn churn(&self) -> (Vec<u32>, Vec<u32>) {
        let pids = |sample: &Sample| sample.processes.iter().map(|pulse| pulse.pid).collect::<Vec<_>>();
        let (mut came, mut went) = (Vec::new(), Vec::new());
        for pair in self.samples.windows(2) {
            let (before, after) = (pids(&pair[0]), pids(&pair[1]));
            came.extend(after.iter().filter(|pid| !before.contains(pid)));
            went.extend(before.iter().filter(|pid| !after.contains(pid)));
        }
        (came, went)
    }

    /// How long the same clients are known to wait.
    pub fn over(&self) -> Duration {
        self.span().map_or(Duration::ZERO, |(first, last)| last.at.saturating_sub(first.at))
    }

    /// What is known of one process.
    pub fn of(&self, pid: u32) -> Option<&Vitals> {
        self.holders.iter().find(|vitals| vitals.pid == pid)
    }
}

impl Vitals {
    /// By SIGSTOP, or by a debugger.
    pub const fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

impl super::Case {
    /// How its server fares; not this command's business where nobody asked, or nothing serves it.
    pub fn vitals(&self) -> Result<(&Health, &super::Sighting), NoVerdict> {
        let health = self.health.get()?;
        let server = self.server().ok_or(NoVerdict::NotApplicable)?;
        if server.holders.known().is_none_or(Vec::is_empty) {
            let hidden = self.hidden_holders.first();
            return Err(hidden.map_or(NoVerdict::NotApplicable, |gap| NoVerdict::Unknown(gap.clone())));
        }
        Ok((health, server))
    }

    /// What several looks showed of its queue.
    pub fn sampled(&self) -> Result<(&Health, &super::Sighting), NoVerdict> {
        let health = self.health.get()?;
        let server = self.server().ok_or(NoVerdict::NotApplicable)?;
        if health.samples.len() < 2 { Err(NoVerdict::NotApplicable) } else { Ok((health, server)) }
    }
}

#[cfg(test)]
impl Vitals {
    pub(crate) fn sample(pid: u32) -> Self {
        Self {
            pid,
            state: 'S',
            threads: Some(1),
            rss: Some(1 << 20),
            age: Some(60),
            program: Some(b"/usr/bin/python3".to_vec()),
            worker: false,
            orphan: false,
            group: None,
            handed: false,
            descriptors: Fact::Known(Descriptors { open: 5, below: 5, limit: 1024, kinds: vec![] }),
        }
    }
}

#[cfg(test)]
impl Health {
    /// Of the holder of the sample case.
    pub(crate) fn sample() -> Self {
        Self {
            holders: vec![Vitals::sample(4242)],
            half_dead: Fact::Known(HalfDead::default()),
            ..Self::default()
        }
    }

    /// The sample case with the same server fared so.
    pub(crate) fn case(self) -> super::Case {
        super::Case { health: Fact::Known(Box::new(self)), ..super::Case::sample() }
    }

    /// Looks a second apart, by who waited at each.
    pub(crate) fn sampled(queues: &[&[u32]], backlog: u32) -> Self {
        let sample = |(second, queue): (u64, &&[u32])| Sample {
            at: Duration::from_secs(second),
            queue: Some(Queue { waiting: u32::try_from(queue.len()).unwrap(), backlog }),
            waiting: Some(queue.to_vec()),
            processes: vec![Pulse { pid: 4242, open: Some(10 + usize::try_from(second).unwrap()) }],
            half_dead: vec![],
        };
        Self { samples: (0..).zip(queues).map(sample).collect(), ..Self::sample() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_stands_still_when_its_clients_stay_or_all_have_left() {
        let stall = |queues: &[&[u32]]| Health::sampled(queues, 5).stall();
        assert_eq!(stall(&[&[1, 2], &[1, 2], &[1, 2, 3]]), Some((Stall::SameClients, 2)));
        assert_eq!(stall(&[&[1, 2], &[0, 2], &[0, 2]]), Some((Stall::SameClients, 2)), "one has left");
        assert_eq!(stall(&[&[0], &[0, 0]]), Some((Stall::NobodyLeft, 1)));
        assert_eq!(stall(&[&[1, 2], &[2, 3], &[3, 4]]), None, "it moves");
        assert_eq!(stall(&[&[0, 0], &[0]]), None, "one was accepted");
        assert_eq!(stall(&[&[1], &[], &[1]]), None);
        assert_eq!(stall(&[&[1]]), None, "one look shows nothing");
    }

    #[test]
    fn growth_is_by_the_minute_and_workers_that_come_and_go_are_named() {
        let mut health = Health::sampled(&[&[], &[], &[]], 5);
        assert!(health.growth(4242).is_some_and(|grown| (grown - 60.0).abs() < 0.001));
        assert_eq!(health.growth(1), None);
        health.samples[2].processes[0].pid = 7;
        assert_eq!(health.churn(), (vec![7], vec![4242]));
        assert!(health.is_long());
    }
}
