//! The socket files in a directory.

use std::collections::BTreeMap;

use super::walk::{Touch, Viewpoint, socket_names};
use crate::model::FileIno;

/// Paths of the sockets directly in a directory that does not hang, with their inodes; empty when it cannot be read.
pub(super) fn sockets(view: &Viewpoint, directory: &[u8]) -> BTreeMap<Vec<u8>, FileIno> {
    let walked = view.walk(directory, Touch::Safe).ok();
    let names = walked.and_then(|walked| socket_names(&walked.end?, directory, |_| true));
    names.unwrap_or_default().into_iter().map(|(ino, path)| (path, ino)).collect()
}
