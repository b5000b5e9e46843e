//! In which order rows are shown.

use super::Sheet;
use crate::model::{ListedRow, Socket, SocketField};

impl Sheet<'_> {
    /// Stable: names mostly come in order, and what is in order is left alone.
    pub(super) fn order(&mut self, by: Option<SocketField>) {
        let sockets = self.sockets;
        match by {
            None | Some(SocketField::Verdict) if self.in_order == self.rows.len() => {
                self.rows.sort_by_key(|row| row.verdict);
            }
            None | Some(SocketField::Verdict) => {
                self.rows.sort_by(|a, b| (a.verdict, a.name(sockets)).cmp(&(b.verdict, b.name(sockets))));
            }
            Some(SocketField::Name) => self.rows.sort_by(|a, b| a.name(sockets).cmp(b.name(sockets))),
            Some(other) => self.rows.sort_by_cached_key(|row| sort_key(row, sockets, other)),
        }
    }
}

/// By the value of a column, then by name.
fn sort_key(row: &ListedRow, sockets: &[Socket], by: SocketField) -> (u64, Vec<u8>) {
    let (socket, name) = (row.socket(sockets), row.name(sockets));
    let text = |text: &str| (0, [text.as_bytes(), b" ", name].concat());
    let number = |number: Option<u64>| (number.unwrap_or(u64::MAX), name.to_vec());
    match by {
        SocketField::Verdict => number(Some(row.verdict as u64)),
        SocketField::Queue => {
            let waiting = socket.and_then(Socket::queue).map(|queue| u64::from(queue.waiting));
            number(waiting.map(|waiting| u64::MAX - 1 - waiting))
        }
        SocketField::Inode => number(socket.map(|socket| u64::from(socket.ino.0))),
        SocketField::Peer => number(socket.and_then(|socket| socket.peer).map(|peer| u64::from(peer.0))),
        SocketField::Uid => number(socket.and_then(|socket| socket.uid).map(u64::from)),
        SocketField::Netns => number(socket.map(|socket| socket.netns.0)),
        SocketField::Mode => number(row.file.and_then(|file| file.mode()).map(u64::from)),
        SocketField::Memory => {
            let memory = socket.and_then(|socket| socket.memory.as_deref());
            number(
                memory.map(|memory| {
                    u64::MAX - 1 - u64::from(memory.receive_alloc) - u64::from(memory.send_alloc)
                }),
            )
        }
        SocketField::Holders => number(
            row.holders
                .as_deref()
                .unwrap_or_default()
                .iter()
                .next()
                .map(|holder| u64::from(holder.process.pid)),
        ),
        SocketField::Unit => {
            let unit = row
                .holders
                .as_deref()
                .unwrap_or_default()
                .iter()
                .find_map(|holder| holder.process.unit.as_deref());
            text(unit.unwrap_or("\u{ff}"))
        }
        SocketField::Owner => number(row.file.and_then(|file| file.owner()).map(|(uid, _)| u64::from(uid))),
        SocketField::State => text(socket.map_or("", |socket| socket.state.word())),
        SocketField::Type => text(socket.map_or("", |socket| socket.kind.word())),
        SocketField::File => text(row.file.map_or("", |file| file.state.word())),
        SocketField::Name => (0, name.to_vec()),
    }
}
