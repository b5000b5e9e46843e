//! What the services of a Compose project have in common: which mount shows a path, which files those are, and who
//! meets whom there.

pub(super) mod edits;
pub(super) mod host_directory;
pub(super) mod identity;
pub(super) mod localhost;
pub(super) mod meeting;
pub(super) mod read_only;
pub(super) mod socket_file;
pub(super) mod startup;
pub(super) mod volumes;

use std::borrow::Cow;

use crate::model::{
    BoundMount, Composition, Declaration, Declared, MountSource, NoVerdict, Service, Usage, names_a_socket,
};

/// Where servers keep their sockets unless told otherwise.
const SOCKET_DIRECTORIES: [&str; 2] = ["/run/postgresql", "/run/mysqld"];
/// What lies below /run and is not for sockets.
const OTHER_DIRECTORIES: [&str; 5] = ["/run/secrets", "/run/configs", "/run/lock", "/run/udev", "/run/user"];

/// The Compose project, for rules that are about one.
pub(super) fn of(declared: &Declared) -> Result<&Composition, NoVerdict> {
    declared.composition.as_ref().ok_or(NoVerdict::NotApplicable)
}

/// A path as all images have it: /var/run is /run, and a slash at the end says nothing.
pub(super) fn seen(path: &str) -> Cow<'_, str> {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    match path.strip_prefix("/var/run") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Cow::Owned(format!("/run{rest}")),
        _ => Cow::Borrowed(path),
    }
}

/// The directory of a socket, as all images have it.
pub(super) fn directory(socket: &Declaration) -> String {
    seen(&String::from_utf8_lossy(socket.place())).into_owned()
}

/// The rest of a path below a directory; empty for itself.
fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory.strip_suffix('/').unwrap_or(directory))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
}

/// The mount of a service that shows a path.
pub(super) fn mount_of<'s>(service: &'s Service, path: &str) -> Option<&'s BoundMount> {
    let covering = service.mounts.iter().filter(|mount| below(path, &seen(&mount.target)).is_some());
    covering.max_by_key(|mount| seen(&mount.target).len())
}

/// Files that several services can have: where they are outside of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Files {
    /// On the host.
    Host(String),
    /// In a volume, below its root.
    Volume(String, String),
}

/// The files that a path shows through a mount; `None`: nobody else has them.
pub(super) fn files(composition: &Composition, mount: &BoundMount, path: &str) -> Option<Files> {
    let target = seen(&mount.target);
    let rest = below(path, &target)?;
    let inside = [mount.subpath.as_str(), rest]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join("/");
    let on_host = |directory: &str| {
        let slash = if inside.is_empty() { "" } else { "/" };
        Some(Files::Host(format!("{}{slash}{inside}", directory.trim_end_matches('/'))))
    };
    match &mount.source {
        MountSource::Host(directory) => on_host(directory),
        MountSource::Volume(key) => match composition.volume(key).and_then(|volume| volume.device.as_deref())
        {
            Some(device) => on_host(device),
            None => Some(Files::Volume(key.clone(), inside)),
        },
        MountSource::Own => None,
    }
}

/// Whether a mount is there for sockets: `Some(true)` where a socket is named in it, `Some(false)` by its name alone.
pub(super) fn is_for_sockets(declared: &Declared, service: &Service, mount: &BoundMount) -> Option<bool> {
    if is_socket_file(mount) {
        return None;
    }
    let own = declared.sockets.iter().filter(|socket| socket.owner == service.name);
    if own.into_iter().any(|socket| mount_of(service, &directory(socket)) == Some(mount)) {
        return Some(true);
    }
    let target = seen(&mount.target);
    if SOCKET_DIRECTORIES.contains(&target.as_ref()) {
        return Some(true);
    }
    let other = OTHER_DIRECTORIES.iter().any(|other| below(&target, other).is_some());
    let named = target.split('/').any(|part| part.contains("sock"));
    let shared = || {
        let services = declared.composition.iter().flat_map(|composition| &composition.services);
        services.filter(|other| other.mounts.iter().any(|other| other.source == mount.source)).count() > 1
    };
    (!other && (named || (target.starts_with("/run/") && shared()))).then_some(false)
}

/// Whether a mount is of a socket file, not of its directory.
pub(super) fn is_socket_file(mount: &BoundMount) -> bool {
    let source = match &mount.source {
        MountSource::Host(path) => path.as_str(),
        MountSource::Volume(_) | MountSource::Own => "",
    };
    names_a_socket(mount.target.as_bytes()) || names_a_socket(source.as_bytes())
}

/// A client and a server that are to meet.
pub(super) struct Pair<'d> {
    pub(super) client: &'d Declaration,
    pub(super) server: &'d Declaration,
}

impl Pair<'_> {
    /// Whether they have the directory of the socket in common.
    pub(super) fn meets(&self, composition: &Composition) -> bool {
        let (_, files) = place(composition, self.client);
        files.is_some() && files == place(composition, self.server).1
    }

    /// Whether it is written which of them is the server.
    pub(super) fn is_certain(&self) -> bool {
        self.client.usage == Usage::Connects && self.server.usage == Usage::Binds
    }
}

/// Those who look for a socket that is not their own.
pub(super) fn clients(sockets: &[Declaration]) -> impl Iterator<Item = &Declaration> {
    let serves_itself = |client: &Declaration| {
        let own = |other: &&Declaration| other.owner == client.owner && other.usage == Usage::Binds;
        sockets.iter().filter(own).any(|server| is_meant(client, server))
    };
    sockets.iter().filter(move |socket| socket.usage != Usage::Binds && !serves_itself(socket))
}

/// The servers in other services that a client can mean: those at its very path, or of its protocol.
pub(super) fn servers<'d>(declared: &'d Declared, client: &'d Declaration) -> Vec<Pair<'d>> {
    let other = |server: &&Declaration| server.owner != client.owner && server.usage != Usage::Connects;
    let meant = declared.sockets.iter().filter(other).filter(|server| is_meant(client, server));
    meant.map(|server| Pair { client, server }).collect()
}

/// Every client with every server it can mean and shares the directory with.
pub(super) fn met<'d>(declared: &'d Declared, composition: &Composition) -> Vec<Pair<'d>> {
    let all = clients(&declared.sockets).flat_map(|client| servers(declared, client));
    all.filter(|pair| pair.meets(composition)).collect()
}

fn is_meant(client: &Declaration, server: &Declaration) -> bool {
    let one_place = directory(client) == directory(server);
    let one_name = client.directory || server.directory || file_name(client) == file_name(server);
    let one_protocol = client.protocol.is_some() && client.protocol == server.protocol;
    (one_place && one_name) || (one_protocol && server.usage == Usage::Binds)
}

fn file_name(socket: &Declaration) -> Option<&[u8]> {
    socket.path.rsplit(|byte| *byte == b'/').next()
}

/// The files in which an owner has the directory of a socket; with the mount, where there is one.
pub(super) fn place<'c>(
    composition: &'c Composition,
    socket: &Declaration,
) -> (Option<&'c BoundMount>, Option<Files>) {
    let path = directory(socket);
    let mount = composition.service(&socket.owner).and_then(|service| mount_of(service, &path));
    (mount, mount.and_then(|mount| files(composition, mount, &path)))
}
