//! The configuration of systemd-tmpfiles: which files are in force, and their text.

use super::config_files;
use super::machine::Machine;
use crate::model::Seen;

/// A file in the first of these hides one of the same name in the others (tmpfiles.d(5)).
const DIRECTORIES: [&str; 4] =
    ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"];

/// The files in force with their text, in the order of their names.
pub fn in_force(machine: &Machine) -> Seen<Vec<(Vec<u8>, Vec<u8>)>> {
    config_files::in_force(machine, DIRECTORIES, |name| name.ends_with(b".conf"))
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
