//! How a server fares: its processes, its queue over time, and what its logs tell.

use serde::Serialize;

use super::Name;
use crate::model::{self, LogReading, LoggedFamily};
use crate::report::health::time;
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Health {
    holders: Vec<Vitals>,
    waiting: Option<Waiting>,
    half_dead: Option<usize>,
    backlog_clamped: bool,
    samples: Vec<Sample>,
    logs: Option<Vec<Log>>,
}

#[derive(Serialize)]
struct Vitals {
    pid: u32,
    state: char,
    threads: Option<u32>,
    rss: Option<u64>,
    age_s: Option<u64>,
    exe: Option<String>,
    orphan: bool,
    fds: Option<Descriptors>,
    fds_per_minute: Option<f64>,
}

#[derive(Serialize)]
struct Descriptors {
    open: usize,
    below_limit: u64,
    limit: Option<u64>,
    free: Option<u64>,
}

#[derive(Serialize)]
struct Waiting {
    clients: Vec<Client>,
    hidden: usize,
    gone: usize,
}

#[derive(Serialize)]
struct Client {
    pid: u32,
    command: String,
    command_b64: Option<String>,
}

#[derive(Serialize)]
struct Sample {
    at_s: f64,
    queue: Option<super::target::Queue>,
    gone: Option<usize>,
    half_dead: usize,
    processes: Vec<Pulse>,
}

#[derive(Serialize)]
struct Pulse {
    pid: u32,
    fds: Option<usize>,
}

#[derive(Serialize)]
struct Log {
    name: String,
    name_b64: Option<String>,
    lines: u64,
    bytes: u64,
    cut: bool,
    long_lines: u64,
    families: Vec<Family>,
}

#[derive(Serialize)]
struct Family {
    #[serde(rename = "family")]
    name: String,
    count: u64,
    first: Option<String>,
    last: Option<String>,
    per_minute: Option<f64>,
    older: u64,
    example: String,
    explain: String,
}

impl Health {
    pub(super) fn of(health: &model::Health, server: Option<&model::Sighting>) -> Self {
        Self {
            holders: health.holders.iter().map(|vitals| Vitals::of(vitals, health)).collect(),
            waiting: server.and_then(|server| server.waiting.known()).map(Waiting::of),
            half_dead: health.half_dead.known().map(|half_dead| half_dead.count),
            backlog_clamped: health.clamp.is_some(),
            // One look is what the rest of the document is.
            samples: health.samples.iter().filter(|_| health.span().is_some()).map(Sample::of).collect(),
            logs: health.log.known().map(|logs| logs.iter().map(Log::of).collect()),
        }
    }
}

impl Vitals {
    fn of(vitals: &model::Vitals, health: &model::Health) -> Self {
        let finite = |number: u64| (number != u64::MAX).then_some(number);
        Self {
            pid: vitals.pid,
            state: vitals.state,
            threads: vitals.threads,
            rss: vitals.rss,
            age_s: vitals.age,
            exe: vitals.program.as_deref().map(escape),
            orphan: vitals.orphan,
            fds: vitals.descriptors.known().map(|found| Descriptors {
                open: found.open,
                below_limit: found.below,
                limit: finite(found.limit),
                free: finite(found.limit).map(|_| found.free()),
            }),
            fds_per_minute: health.growth(vitals.pid),
        }
    }
}

impl Waiting {
    fn of(waiting: &model::Waiting) -> Self {
        let client = |holder: &model::Holder| {
            let Name { name: command, name_b64: command_b64 } = Name::of(&holder.process.command);
            Client { pid: holder.process.pid, command, command_b64 }
        };
        let clients = waiting.clients.iter().map(client).collect();
        Self { clients, hidden: waiting.hidden, gone: waiting.gone }
    }
}

impl Sample {
    fn of(sample: &model::Sample) -> Self {
        let left = |queue: &Vec<u32>| queue.iter().filter(|ino| **ino == 0).count();
        Self {
            at_s: sample.at.as_secs_f64(),
            queue: sample.queue.map(super::target::Queue::of),
            gone: sample.waiting.as_ref().map(left),
            half_dead: sample.half_dead.len(),
            processes: sample
                .processes
                .iter()
                .map(|pulse| Pulse { pid: pulse.pid, fds: pulse.open })
                .collect(),
        }
    }
}

impl Log {
    fn of(reading: &LogReading) -> Self {
        let Name { name, name_b64 } = Name::of(&reading.name);
        let families = reading.families.iter().map(Family::of).collect();
        let LogReading { lines, bytes, cut, long_lines, .. } = *reading;
        Self { name, name_b64, lines, bytes, cut, long_lines, families }
    }
}

impl Family {
    fn of(family: &LoggedFamily) -> Self {
        Self {
            name: family.family.word(),
            count: family.count,
            first: family.first.map(time),
            last: family.last.map(time),
            per_minute: family.per_minute(),
            older: family.older,
            example: escape(&family.example),
            explain: format!("sockdoctor explain {}", family.family.explained_by()),
        }
    }
}
