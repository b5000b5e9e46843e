//! The rows of `list`. A host may have tens of thousands of sockets: a row is small, what many rows share is kept
//! once, and the two meet when a row is shown.

use std::collections::BTreeMap;

use super::{FileState, Holder, IdName, NetnsId, Overall, Role, Socket};

/// Every row, and what the rows speak of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Worst first unless asked otherwise.
    pub rows: Vec<ListedRow>,
    /// The sockets, by the number rows give; some may be in no row.
    pub sockets: Vec<Socket>,
    /// Owners and groups of the files, by name where they have one.
    pub owners: BTreeMap<(u32, u32), (IdName, IdName)>,
    /// Network namespaces that have a name and are not ours.
    pub labels: BTreeMap<NetnsId, String>,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// A socket, by its number in [`Listing::sockets`].
    Socket(u32),
    /// The path of a file without one (`--stale`).
    File(Box<[u8]>),
}

/// A row as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRow {
    /// What it is about.
    pub about: Listed,
    /// Its file.
    pub file: Option<ListedFile>,
    /// What it amounts to.
    pub verdict: Overall,
    /// What it is to the name it was bound under.
    pub role: Option<Role>,
    /// Who holds it; `None` when not asked (`--no-holders`).
    pub holders: Option<Box<[Holder]>>,
    /// The codes behind the verdict, worst first.
    pub codes: Box<[&'static str]>,
}

/// The file of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile {
    /// In one word.
    pub state: FileState,
    /// `st_mode`, user and group, where a file is there.
    pub status: Option<(u32, u32, u32)>,
}

/// A row as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct ListedSocket<'l> {
    /// As it is kept.
    pub row: &'l ListedRow,
    /// The kernel's socket; `None` for a file without one.
    pub socket: Option<&'l Socket>,
    /// Owner and group of its file.
    pub owner: Option<&'l (IdName, IdName)>,
    /// The name of its network namespace, where it has one and is not ours.
    pub netns_label: Option<&'l str>,
}

impl Listing {
    /// The rows, each with what it speaks of.
    pub fn iter(&self) -> impl Iterator<Item = ListedSocket<'_>> {
        self.rows.iter().map(|row| {
            let socket = row.socket(&self.sockets);
            ListedSocket {
                row,
                socket,
                owner: row.file.and_then(|file| self.owners.get(&file.owner()?)),
                netns_label: socket.and_then(|socket| self.labels.get(&socket.netns)).map(String::as_str),
            }
        })
    }
}

impl ListedFile {
    /// `st_mode`.
    pub fn mode(&self) -> Option<u32> {
        self.status.map(|(mode, ..)| mode)
    }

    /// User and group.
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.status.map(|(_, user, group)| (user, group))
    }
}

impl ListedRow {
    /// Its socket among those of the listing.
    pub fn socket<'l>(&self, sockets: &'l [Socket]) -> Option<&'l Socket> {
        match self.about {
            Listed::Socket(number) => sockets.get(number as usize),
            Listed::File(_) => None,
        }
    }

    /// The name it goes by: a path, an abstract name without its NUL, nothing.
    pub fn name<'l>(&'l self, sockets: &'l [Socket]) -> &'l [u8] {
        match &self.about {
            Listed::Socket(_) => self.socket(sockets).map_or(&[], |socket| socket.address.bytes()),
            Listed::File(path) => path,
        }
    }
}

impl ListedSocket<'_> {
    /// The name it goes by: a path, an abstract name without its NUL, nothing.
    pub fn name(&self) -> &[u8] {
        match (&self.row.about, self.socket) {
            (Listed::File(path), _) => path,
            (Listed::Socket(_), socket) => socket.map_or(&[], |socket| socket.address.bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_small() {
        assert!(size_of::<ListedRow>() <= 72, "{}", size_of::<ListedRow>());
        assert!(size_of::<Socket>() <= 104, "{}", size_of::<Socket>());
    }
}
