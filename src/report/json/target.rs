//! A target of `inspect`, its file, its mount and its sockets.

use serde::Serialize;

use super::Name;
use super::access::Admission;
use super::health::Health;
use crate::model::{self, Address, Liveness, Role};
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Target<'r> {
    #[serde(rename = "target")]
    label: String,
    #[serde(rename = "target_b64")]
    label_b64: Option<String>,
    verdict: &'static str,
    file: Option<File<'r>>,
    mount: Option<Mount<'r>>,
    liveness: Option<&'static str>,
    sockets: Vec<Socket<'r>>,
    socket: Option<Socket<'r>>,
    queue: Option<Queue>,
    holders: Vec<Holder<'r>>,
    may_connect: Option<MayConnect>,
    consumers: Vec<Admission<'r>>,
    /// `null`: nothing alive serves it, or this command does not ask.
    health: Option<Health>,
    /// `null`: it was not asked.
    probe: Option<Reply>,
}

/// What a server answered that was asked beside all else.
#[derive(Serialize)]
struct Reply {
    ok: bool,
    outcome: &'static str,
    status: Option<u16>,
}

/// By the permission bits alone, for a class of users; `null`: it cannot be told.
#[derive(Serialize)]
struct MayConnect {
    owner: Option<bool>,
    group: Option<bool>,
    others: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct File<'r> {
    state: Option<&'static str>,
    path: String,
    path_b64: Option<String>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    mode: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    owner: Option<&'r str>,
    group: Option<&'r str>,
    inode: Option<u64>,
    links: Option<u32>,
    errno: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Mount<'r> {
    point: String,
    fstype: &'r str,
    source: String,
    root: String,
    device: String,
    options: &'r str,
    read_only: bool,
    class: &'static str,
}

#[derive(Serialize)]
pub(super) struct Socket<'r> {
    inode: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    state: &'static str,
    name: Option<String>,
    name_b64: Option<String>,
    #[serde(rename = "abstract")]
    is_abstract: bool,
    vfs: Option<Vfs>,
    queue: Option<Queue>,
    holders: Option<Vec<Holder<'r>>>,
    netns: u64,
    netns_name: Option<&'r str>,
    role: Option<&'static str>,
    peer: Option<u32>,
    uid: Option<u32>,
    shutdown: u8,
    memory: Option<Memory>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    seen_as: Vec<Place>,
}

/// A path of the socket's file in one view.
#[derive(Serialize)]
pub(super) struct Place {
    path: String,
    path_b64: Option<String>,
    /// In whose root; `null`: the client's.
    pid: Option<u32>,
}

impl Place {
    fn all(sighting: &model::Sighting) -> Vec<Self> {
        let place = |(path, pid): (&[u8], Option<u32>)| {
            let Name { name: path, name_b64: path_b64 } = Name::of(path);
            Self { path, path_b64, pid }
        };
        let there = sighting.seen_elsewhere().map(|(file, pid)| (file.path.as_slice(), Some(pid)));
        let here = sighting.here.iter().map(|path| (path.as_slice(), None));
        there.into_iter().chain(here).map(place).collect()
    }
}

#[derive(Serialize)]
pub(super) struct Vfs {
    dev: String,
    ino: u32,
}

#[derive(Serialize)]
pub(super) struct Queue {
    waiting: u32,
    backlog: u32,
}

#[derive(Serialize)]
pub(super) struct Memory {
    receive_alloc: u32,
    receive_limit: u32,
    send_alloc: u32,
    send_limit: u32,
    drops: u32,
}

#[derive(Serialize)]
pub(super) struct Holder<'r> {
    pid: u32,
    fd: u32,
    command: String,
    command_b64: Option<String>,
    uid: u32,
    user: Option<&'r str>,
    parent: u32,
    unit: Option<&'r str>,
    container: Option<&'r str>,
    mntns: Option<u64>,
}

impl<'r> Target<'r> {
    pub(super) fn of(inspected: &'r model::InspectedTarget) -> Self {
        let case = &inspected.case;
        let Name { name: label, name_b64: label_b64 } = Name::of(&case.target.label());
        let sighted = |sighting: &'r model::Sighting| {
            let role = sighting.role().ok().flatten();
            let holders = sighting.holders.known().map(Vec::as_slice);
            let socket = Socket::of(&sighting.socket, holders, sighting.netns_label.as_deref(), role);
            Socket { seen_as: Place::all(sighting), ..socket }
        };
        let server = case.server();
        Self {
            label,
            label_b64,
            verdict: inspected.verdict.word(),
            file: File::of(inspected),
            mount: case
                .file()
                .ok()
                .flatten()
                .and_then(|file| file.mount.as_deref().map(|mount| Mount::of(mount, file.class))),
            liveness: case.liveness.known().map(|liveness| match liveness {
                Liveness::Bound => "bound",
                Liveness::Refused { .. } => "refused",
                Liveness::Denied => "denied",
                Liveness::Failed(_) => "failed",
            }),
            sockets: case.sockets.items.iter().map(sighted).collect(),
            socket: server.map(sighted),
            queue: server.and_then(|server| server.socket.queue()).map(Queue::of),
            holders: server
                .and_then(|server| server.holders.known())
                .map(|holders| Holder::all(holders))
                .unwrap_or_default(),
            may_connect: case.open_to().map(|[owner, group, others]| MayConnect { owner, group, others }),
            consumers: case.accesses.iter().map(Admission::of).collect(),
            health: case.health.known().map(|health| Health::of(health, server)),
            probe: case.probe.known().map(|probed| Reply {
                ok: probed.is_fine(),
                outcome: probed.outcome.word(),
                status: probed.reply.as_ref().and_then(|reply| reply.status),
            }),
        }
    }
}

impl<'r> File<'r> {
    pub(super) fn of(inspected: &'r model::InspectedTarget) -> Option<Self> {
        let case = &inspected.case;
        let state = case.file_state()?;
        let file = case.file().ok().flatten();
        let walk = case.walk.known();
        let place = walk.map_or_else(|| case.path.clone(), model::Walk::destination);
        let Name { name: path, name_b64: path_b64 } = Name::of(&place);
        Some(Self {
            state: Some(state.word()),
            path,
            path_b64,
            kind: file.map(|file| file.kind.word()),
            mode: file.map(|file| mode(file.mode)),
            uid: file.map(|file| file.uid),
            gid: file.map(|file| file.gid),
            owner: inspected.owner.as_ref().and_then(|(user, _)| id_name(user)),
            group: inspected.owner.as_ref().and_then(|(_, group)| id_name(group)),
            inode: file.map(|file| file.ino),
            links: file.map(|file| file.nlink),
            errno: walk.and_then(model::Walk::errno).map(errno_name),
        })
    }
}

impl<'r> Mount<'r> {
    pub(super) fn of(mount: &'r model::Mount, class: model::MountClass) -> Self {
        Self {
            point: escape(&mount.point),
            fstype: &mount.fstype,
            source: escape(&mount.source),
            root: escape(&mount.root),
            device: mount.device.to_string(),
            options: &mount.options,
            read_only: mount.read_only(),
            class: class.word(),
        }
    }
}

impl<'r> Socket<'r> {
    pub(super) fn of(
        socket: &'r model::Socket,
        holders: Option<&'r [model::Holder]>,
        netns: Option<&'r str>,
        role: Option<Role>,
    ) -> Self {
        let name = match &socket.address {
            Address::Unnamed => None,
            named => Some(Name::of(named.bytes())),
        };
        let (name, name_b64) = name.map_or((None, None), |name| (Some(name.name), name.name_b64));
        Self {
            inode: socket.ino.0,
            kind: socket.kind.word(),
            state: socket.state.word(),
            name,
            name_b64,
            is_abstract: matches!(socket.address, Address::Abstract(_)),
            vfs: socket.file.map(|file| Vfs { dev: file.dev.to_string(), ino: file.ino.0 }),
            queue: socket.queue().map(Queue::of),
            holders: holders.map(Holder::all),
            netns: socket.netns.0,
            netns_name: netns,
            role: role.map(Role::word),
            peer: socket.peer.map(|peer| peer.0),
            uid: socket.uid,
            shutdown: socket.shutdown,
            memory: socket.memory.as_deref().map(|memory| Memory {
                receive_alloc: memory.receive_alloc,
                receive_limit: memory.receive_limit,
                send_alloc: memory.send_alloc,
                send_limit: memory.send_limit,
                drops: memory.drops,
            }),
            seen_as: Vec::new(),
        }
    }
}

impl Queue {
    pub(super) const fn of(queue: model::Queue) -> Self {
        Self { waiting: queue.waiting, backlog: queue.backlog }
    }
}

impl<'r> Holder<'r> {
    pub(super) fn all(holders: &'r [model::Holder]) -> Vec<Self> {
        holders
            .iter()
            .map(|holder| (holder, Name::of(&holder.process.command)))
            .map(|(holder, Name { name: command, name_b64: command_b64 })| Self {
                pid: holder.process.pid,
                fd: holder.fd,
                command,
                command_b64,
                uid: holder.process.user.id,
                user: id_name(&holder.process.user),
                parent: holder.process.parent,
                unit: holder.process.unit.as_deref(),
                container: holder.process.container.as_deref(),
                mntns: holder.process.mount_namespace,
            })
            .collect()
    }
}

pub(super) fn id_name(id: &model::IdName) -> Option<&str> {
    id.name.as_ref().map(|(name, _)| name.as_str())
}

/// In octal, a 0 before it also where special bits are set.
pub(super) fn mode(mode: u32) -> String {
    format!("0{:03o}", mode & 0o7777)
}

/// `ENOENT`, from errno(3).
pub(in crate::report) fn errno_name(errno: i32) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_mode_begins_with_a_zero_whatever_its_bits() {
        for (mode, text) in
            [(0o140_755, "0755"), (0o140_000, "0000"), (0o041_777, "01777"), (0o6_750, "06750")]
        {
            assert_eq!(super::mode(mode), text);
        }
    }
}
