//! Whether a name leads to a live socket: what a monitoring system keeps of a socket.

use std::collections::BTreeMap;

use super::{Address, Case, ListedSocket, Liveness, Names, Queue, Role, SocketState, SocketType, Target};

/// A name and whether somebody can be connected to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// A path, or `@` and an abstract name. Bytes of strangers.
    pub name: Vec<u8>,
    /// A live socket takes what is sent there.
    pub alive: bool,
    /// The accept queue of that socket; listeners only.
    pub queue: Option<Queue>,
}

impl Served {
    /// Of a target. `None`: it could not be seen, or it goes by no name.
    pub fn of_case(case: &Case) -> Option<Self> {
        let name = match &case.target {
            Target::Path(_) if !case.files_only => case.path.clone(),
            Target::Abstract(_) if !case.files_only => case.target.label(),
            _ => return None,
        };
        let server = case.server();
        if let Some(alive) = server.filter(|server| server.is_alive()) {
            return Some(Self { name, alive: true, queue: alive.socket.queue() });
        }
        let hidden = case.sockets.gaps.iter().any(|gap| gap.names != Names::Seen);
        let is_dead = match (&case.target, case.file()) {
            _ if server.is_some() => true,
            (Target::Abstract(_), _) => !hidden,
            (_, Ok(None)) => true,
            (_, Ok(Some(file))) if file.kind != super::FileKind::Socket => true,
            (_, Ok(Some(_))) => matches!(case.liveness.known(), Some(Liveness::Refused { .. })),
            (_, Err(_)) => false,
        };
        is_dead.then_some(Self { name, alive: false, queue: None })
    }

    /// Of a row of `list`, `ours` being the network namespace that abstract names are looked up in. `None`: the name
    /// means something else here, or nothing that lasts, or it could not be seen.
    pub fn of_row(row: &ListedSocket<'_>, ours: Option<u64>) -> Option<Self> {
        let Some(socket) = row.socket else {
            return Some(Self { name: row.name().to_vec(), alive: false, queue: None });
        };
        let alive = match socket.kind {
            SocketType::Dgram => true,
            SocketType::Stream | SocketType::Seqpacket => socket.state == SocketState::Listening,
        };
        let name = match &socket.address {
            _ if !socket.owns_name() => return None,
            Address::Path(path) if path.starts_with(b"/") => path.to_vec(),
            Address::Abstract(name) if !is_autobound(name) && ours == Some(socket.netns.0) => {
                [b"@", &name[..]].concat()
            }
            _ => return None,
        };
        let alive = match (&socket.address, row.row.role) {
            (Address::Abstract(_), _) | (_, Some(Role::ServesPath)) => alive,
            (_, Some(Role::Unlinked | Role::Replaced)) => false,
            (_, Some(Role::OtherView) | None) => return None,
        };
        Some(Self { name, alive, queue: socket.queue().filter(|_| alive) })
    }

    /// Anybody may take a name like it.
    fn is_anybodys(&self) -> bool {
        !self.name.starts_with(b"/") || OPEN.iter().any(|open| self.name.starts_with(open))
    }

    /// One for each name: of several that have it, the live one speaks for it. First those in directories that not
    /// everybody may bind in, of them those that nobody serves.
    pub fn by_name(all: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut names: BTreeMap<Vec<u8>, Self> = BTreeMap::new();
        for one in all {
            let known = names.entry(one.name.clone()).or_insert_with(|| one.clone());
            if one.alive && !known.alive {
                *known = one;
            }
        }
        let mut served: Vec<Self> = names.into_values().collect();
        served.sort_by_key(|one| (one.is_anybodys(), one.alive));
        served
    }
}

/// Directories that everybody may bind in (hier(7)).
const OPEN: [&[u8]; 3] = [b"/tmp/", b"/var/tmp/", b"/dev/shm/"];

/// A name that the kernel made up, another one at each bind: five hexadecimal digits (unix(7), "Autobind feature").
fn is_autobound(name: &[u8]) -> bool {
    name.len() == 5 && name.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    #[test]
    fn only_what_was_seen_is_alive_or_dead() {
        let served = |case: &Case| Served::of_case(case).map(|served| served.alive);
        assert_eq!(served(&Case::sample()), Some(true));
        assert_eq!(served(&Case::sample_missing()), Some(false));
        assert_eq!(served(&Case::sample_stale()), Some(false));
        let mut unseen = Case::sample_stale();
        unseen.liveness = Fact::Known(Liveness::Denied);
        assert_eq!(served(&unseen), None);
        unseen.walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert_eq!(served(&unseen), None);
        assert_eq!(served(&Case { files_only: true, ..Case::sample_missing() }), None);
        let mut bound = Case::sample();
        bound.sockets.items[0].socket.state = SocketState::Bound;
        assert_eq!(served(&bound), Some(false));
    }

    #[test]
    fn of_several_that_have_a_name_the_live_one_speaks() {
        let one = |name: &str, alive| Served { name: name.into(), alive, queue: None };
        let several =
            [one("/tmp/x", false), one("/b", true), one("/a", false), one("/a", true), one("/c", false)];
        let served = Served::by_name(several.into_iter().chain([one("@x", true)]));
        let expected =
            [one("/c", false), one("/a", true), one("/b", true), one("/tmp/x", false), one("@x", true)];
        assert_eq!(served, expected);
        assert!(is_autobound(b"0004f") && !is_autobound(b"dbus-") && !is_autobound(b"0004f0"));
    }
}
