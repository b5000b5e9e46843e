//! Netlink framing: one question to the kernel and the messages of its answer (netlink(7)).
//!
//! Answers are untrusted bytes. Every length is checked before it is used; one that lies ends the walk, not the
//! program.

use std::iter;

use netlink_packet_core::{NLA_TYPE_MASK, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, setsockopt, sockopt::ReceiveTimeout};
use nix::sys::time::{TimeVal, TimeValLike};

/// The kernel never builds a larger datagram for a dump (`netlink_dump`, `net/netlink/af_netlink.c`).
const LARGEST_DATAGRAM: usize = 32 * 1024;
/// The kernel answers within the call; only a broken one makes us wait.
const PATIENCE_SECONDS: i64 = 2;
/// `struct nlmsghdr` (linux/netlink.h).
const MESSAGE_HEADER: usize = 16;
/// `struct nlattr` (linux/netlink.h).
const ATTRIBUTE_HEADER: usize = 4;

/// One request on a socket of its own, so that no answer can belong to another.
pub(super) struct Question {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Question {
    /// Sends a request to `sock_diag(7)` in the calling thread's network namespace.
    pub(super) fn ask(request: &[u8]) -> Result<Self, Errno> {
        let socket = Socket::new(NETLINK_SOCK_DIAG).map_err(|error| errno(&error))?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(PATIENCE_SECONDS))?;
        let kernel = SocketAddr::new(0, 0);
        uninterrupted(|| socket.send_to(request, &kernel, 0))?;
        Ok(Self { socket, buffer: vec![0; LARGEST_DATAGRAM] })
    }

    /// The next datagram of the answer.
    pub(super) fn datagram(&mut self) -> Result<&[u8], Errno> {
        loop {
            let (length, sender) = uninterrupted(|| {
                self.socket.recv_from(&mut &mut self.buffer[..], MsgFlags::MSG_TRUNC.bits())
            })?;
            // Whoever is root in the namespace may send to us too; only the kernel has port 0.
            if sender.port_number() == 0 {
                return self.buffer.get(..length).ok_or(Errno::EMSGSIZE);
            }
        }
    }
}

fn uninterrupted<T>(mut call: impl FnMut() -> std::io::Result<T>) -> Result<T, Errno> {
    loop {
        match call().map_err(|error| errno(&error)) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Err(Errno::ETIMEDOUT),
            other => return other,
        }
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// One message of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// What was asked for, without the netlink header.
    Data(&'a [u8]),
    /// The end of a dump.
    Done,
    /// The kernel gave up, or its framing makes no sense (`EBADMSG`).
    Failed(Errno),
}

/// The messages of one datagram.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    iter::from_fn(move || {
        while !datagram.is_empty() {
            let Some((kind, payload, rest)) = split_message(datagram) else {
                datagram = &[];
                return Some(Message::Failed(Errno::EBADMSG));
            };
            datagram = rest;
            match kind {
                NLMSG_NOOP => {}
                NLMSG_OVERRUN => return Some(Message::Failed(Errno::ENOBUFS)),
                NLMSG_ERROR | NLMSG_DONE => match status(payload) {
                    0 if kind == NLMSG_ERROR => {}
                    0 => return Some(Message::Done),
                    number => return Some(Message::Failed(Errno::from_raw(number))),
                },
                _ => return Some(Message::Data(payload)),
            }
        }
        None
    })
}

fn split_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let kind = u16_at(bytes, 4)?;
    let payload = bytes.get(MESSAGE_HEADER..length)?;
    Some((kind, payload, after(bytes, length)))
}

/// The errno in front of `NLMSG_ERROR` and `NLMSG_DONE`, positive; 0 where it is absent.
fn status(payload: &[u8]) -> i32 {
    u32_at(payload, 0).map_or(0, |negated| negated.cast_signed().saturating_neg())
}

/// Type and payload of each attribute, up to the first that does not fit.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & NLA_TYPE_MASK;
        let payload = bytes.get(ATTRIBUTE_HEADER..length)?;
        bytes = after(bytes, length);
        Some((kind, payload))
    })
}

/// What follows an item of this length: both kinds are padded to four bytes.
fn after(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(length.next_multiple_of(4)..).unwrap_or_default()
}

/// Two bytes in the machine's own order.
pub(super) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

/// Four bytes in the machine's own order.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(MESSAGE_HEADER + payload.len()).unwrap();
        let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &[0; 10], payload].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn data_then_done() {
        let datagram = [message(20, b"abcde"), message(NLMSG_DONE, &[0; 4])].concat();
        assert_eq!(messages(&datagram).collect::<Vec<_>>(), [Message::Data(b"abcde"), Message::Done]);
    }

    #[test]
    fn errors_of_either_kind_are_reported_and_an_acknowledgment_is_not() {
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let datagram = message(kind, &(-2_i32).to_ne_bytes());
            assert_eq!(messages(&datagram).collect::<Vec<_>>(), [Message::Failed(Errno::ENOENT)]);
        }
        assert_eq!(messages(&message(NLMSG_ERROR, &[0; 4])).count(), 0);
        assert_eq!(messages(&message(NLMSG_NOOP, &[])).count(), 0);
        assert_eq!(messages(&message(NLMSG_OVERRUN, &[])).next(), Some(Message::Failed(Errno::ENOBUFS)));
    }

    #[test]
    fn a_length_that_lies_is_a_failure_and_not_an_end() {
        let mut datagram = message(20, b"abcd");
        for length in [0_u32, 15, 21, u32::MAX] {
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(
                messages(&datagram).collect::<Vec<_>>(),
                [Message::Failed(Errno::EBADMSG)],
                "{length}"
            );
        }
    }

    #[test]
    fn attributes_end_at_the_first_that_does_not_fit() {
        let good = [7, 0, 2, 0, b'a', b'b', b'c', 0];
        let lies = [200, 0, 1, 0, 1, 2, 3, 4];
        let bytes = [good, lies, good].concat();
        assert_eq!(attributes(&bytes).collect::<Vec<_>>(), [(2, &b"abc"[..])]);
        assert_eq!(attributes(&[3, 0, 1, 0]).count(), 0, "shorter than its own header");
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(messages(&bytes).count() <= bytes.len());
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
