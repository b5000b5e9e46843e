//! The units of systemd: which unit files are in force, and the drop-ins of each.
//!
//! Read from the files: to ask systemd itself would be to connect to it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{DirEntry, read_dir, read_link};
use std::os::unix::ffi::OsStrExt;

use super::config_files;
use super::machine::Machine;
use crate::model::{Gap, Seen};

/// A file in the first of these hides one of the same name in the others (systemd.unit(5), "Unit File Load Path").
const DIRECTORIES: [&str; 12] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// A unit: its name, and its files with the text of each, the unit file before its drop-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFiles {
    /// `app.socket`
    pub name: String,
    /// Each file and its text. A masked unit has one without text.
    pub files: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The .socket units in force.
pub fn sockets(machine: &Machine) -> Seen<Vec<UnitFiles>> {
    units(machine, |name| name.ends_with(b".socket"))
}

/// The .socket and .service units in force.
pub fn all(machine: &Machine) -> Seen<Vec<UnitFiles>> {
    units(machine, |name| name.ends_with(b".socket") || name.ends_with(b".service"))
}

/// One unit. `None`: it has no file, or that could not be read.
pub fn one(machine: &Machine, name: &str) -> Option<UnitFiles> {
    units(machine, |file| file == name.as_bytes()).items.pop()
}

fn units(machine: &Machine, wanted: impl Fn(&[u8]) -> bool) -> Seen<Vec<UnitFiles>> {
    let around = Around::of(machine, &wanted);
    let found = config_files::in_force(machine, DIRECTORIES, &wanted);
    let mut gaps = found.gaps;
    let mut units: Vec<UnitFiles> = Vec::new();
    for (file, text) in found.items {
        let own = file.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let Ok(own) = std::str::from_utf8(own) else { continue };
        let is_link = std::str::from_utf8(&file).is_ok_and(|file| around.links.contains(file));
        if is_link && is_alias(machine, &file, own) {
            continue;
        }
        let mut names = vec![own];
        if let Some((prefix, kind)) = own.split_once("@.") {
            let of_it = |name: &&str| name.starts_with(&format!("{prefix}@")) && name.ends_with(kind);
            names.extend(around.instances.iter().map(String::as_str).filter(of_it));
        }
        for name in names {
            let mut files = vec![(file.clone(), text.clone())];
            // Masked: drop-ins do not count either.
            if !text.is_empty() {
                files.extend(around.drop_ins(machine, name, own, &mut gaps));
            }
            units.push(UnitFiles { name: name.to_owned(), files });
        }
    }
    Seen { items: units, gaps }
}

/// Another name of a unit that stands under its own; it is a link to that (systemd.unit(5), "Description").
fn is_alias(machine: &Machine, file: &[u8], name: &str) -> bool {
    let target = read_link(machine.place_of(file)).ok();
    let target = target.as_deref().and_then(|target| target.file_name()).map(OsStr::as_bytes);
    target.is_some_and(|target| target != name.as_bytes() && target != b"null")
}

/// What stands beside unit files: looked for once, as most units have none of it.
struct Around {
    /// Unit files that are links.
    links: HashSet<String>,
    /// Directories of drop-ins, by the names that they have in each place.
    drop_ins: HashMap<String, Vec<String>>,
    /// Instances of templates that something wants.
    instances: BTreeSet<String>,
}

impl Around {
    fn of(machine: &Machine, wanted: impl Fn(&[u8]) -> bool) -> Self {
        let mut around = Self { links: HashSet::new(), drop_ins: HashMap::new(), instances: BTreeSet::new() };
        for directory in DIRECTORIES {
            for (name, is_link) in names(machine, directory) {
                let place = || format!("{directory}/{name}");
                if is_link {
                    around.links.insert(place());
                }
                if name.as_bytes().ends_with(b".d") {
                    let place = place();
                    around.drop_ins.entry(name).or_default().push(place);
                } else if [&b".wants"[..], b".requires"].iter().any(|end| name.as_bytes().ends_with(end)) {
                    let units = names(machine, &place()).into_iter().map(|(name, _)| name);
                    let instance = |unit: &String| unit.contains('@') && wanted(unit.as_bytes());
                    around.instances.extend(units.filter(instance));
                }
            }
        }
        around
    }

    /// The drop-ins of a unit; of an instance its template's too, and those of every unit of its type.
    fn drop_ins(
        &self,
        machine: &Machine,
        name: &str,
        template: &str,
        gaps: &mut Vec<Gap>,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        let mut owners = vec![name, template, kind];
        owners.dedup();
        let there: Vec<&String> =
            owners.iter().filter_map(|owner| self.drop_ins.get(&format!("{owner}.d"))).flatten().collect();
        if there.is_empty() {
            return Vec::new();
        }
        let found = config_files::in_force(machine, there, |name| name.ends_with(b".conf"));
        gaps.extend(found.gaps);
        found.items
    }
}

/// The names in a directory, and whether each is a link, as the directory itself tells.
fn names(machine: &Machine, directory: &str) -> Vec<(String, bool)> {
    let entries = read_dir(machine.place_of(directory.as_bytes())).into_iter().flatten().flatten();
    let is_link = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_symlink());
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, is_link(&entry)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    fn machine(root: &tempfile::TempDir, files: &[(&str, &str)]) -> Machine {
        for (file, text) in files {
            let path = root.path().join(file);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        }
        Machine { root: root.path().to_path_buf(), ..Machine::default() }
    }

    fn shown(seen: &Seen<Vec<UnitFiles>>) -> Vec<(&str, Vec<&str>)> {
        let text = |(_, text): &'_ (Vec<u8>, Vec<u8>)| std::str::from_utf8(text).unwrap().to_owned();
        let texts = |unit: &UnitFiles| unit.files.iter().map(text).collect::<Vec<_>>();
        let leak = |texts: Vec<String>| texts.into_iter().map(|text| &*text.leak()).collect();
        seen.items.iter().map(|unit| (unit.name.as_str(), leak(texts(unit)))).collect()
    }

    #[test]
    fn a_drop_in_comes_after_the_unit_and_a_masked_unit_has_none() {
        let root = tempfile::tempdir().unwrap();
        let machine = machine(
            &root,
            &[
                ("usr/lib/systemd/system/a.socket", "a"),
                ("etc/systemd/system/a.socket.d/override.conf", "more"),
                ("usr/lib/systemd/system/socket.d/10.conf", "every"),
                ("usr/lib/systemd/system/b.socket", "b"),
                ("etc/systemd/system/b.socket.d/override.conf", "more"),
                ("etc/systemd/system/c.service", "c"),
            ],
        );
        symlink("/dev/null", root.path().join("etc/systemd/system/b.socket")).unwrap();
        let seen = sockets(&machine);
        assert_eq!(shown(&seen), [("a.socket", vec!["a", "every", "more"]), ("b.socket", vec![""])]);
        assert_eq!(seen.items[0].files[0].0, b"/usr/lib/systemd/system/a.socket");
        assert!(seen.gaps.is_empty());
    }

    #[test]
    fn an_alias_is_no_unit_and_a_wanted_instance_is_one() {
        let root = tempfile::tempdir().unwrap();
        let units = "usr/lib/systemd/system";
        let machine = machine(
            &root,
            &[
                ("usr/lib/systemd/system/a@.socket", "a"),
                ("usr/lib/systemd/system/b.socket", "b"),
                ("etc/systemd/system/sockets.target.wants/README", ""),
                ("etc/systemd/system/a@web.socket.d/x.conf", "web"),
            ],
        );
        symlink("b.socket", root.path().join(units).join("c.socket")).unwrap();
        let wants = root.path().join("etc/systemd/system/sockets.target.wants/a@web.socket");
        symlink("/usr/lib/systemd/system/a@.socket", wants).unwrap();
        let expected =
            [("a@.socket", vec!["a"]), ("a@web.socket", vec!["a", "web"]), ("b.socket", vec!["b"])];
        assert_eq!(shown(&sockets(&machine)), expected);
    }
}
