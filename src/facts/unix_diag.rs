//! The sockets of one network namespace, asked of the kernel (`sock_diag(7)`, `net/unix/diag.c`).
//!
//! Both calls look at the namespace the calling thread is in. `UNIX_DIAG_ICONS` is never asked for in a dump:
//! one listener with thousands waiting would end the answer early, without an error.

use std::collections::HashSet;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::unix::{ShowFlags, StateFlags, UnixRequest};
use nix::errno::Errno;

use super::errno::words;
use super::netlink::{Message, Question, messages};
use super::sockets::Ask;
use super::unix_diag_row as row;
use crate::model::{Gap, NetnsId, Seen, Socket, SocketIno};

const SOURCE: &str = "unix_diag";
/// Missing from the packet crate; since Linux 5.3. Not `1 << UNIX_DIAG_UID`, which is 7.
const UDIAG_SHOW_UID: u32 = 0x40;

/// Every socket of the calling thread's network namespace. An error: nothing could be had at all.
pub(super) fn dump(ask: Ask, netns: NetnsId) -> Result<Seen<Vec<Socket>>, Errno> {
    let request = request(NLM_F_DUMP, 0, show(ask.memory) | ShowFlags::from_bits_retain(UDIAG_SHOW_UID));
    settle(|| {
        let mut table = Table::new(ask, netns);
        let outcome = table.fill(&request);
        (table, outcome)
    })
}

/// One socket again. `Ok(None)`: there is none of that inode in this namespace.
///
/// The uid is not asked for: with it, a request for a single socket crashed kernels before December 2022
/// (CVE-2023-28327).
pub(super) fn one(ino: SocketIno, memory: bool, netns: NetnsId) -> Result<Option<Socket>, Errno> {
    let mut question = Question::ask(&request(0, ino.0, show(memory)))?;
    match messages(question.datagram()?).next() {
        Some(Message::Data(message)) => row::socket(message, netns).ok_or(Errno::EBADMSG).map(Some),
        Some(Message::Failed(Errno::ENOENT)) => Ok(None),
        Some(Message::Failed(errno)) => Err(errno),
        Some(Message::Done) | None => Err(Errno::EBADMSG),
    }
}

/// The inodes of the clients that wait for a listener to accept them, 0 for each that has gone.
pub(super) fn waiting(ino: SocketIno) -> Result<Vec<u32>, Errno> {
    let mut question = Question::ask(&request(0, ino.0, ShowFlags::ICONS))?;
    match messages(question.datagram()?).next() {
        Some(Message::Data(message)) => Ok(row::waiting(message)),
        Some(Message::Failed(errno)) => Err(errno),
        Some(Message::Done) | None => Err(Errno::EBADMSG),
    }
}

fn show(memory: bool) -> ShowFlags {
    let show = ShowFlags::NAME | ShowFlags::VFS | ShowFlags::PEER | ShowFlags::RQLEN;
    if memory { show | ShowFlags::MEMINFO } else { show }
}

fn request(flags: u16, inode: u32, show_flags: ShowFlags) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    // All states, TCP_CLOSE among them; the cookie that any socket of this inode satisfies.
    let body = UnixRequest {
        state_flags: StateFlags::from_bits_retain(u32::MAX),
        inode,
        show_flags,
        cookie: [0xff; 8],
    };
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(SockDiagMessage::UnixRequest(body)));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// A second attempt after a lost datagram, then what there is, with a gap for what is missing.
fn settle(mut attempt: impl FnMut() -> (Table, Result<(), Errno>)) -> Result<Seen<Vec<Socket>>, Errno> {
    let (mut table, mut outcome) = attempt();
    if outcome == Err(Errno::ENOBUFS) {
        (table, outcome) = attempt();
    }
    table.distinct();
    let mut gaps = Vec::new();
    if let Err(errno) = outcome {
        if table.rows.is_empty() {
            return Err(errno);
        }
        gaps.push(
            Gap::new(SOURCE, format!("{}: the list ends early", words(errno))).helped_by("run it again"),
        );
    }
    if table.unreadable > 0 {
        gaps.push(Gap::new(SOURCE, format!("{} sockets in a form not understood", table.unreadable)));
    }
    Ok(Seen { items: table.rows, gaps })
}

/// The rows of one dump as they come in.
struct Table {
    ask: Ask,
    netns: NetnsId,
    rows: Vec<Socket>,
    unreadable: usize,
}

impl Table {
    fn new(ask: Ask, netns: NetnsId) -> Self {
        Self { ask, netns, rows: Vec::new(), unreadable: 0 }
    }

    fn fill(&mut self, request: &[u8]) -> Result<(), Errno> {
        let mut question = Question::ask(request)?;
        while !self.take(question.datagram()?)? {}
        Ok(())
    }

    /// Adds the rows of one datagram; whether it was the last.
    fn take(&mut self, datagram: &[u8]) -> Result<bool, Errno> {
        for message in messages(datagram) {
            match message {
                Message::Data(message) => self.add(message),
                Message::Done => return Ok(true),
                Message::Failed(errno) => return Err(errno),
            }
        }
        Ok(false)
    }

    fn add(&mut self, message: &[u8]) {
        if self.ask.owners_only && row::is_connection_end(message) {
            return;
        }
        let Some(socket) = row::socket(message, self.netns) else {
            self.unreadable += 1;
            return;
        };
        if !self.ask.owners_only || socket.owns_name() {
            self.rows.push(socket);
        }
    }

    /// Each socket once: a dump is not atomic, and under churn one may come twice. That is rare, so the set that
    /// would cost as much as reading the rows is built only after a sort of plain numbers found a pair.
    fn distinct(&mut self) {
        let mut cookies: Vec<u64> = self.rows.iter().map(|row| row.cookie).collect();
        cookies.sort_unstable();
        if cookies.is_sorted_by(|one, next| one < next) {
            return;
        }
        let mut met = HashSet::new();
        self.rows.retain(|row| met.insert((row.ino, row.cookie)));
    }
}

/// What one datagram says.
#[cfg(any(test, fuzzing))]
pub(super) fn rows_of(datagram: &[u8]) -> Vec<Socket> {
    let mut table = Table::new(Ask { owners_only: false, memory: false }, NetnsId(1));
    let _ = table.take(datagram);
    table.distinct();
    table.rows
}

#[cfg(test)]
mod tests;
