//! Clients and servers that do not have the socket in common.

use super::super::sd609_postgres_mysql_path_rule::explains;
use super::{Files, Pair, clients, directory, edits, files, place, seen, servers};
use crate::model::{
    Certainty, Composition, Declaration, Declared, Finding, Fix, LOCALHOST, MountSource, Protocol, Rule,
    Service, Severity, Usage,
};

pub(in super::super) fn findings(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut told: Vec<(&str, &str)> = Vec::new();
    for client in clients(&declared.sockets) {
        let servers = servers(declared, client);
        let on_localhost = client.path == LOCALHOST.as_bytes();
        if servers.iter().any(|pair| pair.meets(composition)) || on_localhost || explains(declared, client) {
            continue;
        }
        match servers.first() {
            Some(pair) if !told.contains(&(&pair.client.owner, &pair.server.owner)) => {
                told.push((&pair.client.owner, &pair.server.owner));
                told.push((&pair.server.owner, &pair.client.owner));
                found.push(apart(rule, pair, composition));
            }
            Some(_) => {}
            None => found.extend(alone(rule, client, declared, composition)),
        }
    }
    found.extend(by_mount(rule, declared, composition, &told));
    found
}

/// A client whose server is elsewhere.
fn apart(rule: &Rule, pair: &Pair<'_>, composition: &Composition) -> Finding {
    let Pair { client, server } = pair;
    let (own, mine) = place(composition, client);
    let (others, theirs) = place(composition, server);
    let (who, whom, path) = (&client.owner, &server.owner, String::from_utf8_lossy(&client.path));
    let (summary, edit) = match (&mine, &theirs) {
        (None, _) => {
            let service = composition.service(who);
            let source = others.and_then(|mount| match &mount.source {
                MountSource::Host(source) | MountSource::Volume(source) => Some((source, &mount.target)),
                MountSource::Own => None,
            });
            let free = own.is_none() && theirs.is_some();
            let edit = source.zip(service).filter(|_| free).and_then(|((source, target), service)| {
                edits::new_mount(service, &format!("{source}:{target}"))
            });
            (
                format!(
                    "{who} looks for the socket of {whom} at {path}, where it mounts nothing that {whom} has."
                ),
                edit,
            )
        }
        (_, None) => (
            format!("{whom} binds the socket that {who} looks for at {path} where nobody else can see it."),
            None,
        ),
        (Some(Files::Volume(one, inside)), Some(Files::Volume(other, there))) if one == other => (
            format!(
                "{who} and {whom} have the volume {one} in common, but look into different directories of it: /{inside} and /{there}."
            ),
            None,
        ),
        _ => {
            let to = others.and_then(|mount| match &mount.source {
                MountSource::Volume(key) => Some(key),
                MountSource::Host(_) | MountSource::Own => None,
            });
            let from = own.filter(|mount| matches!(mount.source, MountSource::Volume(_)));
            let edit =
                to.zip(from).and_then(|(key, mount)| edits::replaced(mount.source_written.as_ref(), key));
            (
                format!(
                    "{who} looks for the socket of {whom} at {path}, in another volume than {whom} has it in."
                ),
                edit,
            )
        }
    };
    let certainty = if pair.is_certain() { Certainty::Certain } else { Certainty::Likely };
    let severity = if pair.is_certain() { Severity::Error } else { Severity::Warning };
    let mut finding = rule.finding_at(&client.written, certainty, summary).as_severe_as(severity);
    for written in [own.map(|mount| &mount.written), others.map(|mount| &mount.written)].into_iter().flatten()
    {
        finding = finding.written_at(written);
    }
    if others.is_none() {
        finding = finding.written_at(&server.written);
    }
    let text = format!("the same volume at the directory of the socket, in {who} and in {whom}");
    finding.fixed_by([edit.map_or_else(|| Fix::advice(&text), |edit| Fix::edit(&text, [edit]))])
}

/// A client without a server in the project.
fn alone(
    rule: &Rule,
    client: &Declaration,
    declared: &Declared,
    composition: &Composition,
) -> Option<Finding> {
    if client.usage != Usage::Connects {
        return None;
    }
    let (mount, path) = (place(composition, client).0, String::from_utf8_lossy(&client.path));
    let Some(mount) = mount else {
        let summary = format!("{} looks for a socket at {path}, where nothing is mounted.", client.owner);
        let finding = rule.finding_at(&client.written, Certainty::Likely, summary);
        let fix = Fix::advice("mount the volume that its server has the socket in");
        return Some(finding.fixed_by([fix]));
    };
    let MountSource::Volume(key) = &mount.source else { return None };
    let shared = composition.volume(key).is_some_and(|volume| volume.shared_name.is_some());
    // Of a service that only mounts it nobody knows what it does there.
    let may_serve = |service: &Service| {
        let mut own = declared.sockets.iter().filter(|socket| socket.owner == service.name).peekable();
        own.peek().is_none() || own.any(|socket| socket.usage != Usage::Connects)
    };
    let mut having = composition.services.iter().filter(|service| {
        service.mounts.iter().any(|mount| mount.source == MountSource::Volume(key.clone()))
    });
    if shared || having.any(may_serve) {
        return None;
    }
    let summary = format!(
        "{} looks for a socket in the volume {key}, in which no service of this project has one.",
        client.owner
    );
    let cause = format!(
        "Compose puts the project's name before that of a volume: {key} of another project is another volume"
    );
    let fix = Fix::advice(format!("in both projects: `external: true`, or the same `name:`, for {key}"));
    let finding = rule.finding_at(&mount.written, Certainty::Likely, summary);
    Some(finding.caused_by(&cause).fixed_by([fix]))
}

/// Services that only by what they mount, at the directory of a known server, are known to want its socket.
fn by_mount(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
    told: &[(&str, &str)],
) -> Vec<Finding> {
    let known = |socket: &&Declaration| {
        socket.usage == Usage::Binds && matches!(socket.protocol, Some(Protocol::Postgres | Protocol::Mysql))
    };
    let mut found = Vec::new();
    for server in declared.sockets.iter().filter(known) {
        let (path, (Some(theirs), Some(there))) = (directory(server), place(composition, server)) else {
            continue;
        };
        for service in composition.services.iter().filter(|service| service.name != server.owner) {
            let mine = service.mounts.iter().find(|mount| seen(&mount.target) == path);
            let Some((mount, here)) = mine.and_then(|mount| Some((mount, files(composition, mount, &path)?)))
            else {
                continue;
            };
            let told = told.contains(&(service.name.as_str(), server.owner.as_str()));
            let serves = declared.sockets.iter().any(|socket| socket.owner == service.name && known(&socket));
            if told || serves || here == there {
                continue;
            }
            let summary = format!(
                "{} mounts another volume at {} than {}, whose socket is there.",
                service.name, mount.target, server.owner
            );
            let edit = match &theirs.source {
                MountSource::Volume(key) => edits::replaced(mount.source_written.as_ref(), key),
                MountSource::Host(_) | MountSource::Own => None,
            };
            let text = "the same volume in both services";
            let fix = edit.map_or_else(|| Fix::advice(text), |edit| Fix::edit(text, [edit]));
            found.push(
                rule.finding_at(&mount.written, Certainty::Likely, summary)
                    .written_at(&theirs.written)
                    .fixed_by([fix]),
            );
        }
    }
    found
}
