//! Who is connected to a socket now.

use std::collections::HashSet;

use super::holders;
use super::machine::Machine;
use super::netns_keepers::Keepers;
use super::sockets::{self, Ask};
use crate::model::{Case, SocketIno, SocketState};

/// Pids of the processes at the other ends of a server's connections, ascending: those it accepted, by their peers.
pub fn clients(machine: &Machine, case: &Case) -> Vec<u32> {
    let Some(server) = case.server() else { return Vec::new() };
    let dump = sockets::all(machine, Ask { owners_only: false, memory: false }, &Keepers::new());
    let accepted = dump.rows.iter().filter(|row| {
        let same_file = server.socket.file.is_some() && row.file == server.socket.file;
        // An accepted connection carries the listener's name and file (unix_accept, net/unix/af_unix.c).
        row.state == SocketState::Connected
            && (same_file || (server.socket.file.is_none() && row.address == server.socket.address))
    });
    let peers: HashSet<SocketIno> = accepted.filter_map(|row| row.peer).filter(|peer| peer.0 != 0).collect();
    let held = holders::walk(machine, Some(&peers));
    let mut pids: Vec<u32> = peers.iter().flat_map(|ino| held.of(*ino)).map(|held| held.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}
