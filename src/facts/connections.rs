//! Who is at the other end of many sockets' connections, by one dump and one walk over descriptors.

use std::collections::{BTreeMap, HashMap};

use super::examine::Examiner;
use super::holders;
use super::machine::Machine;
use super::netns::Namespace;
use super::netns_keepers::Keepers;
use super::sockets::{self, Ask};
use crate::model::{Address, Client, FileId, Gap, NetnsId, Socket, SocketIno, SocketState, SocketType};

/// Those connected to one socket.
#[derive(Debug, Default)]
pub struct Connected {
    /// By pid.
    pub clients: Vec<Client>,
    /// Connections whose process could not be seen.
    pub hidden: usize,
}

/// For each of the sockets those connected to it or waiting for that, and why some may be hidden.
pub fn of(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    servers: &[Option<&Socket>],
) -> (Vec<Connected>, Vec<Gap>) {
    let dump = sockets::all(machine, Ask { owners_only: false, memory: false }, &Keepers::new());
    let ends = Ends::new(servers);
    let by_inode: HashMap<SocketIno, &Socket> = dump.rows.iter().map(|row| (row.ino, row)).collect();
    let accepted = dump.rows.iter().filter_map(|row| ends.client(row));
    let (waiting, mut gaps) = waiting(&dump.namespaces, servers);
    let found: HashMap<SocketIno, (usize, &Socket, bool)> = accepted
        .map(|(server, client)| (server, client, false))
        .chain(waiting.into_iter().map(|(server, client)| (server, client, true)))
        .filter_map(|(server, client, waits)| Some((client, (server, *by_inode.get(&client)?, waits))))
        .collect();
    let held = holders::walk(machine, Some(&found.keys().copied().collect()));
    let mut connected: Vec<(BTreeMap<u32, Client>, usize)> = vec![Default::default(); servers.len()];
    for (server, client, waits) in found.into_values() {
        let Some((clients, hidden)) = connected.get_mut(server) else { continue };
        let holders = examiner.remembered_holders(&held, client);
        *hidden += usize::from(holders.is_empty());
        for holder in holders {
            let pid = holder.process.pid;
            let new = Client { process: holder.process, connections: 0, waiting: 0 };
            let client = clients.entry(pid).or_insert(new);
            client.connections += 1;
            client.waiting += usize::from(waits);
        }
    }
    let hidden = connected.iter().any(|(_, hidden)| *hidden > 0);
    gaps.extend(hidden.then(|| held.gap(machine)).flatten());
    let connected = connected
        .into_iter()
        .map(|(clients, hidden)| Connected { clients: clients.into_values().collect(), hidden });
    (connected.collect(), gaps)
}

/// By the number of a listener the clients that it has not accepted. A dump leaves out their other ends, which have no
/// inode yet, so each listener is asked (net/unix/diag.c).
fn waiting(namespaces: &[Namespace], servers: &[Option<&Socket>]) -> (Vec<(usize, SocketIno)>, Vec<Gap>) {
    let (mut found, mut gaps) = (Vec::new(), Vec::new());
    let has_clients = |socket: &&Socket| socket.queue().is_some_and(|queue| queue.waiting > 0);
    for (number, server) in servers.iter().enumerate() {
        let Some(server) = server.filter(has_clients) else { continue };
        match sockets::waiting(namespaces, server) {
            Ok(clients) => {
                found.extend(clients.into_iter().filter(|ino| *ino != 0).map(|ino| (number, SocketIno(ino))));
            }
            Err(gap) => gaps.push(gap),
        }
    }
    (found, gaps)
}

/// The ends that are asked about, by what leads a connection to them.
struct Ends<'s> {
    files: HashMap<FileId, usize>,
    names: HashMap<(NetnsId, SocketType, &'s Address), usize>,
    inodes: HashMap<SocketIno, usize>,
}

impl<'s> Ends<'s> {
    fn new(servers: &[Option<&'s Socket>]) -> Self {
        let mut ends = Self { files: HashMap::new(), names: HashMap::new(), inodes: HashMap::new() };
        for (number, server) in servers.iter().enumerate() {
            let Some(server) = server else { continue };
            ends.inodes.insert(server.ino, number);
            match (server.file, &server.address) {
                (Some(file), _) => drop(ends.files.insert(file, number)),
                (None, Address::Unnamed) => {}
                (None, name) => drop(ends.names.insert((server.netns, server.kind, name), number)),
            }
        }
        ends
    }

    /// Of a row that belongs to a connection: the end asked about, and the inode of the client's socket.
    fn client(&self, row: &'s Socket) -> Option<(usize, SocketIno)> {
        let peer = row.peer.filter(|peer| peer.0 != 0);
        // One that sends to a datagram socket, or the other end of a connection that was asked about itself.
        if let Some(server) = peer.and_then(|peer| self.inodes.get(&peer)) {
            return Some((*server, row.ino));
        }
        // An accepted connection carries the listener's name and file (unix_accept, net/unix/af_unix.c).
        let accepted = row.state == SocketState::Connected && !row.owns_name();
        let server = match row.file {
            _ if !accepted => None,
            Some(file) => self.files.get(&file),
            None => self.names.get(&(row.netns, row.kind, &row.address)),
        };
        Some((*server?, peer?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_leads_to_the_listener_whose_name_and_file_it_carries() {
        let server = Socket::sample("/x");
        let ends = Ends::new(&[None, Some(&server)]);
        let accepted = Socket {
            ino: SocketIno(7),
            state: SocketState::Connected,
            peer: Some(SocketIno(8)),
            ..server.clone()
        };
        assert_eq!(ends.client(&accepted), Some((1, SocketIno(8))));
        assert_eq!(ends.client(&Socket { peer: None, ..accepted.clone() }), None, "it has gone");
        let other = Socket { file: None, address: Address::Path(b"/x"[..].into()), ..accepted.clone() };
        assert_eq!(ends.client(&other), None, "another file of that name");
        let sender = Socket { kind: SocketType::Dgram, peer: Some(server.ino), ..other };
        assert_eq!(ends.client(&sender), Some((1, SocketIno(7))));
    }
}
