//! Who talks to whom: sockets, the processes that hold them, and the processes that are connected to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Holder, Overall, Process, Role, Socket};

/// How far up a family of processes is followed.
const GENERATIONS: usize = 64;

/// Sockets with their surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// Worst first.
    pub sockets: Vec<GraphSocket>,
}

/// One socket, or a name that no socket has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphSocket {
    /// A path, `@` and an abstract name, or `inode:N`. Bytes of strangers.
    pub name: Vec<u8>,
    /// The kernel's socket.
    pub socket: Option<Socket>,
    /// The name of its network namespace, where it has one and is not ours.
    pub netns_label: Option<String>,
    /// What it is to its name.
    pub role: Option<Role>,
    /// What it amounts to.
    pub verdict: Overall,
    /// The codes behind the verdict, worst first.
    pub codes: Vec<&'static str>,
    /// Who holds it, as far as it could be seen.
    pub holders: Vec<Holder>,
    /// Who is connected to it, by pid.
    pub consumers: Vec<Client>,
    /// Connections whose process could not be seen.
    pub hidden: usize,
}

/// A process that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Which.
    pub process: Arc<Process>,
    /// By how many connections.
    pub connections: usize,
    /// How many of them wait to be accepted.
    pub waiting: usize,
}

/// Processes that people take for one: a server and its workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party<'g> {
    /// Ascending by pid.
    pub processes: Vec<&'g Process>,
    /// The unit they all belong to.
    pub unit: Option<&'g str>,
}

/// Every party of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parties<'g> {
    /// In the order of their lowest pid.
    pub all: Vec<Party<'g>>,
    /// By pid, the number among them.
    numbers: HashMap<u32, usize>,
}

/// What makes processes one party.
#[derive(PartialEq, Eq, Hash)]
enum Key<'g> {
    /// One program of one service.
    Service(&'g str, &'g [u8]),
    /// The program that forked them, by the pid of the eldest.
    Family(u32),
}

/// A party as one socket has to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Its number among the parties.
    pub party: usize,
    /// Those of its processes that have to do with the socket.
    pub pids: Vec<u32>,
    /// Their connections; of holders none.
    pub connections: usize,
    /// How many of them wait to be accepted.
    pub waiting: usize,
}

/// Processes by pid, each with the unit that it always has.
type Known<'g> = BTreeMap<u32, (&'g Process, Option<&'g str>)>;

/// The one that forked the family of a program.
fn eldest<'g>(processes: &Known<'g>, mut process: &'g Process) -> u32 {
    for _ in 0..GENERATIONS {
        match processes.get(&process.parent) {
            Some((parent, _)) if parent.command == process.command => process = parent,
            _ => break,
        }
    }
    process.pid
}

impl Graph {
    /// Processes of one service, and families of one program, each together.
    pub fn parties(&self) -> Parties<'_> {
        let mut processes = Known::new();
        let held = self.sockets.iter().flat_map(|socket| &socket.holders).map(|holder| &holder.process);
        let connected =
            self.sockets.iter().flat_map(|socket| &socket.consumers).map(|client| &client.process);
        for process in held.chain(connected) {
            let unit = process.unit.as_deref();
            let known = processes.entry(process.pid).or_insert((process, unit));
            // PID 1 has another unit for each socket it holds.
            known.1 = known.1.filter(|known| Some(*known) == unit);
        }
        let mut numbers: HashMap<Key<'_>, usize> = HashMap::new();
        let mut parties = Parties::default();
        for (process, unit) in processes.values() {
            let service = unit.filter(|unit| unit.ends_with(".service") && process.container.is_none());
            let key = match service {
                Some(unit) => Key::Service(unit, &process.command),
                None => Key::Family(eldest(&processes, process)),
            };
            let number = *numbers.entry(key).or_insert(parties.all.len());
            parties.numbers.insert(process.pid, number);
            match parties.all.get_mut(number) {
                Some(party) => party.processes.push(process),
                None => parties.all.push(Party { processes: vec![process], unit: *unit }),
            }
        }
        parties
    }
}

impl Parties<'_> {
    /// Who holds a socket.
    pub fn holders(&self, socket: &GraphSocket) -> Vec<End> {
        self.ends(socket.holders.iter().map(|holder| (holder.process.pid, 0, 0)))
    }

    /// Who is connected to it.
    pub fn consumers(&self, socket: &GraphSocket) -> Vec<End> {
        self.ends(
            socket.consumers.iter().map(|client| (client.process.pid, client.connections, client.waiting)),
        )
    }

    fn ends(&self, processes: impl Iterator<Item = (u32, usize, usize)>) -> Vec<End> {
        let mut ends: BTreeMap<usize, End> = BTreeMap::new();
        for (pid, connections, waiting) in processes {
            let Some(party) = self.numbers.get(&pid).copied() else { continue };
            let end = ends.entry(party).or_insert(End { party, pids: vec![], connections: 0, waiting: 0 });
            end.pids.push(pid);
            end.connections += connections;
            end.waiting += waiting;
        }
        ends.into_values()
            .map(|mut end| {
                end.pids.sort_unstable();
                end.pids.dedup();
                end
            })
            .collect()
    }
}

#[cfg(test)]
impl GraphSocket {
    pub(crate) fn sample(name: &[u8], holders: &[Holder], consumers: &[Holder]) -> Self {
        let client =
            |holder: &Holder| Client { process: Arc::clone(&holder.process), connections: 2, waiting: 0 };
        Self {
            name: name.to_vec(),
            socket: Some(Socket::sample("/x")),
            netns_label: None,
            role: Some(Role::ServesPath),
            verdict: Overall::Ok,
            codes: vec![],
            holders: holders.to_vec(),
            consumers: consumers.iter().map(client).collect(),
            hidden: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, command: &str, unit: Option<&str>) -> Holder {
        let sample = Holder::sample(pid);
        let command = command.as_bytes().to_vec();
        let process = Process { parent, command, unit: unit.map(str::to_owned), ..(*sample.process).clone() };
        Holder { process: Arc::new(process), ..sample }
    }

    #[test]
    fn a_server_and_its_workers_are_one_and_strangers_are_not() {
        let (master, worker) = (process(10, 1, "app", None), process(11, 10, "app", None));
        let stranger = process(12, 1, "app", None);
        let web = [20, 21].map(|pid| process(pid, 1, "nginx", Some("nginx.service")));
        let sockets = vec![
            GraphSocket::sample(b"/a", &[master, worker], &[web[0].clone(), web[1].clone()]),
            GraphSocket::sample(b"/b", &[stranger], &[]),
        ];
        let graph = Graph { sockets };
        let parties = graph.parties();
        assert_eq!(parties.all.len(), 3, "{parties:#?}");
        let (holders, consumers) = (parties.holders(&graph.sockets[0]), parties.consumers(&graph.sockets[0]));
        assert_eq!(holders, [End { party: 0, pids: vec![10, 11], connections: 0, waiting: 0 }]);
        assert_eq!(consumers, [End { party: 2, pids: vec![20, 21], connections: 4, waiting: 0 }]);
        assert_eq!(parties.holders(&graph.sockets[1])[0].party, 1);
    }

    #[test]
    fn the_first_process_has_no_unit_where_it_has_several() {
        let held = |unit| process(1, 0, "systemd", Some(unit));
        let sockets = vec![
            GraphSocket::sample(b"/a", &[held("a.socket")], &[]),
            GraphSocket::sample(b"/b", &[held("b.socket")], &[]),
        ];
        let graph = Graph { sockets };
        assert_eq!(graph.parties().all[0].unit, None);
    }
}
