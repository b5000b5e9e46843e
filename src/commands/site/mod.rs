//! What configuration says about sockets, of this machine or of files that somebody named, and what of it is about
//! one path. Each family of servers has a file here that says how its processes and its files are read.

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

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::config::systemd;
use crate::facts::nearest;
use crate::facts::units::UnitFiles;
use crate::model::{Configured, Declaration, Gap, Protocol, Setting, Unit, Usage, Written};

/// Everything that was read.
#[derive(Debug, Default)]
pub(in crate::commands) struct Site {
    pub(in crate::commands) units: Vec<Arc<Unit>>,
    pub(in crate::commands) mentions: Vec<Declaration>,
    pub(in crate::commands) fronts: Vec<Front>,
    pub(in crate::commands) texts: HashMap<Vec<u8>, Vec<u8>>,
    pub(in crate::commands) gaps: Vec<Gap>,
    /// Of a path the lines that say who may connect.
    permissions: Vec<(Vec<u8>, Vec<Written>)>,
}

/// A server of any family that connects to others: to which paths, and who does so.
#[derive(Debug, Default)]
pub(in crate::commands) struct Front {
    pub(in crate::commands) paths: Vec<Vec<u8>>,
    /// Processes that connect; none where it does not run.
    pub(in crate::commands) workers: Vec<u32>,
    /// Whom they run as, where it says so.
    pub(in crate::commands) user: Option<String>,
    /// The directory that becomes its root before it connects.
    pub(in crate::commands) chroot: Option<Setting<Vec<u8>>>,
}

impl Site {
    /// What it says about a path.
    pub(in crate::commands) fn about(&self, path: &[u8]) -> Configured {
        let wanted = plain(path);
        let is_it = |named: &[u8]| plain(named) == wanted;
        let mentions: Vec<Declaration> =
            self.mentions.iter().filter(|mention| is_it(&name_of(mention))).cloned().collect();
        let below =
            |directory: &[u8]| wanted.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"));
        let concerns = |unit: &&Arc<Unit>| {
            unit.sockets.iter().any(|socket| is_it(&socket.path))
                || unit.deletes.iter().any(|deleted| is_it(&deleted.value))
                || unit.runtime_directories.iter().any(|made| below(&made.value))
                || mentions.iter().any(|mention| mention.owner == unit.name)
        };
        let mut units: Vec<Arc<Unit>> = self.units.iter().filter(concerns).cloned().collect();
        let started: Vec<String> = units.iter().filter_map(|unit| unit.service.clone()).collect();
        for name in started {
            let known = units.iter().any(|unit| unit.name == name);
            units.extend(self.units.iter().find(|unit| unit.name == name && !known).cloned());
        }
        let permissions = self.permissions.iter().filter(|(named, _)| is_it(named));
        let permissions = permissions.flat_map(|(_, lines)| lines).cloned().collect();
        let mut configured = Configured { mentions, units, permissions, ..Configured::default() };
        if configured.servers().next().is_none() {
            let servers = || self.mentions.iter().filter(|mention| mention.usage != Usage::Connects);
            let names: Vec<Vec<u8>> = servers().map(name_of).collect();
            let close = nearest::among(path, names.iter().map(Vec::as_slice));
            // Of several who have it, the .socket unit is the one that listens.
            let listens = |name: &[u8]| {
                let those = servers().filter(|server| name_of(server) == name);
                those.max_by_key(|server| server.owner.ends_with(".socket")).cloned()
            };
            configured.nearly = close.into_iter().filter_map(listens).collect();
        }
        configured
    }

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

    /// A unit, and its files.
    fn add_unit(&mut self, UnitFiles { name, files }: UnitFiles) {
        let unit = systemd::unit(&name, &files);
        self.texts.extend(files);
        if name.contains("@.") {
            return;
        }
        self.mentions.extend(unit.sockets.iter().cloned());
        self.units.push(Arc::new(unit));
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

/// The path of the socket that is meant: of PostgreSQL the file in the directory.
fn name_of(mention: &Declaration) -> Vec<u8> {
    mention.socket().unwrap_or_else(|| mention.path.clone())
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// An absolute path, or one below a directory.
fn joined(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") || directory == b"." {
        return path.to_vec();
    }
    [directory.strip_suffix(b"/").unwrap_or(directory), b"/", path].concat()
}

/// A path by which two spellings are the same: no doubled slashes, and /run for /var/run.
fn plain(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    path.dedup_by(|next, byte| *next == b'/' && *byte == b'/');
    path.strip_prefix(b"/var/run/").map(|below| [b"/run/", below].concat()).unwrap_or(path)
}
