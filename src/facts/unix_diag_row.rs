//! One `struct unix_diag_msg` and its attributes as a [`Socket`] (`linux/unix_diag.h`, `net/unix/diag.c`).
//!
//! The attributes are read here and not by the packet crate: it refuses a whole message for one bad attribute,
//! and hides or misnames several of those needed.

use netlink_packet_sock_diag::constants::{
    SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN, UNIX_DIAG_ICONS,
    UNIX_DIAG_MEMINFO, UNIX_DIAG_NAME, UNIX_DIAG_PEER, UNIX_DIAG_RQLEN, UNIX_DIAG_SHUTDOWN, UNIX_DIAG_VFS,
};

use super::netlink::{attributes, u32_at};
use crate::model::{
    Address, Device, FileId, FileIno, Memory, NetnsId, Socket, SocketIno, SocketState, SocketType,
};

/// Missing from the packet crate; since Linux 5.3.
const UNIX_DIAG_UID: u16 = 7;
/// `struct unix_diag_msg` up to its attributes.
const HEADER: usize = 16;
const AF_UNIX: u8 = 1;
const RCV_SHUTDOWN: u8 = 1;

/// Attribute payloads by type; a missing one is empty, which no reader below takes for a value.
type Payloads<'a> = [&'a [u8]; 8];

/// The socket a message describes. `None`: not a message of this kind.
pub(super) fn socket(message: &[u8], netns: NetnsId) -> Option<Socket> {
    let header: &[u8; HEADER] = message.first_chunk()?;
    let [AF_UNIX, kind, state, ..] = *header else { return None };
    let payloads = payloads(&message[HEADER..]);
    let address = address(payload(&payloads, UNIX_DIAG_NAME));
    let shutdown = payload(&payloads, UNIX_DIAG_SHUTDOWN).first().copied().unwrap_or_default();
    Some(Socket {
        ino: SocketIno(u32_at(header, 4)?),
        cookie: u64::from(u32_at(header, 8)?) | u64::from(u32_at(header, 12)?) << 32,
        kind: socket_type(kind)?,
        state: socket_state(state, shutdown, &address),
        address,
        file: pair(payload(&payloads, UNIX_DIAG_VFS))
            .map(|(ino, dev)| FileId { dev: Device::from_kernel(dev), ino: FileIno(ino) }),
        peer: u32_at(payload(&payloads, UNIX_DIAG_PEER), 0).filter(|ino| *ino != 0).map(SocketIno),
        rqlen: pair(payload(&payloads, UNIX_DIAG_RQLEN)),
        uid: u32_at(payload(&payloads, UNIX_DIAG_UID), 0),
        shutdown,
        memory: memory(payload(&payloads, UNIX_DIAG_MEMINFO)).map(Box::new),
        netns,
    })
}

/// Whether the header alone says that the socket cannot own a name: one end of a stream or seqpacket connection.
pub(super) fn is_connection_end(message: &[u8]) -> bool {
    matches!(message, [AF_UNIX, kind, TCP_ESTABLISHED, ..] if *kind != SOCK_DGRAM)
}

/// The clients in `UNIX_DIAG_ICONS`, by their sockets' inodes.
pub(super) fn waiting(message: &[u8]) -> Vec<u32> {
    let payloads = payloads(message.get(HEADER..).unwrap_or_default());
    let icons = payload(&payloads, UNIX_DIAG_ICONS);
    (0..icons.len() / 4).filter_map(|index| u32_at(icons, index * 4)).collect()
}

fn payloads(bytes: &[u8]) -> Payloads<'_> {
    let mut payloads = Payloads::default();
    for (kind, payload) in attributes(bytes) {
        if let Some(slot) = payloads.get_mut(usize::from(kind)) {
            *slot = payload;
        }
    }
    payloads
}

fn payload<'a>(payloads: &Payloads<'a>, kind: u16) -> &'a [u8] {
    payloads[usize::from(kind)]
}

/// `sk_type`; `af_unix` turns `SOCK_RAW` into `SOCK_DGRAM` (`unix_create`).
const fn socket_type(kind: u8) -> Option<SocketType> {
    match kind {
        SOCK_STREAM => Some(SocketType::Stream),
        SOCK_DGRAM => Some(SocketType::Dgram),
        SOCK_SEQPACKET => Some(SocketType::Seqpacket),
        _ => None,
    }
}

/// `sk_state` borrows TCP's numbers; a bound socket and one that is nothing yet are both `TCP_CLOSE`.
const fn socket_state(state: u8, shutdown: u8, address: &Address) -> SocketState {
    match (state, address) {
        (TCP_LISTEN, _) if shutdown & RCV_SHUTDOWN != 0 => SocketState::ShutDown,
        (TCP_LISTEN, _) => SocketState::Listening,
        (TCP_CLOSE, Address::Unnamed) => SocketState::Unconnected,
        (TCP_CLOSE, _) => SocketState::Bound,
        _ => SocketState::Connected,
    }
}

/// A path comes with one NUL behind it, also where it fills all 108 bytes; an abstract name with one before it.
fn address(name: &[u8]) -> Address {
    match name {
        [] => Address::Unnamed,
        [0, rest @ ..] => Address::Abstract(rest.into()),
        [path @ .., 0] | path => Address::Path(path.into()),
    }
}

fn pair(payload: &[u8]) -> Option<(u32, u32)> {
    Some((u32_at(payload, 0)?, u32_at(payload, 4)?))
}

/// `SK_MEMINFO_*` (`linux/sock_diag.h`); the drop counter came last, with Linux 4.6.
fn memory(payload: &[u8]) -> Option<Memory> {
    let word = |index: usize| u32_at(payload, index * 4);
    Some(Memory {
        receive_alloc: word(0)?,
        receive_limit: word(1)?,
        send_alloc: word(2)?,
        send_limit: word(3)?,
        drops: word(8).unwrap_or_default(),
    })
}
