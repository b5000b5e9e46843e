//! Network namespaces that no process is in and no mount shows: a thread, an open descriptor or a socket keeps them.
//!
//! They are met on the walk over all descriptors that looks for holders, which reads the links anyway. A namespace
//! that only its sockets keep is looked for among all sockets, and only where nobody was found to listen.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, fstat, getxattr, open};
use rustix::io::Errno;

use super::borrowed;
use super::holders::{HolderFd, Holders};
use super::machine::Machine;
use super::sockets::Sockets;
use crate::model::{Gap, NetnsId, Seen, SocketIno};

/// How many sockets are asked for their namespace.
const SOCKETS: usize = 20_000;

/// What of a process keeps a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// A thread is in it.
    Thread(u32),
    /// It has it open.
    Descriptor(u32),
    /// It has a socket open that was made there.
    Socket(u32),
}

/// A process that keeps a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keeper {
    /// Which.
    pub pid: u32,
    /// By what.
    pub way: Way,
}

/// Namespaces, each with some that keep it: one of them may end a moment later.
pub type Keepers = BTreeMap<NetnsId, Vec<Keeper>>;

/// How many of one namespace are remembered.
pub(super) const KEEPERS: usize = 8;

impl Keeper {
    /// The namespace, if this still keeps it.
    pub(super) fn open(self, machine: &Machine, id: NetnsId) -> Result<OwnedFd, Errno> {
        let through =
            |link: PathBuf| open(link, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty());
        let found = match self.way {
            Way::Thread(thread) => through(machine.process(self.pid, format!("task/{thread}/ns/net"))),
            Way::Descriptor(fd) => {
                let link = machine.process(self.pid, format!("fd/{fd}"));
                // By now it may be any file, and to open a FIFO or a device is not without effect.
                match super::process::link(&link).and_then(|text| super::netns_census::namespace_id(&text)) {
                    Some(now) if now == id => through(link),
                    _ => Err(Errno::STALE),
                }
            }
            Way::Socket(fd) => {
                borrowed::descriptor(self.pid, fd).and_then(|socket| borrowed::network_namespace(&socket))
            }
        }?;
        if fstat(&found)?.st_ino == id.0 { Ok(found) } else { Err(Errno::STALE) }
    }
}

/// Namespaces of sockets that are in no dump, among those that a walk met. A socket that would not tell, and is in
/// no dump that is taken after that either, may be anybody's: that is a gap.
#[must_use]
pub(super) fn of_sockets(machine: &Machine, held: &Holders, dump: impl Fn() -> Sockets) -> Seen<Keepers> {
    let mut found = Seen { items: Keepers::new(), gaps: Vec::new() };
    if !machine.shares_pids() {
        return found;
    }
    let first = dump();
    let known: HashSet<NetnsId> = first.namespaces.iter().map(|namespace| namespace.id).collect();
    let strange = strangers(held, &first);
    let mut asked = strange.into_iter().filter(|(_, holder)| may_be_unix(machine, *holder));
    let mut refused = Vec::new();
    for (ino, HolderFd { pid, fd }) in asked.by_ref().take(SOCKETS) {
        let id = borrowed::descriptor(pid, fd)
            .and_then(|socket| borrowed::network_namespace(&socket))
            .and_then(|namespace| Ok(NetnsId(fstat(&namespace)?.st_ino)));
        match id {
            Ok(id) if !known.contains(&id) => {
                let keepers = found.items.entry(id).or_default();
                if keepers.len() < KEEPERS {
                    keepers.push(Keeper { pid, way: Way::Socket(fd) });
                }
            }
            Err(Errno::PERM | Errno::ACCESS | Errno::NOSYS) => refused.push((ino, HolderFd { pid, fd })),
            _ => {}
        }
    }
    if !refused.is_empty() {
        let second: HashSet<SocketIno> = dump().rows.iter().map(|row| row.ino).collect();
        let still_there = |(ino, holder): &(SocketIno, HolderFd)| {
            let link = super::process::link(&machine.process(holder.pid, format!("fd/{}", holder.fd)));
            !second.contains(ino) && link.and_then(|link| super::process::socket_ino(&link)) == Some(*ino)
        };
        refused.retain(still_there);
    }
    if !refused.is_empty() {
        let why = format!("{} sockets of unseen network namespaces could not be asked", refused.len());
        found.gaps.push(Gap::new("SIOCGSKNS", why).helped_by(Gap::AS_ROOT));
    }
    if asked.next().is_some() {
        found
            .gaps
            .push(Gap::new("SIOCGSKNS", format!("only {SOCKETS} sockets were asked for their namespace")));
    }
    found
}

/// Sockets that were met and are in no dump, each with one that holds it.
fn strangers(held: &Holders, dump: &Sockets) -> Vec<(SocketIno, HolderFd)> {
    let dumped: HashSet<SocketIno> = dump.rows.iter().map(|row| row.ino).collect();
    let strange = held.by_socket.iter().filter(|(ino, _)| !dumped.contains(ino));
    strange.filter_map(|(ino, held)| Some((*ino, *held.first()?))).collect()
}

/// By the name of its protocol (`sockfs_xattr_get`, net/socket.c): `UNIX` or `UNIX-STREAM`.
fn may_be_unix(machine: &Machine, HolderFd { pid, fd }: HolderFd) -> bool {
    let mut name = [0_u8; 32];
    let link = machine.process(pid, format!("fd/{fd}"));
    match getxattr(link, "system.sockprotoname", &mut name[..]) {
        Ok(length) => name[..length].starts_with(b"UNIX"),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_descriptor_keeps_a_namespace_until_it_is_another_file() {
        let own = File::open("/proc/self/ns/net").unwrap();
        let id = NetnsId(own.metadata().unwrap().ino());
        let fd = u32::try_from(own.as_raw_fd()).unwrap();
        let keeper = Keeper { pid: std::process::id(), way: Way::Descriptor(fd) };
        let machine = Machine::default();
        assert_eq!(fstat(keeper.open(&machine, id).unwrap()).unwrap().st_ino, id.0);
        assert_eq!(keeper.open(&machine, NetnsId(1)).unwrap_err(), Errno::STALE);
        let thread = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        let keeper = Keeper { way: Way::Thread(thread), ..keeper };
        assert!(keeper.open(&machine, id).is_ok());
    }

    #[test]
    fn only_unix_sockets_are_borrowed() {
        let (unix, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let may = |fd: i32| {
            let held = HolderFd { pid: std::process::id(), fd: fd.unsigned_abs() };
            may_be_unix(&Machine::default(), held)
        };
        assert!(may(unix.as_raw_fd()) && !may(tcp.as_raw_fd()));
    }
}
