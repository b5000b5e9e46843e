//! The sockets of one dump, found by file and by name.

use std::collections::HashMap;

use super::walk::split;
use crate::model::{FileId, Socket};

/// Rows that own a name, by what they can be asked for.
#[derive(Debug)]
pub(super) struct Index<'d> {
    rows: &'d [Socket],
    by_file: HashMap<FileId, Vec<u32>>,
    by_last_name: HashMap<&'d [u8], Vec<u32>>,
}

impl<'d> Index<'d> {
    /// Of a whole dump; rows that cannot own a name are passed over.
    pub(super) fn new(rows: &'d [Socket]) -> Self {
        let mut index = Self { rows, by_file: HashMap::new(), by_last_name: HashMap::new() };
        for (number, row) in (0..).zip(rows) {
            if !row.owns_name() {
                continue;
            }
            if let Some(file) = row.file {
                index.by_file.entry(file).or_default().push(number);
            }
            if let Some(path) = row.address.path() {
                index.by_last_name.entry(last_name(path)).or_default().push(number);
            }
        }
        index
    }

    /// The sockets bound to this file.
    pub(super) fn of_file(&self, file: FileId) -> impl Iterator<Item = &'d Socket> {
        self.pick(self.by_file.get(&file))
    }

    /// The sockets whose name ends in this component.
    pub(super) fn of_last_name(&self, name: &[u8]) -> impl Iterator<Item = &'d Socket> {
        self.pick(self.by_last_name.get(name))
    }

    fn pick(&self, numbers: Option<&Vec<u32>>) -> impl Iterator<Item = &'d Socket> + use<'d> {
        let rows = self.rows;
        numbers.cloned().unwrap_or_default().into_iter().filter_map(move |number| rows.get(number as usize))
    }
}

/// The last component of a name as it was given to bind(2); relative names have no directory.
pub(super) fn last_name(path: &[u8]) -> &[u8] {
    split(path).map_or_else(|| path.rsplit(|byte| *byte == b'/').next().unwrap_or(path), |(_, name)| name)
}
