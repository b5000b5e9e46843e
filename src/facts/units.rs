//! The units of systemd: which unit files are in force, and their text with that of their drop-ins.
//!
//! Read from the files: to ask systemd itself would be to connect to it.

use super::config_files;
use super::machine::Machine;
use crate::model::Seen;

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

/// The .socket units in force: the path of each one's file, and its text with that of its drop-ins after it.
pub fn sockets(machine: &Machine) -> Seen<Vec<(Vec<u8>, Vec<u8>)>> {
    units(machine, |name| name.ends_with(b".socket"))
}

/// The text of one unit with its drop-ins. `None`: it has no file, or that could not be read.
pub fn text(machine: &Machine, name: &str) -> Option<Vec<u8>> {
    units(machine, |file| file == name.as_bytes()).items.pop().map(|(_, text)| text)
}

fn units(machine: &Machine, wanted: impl Fn(&[u8]) -> bool) -> Seen<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut units = config_files::in_force(machine, DIRECTORIES, wanted);
    for (file, text) in &mut units.items {
        let name = file.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let beside = DIRECTORIES.map(|directory| format!("{directory}/{name}.d"));
        let drop_ins = config_files::in_force(machine, beside, |name| name.ends_with(b".conf"));
        units.gaps.extend(drop_ins.gaps);
        if text.is_empty() {
            // Masked: drop-ins do not count either.
            continue;
        }
        for (_, more) in drop_ins.items {
            text.push(b'\n');
            text.extend(more);
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    #[test]
    fn a_drop_in_comes_after_the_unit_and_a_masked_unit_has_none() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("usr/lib/systemd/system/a.socket", "[Socket]"),
            ("etc/systemd/system/a.socket.d/override.conf", "ListenStream="),
            ("usr/lib/systemd/system/b.socket", "[Socket]"),
            ("etc/systemd/system/b.socket.d/override.conf", "ListenStream=/run/b"),
            ("etc/systemd/system/c.service", "[Service]"),
        ] {
            let path = root.path().join(file);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("/dev/null", root.path().join("etc/systemd/system/b.socket")).unwrap();
        let machine = Machine { root: root.path().to_path_buf(), ..Machine::default() };
        let seen = sockets(&machine);
        assert_eq!(
            seen.items,
            [
                (b"/usr/lib/systemd/system/a.socket".to_vec(), b"[Socket]\nListenStream=".to_vec()),
                (b"/etc/systemd/system/b.socket".to_vec(), Vec::new()),
            ]
        );
        assert!(seen.gaps.is_empty());
    }
}
