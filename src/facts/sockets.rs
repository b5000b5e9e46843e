//! Every `AF_UNIX` socket of every reachable network namespace, from the best source each of them offers.

use std::path::Path;

use nix::errno::Errno;

use super::machine::Machine;
use super::netns::{self, Namespace, inside};
use super::netns_keepers::Keepers;
use super::{inet_diag, proc_net_unix, unix_diag};

use crate::model::{Address, Gap, Names, NetnsId, Seen, Socket};

/// What of the sockets is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// Leave out sockets that cannot own a name while reading: a busy server's connections then cost no memory.
    /// The kernel is asked for all states even so, since a datagram receiver may be in any of them.
    pub owners_only: bool,
    /// Socket memory too.
    pub memory: bool,
}

/// The sockets, and where they were looked for.
#[derive(Debug)]
pub struct Sockets {
    /// Every socket seen, by namespace.
    pub rows: Vec<Socket>,
    /// What could not be seen, and what the rows of a namespace lack.
    pub gaps: Vec<Gap>,
    /// The namespaces, ours first. Kept open, so that they can be asked again.
    pub namespaces: Vec<Namespace>,
    /// Our own.
    pub own: NetnsId,
}

/// Every `AF_UNIX` socket of every reachable network namespace; `kept` are namespaces that were met elsewhere.
#[must_use]
pub fn all(machine: &Machine, ask: Ask, kept: &Keepers) -> Sockets {
    let (namespaces, mut gaps) = netns::reachable(machine, kept);
    let mut rows = Vec::new();
    for namespace in &namespaces {
        let seen = of(namespace, ask);
        gaps.extend(seen.gaps);
        if rows.is_empty() {
            // The first namespace mostly has all there are: tens of thousands need no copy.
            rows = seen.items;
        } else {
            rows.extend(seen.items);
        }
    }
    let own = namespaces.iter().find(|namespace| namespace.ours).map_or(NetnsId(0), |namespace| namespace.id);
    Sockets { rows, gaps, namespaces, own }
}

/// The sockets of our own network namespace, without a word on what could not be had.
#[must_use]
pub fn ours(ask: Ask) -> Vec<Socket> {
    let own = NetnsId(0);
    let rows = unix_diag::dump(ask, own).map(|seen| seen.items);
    rows.or_else(|_| proc_net_unix::read(Path::new("/proc/net/unix"), ask, own).map(|seen| seen.items))
        .unwrap_or_default()
}

/// What is to be had of the sockets in these namespaces, without a word on what is not.
pub(super) fn rows_of(namespaces: &[Namespace], ask: Ask) -> Vec<Socket> {
    namespaces.iter().flat_map(|namespace| of(namespace, ask).items).collect()
}

/// Every TCP listener of these namespaces, with the connections whose client has left; gaps by namespace.
pub(super) fn tcp(namespaces: &[Namespace]) -> Tcp {
    let mut tcp = Tcp::default();
    for namespace in namespaces {
        let gap = |why: String| Gap::new(format!("inet_diag in {}", namespace.source()), why);
        match inside(namespace, || inet_diag::sockets(namespace.id)) {
            Ok(Ok(rows)) => tcp.items.extend(rows),
            Ok(Err(errno)) => tcp.gaps.push((namespace.id, gap(errno.desc().into()))),
            Err(refused) => tcp.gaps.push((namespace.id, refused)),
        }
    }
    tcp
}

/// See [`tcp`].
#[derive(Debug, Default)]
pub(super) struct Tcp {
    /// The sockets.
    pub(super) items: Vec<Socket>,
    /// Namespaces whose sockets could not be had.
    pub(super) gaps: Vec<(NetnsId, Gap)>,
}

impl Sockets {
    /// With the TCP listeners of the same namespaces.
    pub fn add_tcp(&mut self) {
        let tcp = tcp(&self.namespaces);
        self.rows.extend(tcp.items.into_iter().filter(|row| row.queue().is_some()));
        self.gaps.extend(tcp.gaps.into_iter().map(|(_, gap)| gap));
    }

    /// Whether one of these namespaces was not looked at.
    #[must_use]
    pub fn lacks(&self, kept: &Keepers) -> bool {
        kept.keys().any(|id| !self.namespaces.iter().any(|namespace| namespace.id == *id))
    }
}

/// One socket again, in its namespace. `Ok(None)`: it is gone, or its inode is another socket's by now.
pub fn again(namespaces: &[Namespace], socket: &Socket) -> Result<Option<Socket>, Gap> {
    let namespace = namespaces
        .iter()
        .find(|namespace| namespace.id == socket.netns)
        .ok_or_else(|| Gap::new(format!("net:[{}]", socket.netns.0), "not among the namespaces looked at"))?;
    if socket.cookie == 0 {
        return in_table(namespace, socket);
    }
    let row = inside(namespace, || unix_diag::one(socket.ino, socket.memory.is_some(), namespace.id))?
        .map_err(|errno| unavailable(namespace, errno))?;
    Ok(row.filter(|row| row.cookie == socket.cookie).map(|row| Socket { uid: socket.uid, ..row }))
}

/// Who waits for a listener to accept them: inodes of their sockets, 0 for a client that has gone.
pub(super) fn waiting(namespaces: &[Namespace], socket: &Socket) -> Result<Vec<u32>, Gap> {
    let namespace = namespaces
        .iter()
        .find(|namespace| namespace.id == socket.netns)
        .ok_or_else(|| Gap::new(format!("net:[{}]", socket.netns.0), "not among the namespaces looked at"))?;
    let ask = || match socket.address {
        Address::Tcp(_) => inet_diag::waiting(socket),
        _ => unix_diag::waiting(socket.ino),
    };
    inside(namespace, ask)?.map_err(|errno| unavailable(namespace, errno))
}

/// A row that came from the table, which knows no cookies, is looked for there.
fn in_table(namespace: &Namespace, socket: &Socket) -> Result<Option<Socket>, Gap> {
    let Some(table) = &namespace.table else {
        return Err(Gap::new(namespace.source(), "no process in it is visible"));
    };
    let rows = proc_net_unix::read(table, Ask::default(), namespace.id)?.items;
    Ok(rows.into_iter().find(|row| row.ino == socket.ino))
}

/// The sockets of one namespace: by `unix_diag`, else by its table and with a gap that says what that lacks.
fn of(namespace: &Namespace, ask: Ask) -> Seen<Vec<Socket>> {
    let refused = match inside(namespace, || unix_diag::dump(ask, namespace.id)) {
        Ok(Ok(seen)) => return named(namespace, seen),
        Ok(Err(errno)) => unavailable(namespace, errno),
        Err(gap) => gap,
    };
    match namespace.table.as_ref().map(|table| proc_net_unix::read(table, ask, namespace.id)) {
        Some(Ok(mut seen)) => {
            let why = format!("{}: no queue, no file identity", refused.why);
            seen.gaps.insert(0, Gap { why, names: Names::Seen, ..refused });
            seen
        }
        Some(Err(gap)) => Seen { items: Vec::new(), gaps: vec![refused, gap] },
        None => Seen { items: Vec::new(), gaps: vec![refused] },
    }
}

/// The same, with the namespace in the gaps where it is not ours.
fn named(namespace: &Namespace, mut seen: Seen<Vec<Socket>>) -> Seen<Vec<Socket>> {
    if !namespace.ours {
        for gap in &mut seen.gaps {
            gap.source = format!("{} in {}", gap.source, namespace.source());
        }
    }
    seen
}

/// `unix_diag` gave nothing: `ENOENT` is the answer of a kernel that has no such module.
fn unavailable(namespace: &Namespace, errno: Errno) -> Gap {
    let source = if namespace.ours { "unix_diag".to_owned() } else { namespace.source() };
    let gap = Gap::new(source, errno.desc());
    match errno {
        Errno::ENOENT => gap.helped_by("modprobe unix_diag"),
        Errno::EPERM | Errno::EACCES => {
            gap.helped_by("run it outside of the sandbox that forbids netlink sockets")
        }
        _ => gap,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::facts::netns::Door;
    use crate::model::SocketState;

    const OWNERS: Ask = Ask { owners_only: true, memory: false };

    fn closed(table: Option<&str>) -> Namespace {
        Namespace {
            id: NetnsId(7),
            label: None,
            ours: false,
            door: Door::Closed,
            table: table.map(PathBuf::from),
        }
    }

    #[test]
    fn a_namespace_that_cannot_be_entered_is_seen_through_its_table_and_says_so() {
        let table = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/netlink/proc-net-unix.txt");
        let namespace = closed(Some(table));
        let seen = of(&namespace, OWNERS);
        assert!(
            seen.items.iter().all(|row| row.netns == NetnsId(7) && row.owns_name() && row.file.is_none())
        );
        let [gap] = &seen.gaps[..] else { panic!("{:?}", seen.gaps) };
        assert_eq!(gap.source, "net:[7]");
        assert_eq!(gap.why, "Permission denied: no queue, no file identity");
        assert!(gap.would_help.is_some());

        let busy = seen.items.iter().find(|row| row.address.path() == Some(b"busy")).unwrap();
        assert_eq!(busy.state, SocketState::Listening);
        assert_eq!(again(std::slice::from_ref(&namespace), busy), Ok(Some(busy.clone())));
        let gone = Socket { ino: crate::model::SocketIno(1), ..busy.clone() };
        assert_eq!(again(&[namespace], &gone), Ok(None));
    }

    #[test]
    fn a_namespace_without_any_source_is_only_a_gap() {
        let seen = of(&closed(None), OWNERS);
        assert_eq!((seen.items.len(), seen.gaps.len()), (0, 1));
        let seen = of(&closed(Some("/nonexistent")), OWNERS);
        assert_eq!((seen.items.len(), seen.gaps.len()), (0, 2));
    }

    #[test]
    fn what_would_help_depends_on_the_refusal() {
        let ours = Namespace { ours: true, ..closed(None) };
        let help = |errno| unavailable(&ours, errno).would_help;
        assert_eq!(help(Errno::ENOENT).as_deref(), Some("modprobe unix_diag"));
        assert!(help(Errno::EACCES).is_some_and(|help| help.contains("sandbox")));
        assert_eq!(unavailable(&ours, Errno::ENOENT).source, "unix_diag");
        assert_eq!(unavailable(&closed(None), Errno::ENOENT).source, "net:[7]");
    }

    #[test]
    fn gaps_name_a_namespace_that_is_not_ours() {
        let seen = || Seen { items: vec![], gaps: vec![Gap::new("unix_diag", "Connection timed out")] };
        let blue = Namespace { label: Some("blue".into()), ..closed(None) };
        assert_eq!(named(&blue, seen()).gaps[0].source, "unix_diag in net:[7] (blue)");
        assert_eq!(named(&Namespace { ours: true, ..blue }, seen()).gaps[0].source, "unix_diag");
    }
}
