//! What a target means, and which sockets of a dump have to do with it.

use std::collections::HashSet;

use super::Examiner;
use super::sighting::place_of_relative;
use crate::facts::index::{Index, last_name};
use crate::facts::look::Question;
use crate::facts::sockets::{self, Ask, Sockets};
use crate::facts::walk::{join, split};
use crate::facts::{bound_file, directory};
use crate::model::{
    Address, Certainty, Fact, File, FileId, FileIno, FileKind, Relation, Socket, SocketIno, Target, Walk,
};

/// What is known of a target before its holders are.
pub(super) struct Draft<'d> {
    pub(super) target: Target,
    pub(super) path: Vec<u8>,
    /// Where the path leads, symlinks resolved as far as they go.
    pub(super) place: Vec<u8>,
    pub(super) walk: Fact<Walk>,
    pub(super) related: Vec<(&'d Socket, Relation)>,
}

impl Draft<'_> {
    fn new(target: &Target) -> Self {
        Self {
            target: target.clone(),
            path: Vec::new(),
            place: Vec::new(),
            walk: Fact::NotAsked,
            related: Vec::new(),
        }
    }
}

pub(in crate::facts) fn join_if_relative(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let absolute = if path.starts_with(b"/") { path.to_vec() } else { join(directory, path) };
    // Who walks it may be the helper, which is another process.
    let own = |name: &[u8]| {
        let rest = absolute.strip_prefix(name)?;
        rest.starts_with(b"/").then(|| [format!("/proc/{}", std::process::id()).as_bytes(), rest].concat())
    };
    own(b"/proc/self").or_else(|| own(b"/proc/thread-self")).unwrap_or(absolute)
}

impl Examiner<'_> {
    /// A directory that holds sockets, or that listeners are named in, becomes those sockets.
    pub fn expand(&mut self, target: &Target, working_directory: &[u8]) -> Vec<Target> {
        let Target::Path(given) = target else { return vec![target.clone()] };
        let path = join_if_relative(working_directory, given);
        let look = self.look(&Question::walk(self.client, &path));
        let directory = look.as_ref().ok().and_then(|look| look.walk.file());
        let Some(directory) =
            directory.filter(|file| file.kind == FileKind::Directory && !file.class.may_hang())
        else {
            return vec![target.clone()];
        };
        let dump = sockets::all(self.machine, Ask { owners_only: true, memory: false }, &self.kept);
        let Ok(view) = self.viewpoint(self.client) else { return vec![target.clone()] };
        let mut names = directory::sockets(&view, &directory.path);
        let standing: HashSet<FileIno> = names.values().copied().collect();
        let nameless: Vec<Target> = relative_rows(&dump).map(|row| Target::Inode(row.ino.0)).collect();
        self.place_relative_names(&nameless, &dump);
        for row in dump.rows.iter().filter(|row| row.owns_name()) {
            // What was renamed inside the directory is there under its new name.
            let Some(file) = row.file.filter(|file| !standing.contains(&file.ino)) else { continue };
            let absolute = row.address.path().filter(|name| name.starts_with(b"/")).map(<[u8]>::to_vec);
            if let Some(name) = absolute.or_else(|| self.relative.get(&row.ino).cloned())
                && let Some((parent, last)) = split(&name)
                && self.canonical_directory(parent).as_deref() == Some(&directory.path)
            {
                names.entry(join(&directory.path, last)).or_insert(file.ino);
            }
        }
        if names.is_empty() { vec![target.clone()] } else { names.into_keys().map(Target::Path).collect() }
    }

    /// What sockets asked for by inode mean by a relative name, as far as their holders' directories tell.
    pub(super) fn place_relative_names(&mut self, targets: &[Target], dump: &Sockets) {
        let asked: HashSet<u32> = targets
            .iter()
            .filter_map(|target| if let Target::Inode(ino) = target { Some(*ino) } else { None })
            .collect();
        let rows: Vec<&Socket> = relative_rows(dump).filter(|row| asked.contains(&row.ino.0)).collect();
        if rows.is_empty() {
            return;
        }
        let wanted = rows.iter().map(|row| row.ino).collect();
        let held = self.held(wanted);
        for row in rows {
            let holders = held.of(row.ino);
            let holder = holders.iter().find(|held| self.shares_view(held.pid));
            if let (Some(holder), Some(name)) = (holder, row.address.path()) {
                let bound = bound_file::of(self.machine, holder.pid, holder.fd);
                if let Ok(place) = place_of_relative(self.machine, holder.pid, &bound, name) {
                    self.relative.insert(row.ino, place);
                }
            }
        }
    }

    pub(super) fn draft<'d>(
        &mut self,
        target: &Target,
        working_directory: &[u8],
        dump: &'d Sockets,
        index: &Index<'d>,
    ) -> Option<Draft<'d>> {
        let named = |row: &'d Socket, serves| (row, Relation { names_path: true, serves, twin: None });
        match target {
            Target::Path(path) => {
                Some(self.draft_path(target, join_if_relative(working_directory, path), index))
            }
            Target::Abstract(name) => {
                let rows = dump.rows.iter().filter(|row: &&Socket| row.owns_name());
                let rows =
                    rows.filter(|row| matches!(&row.address, Address::Abstract(own) if **own == *name));
                let client = self.netns.unwrap_or(dump.own);
                let related = rows.map(|row| named(row, row.netns == client)).collect();
                Some(Draft { related, ..Draft::new(target) })
            }
            Target::Inode(ino) => {
                let row: &Socket = dump.rows.iter().find(|row| row.ino == SocketIno(*ino))?;
                let name = row.address.path().filter(|_| row.owns_name());
                let absolute = name.filter(|name| name.starts_with(b"/")).map(<[u8]>::to_vec);
                match absolute.or_else(|| self.relative.get(&row.ino).cloned()) {
                    Some(path) => Some(self.draft_path(target, path, index)),
                    _ => Some(Draft { related: vec![named(row, true)], ..Draft::new(target) }),
                }
            }
            Target::Tcp(_) => None,
        }
    }

    pub(super) fn draft_path<'d>(&mut self, target: &Target, path: Vec<u8>, index: &Index<'d>) -> Draft<'d> {
        let (root, below) = self.rooted(&path);
        let question = Question { acls: self.acls, ..Question::walk(root, below) };
        let walk = match self.look(&question) {
            Ok(look) => Fact::Known(look.walk),
            Err(gap) => Fact::Unknown(gap),
        };
        let file = walk.known().and_then(Walk::file);
        let identity = file.filter(|file| file.kind == FileKind::Socket).and_then(File::id);
        let serving: Vec<_> = identity.into_iter().flat_map(|file| index.of_file(file)).collect();
        let place = walk.known().map_or_else(|| below.to_vec(), Walk::destination);
        let mut related: Vec<_> = Vec::new();
        let mut serving: Vec<_> =
            serving.into_iter().map(|row| (row, self.names(row, &path, &place))).collect();
        // bind(2) makes a file of its own for each, so numbers that agree tell nothing and the name decides: on 9p
        // all that is bound has the number 0 (v9fs_vfs_mknod_dotl, fs/9p/vfs_inode_dotl.c).
        if serving.iter().any(|(_, names_path)| *names_path) {
            serving.retain(|(_, names_path)| *names_path);
        }
        for (row, names_path) in serving {
            related.push((row, Relation { names_path, serves: true, twin: None }));
        }
        let mut last_names = vec![last_name(&path), last_name(&place)];
        last_names.dedup();
        for row in last_names.into_iter().flat_map(|name| index.of_last_name(name)) {
            let seen = related.iter().any(|(other, _)| other.ino == row.ino && other.cookie == row.cookie);
            let relative = row.address.path().is_some_and(|name| !name.starts_with(b"/"));
            let may_be_twin = related.is_empty() && has_its_number(row, identity);
            let twin = may_be_twin.then_some(Certainty::Likely);
            if !seen && (relative || may_be_twin || self.names(row, &path, &place)) {
                related.push((row, Relation { names_path: !relative && !may_be_twin, serves: false, twin }));
            }
        }
        Draft { target: target.clone(), path, place, walk, related }
    }

    /// Whether a socket's absolute name means the place the target means, in our own view.
    pub(super) fn names(&mut self, row: &Socket, path: &[u8], place: &[u8]) -> bool {
        let Some(name) = row.address.path().filter(|name| name.starts_with(b"/")) else { return false };
        name == path || name == place || self.is_place(name, place)
    }

    pub(super) fn is_place(&mut self, name: &[u8], place: &[u8]) -> bool {
        let (Some((directory, last)), Some((place, place_last))) = (split(name), split(place)) else {
            return false;
        };
        last == place_last && self.canonical_directory(directory).as_deref() == Some(place)
    }

    pub(super) fn canonical_directory(&mut self, directory: &[u8]) -> Option<Vec<u8>> {
        if let Some(known) = self.directories.get(directory) {
            return known.clone();
        }
        let look = self.look(&Question::walk(self.client, directory)).ok();
        let canonical = look.and_then(|look| look.walk.file().map(|file| file.path.clone()));
        self.directories.insert(directory.to_vec(), canonical.clone());
        canonical
    }
}

/// Whether a socket's file has the number of this one on another filesystem.
fn has_its_number(row: &Socket, file: Option<FileId>) -> bool {
    row.file.zip(file).is_some_and(|(own, file)| own.ino == file.ino && own.dev != file.dev)
}

/// Sockets that were bound under a relative name.
fn relative_rows(dump: &Sockets) -> impl Iterator<Item = &Socket> {
    let relative = |row: &&Socket| row.address.path().is_some_and(|name| !name.starts_with(b"/"));
    dump.rows.iter().filter(|row: &&Socket| row.owns_name()).filter(relative)
}
