//! Several looks at the same listeners: their queues, who waits in them, and who holds them.
//!
//! A look is one dump a namespace, one walk over descriptors for all sockets together, and one question for each
//! queue that is not empty: a thousand sockets cost no more than a fraction of a second's work a second.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::machine::Machine;
use super::netns::Namespace;
use super::sockets::{self, Ask};
use super::{holders, vitals};
use crate::model::{Address, Fact, Pulse, Sample, Sighting, Socket, SocketIno, SocketState, SocketType};

/// Queues whose clients are asked for at one look: each question walks all sockets of the kernel
/// (`unix_lookup_by_ino`, net/unix/diag.c).
const QUEUES: usize = 64;

/// So many of those who wait are compared: who stands at the head tells whether anybody is accepted.
const HEAD: usize = 256;

/// Looks are this far apart, where the time suffices.
const PERIOD: Duration = Duration::from_secs(1);

/// A shorter time is divided so that there are looks enough to judge by.
const LEAST_LOOKS: u32 = 4;

/// How often, and what besides queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How long.
    pub duration: Duration,
    /// Between two looks.
    pub period: Duration,
    /// Connections without a client too: every socket of the host is then read, not only those with a name.
    pub connections: bool,
}

impl Plan {
    /// Looks over a time that somebody chose.
    pub fn over(duration: Duration, connections: bool) -> Self {
        Self { duration, period: PERIOD.min(duration / LEAST_LOOKS), connections }
    }

    /// Two looks, far enough apart that a server that accepts would have.
    pub const TWICE: Self =
        Self { duration: Duration::from_millis(300), period: Duration::from_millis(300), connections: true };

    /// Three looks, as far apart as whoever asks a question will bear.
    pub const PATIENT: Self =
        Self { duration: Duration::from_secs(2), period: Duration::from_secs(1), connections: true };
}

/// Looks at these sockets until the time is over; the samples of each, in the order of the sockets.
pub fn sample(
    machine: &Machine,
    namespaces: &[Namespace],
    sockets: &[Socket],
    plan: Plan,
) -> Vec<Vec<Sample>> {
    let began = Instant::now();
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); sockets.len()];
    loop {
        let at = began.elapsed();
        for (known, mut new) in samples.iter_mut().zip(look(machine, namespaces, sockets, plan.connections)) {
            new.at = at;
            known.push(new);
        }
        // Each look at its own time: those before it may have taken long.
        let next = (at + plan.period).min(plan.duration);
        if at >= plan.duration {
            return samples;
        }
        std::thread::sleep(next.saturating_sub(began.elapsed()));
    }
}

/// One look at servers that were just looked at: only their connections are asked for.
pub(super) fn known(namespaces: &[Namespace], servers: &[&Sighting]) -> Vec<Vec<Sample>> {
    let sockets: Vec<&Socket> = servers.iter().map(|server| &server.socket).collect();
    let rows = rows(namespaces, &sockets, true);
    let sample = |server: &&Sighting| Sample {
        queue: server.socket.queue(),
        waiting: match (&server.waiting, server.has_clients()) {
            (_, false) => Some(Vec::new()),
            (Fact::Known(waiting), true) => Some(waiting.places()),
            (_, true) => None,
        },
        half_dead: half_dead(&rows, &server.socket),
        ..Sample::default()
    };
    servers.iter().map(|server| vec![sample(server)]).collect()
}

fn rows(namespaces: &[Namespace], wanted: &[&Socket], connections: bool) -> Vec<Socket> {
    let mut rows = sockets::rows_of(namespaces, Ask { owners_only: !connections, memory: false });
    if wanted.iter().any(|socket| matches!(socket.address, Address::Tcp(_))) {
        rows.extend(sockets::tcp(namespaces).items);
    }
    rows
}

/// One look at each socket.
fn look(machine: &Machine, namespaces: &[Namespace], wanted: &[Socket], connections: bool) -> Vec<Sample> {
    let rows = rows(namespaces, &wanted.iter().collect::<Vec<_>>(), connections);
    let by_ino: HashMap<SocketIno, &Socket> =
        rows.iter().filter(|row| row.owns_name()).map(|row| (row.ino, row)).collect();
    let inodes: HashSet<SocketIno> = wanted.iter().map(|socket| socket.ino).collect();
    let held = holders::walk(machine, Some(&inodes));
    let mut open: HashMap<u32, Option<usize>> = HashMap::new();
    let mut questions = 0;
    let sample = |socket: &Socket| {
        let row = by_ino.get(&socket.ino).filter(|row| row.cookie == socket.cookie);
        let queue = row.and_then(|row| row.queue());
        let waiting = queue.and_then(|queue| {
            if queue.waiting == 0 {
                return Some(Vec::new());
            }
            questions += 1;
            let mut waiting =
                (questions <= QUEUES).then(|| sockets::waiting(namespaces, socket).ok()).flatten()?;
            waiting.truncate(HEAD);
            Some(waiting)
        });
        let pulse = |pid: u32| {
            let open = *open.entry(pid).or_insert_with(|| vitals::open_descriptors(machine, pid));
            Pulse { pid, open }
        };
        let processes = held.of(socket.ino).iter().map(|held| held.pid).map(pulse).collect();
        let half_dead = if connections { half_dead(&rows, socket) } else { Vec::new() };
        Sample { at: Duration::ZERO, queue, waiting, processes, half_dead }
    };
    wanted.iter().map(sample).collect()
}

/// Connections that a listener gave out and whose client has left: the kernel has told the server so, who has not
/// closed them (`unix_release_sock`, net/unix/af_unix.c).
fn half_dead(rows: &[Socket], listener: &Socket) -> Vec<SocketIno> {
    const BOTH: u8 = 3;
    let is_half_dead = |row: &&Socket| {
        row.state == SocketState::Connected
            && row.kind != SocketType::Dgram
            && row.peer.is_none()
            && row.shutdown == BOTH
            && row.rqlen.is_some()
            && row.address == listener.address
            && row.file == listener.file
    };
    let mut found: Vec<SocketIno> = rows.iter().filter(is_half_dead).map(|row| row.ino).collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;
    use crate::facts::netns_keepers::Keepers;

    fn seen(path: &std::path::Path) -> (sockets::Sockets, Socket) {
        use std::os::unix::ffi::OsStrExt;
        let all =
            sockets::all(&Machine::default(), Ask { owners_only: true, memory: false }, &Keepers::new());
        let name = path.as_os_str().as_bytes();
        let row = all.rows.iter().find(|row| row.address.path() == Some(name)).unwrap().clone();
        (all, row)
    }

    #[test]
    fn a_look_tells_who_waits_and_whose_client_has_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let (left, _stays) = (UnixStream::connect(&path).unwrap(), UnixStream::connect(&path).unwrap());
        let (_accepted, _) = listener.accept().unwrap();
        drop(left);
        drop(UnixStream::connect(&path).unwrap());
        let (all, row) = seen(&path);
        let plan = Plan::over(Duration::from_millis(40), true);
        let samples = sample(&Machine::default(), &all.namespaces, &[row], plan).remove(0);
        assert!(samples.len() >= 2, "{}", samples.len());
        for sample in samples {
            assert_eq!(sample.queue.unwrap().waiting, 2);
            let waiting = sample.waiting.unwrap();
            assert!(waiting[0] != 0 && waiting[1] == 0, "{waiting:?}");
            assert_eq!(sample.half_dead.len(), 1);
            assert_eq!(sample.processes[0].pid, std::process::id());
            assert!(sample.processes[0].open.is_some());
        }
    }

    #[test]
    fn a_short_time_is_divided_and_a_long_one_is_not_crowded() {
        assert_eq!(Plan::over(Duration::from_secs(1), false).period, Duration::from_millis(250));
        assert_eq!(Plan::over(Duration::from_secs(60), false).period, PERIOD);
    }
}
