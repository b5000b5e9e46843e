//! How the servers of cases fare, read only for commands that are about one socket.

use std::collections::{HashMap, HashSet};

use super::Examiner;
use super::suspects::Suspects;
use crate::facts::netns::{self, Namespace};
use crate::facts::sampler::{self, Plan};
use crate::facts::{holders, status, vitals};
use crate::model::{
    Case, Fact, HalfDead, Health, Holder, Sample, Sighting, Socket, SocketIno, SocketState, Vitals,
};

/// Fewer connections whose client has left are what any server has at times: they are not looked at twice.
const FEW: usize = 10;

impl Examiner<'_> {
    /// Looks at the processes behind each case, and at the queue over the time that the plan gives. Without a plan
    /// one look is enough, unless it shows what only a second one can tell from chance.
    pub fn health(&mut self, cases: &mut [Case], plan: Option<Plan>) {
        if !self.machine.has_kernel() {
            return;
        }
        let server = |case: &Case| {
            case.server().filter(|server| server.is_alive()).map(|server| server.socket.clone())
        };
        let servers: Vec<Option<Socket>> = cases.iter().map(server).collect();
        if servers.iter().all(Option::is_none) {
            return;
        }
        let mut namespaces = std::mem::take(&mut self.namespaces);
        if namespaces.is_empty() {
            namespaces = netns::reachable(self.machine, &self.kept).0;
        }
        let listeners: Vec<Socket> = servers.iter().flatten().cloned().collect();
        let mut samples = if let Some(plan) = plan {
            sampler::sample(self.machine, &namespaces, &listeners, plan)
        } else {
            let alive = cases.iter().filter_map(|case| case.server().filter(|server| server.is_alive()));
            sampler::known(&namespaces, &alive.collect::<Vec<_>>())
        };
        let mut vitals: Vec<Vec<Vitals>> = Vec::new();
        // Of a directory of sockets one process may hold them all.
        let mut known = HashMap::new();
        for (case, _) in cases.iter().zip(&servers).filter(|(_, server)| server.is_some()) {
            vitals.push(self.vitals(case.server(), &mut known));
        }
        if plan.is_none() {
            let doubtful = |(sample, vitals): (&Vec<Sample>, &Vec<Vitals>)| {
                sample.first().is_some_and(|sample| is_doubtful(sample, vitals))
            };
            let again: Vec<usize> = samples
                .iter()
                .zip(&vitals)
                .enumerate()
                .filter(|(_, each)| doubtful(*each))
                .map(|(n, _)| n)
                .collect();
            self.look_again(&namespaces, &listeners, &again, &mut samples);
        } else if vitals.iter().flatten().any(is_held) {
            std::thread::sleep(Plan::TWICE.duration);
        }
        for process in vitals.iter_mut().flatten().filter(|process| is_held(process)) {
            process.state = vitals::state(self.machine, process.pid).unwrap_or(process.state);
        }
        let seen = samples.into_iter().zip(vitals);
        let those = cases.iter_mut().zip(servers).filter(|(_, server)| server.is_some());
        for ((case, _), (samples, holders)) in those.zip(seen) {
            let half_dead = Fact::Known(self.half_dead(&samples));
            let clamp = self.clamp(case.server());
            let health = Health { holders, half_dead, samples, clamp, log: Fact::NotAsked };
            case.health = Fact::Known(Box::new(health));
        }
    }

    /// Looks twice at these listeners, and for longer where connections stay that nobody closes: a server that is busy
    /// for a moment does not know yet that its clients have left.
    fn look_again(
        &self,
        namespaces: &[Namespace],
        listeners: &[Socket],
        which: &[usize],
        samples: &mut [Vec<Sample>],
    ) {
        let mut which = which.to_vec();
        for plan in [Plan::TWICE, Plan::PATIENT] {
            if which.is_empty() {
                return;
            }
            let those: Vec<Socket> = which.iter().map(|number| listeners[*number].clone()).collect();
            let looks = sampler::sample(self.machine, namespaces, &those, plan);
            for (number, looks) in which.iter().zip(looks) {
                samples[*number] = looks;
            }
            which.retain(|number| staying(&samples[*number]).len() >= FEW);
        }
    }

    /// Takes what was sampled elsewhere for the health of a case, with the processes behind it, each looked at once.
    pub fn fares(&self, case: &mut Case, samples: Vec<Sample>, suspects: &mut Suspects) {
        let holders = self.vitals(case.server(), &mut suspects.vitals);
        case.health = Fact::Known(Box::new(Health { holders, samples, ..Health::default() }));
    }

    fn vitals(&self, server: Option<&Sighting>, known: &mut HashMap<u32, Vitals>) -> Vec<Vitals> {
        let holders = server.and_then(|server| server.holders.known()).map(Vec::as_slice).unwrap_or_default();
        let mut of = |holder: &Holder| {
            let read = || vitals::of(self.machine, &holder.process);
            known.entry(holder.process.pid).or_insert_with(read).clone()
        };
        holders.iter().map(&mut of).collect()
    }

    /// Connections without a client at every look, and who holds them.
    fn half_dead(&self, samples: &[Sample]) -> HalfDead {
        let staying = staying(samples);
        if staying.len() < FEW {
            return HalfDead { count: staying.len(), held_by: Vec::new() };
        }
        let held = holders::walk(self.machine, Some(&staying));
        let mut by_pid: HashMap<u32, usize> = HashMap::new();
        for pid in staying.iter().flat_map(|ino| held.of(*ino)).map(|held| held.pid) {
            *by_pid.entry(pid).or_default() += 1;
        }
        let mut held_by: Vec<(u32, usize)> = by_pid.into_iter().collect();
        held_by.sort_by_key(|(pid, count)| (std::cmp::Reverse(*count), *pid));
        HalfDead { count: staying.len(), held_by }
    }

    /// What cut the backlog, where it is known to be just that: the setting is of our own network namespace.
    fn clamp(&self, server: Option<&Sighting>) -> Option<u32> {
        let socket = &server.filter(|server| server.netns_label.is_none())?.socket;
        let backlog = socket.queue().filter(|_| socket.state == SocketState::Listening)?.backlog;
        let limit = status::sysctl(self.machine, "net/core/somaxconn").ok()?;
        (u64::from(backlog) == limit).then_some(backlog)
    }
}

/// Connections without a client at every look.
fn staying(samples: &[Sample]) -> HashSet<SocketIno> {
    let Some((first, rest)) = samples.split_first() else { return HashSet::new() };
    let stays = |ino: &&SocketIno| rest.iter().all(|sample| sample.half_dead.binary_search(ino).is_ok());
    first.half_dead.iter().filter(stays).copied().collect()
}

/// What a second look may show to be chance: processes that do not run, a queue that is full, clients that have all
/// left, and connections that are not closed.
fn is_doubtful(sample: &Sample, vitals: &[Vitals]) -> bool {
    let waiting = sample.waiting.as_deref().unwrap_or_default();
    let left = !waiting.is_empty() && waiting.iter().all(|ino| *ino == 0);
    let full = sample.queue.is_some_and(|queue| queue.waiting > queue.backlog);
    vitals.iter().any(is_held) || left || full || sample.half_dead.len() >= FEW
}

/// Stopped, or waiting for a disk: for a moment, or for ever.
const fn is_held(process: &Vitals) -> bool {
    process.is_stopped() || process.state == 'D'
}
