//! Configuration that is spread over directories, as systemd's programs do it: a file in one directory hides
//! those of its name in the directories after it.

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

/// The text of a file that somebody named; else why it cannot be had, in words. Nothing waits for a writer.
pub fn one(path: &Path) -> Result<Vec<u8>, String> {
    super::proc_file::read(path, SIZE).map_err(errno::words)
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
