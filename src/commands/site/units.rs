//! Units of systemd: those that have files, and those that templates make.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::{Site, name_of, place, plain};
use crate::config::{self, Text, systemd};
use crate::facts::named_files;
use crate::facts::units::UnitFiles;
use crate::model::{Gap, Misfit, Setting, Unit, Usage};

/// A template: its files, and what they tell of every instance.
#[derive(Debug)]
pub(super) struct Template {
    files: UnitFiles,
    unit: Unit,
}

impl Site {
    /// Units with their files, and the instances of templates that they name.
    pub(super) fn add_units(&mut self, root: &Path, units: Vec<UnitFiles>) {
        let (templates, units): (Vec<_>, Vec<_>) =
            units.into_iter().partition(|unit| unit.name.contains("@."));
        for files in templates {
            let unit = self.read_unit(root, &files);
            self.texts.extend(files.files.iter().cloned());
            self.templates.push(Template { files, unit });
        }
        for unit in units {
            self.add_unit(root, unit);
        }
        self.add_named_instances(root, 0);
    }

    /// Instances that clients seem to mean: a template would have them listen on that very path.
    pub(super) fn add_fitting_instances(&mut self, root: &Path) {
        let served: HashSet<Vec<u8>> = self
            .mentions
            .iter()
            .filter(|mention| mention.usage != Usage::Connects)
            .map(|mention| plain(&name_of(mention)))
            .collect();
        let clients = self.mentions.iter().filter(|mention| mention.usage == Usage::Connects);
        let mut wanted: Vec<Vec<u8>> =
            clients.map(|client| plain(&name_of(client))).filter(|path| !served.contains(path)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let before = self.units.len();
        for path in wanted {
            let names: Vec<String> =
                self.templates.iter().flat_map(|template| template.names(&path)).collect();
            for name in names {
                let listens = |unit: &Unit| unit.sockets.iter().any(|socket| plain(&socket.path) == path);
                if let Some(files) = self.instance(&name)
                    && listens(&self.read_unit(root, &files))
                {
                    self.add_unit(root, files);
                    break;
                }
            }
        }
        self.add_named_instances(root, before);
        self.fitting.extend(self.units[before..].iter().map(|unit| unit.name.clone()));
    }

    /// An instance that runs, or that something names; nothing where no template makes it.
    pub(super) fn add_instance(&mut self, root: &Path, name: &str) {
        if let Some(files) = self.instance(name) {
            self.add_unit(root, files);
        }
    }

    /// Instances that systemd has started, whoever asked it to.
    pub(in crate::commands) fn add_awake_instances<'n>(
        &mut self,
        root: &Path,
        names: impl Iterator<Item = &'n str>,
    ) {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let before = self.units.len();
        for name in names {
            self.fitting.remove(name);
            self.add_instance(root, name);
        }
        self.add_named_instances(root, before);
    }

    /// Those that units name, from a number on.
    fn add_named_instances(&mut self, root: &Path, from: usize) {
        let mut at = from;
        while let Some(unit) = self.units.get(at) {
            at += 1;
            let names: Vec<String> = unit.service.iter().chain(&unit.instances).cloned().collect();
            for name in names.iter().filter(|name| name.contains('@')) {
                self.add_instance(root, name);
            }
        }
    }

    /// The files of an instance that is no unit yet.
    fn instance(&self, name: &str) -> Option<UnitFiles> {
        let (prefix, rest) = name.split_once('@')?;
        let (_, kind) = rest.rsplit_once('.')?;
        let own = format!("{prefix}@.{kind}");
        let template = self.templates.iter().find(|template| template.files.name == own)?;
        let known = self.units.iter().any(|unit| unit.name == name);
        (!known).then(|| UnitFiles { name: name.to_owned(), ..template.files.clone() })
    }

    /// A unit, and its files.
    fn add_unit(&mut self, root: &Path, found: UnitFiles) {
        let unit = self.read_unit(root, &found);
        self.texts.extend(found.files);
        self.mentions.extend(unit.sockets.iter().cloned());
        for socket in &unit.sockets {
            self.backlogs.extend(unit.backlog.iter().map(|backlog| (socket.path.clone(), backlog.clone())));
        }
        self.units.push(Arc::new(unit));
    }

    /// A unit, with the files that it names: those of the root, else one that somebody named and that is called so.
    fn read_unit(&mut self, root: &Path, found: &UnitFiles) -> Unit {
        let beside = &self.beside;
        let mut texts: Vec<Text> = Vec::new();
        let mut load = |path: &[u8]| {
            let same: Vec<&Text> =
                beside.iter().filter(|(file, _)| last_name(file) == last_name(path)).collect();
            let at_path = same.iter().find(|(file, _)| path.starts_with(b"/") && file.ends_with(path));
            let loaded = match (at_path, same.as_slice()) {
                (Some(text), _) => Ok(vec![(*text).clone()]),
                (None, [only]) => named_files::matching(root, path).or_else(|_| Ok(vec![(*only).clone()])),
                _ if path.starts_with(b"/") => named_files::matching(root, path),
                _ => Err(Gap::new(String::from_utf8_lossy(path), "is no absolute path")),
            }?;
            texts.extend(loaded.iter().cloned());
            Ok(loaded)
        };
        let unit = systemd::unit_with(&found.name, &found.files, &mut load);
        self.texts.extend(texts);
        unit
    }

    /// What a .socket unit starts is not there, and a service of the other kind is.
    pub(super) fn misfit(&self, unit: &Unit) -> Option<Misfit> {
        let stem = unit.name.strip_suffix(".socket").filter(|stem| !stem.contains('@'))?;
        let [one, each] = [format!("{stem}.service"), format!("{stem}@.service")];
        let accepts = unit.accept.as_ref().is_some_and(|accept| accept.value);
        let (wanted, other) = if accepts { (each, one) } else { (unit.service.clone()?, each) };
        let is_there = |name: &String| {
            let template = template_of(name).unwrap_or_else(|| name.clone());
            self.units.iter().any(|unit| unit.name == *name)
                || self.templates.iter().any(|known| known.files.name == template)
        };
        let written = unit.accept.as_ref().map(|accept| &accept.written);
        let written = written.or_else(|| unit.sockets.first().map(|socket| &socket.written))?.clone();
        let misfits = !is_there(&wanted) && is_there(&other);
        misfits.then(|| Misfit { socket: unit.name.clone(), wanted, other, written })
    }

    /// Units that may serve a path, as far as their files tell its name.
    pub(super) fn possible(&self, path: &[u8]) -> Vec<(String, Setting<Vec<u8>>)> {
        let templates = self.templates.iter().map(|template| &template.unit);
        let units = self.units.iter().map(AsRef::as_ref).chain(templates);
        let each = units.flat_map(|unit| unit.open.iter().map(move |open| (unit, open)));
        let fits = each.filter(|(_, open)| systemd::captured(&open.value, path).is_some());
        let own = fits.map(|(unit, open)| (unit.name.clone(), open.clone()));
        // What is not read, and names it: another server's configuration, a launcher.
        let beside = self.beside.iter().filter(|(file, _)| !is_prose(file));
        let named = beside.filter_map(|(file, text)| {
            let written = config::naming(file, text, path)?;
            let name = String::from_utf8_lossy(last_name(file)).into_owned();
            Some((name, Setting { value: path.to_vec(), written }))
        });
        own.chain(named).collect()
    }
}

impl Template {
    /// The names of the instances that could have a path.
    fn names(&self, path: &[u8]) -> Vec<String> {
        let pieces = self.unit.open.iter().filter_map(|open| systemd::captured(&open.value, path));
        let names = pieces.flatten().flat_map(systemd::instances);
        names.map(|name| self.files.name.replacen('@', &format!("@{name}"), 1)).collect()
    }
}

/// Puts drop-ins that were found beside their units: those of a template count for its instances too, and one of an
/// instance without a file of its own makes that of the template.
pub(super) fn with_drop_ins(mut units: Vec<UnitFiles>, mut drop_ins: Vec<(String, Text)>) -> Vec<UnitFiles> {
    drop_ins.sort_by_key(|(name, _)| !name.contains("@."));
    for (name, file) in drop_ins {
        let template = template_of(&name);
        if !units.iter().any(|unit| unit.name == name) {
            let files = units.iter().find(|unit| Some(&unit.name) == template.as_ref());
            let files = files.map_or(vec![], |template| template.files.clone());
            units.push(UnitFiles { name: name.clone(), files });
        }
        let own =
            |unit: &&mut UnitFiles| unit.name == name || template_of(&unit.name).as_ref() == Some(&name);
        units.iter_mut().filter(own).for_each(|unit| unit.files.push(file.clone()));
    }
    units.sort_by(|one, other| one.name.cmp(&other.name));
    units
}

/// `app@.service` of `app@one.service`.
fn template_of(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (instance, kind) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

/// What people read, and no program.
fn is_prose(file: &[u8]) -> bool {
    [&b".md"[..], b".rst", b".txt", b".html", b".log"].iter().any(|ending| file.ends_with(ending))
}

fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Which of two files of one name hides the other (systemd.unit(5), "Unit File Load Path").
pub(super) fn hides(one: &[u8], other: &[u8]) -> bool {
    let rank = |file: &[u8]| {
        let place = place(file);
        let within = |part: &[u8]| place.windows(part.len()).any(|window| window == part);
        let link = [&b".wants"[..], b".requires", b".upholds"].iter().any(|end| place.ends_with(end));
        match () {
            () if link => 0,
            () if within(b"lib/systemd/") => 1,
            () => 2 + u8::from(within(b"etc/systemd/")),
        }
    };
    rank(one) > rank(other)
}
