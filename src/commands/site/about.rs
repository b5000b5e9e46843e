//! What of all that was read is about one path.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Site, name_of, plain};
use crate::facts::nearest;
use crate::model::{Configured, Declaration, Unit, Usage};

/// Where a path is spoken of: a scan asks about thousands of paths.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Mentions of a path.
    mentions: HashMap<Vec<u8>, Vec<usize>>,
    /// Units that listen on a path, bind it or remove it.
    units: HashMap<Vec<u8>, Vec<usize>>,
    /// Directories that units make and remove.
    directories: Vec<(Vec<u8>, usize)>,
    /// Units by their names.
    names: HashMap<String, usize>,
}

impl Index {
    fn of(site: &Site) -> Self {
        let mut index = Self::default();
        for (number, mention) in site.mentions.iter().enumerate() {
            index.mentions.entry(plain(&name_of(mention))).or_default().push(number);
        }
        for (number, unit) in site.units.iter().enumerate() {
            let sockets = unit.sockets.iter().map(|socket| &socket.path);
            for path in sockets.chain(unit.deletes.iter().map(|deleted| &deleted.value)) {
                index.units.entry(plain(path)).or_default().push(number);
            }
            let made = unit.runtime_directories.iter().map(|made| (made.value.clone(), number));
            index.directories.extend(made);
            index.names.insert(unit.name.clone(), number);
        }
        index
    }
}

impl Site {
    /// What it says about a path. All has to be read by now.
    pub(in crate::commands) fn about(&self, path: &[u8]) -> Configured {
        let index = self.index.get_or_init(|| Index::of(self));
        let wanted = plain(path);
        let of_path = |map: &HashMap<Vec<u8>, Vec<usize>>| map.get(&wanted).cloned().unwrap_or_default();
        let mentions: Vec<Declaration> = of_path(&index.mentions)
            .into_iter()
            .filter_map(|number| self.mentions.get(number).cloned())
            .collect();
        let mut concerned: BTreeSet<usize> = of_path(&index.units).into_iter().collect();
        let below =
            |directory: &[u8]| wanted.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"));
        concerned.extend(index.directories.iter().filter(|(made, _)| below(made)).map(|(_, number)| number));
        concerned.extend(mentions.iter().filter_map(|mention| index.names.get(&mention.owner)));
        let started: Vec<usize> = concerned
            .iter()
            .filter_map(|number| index.names.get(self.units.get(*number)?.service.as_ref()?).copied())
            .filter(|number| !concerned.contains(number))
            .collect();
        let numbers = concerned.into_iter().chain(started);
        let units: Vec<Arc<Unit>> = numbers.filter_map(|number| self.units.get(number).cloned()).collect();
        let backlogs = self.backlogs.iter().filter(|(named, _)| plain(named) == wanted);
        let backlogs = backlogs.map(|(_, backlog)| backlog.clone()).collect();
        let permissions = self.permissions.iter().filter(|(named, _)| plain(named) == wanted);
        let permissions = permissions.flat_map(|(_, lines)| lines).cloned().collect();
        let of_haproxy = self.of_haproxy.iter().filter(|told| plain(&told.value) == wanted);
        let of_haproxy = of_haproxy.cloned().collect();
        let mut configured =
            Configured { mentions, units, backlogs, permissions, of_haproxy, ..Configured::default() };
        if configured.servers().all(|server| self.fitting.contains(&server.owner)) {
            configured.nearly = self.nearly(path);
        }
        configured.misfit = configured.socket_unit().and_then(|unit| self.misfit(unit));
        if configured.servers().next().is_none() {
            configured.possible = self.possible(&wanted);
        }
        configured
    }

    /// What it says about an abstract name as HAProxy makes it: what others call so is another one, without its NULs.
    pub(in crate::commands) fn about_name(&self, name: &[u8]) -> Configured {
        let end = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let mut configured = self.about(&[b"@", &name[..end]].concat());
        let of_haproxy = |mention: &Declaration| {
            self.fronts.iter().any(|front| front.files.contains(&mention.written.location.file))
        };
        configured.mentions.retain(of_haproxy);
        configured.nearly.clear();
        configured
    }

    /// Servers that are declared under nearly this path.
    fn nearly(&self, path: &[u8]) -> Vec<Declaration> {
        let servers = || {
            let declared = self.mentions.iter().filter(|mention| mention.usage != Usage::Connects);
            declared.filter(|server| !self.fitting.contains(&server.owner))
        };
        let names: Vec<Vec<u8>> = servers().map(name_of).collect();
        let close = nearest::among(path, names.iter().map(Vec::as_slice));
        // Of several who have it, the .socket unit is the one that listens.
        let listens = |name: &[u8]| {
            let those = servers().filter(|server| name_of(server) == name);
            those.max_by_key(|server| server.owner.ends_with(".socket")).cloned()
        };
        close.into_iter().filter_map(listens).collect()
    }
}
