//! One service: what of it has to do with sockets.
//!
//! <https://github.com/compose-spec/compose-spec/blob/main/05-services.md>

use super::images;
use super::mentions::{self, Mention};
use super::source::Sources;
use super::volume;
use crate::config::yaml::{Malformed, Node, Value};
use crate::model::{BoundMount, Declaration, Dependency, MountSource, Protocol, Service, Usage};

/// A service, and the sockets it speaks of.
pub(super) fn read(
    key: &Node,
    node: &Node,
    sources: &Sources<'_>,
) -> Result<(Service, Vec<Declaration>), Malformed> {
    let name = key.text().unwrap_or_default().to_owned();
    let image = node.get("image").and_then(Node::text).and_then(images::known);
    let volumes = node.get("volumes");
    let mut mounts = volumes
        .map_or(&[][..], Node::items)
        .iter()
        .map(|item| volume::mount(item, sources))
        .collect::<Result<Vec<_>, _>>()?;
    mounts.extend(tmpfs(node, sources));
    let healthcheck =
        node.get("healthcheck").filter(|check| !check.get("disable").is_some_and(Node::is_true));
    let user = node.get("user").and_then(Node::text);
    let service = Service {
        written: sources.written(key),
        user: user.map_or_else(|| image.and_then(|image| image.user), identity),
        groups: node
            .get("group_add")
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(|group| group.text()?.parse().ok())
            .collect(),
        read_only: node
            .entry("read_only")
            .filter(|(_, value)| value.is_true())
            .map(|(key, _)| sources.written(key)),
        healthcheck: healthcheck.is_some(),
        dependencies: dependencies(node, sources),
        mounts,
        more_keys: sources.before_first_key(node),
        more_mounts: volumes.and_then(|volumes| sources.before_first_item(volumes)),
        name: name.clone(),
    };
    let declared = |(mention, at): (Mention, &Node)| Declaration {
        owner: name.clone(),
        usage: mention.usage,
        path: mention.path.into_bytes(),
        directory: mention.directory,
        protocol: mention.protocol,
        port: mention.port,
        written: sources.written(at),
    };
    Ok((service, mentioned(node).into_iter().map(declared).collect()))
}

/// Every mention, and where it stands.
fn mentioned(node: &Node) -> Vec<(Mention, &Node)> {
    let mut found: Vec<(Mention, &Node)> = Vec::new();
    let variables = node.get("environment").map_or(&[][..], Node::pairs);
    let port = variables.iter().find(|(name, _)| name.text() == Some("PGPORT"));
    let port = port.and_then(|(_, value)| value.text()?.parse().ok());
    for key in ["entrypoint", "command"] {
        found.extend(node.get(key).into_iter().flat_map(|at| mentions_in(at, mentions::of_command)));
    }
    let bound = found.iter().any(|(mention, _)| mention.protocol == Some(Protocol::Postgres));
    let image = node.get("image");
    if let Some((path, protocol)) =
        image.and_then(Node::text).and_then(images::known).and_then(|image| image.socket)
        && let Some(image) = image
        && !bound
    {
        found.push((Mention::of(Usage::Binds, path, protocol == Protocol::Postgres, Some(protocol)), image));
    }
    // With the network of another, `localhost` can be that other.
    let own_network = node.get("network_mode").is_none();
    for (name, value) in variables {
        let Some((text, called)) = value.text().zip(name.text()) else { continue };
        let localhost = || mentions::of_localhost(called, text).filter(|_| own_network);
        let mention = mentions::of_variable(called, text).or_else(localhost);
        found.extend(mention.map(|mention| (mention, value)));
    }
    if let Some(test) = node.get("healthcheck").and_then(|check| check.get("test")) {
        found.extend(mentions_in(test, mentions::of_healthcheck));
    }
    for (mention, _) in &mut found {
        if mention.protocol == Some(Protocol::Postgres) {
            mention.port = mention.port.or(port);
        }
    }
    found
}

/// Those in a command, with the word they are in where each has a place of its own.
fn mentions_in(node: &Node, find: fn(&[String]) -> Vec<Mention>) -> Vec<(Mention, &Node)> {
    let shell = |text: &str| {
        text.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect::<Vec<_>>()
    };
    let words: Vec<String> = match &node.value {
        Value::Scalar(text) => shell(text),
        Value::Sequence(items) if items.first().and_then(Node::text) == Some("CMD-SHELL") => {
            items.iter().filter_map(Node::text).flat_map(shell).collect()
        }
        _ => node.items().iter().filter_map(Node::text).map(str::to_owned).collect(),
    };
    let place = |mention: &Mention| {
        let holds = |item: &&Node| item.text().is_some_and(|text| text.contains(&mention.path));
        node.items().iter().find(holds).unwrap_or(node)
    };
    find(&words)
        .into_iter()
        .map(|mention| {
            let at = place(&mention);
            (mention, at)
        })
        .collect()
}

/// `user:` where it is numbers.
fn identity(user: &str) -> Option<(u32, Option<u32>)> {
    let (uid, gid) = user.split_once(':').map_or((user, None), |(uid, gid)| (uid, Some(gid)));
    let gid = gid.and_then(|gid| gid.parse().ok());
    if uid == "root" { Some((0, gid)) } else { Some((uid.parse().ok()?, gid)) }
}

fn dependencies(node: &Node, sources: &Sources<'_>) -> Vec<Dependency> {
    let pairs = node.get("depends_on").map_or(&[][..], Node::pairs).iter();
    let dependency = |(name, value): &(Node, Node)| {
        let condition = value.get("condition").and_then(Node::text);
        let until_ready = matches!(condition, Some("service_healthy" | "service_completed_successfully"));
        Some(Dependency { service: name.text()?.to_owned(), until_ready, written: sources.written(name) })
    };
    pairs.filter_map(dependency).collect()
}

/// `tmpfs:` as one text or several: memory of the container's own.
fn tmpfs(node: &Node, sources: &Sources<'_>) -> Vec<BoundMount> {
    let Some(tmpfs) = node.get("tmpfs") else { return vec![] };
    let items = if tmpfs.text().is_some() { std::slice::from_ref(tmpfs) } else { tmpfs.items() };
    let mount = |item: &Node| {
        let target = item.text()?.split(':').next()?.to_owned();
        Some(BoundMount {
            source: MountSource::Own,
            target,
            subpath: String::new(),
            read_only: false,
            is_long: false,
            written: sources.written(item),
            source_written: None,
            type_written: None,
            target_written: None,
            mode_written: None,
        })
    };
    items.iter().filter_map(mount).collect()
}
