//! The TCP sockets of one network namespace, asked of the kernel (`sock_diag(7)`, `net/ipv4/inet_diag.c`): listeners,
//! and the connections that they gave out or still keep waiting.
//!
//! Both calls look at the namespace the calling thread is in, as those of [`super::unix_diag`] do.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{
    AF_INET, AF_INET6, IPPROTO_TCP, TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_LISTEN,
};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use nix::errno::Errno;

use super::netlink::{Message, Question, attributes, messages, u32_at};
use crate::model::{Address, NetnsId, Socket, SocketIno, SocketState, SocketType};

/// `struct inet_diag_msg` (linux/inet_diag.h) up to its attributes.
const HEADER: usize = 72;
/// Missing from the packet crate.
const INET_DIAG_SKV6ONLY: u16 = 11;
/// Both ways, in the words of AF_UNIX: what is left of a connection whose client has gone.
const BOTH: u8 = 3;

/// One row of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    ino: u32,
    cookie: u64,
    rqlen: (u32, u32),
    uid: u32,
    /// It takes clients of IPv6 alone (ipv6(7), `IPV6_V6ONLY`).
    v6only: bool,
}

/// The listeners and the connections that they gave out, each of which carries its listener's name, as those of
/// AF_UNIX do.
pub(super) fn sockets(netns: NetnsId) -> Result<Vec<Socket>, Errno> {
    let rows = rows()?;
    let listeners: Vec<&Row> = rows.iter().filter(|row| row.state == TCP_LISTEN).collect();
    let mut by_port: HashMap<u16, Vec<&Row>> = HashMap::new();
    for listener in &listeners {
        by_port.entry(listener.local.port()).or_default().push(listener);
    }
    let taken = rows.iter().filter(|row| row.state == TCP_CLOSE_WAIT && row.ino != 0);
    let left = taken.filter_map(|row| {
        let listener =
            by_port.get(&row.local.port())?.iter().find(|listener| listener.serves(row.local.ip()))?;
        let state = SocketState::Connected;
        Some(Socket { state, shutdown: BOTH, address: listener.address(), ..row.socket(netns) })
    });
    Ok(listeners.iter().map(|row| row.socket(netns)).chain(left).collect())
}

/// Who waits to be accepted by a listener: the inodes of clients of this host, for others numbers that no inode has,
/// and 0 for each that has left.
pub(super) fn waiting(listener: &Socket) -> Result<Vec<u32>, Errno> {
    let rows = rows()?;
    let Some(own) = rows.iter().find(|row| row.state == TCP_LISTEN && row.ino == listener.ino.0) else {
        return Err(Errno::ENOENT);
    };
    let ends: HashMap<(SocketAddr, SocketAddr), u32> =
        rows.iter().map(|row| ((row.local, row.remote), row.ino)).collect();
    // No socket belongs to what nobody has accepted: `sock_i_ino` gives 0.
    let queued = rows.iter().filter(|row| {
        let connected = matches!(row.state, TCP_ESTABLISHED | TCP_CLOSE_WAIT);
        connected && row.ino == 0 && row.local.port() == own.local.port() && own.serves(row.local.ip())
    });
    let mut waiting: Vec<u32> = queued
        .map(|row| {
            if row.state == TCP_CLOSE_WAIT {
                return 0;
            }
            let end = ends.get(&(row.remote, row.local)).filter(|ino| **ino != 0);
            end.copied().unwrap_or_else(|| u32::MAX - u32::from(row.remote.port()))
        })
        .collect();
    // Those that were reset keep their places, and are in no list.
    waiting.resize(waiting.len().max(usize::try_from(own.rqlen.0).unwrap_or(0)), 0);
    waiting.sort_unstable_by_key(|ino| std::cmp::Reverse(*ino));
    Ok(waiting)
}

impl Row {
    /// `*:80` serves both families, `[::]:80` IPv6 alone, as ss(8) writes them.
    fn address(&self) -> Address {
        let text = match self.local.ip() {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) if !self.v6only => format!("*:{}", self.local.port()),
            _ => self.local.to_string(),
        };
        Address::Tcp(text.into_bytes().into())
    }

    /// Whether a client that connects to this address gets here.
    fn serves(&self, to: IpAddr) -> bool {
        match self.local.ip() {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => to.is_ipv6() || !self.v6only,
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => to.is_ipv4(),
            own => own == to,
        }
    }

    pub(super) fn socket(&self, netns: NetnsId) -> Socket {
        Socket {
            ino: SocketIno(self.ino),
            cookie: self.cookie,
            kind: SocketType::Stream,
            state: SocketState::Listening,
            address: self.address(),
            file: None,
            peer: None,
            rqlen: Some(self.rqlen),
            uid: Some(self.uid),
            shutdown: 0,
            memory: None,
            netns,
        }
    }
}

/// Whether a client that connects to `to` reaches the listener of that name.
pub(super) fn serves(name: &[u8], to: SocketAddr) -> bool {
    let Ok(text) = std::str::from_utf8(name) else { return false };
    if let Some(port) = text.strip_prefix("*:") {
        return port.parse() == Ok(to.port());
    }
    let Ok(own) = text.parse::<SocketAddr>() else { return false };
    let wildcard = own.ip().is_unspecified() && own.is_ipv4() == to.is_ipv4();
    own.port() == to.port() && (wildcard || own.ip() == to.ip())
}

/// The port in such a name.
pub(super) fn port(name: &[u8]) -> Option<u16> {
    std::str::from_utf8(name).ok()?.rsplit_once(':')?.1.parse().ok()
}

fn rows() -> Result<Vec<Row>, Errno> {
    let mut rows = Vec::new();
    for family in [AF_INET, AF_INET6] {
        let mut question = Question::ask(&request(family))?;
        let mut open = true;
        while open {
            for message in messages(question.datagram()?) {
                match message {
                    Message::Data(message) => rows.extend(row(message)),
                    Message::Done => open = false,
                    // A kernel without IPv6 has no such sockets.
                    Message::Failed(Errno::ENOENT) if family == AF_INET6 => open = false,
                    Message::Failed(errno) => return Err(errno),
                }
            }
        }
    }
    Ok(rows)
}

fn request(family: u8) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let socket_id = if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() };
    let body = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::LISTEN | StateFlags::ESTABLISHED | StateFlags::CLOSE_WAIT,
        socket_id,
    };
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(SockDiagMessage::InetRequest(body)));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

pub(super) fn row(message: &[u8]) -> Option<Row> {
    let header: &[u8; HEADER] = message.first_chunk()?;
    let (family, state) = (header[0], header[1]);
    let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let ip = |at: usize| match family {
        AF_INET => Some(IpAddr::from(<[u8; 4]>::try_from(&header[at..at + 4]).ok()?)),
        // A client of IPv4 on a socket of IPv6 has the address that it has elsewhere.
        AF_INET6 => Some(IpAddr::from(<[u8; 16]>::try_from(&header[at..at + 16]).ok()?).to_canonical()),
        _ => None,
    };
    let only = attributes(&message[HEADER..]).find(|(kind, _)| *kind == INET_DIAG_SKV6ONLY);
    Some(Row {
        local: SocketAddr::new(ip(8)?, port(4)),
        remote: SocketAddr::new(ip(24)?, port(6)),
        state,
        ino: u32_at(header, 68)?,
        cookie: u64::from(u32_at(header, 44)?) | u64::from(u32_at(header, 48)?) << 32,
        rqlen: (u32_at(header, 56)?, u32_at(header, 60)?),
        uid: u32_at(header, 64)?,
        v6only: only.is_some_and(|(_, value)| value.first() == Some(&1)),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_listener_its_queue_and_what_its_clients_left_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let own = || {
            let name = address.to_string().into_bytes();
            let all = sockets(NetnsId(1)).unwrap();
            all.into_iter().filter(move |row| row.address == Address::Tcp(name.clone().into()))
        };
        let row = own().next().unwrap();
        assert_eq!((row.state, row.rqlen.unwrap().0), (SocketState::Listening, 0));
        let (left, _stays) = (TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap());
        let (_accepted, _) = listener.accept().unwrap();
        drop(left);
        let waiting = waiting(&row).unwrap();
        assert!(waiting.len() == 1 && waiting[0] != 0, "{waiting:?}");
        let half_dead = |row: &Socket| row.state == SocketState::Connected && row.shutdown == BOTH;
        let seen = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            own().any(|row| half_dead(&row))
        });
        assert!(seen);
    }

    #[test]
    fn a_wildcard_serves_its_family_or_both() {
        let to = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (name, address, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("0.0.0.0:80", "10.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("*:80", "127.0.0.1:80", true),
            ("[::]:80", "127.0.0.1:80", false),
            ("[::]:80", "[::1]:80", true),
            ("*:81", "127.0.0.1:80", false),
            ("", "127.0.0.1:80", false),
        ] {
            assert_eq!(serves(name.as_bytes(), to(address)), expected, "{name} {address}");
        }
        assert_eq!(port(b"[::1]:80"), Some(80));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            row(&bytes);
        }
    }
}
