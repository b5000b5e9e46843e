//! One socket that is bound to a file, found once and then asked after again and again for the price of one answer.

use std::collections::HashSet;

use super::holders;
use super::machine::Machine;
use super::netns::Namespace;
use super::netns_keepers::Keepers;
use super::sockets::{self, Ask};
use crate::model::{FileId, FileIno, Socket, SocketIno, SocketState, SocketType};

/// By what a socket is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Sought<'s> {
    /// The file that stands at its path.
    File(FileId),
    /// Its own name, since the file is gone: with the file's number where that was seen.
    Name(&'s [u8], Option<u64>),
}

/// A socket, and the network namespace it is in.
#[derive(Debug)]
pub struct Bound {
    /// As it was found.
    pub socket: Socket,
    namespaces: Vec<Namespace>,
}

/// The socket that is bound to a file, but none of these.
pub fn find(machine: &Machine, sought: Sought<'_>, but: &[SocketIno]) -> Option<Bound> {
    let all = sockets::all(machine, Ask { owners_only: true, memory: false }, &Keepers::new());
    let is_it = |row: &&Socket| {
        row.owns_name()
            && !but.contains(&row.ino)
            && match sought {
                Sought::File(file) => row.file == Some(file),
                Sought::Name(path, number) => {
                    let same_number =
                        number.map(FileIno::from_stat).zip(row.file).map(|(ino, file)| file.ino == ino);
                    row.address.path().is_some_and(|name| match same_number {
                        Some(same) => same && (name == path || relative_of(name, path)),
                        // Any directory may have such a name.
                        None => name == path,
                    })
                }
            }
    };
    // Of several that had a name one after the other, the last.
    let socket = all.rows.iter().filter(is_it).max_by_key(|row| row.ino)?.clone();
    let namespaces = all.namespaces.into_iter().filter(|namespace| namespace.id == socket.netns).collect();
    Some(Bound { socket, namespaces })
}

/// The same last name: it may have been bound by a link, or from the directory it is in.
fn relative_of(name: &[u8], path: &[u8]) -> bool {
    let last = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    last(name) == last(path)
}

impl Bound {
    /// What it does by now; `None`: it is gone. Where nobody could be asked, what it did before.
    pub fn state(&self) -> Option<SocketState> {
        match sockets::again(&self.namespaces, &self.socket) {
            Ok(row) => row.map(|row| row.state),
            Err(_) => Some(self.socket.state),
        }
    }

    /// In this state it takes what clients send.
    pub fn serves(&self, state: SocketState) -> bool {
        match self.socket.kind {
            SocketType::Dgram => matches!(state, SocketState::Bound | SocketState::Connected),
            SocketType::Stream | SocketType::Seqpacket => state == SocketState::Listening,
        }
    }

    /// The processes that hold it, as far as they can be seen.
    pub fn holders(&self, machine: &Machine) -> Vec<u32> {
        let held = holders::walk(machine, Some(&HashSet::from([self.socket.ino])));
        held.of(self.socket.ino).iter().map(|holder| holder.pid).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_listener_is_found_by_its_name_when_its_file_is_gone_and_its_end_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let machine = Machine::default();
        std::fs::remove_file(&path).unwrap();
        let name = path.as_os_str().as_bytes();
        let bound = find(&machine, Sought::Name(name, None), &[]).unwrap();
        assert!(bound.state().is_some_and(|state| bound.serves(state)));
        assert!(bound.holders(&machine).contains(&std::process::id()));
        assert!(find(&machine, Sought::Name(name, None), &[bound.socket.ino]).is_none());
        drop(listener);
        assert_eq!(bound.state(), None);
    }

    #[test]
    fn a_name_without_its_directory_or_by_a_link_is_that_of_the_path() {
        assert!(relative_of(b"s", b"/run/s") && relative_of(b"/var/run/s", b"/run/s"));
        assert!(!relative_of(b"t", b"/run/s"));
    }
}
