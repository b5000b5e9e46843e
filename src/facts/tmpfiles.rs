//! The configuration of systemd-tmpfiles: which files are in force, and their text.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, read_dir};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::errno;
use super::machine::Machine;
use crate::model::{Gap, Seen};

/// A file in the first of these hides one of the same name in the others (tmpfiles.d(5)).
const DIRECTORIES: [&str; 4] =
    ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"];
/// How many entries of a directory are read.
const ENTRIES: usize = 10_000;
/// How much of a file is read.
const SIZE: u64 = 1 << 20;

/// The files in force with their text, in the order of their names. A file that is empty or no regular file, such
/// as a link to /dev/null, still hides those of its name.
pub fn in_force(machine: &Machine) -> Seen<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut files: BTreeMap<OsString, (Vec<u8>, Vec<u8>)> = BTreeMap::new();
    let mut gaps = Vec::new();
    for directory in DIRECTORIES {
        let here = machine.root.join(directory.trim_start_matches('/'));
        let entries = match read_dir(&here) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => {
                gaps.push(Gap::new(directory, errno::words(error)));
                continue;
            }
        };
        for entry in entries.take(ENTRIES).flatten() {
            let name = entry.file_name();
            if !name.as_bytes().ends_with(b".conf") || files.contains_key(&name) {
                continue;
            }
            let shown = [directory.as_bytes(), b"/", name.as_bytes()].concat();
            match text(&entry.path()) {
                Ok(text) => drop(files.insert(name, (shown, text))),
                Err(error) => {
                    gaps.push(Gap::new(String::from_utf8_lossy(&shown), errno::words(error)));
                    files.insert(name, (shown, Vec::new()));
                }
            }
        }
    }
    Seen { items: files.into_values().collect(), gaps }
}

/// The text of a regular file; of anything else nothing, and without waiting for it.
fn text(path: &Path) -> std::io::Result<Vec<u8>> {
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut text = Vec::new();
    if file.metadata()?.is_file() {
        file.take(SIZE).read_to_end(&mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    #[test]
    fn the_same_name_nearer_to_the_administrator_hides_the_other() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("usr/lib/tmpfiles.d/tmp.conf", "q /tmp - - - 10d"),
            ("usr/lib/tmpfiles.d/var.conf", "q /var/tmp - - - 30d"),
            ("usr/local/lib/tmpfiles.d/var.conf", "local"),
            ("run/tmpfiles.d/var.conf", "run"),
            ("run/tmpfiles.d/a.conf", "a"),
            ("run/tmpfiles.d/README", "no configuration"),
        ] {
            let path = root.path().join(file);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        }
        create_dir_all(root.path().join("etc/tmpfiles.d")).unwrap();
        std::os::unix::fs::symlink("/dev/null", root.path().join("etc/tmpfiles.d/tmp.conf")).unwrap();
        let machine = Machine { root: root.path().to_path_buf(), ..Machine::default() };
        let seen = in_force(&machine);
        let shown: Vec<(&str, &str)> = seen
            .items
            .iter()
            .map(|(path, text)| (std::str::from_utf8(path).unwrap(), std::str::from_utf8(text).unwrap()))
            .collect();
        assert!(seen.gaps.is_empty());
        assert_eq!(
            shown,
            [
                ("/run/tmpfiles.d/a.conf", "a"),
                ("/etc/tmpfiles.d/tmp.conf", ""),
                ("/run/tmpfiles.d/var.conf", "run")
            ]
        );
    }

    #[test]
    fn a_machine_without_it_has_none_and_what_cannot_be_read_is_said() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine { root: root.path().to_path_buf(), ..Machine::default() };
        assert_eq!(in_force(&machine), Seen::default());
        create_dir_all(root.path().join("etc/tmpfiles.d")).unwrap();
        std::os::unix::fs::symlink("loop.conf", root.path().join("etc/tmpfiles.d/loop.conf")).unwrap();
        assert_eq!(in_force(&machine).gaps.len(), 1);
    }
}
