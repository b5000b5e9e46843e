//! What configuration says about sockets, of this machine or of files that somebody named, and what of it is about
//! one path. Each family of servers has a file here that says how its processes and its files are read.

mod about;
mod clients;
mod databases;
mod files;
mod haproxy;
mod kind;
mod machine;
mod nginx;
mod php_fpm;
mod postgres;
mod python;
mod together;
mod units;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Load, Text, tmpfiles};
use crate::facts::named_files;
use crate::model::{
    Configured, Declaration, Gap, HealthCheck, Location, Protocol, Setting, Target, Unit, Usage, Written,
};

/// Everything that was read.
#[derive(Debug, Default)]
pub(in crate::commands) struct Site {
    pub(in crate::commands) units: Vec<Arc<Unit>>,
    pub(in crate::commands) mentions: Vec<Declaration>,
    pub(in crate::commands) fronts: Vec<Front>,
    pub(in crate::commands) texts: HashMap<Vec<u8>, Vec<u8>>,
    pub(in crate::commands) gaps: Vec<Gap>,
    /// Where its server would refuse a file.
    malformed: Vec<(Location, String)>,
    /// Backlogs that servers are told to have, each with the path they listen on.
    pub(in crate::commands) backlogs: Vec<(Vec<u8>, Setting<u32>)>,
    pub(in crate::commands) tmpfiles: Tmpfiles,
    /// By what paths are found; made when the first one is asked about, after all was read.
    index: OnceCell<about::Index>,
    /// Templates, of which units can be made.
    templates: Vec<units::Template>,
    /// Units that were made of templates only as a client's path is one that they would have.
    fitting: HashSet<String>,
    /// The files were named by somebody, by paths of ours.
    is_named: bool,
    /// Files that somebody named and that are read only where others name them.
    beside: Vec<Text>,
    /// Of a path the lines that say who may connect.
    permissions: Vec<(Vec<u8>, Vec<Written>)>,
    /// Paths that HAProxy is told.
    of_haproxy: Vec<Setting<Vec<u8>>>,
}

/// What tmpfiles.d(5) says.
#[derive(Debug, Default)]
pub(in crate::commands) struct Tmpfiles {
    /// The lines that have old files removed.
    pub(in crate::commands) aging: Vec<tmpfiles::Line>,
    /// Directories that are made at boot.
    pub(in crate::commands) made: Vec<Setting<Vec<u8>>>,
    /// What of it was not read.
    pub(in crate::commands) gap: Option<Gap>,
}

/// A server of any family that connects to others: to which paths, and who does so.
#[derive(Debug, Default)]
pub(in crate::commands) struct Front {
    pub(in crate::commands) paths: Vec<Vec<u8>>,
    /// Abstract names that it sends to.
    pub(in crate::commands) names: Vec<Target>,
    /// Processes that connect; none where it does not run.
    pub(in crate::commands) workers: Vec<u32>,
    /// Whom they run as, where it says so.
    pub(in crate::commands) user: Option<String>,
    /// The directory that becomes its root before it connects.
    pub(in crate::commands) chroot: Option<Setting<Vec<u8>>>,
    /// The files that say so, of HAProxy.
    pub(in crate::commands) files: Vec<Vec<u8>>,
    /// How it checks those it sends to.
    pub(in crate::commands) checks: Vec<HealthCheck>,
    /// It sees other files, or other networks, than we do; its own root apart.
    pub(in crate::commands) apart: bool,
}

impl Site {
    /// Every path that is named, once.
    pub(in crate::commands) fn paths(&self) -> Vec<Vec<u8>> {
        let mut paths: Vec<Vec<u8>> = Vec::new();
        let mut seen = HashSet::new();
        for mention in &self.mentions {
            let name = name_of(mention);
            if seen.insert(plain(&name)) {
                paths.push(name);
            }
        }
        paths
    }

    /// Leaves out of what is said about a path those clients to whom it means another file: their root is not this one.
    pub(in crate::commands) fn leave_out_other_roots(
        &self,
        configured: &mut Configured,
        root: Option<&[u8]>,
    ) {
        let root_of = |file: &Vec<u8>| {
            let front = self.fronts.iter().find(|front| front.chroot.is_some() && front.files.contains(file));
            front.and_then(|front| front.chroot.as_ref()).map(|chroot| chroot.value.as_slice())
        };
        let counts = |mention: &Declaration| {
            mention.usage != Usage::Connects || root_of(&mention.written.location.file) == root
        };
        configured.mentions.retain(counts);
    }

    /// Whether something that is declared makes a directory when the machine boots, or when its unit starts.
    pub(in crate::commands) fn makes(&self, directory: &[u8]) -> bool {
        let wanted = plain(directory);
        let leads = |above: &[u8], below: &[u8]| {
            below.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let units = || self.units.iter();
        let made = units().flat_map(|unit| &unit.runtime_directories).chain(&self.tmpfiles.made);
        // Who makes what is above it may make the rest too.
        let mut made = made.map(|made| plain(&made.value));
        let listens =
            |unit: &Arc<Unit>| unit.sockets.iter().any(|socket| leads(&wanted, &plain(&socket.path)));
        made.any(|made| leads(&wanted, &made) || leads(&made, &wanted))
            || units().filter(|unit| unit.is_socket()).any(listens)
    }

    /// Reads a main file and what it includes, and keeps their texts.
    fn read<R>(&mut self, root: &Path, main: &Text, read: impl FnOnce(&Text, &mut Load<'_>) -> R) -> R {
        let place = place(&main.0);
        let mut texts = vec![main.clone()];
        // What somebody named stands where we see it; what that names stands in the root.
        let beside = if self.is_named { Path::new("/") } else { root };
        let mut load = |pattern: &[u8]| {
            let root = if pattern.starts_with(b"/") { root } else { beside };
            let found = named_files::matching(root, &joined(place, pattern))?;
            texts.extend(found.iter().cloned());
            Ok(found)
        };
        let read = read(main, &mut load);
        self.texts.extend(texts);
        read
    }

    /// A file of tmpfiles.d.
    fn add_tmpfiles(&mut self, file: Vec<u8>, text: Vec<u8>) {
        self.tmpfiles.aging.extend(tmpfiles::lines(&file, &text));
        self.tmpfiles.made.extend(tmpfiles::directories(&file, &text));
        self.texts.insert(file, text);
    }
}

/// A server of HTTP that a line declares.
fn binds(owner: &str, path: Vec<u8>, written: Written) -> Declaration {
    Declaration {
        owner: owner.to_owned(),
        usage: Usage::Binds,
        path,
        directory: false,
        protocol: Some(Protocol::Http),
        port: None,
        written,
    }
}

/// What a running server is told on its command line: of that this alone, as it may hold a password.
fn on_command_line(pid: u32, text: Vec<u8>) -> Written {
    let location = Location { file: format!("/proc/{pid}/cmdline").into_bytes(), line: 1, column: 1 };
    Written { location, text, bytes: None }
}

/// The path of the socket that is meant: of PostgreSQL the file in the directory.
fn name_of(mention: &Declaration) -> Vec<u8> {
    mention.socket().unwrap_or_else(|| mention.path.clone())
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The directory of a file.
fn place(file: &[u8]) -> &[u8] {
    file.iter().rposition(|byte| *byte == b'/').map_or(&b"."[..], |slash| &file[..slash])
}

/// An absolute path, or one below a directory.
fn joined(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") || directory == b"." {
        return path.to_vec();
    }
    [directory.strip_suffix(b"/").unwrap_or(directory), b"/", path].concat()
}

/// A path by which two spellings are the same: no doubled slashes, no `.` and `..`, and /run for /var/run.
fn plain(path: &[u8]) -> Vec<u8> {
    let Some(below) = path.strip_prefix(b"/") else { return path.to_vec() };
    let mut names: Vec<&[u8]> = Vec::new();
    for name in below.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            _ => names.push(name),
        }
    }
    let names =
        if names.starts_with(&[b"var", b"run"]) && names.len() > 2 { &names[1..] } else { &names[..] };
    names.iter().flat_map(|name| [b"/", *name].concat()).collect()
}
