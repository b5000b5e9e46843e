//! The rows of `list`.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::Name;
use super::target::{Holder, Queue, Socket, Vfs, id_name, mode};
use crate::model;

/// One row, of a document or a line of its own.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::report) enum Row<'r> {
    Socket(Box<Listed<'r>>),
    FileOnly(Box<ListedFileOnly<'r>>),
}

#[derive(Serialize)]
pub(in crate::report) struct Listed<'r> {
    #[serde(flatten)]
    socket: Socket<'r>,
    #[serde(flatten)]
    common: ListedCommon<'r>,
}

/// A file without a socket: the same fields, unknown.
#[derive(Serialize)]
pub(in crate::report) struct ListedFileOnly<'r> {
    inode: Option<u32>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    state: Option<&'static str>,
    #[serde(flatten)]
    name: Name,
    vfs: Option<Vfs>,
    queue: Option<Queue>,
    holders: Vec<Holder<'r>>,
    netns: Option<u64>,
    role: Option<&'static str>,
    #[serde(flatten)]
    common: ListedCommon<'r>,
}

#[derive(Serialize)]
pub(super) struct ListedCommon<'r> {
    file: Option<ListedFile<'r>>,
    verdict: &'static str,
    codes: &'r [&'static str],
}

#[derive(Serialize)]
pub(super) struct ListedFile<'r> {
    state: &'static str,
    mode: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    owner: Option<&'r str>,
    group: Option<&'r str>,
}

/// Rows are made one at a time: a host with 20,000 sockets costs one row of memory.
pub(super) struct Rows<'r>(&'r model::Listing);

impl<'r> Rows<'r> {
    pub(super) const fn of(listing: &'r model::Listing) -> Self {
        Self(listing)
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.rows.len()))?;
        for row in self.0.iter() {
            rows.serialize_element(&Row::of(&row))?;
        }
        rows.end()
    }
}

impl<'r> Row<'r> {
    pub(in crate::report) fn of(row: &model::ListedSocket<'r>) -> Self {
        let common = ListedCommon::of(row);
        match row.socket {
            Some(socket) => {
                let holders = row.row.holders.as_deref();
                let socket = Socket::of(socket, holders, row.netns_label, row.row.role);
                Self::Socket(Box::new(Listed { socket, common }))
            }
            None => Self::FileOnly(Box::new(ListedFileOnly {
                inode: None,
                kind: None,
                state: None,
                name: Name::of(row.name()),
                vfs: None,
                queue: None,
                holders: Vec::new(),
                netns: None,
                role: None,
                common,
            })),
        }
    }
}

impl<'r> ListedCommon<'r> {
    pub(super) fn of(row: &model::ListedSocket<'r>) -> Self {
        let file = row.row.file.map(|file| {
            let (owner, group) = row.owner.map(|(owner, group)| (owner, group)).unzip();
            ListedFile {
                state: file.state.word(),
                mode: file.mode().map(mode),
                uid: owner.map(|owner| owner.id),
                gid: group.map(|group| group.id),
                owner: owner.and_then(id_name),
                group: group.and_then(id_name),
            }
        });
        Self { file, verdict: row.row.verdict.word(), codes: &row.row.codes }
    }
}
