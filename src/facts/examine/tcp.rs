//! A TCP server: who listens on its address in the client's network namespace, and elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::{Examiner, label};
use crate::facts::sockets::{self, Sockets};
use crate::facts::{holders, inet_diag};
use crate::model::{Case, Fact, Gap, Relation, Seen, Sighting, Socket, Target};

/// How many other listeners are worth showing.
const NEAREST: usize = 3;

impl Examiner<'_> {
    /// The case of one address. Nothing is connected to.
    pub(super) fn tcp(&mut self, address: &str, dump: &Sockets) -> Case {
        let client = self.netns.unwrap_or(dump.own);
        let seen = sockets::tcp(&dump.namespaces);
        let mut gaps: Vec<Gap> =
            seen.gaps.into_iter().filter(|(netns, _)| *netns == client).map(|(_, gap)| gap).collect();
        let wanted = match addresses(address) {
            Ok(wanted) => wanted,
            Err(gap) => {
                gaps.push(gap);
                Vec::new()
            }
        };
        let listeners: Vec<&Socket> = seen.items.iter().filter(|row| row.queue().is_some()).collect();
        let is_it = |row: &&&Socket| wanted.iter().any(|to| inet_diag::serves(row.address.bytes(), *to));
        let found: Vec<&Socket> = listeners.iter().filter(is_it).copied().collect();
        let held = holders::walk(self.machine, Some(&found.iter().map(|row| row.ino).collect()));
        let sighting = |row: &&Socket| Sighting {
            socket: (*row).clone(),
            relation: Relation { names_path: true, serves: row.netns == client, twin: None },
            holders: Fact::Known(self.holders_of(&held, row.ino)),
            view: Fact::NotAsked,
            second_look: Fact::NotAsked,
            foreign: false,
            netns_label: label(&dump.namespaces, row.netns),
            waiting: Fact::NotAsked,
            here: Vec::new(),
            stop_first: None,
        };
        let items: Vec<Sighting> = found.iter().map(sighting).collect();
        let here = listeners.iter().filter(|row| row.netns == client);
        Case {
            nearest: if items.is_empty() { nearest(&wanted, here.copied()) } else { Vec::new() },
            sockets: Seen { items, gaps },
            hidden_holders: held.gap(self.machine).into_iter().collect(),
            netns: client,
            ..Case::new(Target::Tcp(address.to_owned()), Vec::new())
        }
    }
}

/// What an address means here: a number, or `localhost`, of this machine.
fn addresses(text: &str) -> Result<Vec<SocketAddr>, Gap> {
    let unknown = |why: &str| Gap::new(text.to_owned(), why.to_owned());
    let (host, port) = text.rsplit_once(':').ok_or_else(|| unknown("no HOST:PORT"))?;
    let port = port.parse().map_err(|_| unknown("no HOST:PORT"))?;
    if host == "localhost" {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let ip = number.map_err(|_| {
        unknown("host names other than localhost are not looked up").helped_by("give the address as a number")
    })?;
    // bind(2) takes addresses of this machine alone, and sends nothing.
    if !ip.is_unspecified() && !ip.is_loopback() && UdpSocket::bind((ip, 0)).is_err() {
        let gap = unknown("it is no address of this machine, as far as this network namespace has it");
        return Err(gap.helped_by("look on the machine that has it"));
    }
    Ok(vec![SocketAddr::new(ip, port)])
}

/// Listeners that may be meant: on the same port of another address; without any, on a port next to it or with two
/// digits swapped. What differs in more is some other server.
fn nearest<'r>(wanted: &[SocketAddr], rows: impl Iterator<Item = &'r Socket>) -> Vec<Vec<u8>> {
    let Some(port) = wanted.first().map(SocketAddr::port) else { return Vec::new() };
    let distance = |row: &Socket| {
        let own = inet_diag::port(row.address.bytes())?;
        let (one, other) = (own.to_string(), port.to_string());
        let swapped = one.len() == other.len()
            && strsim::hamming(&one, &other) == Ok(2)
            && strsim::damerau_levenshtein(&one, &other) == 1;
        match own.abs_diff(port) {
            0 => Some(0),
            1 => Some(1),
            _ => swapped.then_some(2),
        }
    };
    let mut near: Vec<(usize, Vec<u8>)> =
        rows.filter_map(|row| Some((distance(row)?, target_of(row.address.bytes())))).collect();
    near.sort_unstable();
    near.dedup();
    let same = near.iter().any(|(distance, _)| *distance == 0);
    let near = near.into_iter().filter(|(distance, _)| !same || *distance == 0);
    near.map(|(_, name)| name).take(NEAREST).collect()
}

/// A listener's name as a target: both families are written as the one that leads to both.
fn target_of(name: &[u8]) -> Vec<u8> {
    name.strip_prefix(b"*").map_or_else(|| name.to_vec(), |port| [b"[::]", port].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_machine_is_no_missing_listener() {
        assert_eq!(addresses("127.0.0.1:80").unwrap().len(), 1);
        assert_eq!(addresses("localhost:80").unwrap().len(), 2);
        assert_eq!(addresses("[::]:80").unwrap()[0].port(), 80);
        assert!(addresses("192.0.2.1:80").unwrap_err().why.contains("no address of this machine"));
        assert_eq!(
            (target_of(b"*:80"), target_of(b"127.0.0.1:80")),
            (b"[::]:80".to_vec(), b"127.0.0.1:80".to_vec())
        );
        assert!(addresses("example.org:80").unwrap_err().would_help.is_some());
    }
}
