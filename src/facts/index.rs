//! The sockets of one dump, found by file and by name.

use std::collections::HashMap;

use super::walk::split;
use crate::model::{FileId, Socket};

/// How many questions are cheaper to answer by reading all rows than by indexing them first.
const FEW: usize = 8;

/// Rows that own a name, by what they can be asked for.
#[derive(Debug)]
pub(super) struct Index<'d> {
    rows: &'d [Socket],
    maps: Option<Maps<'d>>,
}

#[derive(Debug, Default)]
struct Maps<'d> {
    by_file: HashMap<FileId, Vec<&'d Socket>>,
    by_last_name: HashMap<&'d [u8], Vec<&'d Socket>>,
}

impl<'d> Index<'d> {
    /// Of a whole dump, for so many questions.
    pub(super) fn new(rows: &'d [Socket], questions: usize) -> Self {
        let mut maps = Maps::default();
        if questions <= FEW {
            return Self { rows, maps: None };
        }
        for row in owners(rows) {
            if let Some(file) = row.file {
                maps.by_file.entry(file).or_default().push(row);
            }
            if let Some(path) = row.address.path() {
                maps.by_last_name.entry(last_name(path)).or_default().push(row);
            }
        }
        Self { rows, maps: Some(maps) }
    }

    /// The sockets bound to this file.
    pub(super) fn of_file(&self, file: FileId) -> Vec<&'d Socket> {
        match &self.maps {
            Some(maps) => maps.by_file.get(&file).cloned().unwrap_or_default(),
            None => owners(self.rows).filter(|row| row.file == Some(file)).collect(),
        }
    }

    /// The sockets whose name ends in this component.
    pub(super) fn of_last_name(&self, name: &[u8]) -> Vec<&'d Socket> {
        let ends_in = |row: &&Socket| row.address.path().is_some_and(|path| last_name(path) == name);
        match &self.maps {
            Some(maps) => maps.by_last_name.get(name).cloned().unwrap_or_default(),
            None => owners(self.rows).filter(ends_in).collect(),
        }
    }
}

fn owners(rows: &[Socket]) -> impl Iterator<Item = &Socket> {
    rows.iter().filter(|row| row.owns_name())
}

/// The last component of a name as it was given to bind(2); relative names have no directory.
pub(super) fn last_name(path: &[u8]) -> &[u8] {
    split(path).map_or_else(|| path.rsplit(|byte| *byte == b'/').next().unwrap_or(path), |(_, name)| name)
}
