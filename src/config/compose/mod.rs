//! Compose files, of Docker, Podman and Finch alike: which sockets services bind and use, and through which mounts.
//!
//! <https://github.com/compose-spec/compose-spec>. What would be needed from elsewhere (`include`, a service of
//! another file) is named as a gap.

mod images;
pub(super) mod mentions;
mod merge;
mod service;
mod source;
mod variables;
mod volume;

pub use super::yaml::Malformed;
pub use variables::Variables;

use std::collections::BTreeMap;

use crate::model::{Composition, Declared, Gap, MountSource};
use source::Sources;

use super::yaml::{self, Node, Value};

/// A chain of `extends` longer than this is taken to be a circle.
const EXTENDED: usize = 16;
/// Larger projects are judged as far as this: every client is held against every server.
const SERVICES: usize = 200;
const MOUNTS: usize = 50;
const VOLUMES: usize = 500;
const SOCKETS: usize = 400;
/// Variables that are named where they are not set.
const NAMED: usize = 8;

/// What was read of a project.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// What its files say together.
    pub declared: Declared,
    /// What they leave open.
    pub gaps: Vec<Gap>,
    /// What could not be understood; the rest was read without it.
    pub malformed: Vec<Malformed>,
}

/// The files of one project with their texts, a later one over an earlier one, as `compose -f A -f B` has it.
pub fn read(files: &[(Vec<u8>, Vec<u8>)], variables: &Variables, profiles: &[String]) -> Read {
    let mut read = Read::default();
    let mut whole: Option<Node> = None;
    let mut unset = BTreeMap::new();
    for (file, text) in files {
        let tree = yaml::parse(file, text).and_then(|mut tree| {
            expand(&mut tree, variables, &mut unset);
            checked(tree)
        });
        match (tree, whole.take()) {
            (Ok(over), Some(base)) => whole = Some(merge::merged(base, over)),
            (Ok(tree), None) => whole = Some(tree),
            (Err(malformed), before) => {
                read.malformed.push(malformed);
                whole = before;
            }
        }
    }
    read.gaps.extend(not_set(&unset));
    let sources = Sources::of(files);
    if let Some(project) = whole {
        if let Some((key, _)) = project.entry("include") {
            read.gaps.push(gap(key, "files that are included are not read: give them too"));
        }
        read.project(&project, &sources, profiles);
    }
    read
}

fn gap(node: &Node, why: &str) -> Gap {
    Gap::new(node.at.to_string(), why)
}

/// Puts variables into every text; those that are not set are kept, with the first place of each.
fn expand(node: &mut Node, variables: &Variables, unset: &mut BTreeMap<String, String>) {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar(text) => {
            if !text.contains('$') {
                return;
            }
            let expanded = variables.expand(text);
            *text = match expanded.unset.first() {
                // The source of a mount would be nothing: its name keeps it apart from others.
                Some(name) if expanded.text.is_empty() || expanded.text.starts_with(':') => {
                    format!("${{{name}}}{}", expanded.text)
                }
                _ => expanded.text,
            };
            for name in expanded.unset {
                unset.entry(name).or_insert_with(|| node.at.to_string());
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| expand(item, variables, unset)),
        Value::Mapping(pairs) => pairs.iter_mut().for_each(|(_, value)| expand(value, variables, unset)),
    }
}

/// One gap for all of them.
fn not_set(unset: &BTreeMap<String, String>) -> Option<Gap> {
    let first = unset.values().next()?;
    let names: Vec<&str> = unset.keys().take(NAMED).map(String::as_str).collect();
    let more = if unset.len() > names.len() { ", …" } else { "" };
    let why = format!("nothing sets {}{more}: what that stands for is not known here", names.join(", "));
    Some(Gap::new(first, why).helped_by("--env-file FILE, or the variables themselves"))
}

/// A file whose sections are what they must be.
fn checked(mut tree: Node) -> Result<Node, Malformed> {
    let wrong = |node: &Node, why: &str| Err(Malformed { location: node.at.clone(), why: why.to_owned() });
    if !matches!(tree.value, Value::Mapping(_) | Value::Null) {
        return wrong(&tree, "a Compose file is a mapping");
    }
    for section in ["services", "volumes"] {
        if let Some(node) =
            tree.get(section).filter(|node| !matches!(node.value, Value::Mapping(_) | Value::Null))
        {
            return wrong(node, &format!("`{section}` is a mapping"));
        }
    }
    if let Value::Mapping(pairs) = &mut tree.value {
        for (_, services) in pairs.iter_mut().filter(|(key, _)| key.text() == Some("services")) {
            let Value::Mapping(services) = &mut services.value else { continue };
            for (_, service) in services {
                if !matches!(service.value, Value::Mapping(_) | Value::Null) {
                    return wrong(service, "a service is a mapping");
                }
                if let Some(volumes) = service
                    .get("volumes")
                    .filter(|node| !matches!(node.value, Value::Sequence(_) | Value::Null))
                {
                    return wrong(volumes, "`volumes` of a service is a list");
                }
                merge::in_long_form(service);
            }
        }
    }
    Ok(tree)
}

impl Read {
    fn project(&mut self, project: &Node, sources: &Sources<'_>, profiles: &[String]) {
        let mut composition = Composition::default();
        let section = project.get("volumes");
        let volumes = section.map_or(&[][..], Node::pairs).iter();
        composition.volumes = volumes.filter_map(|(key, node)| volume::volume(key, node, sources)).collect();
        composition.has_volumes = !composition.volumes.is_empty();
        composition.more_volumes = match section {
            Some(section) => sources.before_first_key(section),
            None => sources.end(project),
        };
        let services = project.get("services").map_or(&[][..], Node::pairs);
        for (key, node) in services.iter().filter(|(_, node)| is_started(node, profiles)) {
            let node = self.extended(node, services);
            match service::read(key, &node, sources) {
                Ok((service, sockets)) => {
                    composition.services.push(service);
                    self.declared.sockets.extend(sockets);
                }
                Err(malformed) => self.malformed.push(malformed),
            }
        }
        for (key, node) in services {
            take_mounts(key, node, &mut composition);
        }
        self.bound(&mut composition, project);
        self.declared.composition = Some(composition);
    }

    /// Leaves out what is more than can be judged in a short time, and says so.
    fn bound(&mut self, composition: &mut Composition, project: &Node) {
        let too_many = composition.services.len() > SERVICES
            || composition.volumes.len() > VOLUMES
            || self.declared.sockets.len() > SOCKETS
            || composition.services.iter().any(|service| service.mounts.len() > MOUNTS);
        if !too_many {
            return;
        }
        composition.services.truncate(SERVICES);
        composition.volumes.truncate(VOLUMES);
        self.declared.sockets.retain(|socket| composition.service(&socket.owner).is_some());
        self.declared.sockets.truncate(SOCKETS);
        composition.services.iter_mut().for_each(|service| service.mounts.truncate(MOUNTS));
        let why = format!(
            "only the first {SERVICES} services with {MOUNTS} mounts each, {VOLUMES} volumes and {SOCKETS} mentions \
             of sockets are judged"
        );
        self.gaps.push(gap(project, &why));
    }

    /// A service with what it extends below it.
    fn extended(&mut self, node: &Node, services: &[(Node, Node)]) -> Node {
        let mut whole = node.clone();
        let mut extends = node.get("extends").cloned();
        for _ in 0..EXTENDED {
            let Some(base) = extends else { break };
            if let Some(file) = base.get("file") {
                self.gaps.push(gap(file, "a service of another file is not read"));
                break;
            }
            let name = base.get("service").and_then(Node::text).or(base.text());
            let Some((_, base)) = services.iter().find(|(key, _)| key.text() == name) else { break };
            extends = base.get("extends").cloned();
            whole = merge::services(base.clone(), whole);
        }
        whole
    }
}

/// `volumes_from`: what another service mounts.
fn take_mounts(key: &Node, node: &Node, composition: &mut Composition) {
    for text in node.get("volumes_from").map_or(&[][..], Node::items).iter().filter_map(Node::text) {
        let (other, mode) = text.split_once(':').unwrap_or((text, ""));
        let Some(mut mounts) = composition.service(other).map(|other| other.mounts.clone()) else {
            continue;
        };
        for mount in &mut mounts {
            mount.read_only |= mode == "ro";
        }
        let mine = composition.services.iter_mut().find(|service| Some(service.name.as_str()) == key.text());
        if let Some(service) = mine {
            mounts.append(&mut service.mounts);
            service.mounts = mounts;
        }
    }
}

/// Whether a service is started with these profiles.
fn is_started(node: &Node, profiles: &[String]) -> bool {
    let own = node.get("profiles").map_or(&[][..], Node::items);
    let active = |name: &str| profiles.iter().any(|profile| profile == "*" || profile == name);
    own.is_empty() || own.iter().filter_map(Node::text).any(active)
}

/// Directories of the host that services mount.
pub fn host_directories(declared: &Declared) -> Vec<String> {
    let services = declared.composition.iter().flat_map(|composition| &composition.services);
    let sources = services.flat_map(|service| &service.mounts).filter_map(|mount| match &mount.source {
        MountSource::Host(path) => Some(path.clone()),
        MountSource::Volume(_) | MountSource::Own => None,
    });
    let devices = declared.composition.iter().flat_map(|composition| &composition.volumes);
    sources.chain(devices.filter_map(|volume| volume.device.clone())).collect()
}

#[cfg(test)]
mod tests;
