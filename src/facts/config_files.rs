//! Configuration that is spread over directories, as systemd's programs do it: a file in one directory hides
//! those of its name in the directories after it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, read_dir};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::machine::Machine;
use super::{errno, proc_file};
use crate::model::{Gap, Seen};

/// How many entries of a directory are read.
const ENTRIES: usize = 10_000;
/// How much of a file is read.
const SIZE: u64 = 1 << 20;

/// The files in force whose names are wanted, with their text, in the order of their names. A file that is empty or
/// no regular file, such as a link to /dev/null, still hides those of its name.
pub(super) fn in_force<D: AsRef<str>>(
    machine: &Machine,
    directories: impl IntoIterator<Item = D>,
    wanted: impl Fn(&[u8]) -> bool,
) -> Seen<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut files: BTreeMap<OsString, (Vec<u8>, Vec<u8>)> = BTreeMap::new();
    let mut gaps = Vec::new();
    for directory in directories {
        let directory = directory.as_ref();
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
            if !wanted(name.as_bytes()) || files.contains_key(&name) {
                continue;
            }
            let shown = [directory.as_bytes(), b"/", name.as_bytes()].concat();
            match text(machine, &shown) {
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

/// The text of a file that somebody named; else why it cannot be had, in words. Nothing waits for a writer.
pub fn one(path: &Path) -> Result<Vec<u8>, String> {
    proc_file::read(path, SIZE).map_err(errno::words)
}

/// The text of a regular file; of anything else nothing, and without waiting for it. Links are followed as the machine
/// itself would: in an image most units of /etc are links.
fn text(machine: &Machine, path: &[u8]) -> std::io::Result<Vec<u8>> {
    let file = match proc_file::open_in_root(&machine.root, Path::new(OsStr::from_bytes(path))) {
        Ok(file) => File::from(file),
        // A link to what an image lacks, such as /dev/null.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    proc_file::regular(&file, SIZE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_of_an_image_are_meant_in_it() {
        let root = tempfile::tempdir().unwrap();
        let [etc, lib] = ["etc/units", "lib"].map(|dir| root.path().join(dir));
        std::fs::create_dir_all(&etc).unwrap();
        std::fs::create_dir(&lib).unwrap();
        std::fs::write(lib.join("passwd"), "its own").unwrap();
        for (name, target) in [("a", "/lib/passwd"), ("b", "/etc/passwd"), ("c", "../../lib/passwd")] {
            symlink(target, etc.join(name)).unwrap();
        }
        let machine = Machine::image(root.path()).unwrap();
        let seen = in_force(&machine, ["/etc/units"], |_| true);
        let texts: Vec<&[u8]> = seen.items.iter().map(|(_, text)| text.as_slice()).collect();
        assert_eq!((texts, seen.gaps.len()), (vec![&b"its own"[..], b"", b"its own"], 0));
    }
}
