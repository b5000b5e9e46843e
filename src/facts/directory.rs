//! The socket files in a directory.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;

/// How many entries are read.
const ENTRIES: usize = 100_000;

/// Paths of the sockets directly in a directory that is known not to hang; empty when it cannot be read.
pub(super) fn sockets(directory: &[u8]) -> BTreeSet<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(OsStr::from_bytes(directory)) else { return BTreeSet::new() };
    let sockets =
        entries.take(ENTRIES).flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()));
    sockets.map(|entry| entry.path().into_os_string().into_vec()).collect()
}
