//! What configuration says about sockets, of this machine or of files that somebody named, and what of it is about
//! one path.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::{Context, Refusal};
use crate::config::nginx::{self, Nginx, Text};
use crate::config::{gunicorn, systemd};
use crate::facts::servers::{self, Server};
use crate::facts::units::{self, UnitFiles};
use crate::facts::users::Users;
use crate::facts::{named_files, nearest, process};
use crate::model::{Configured, Declaration, Gap, Location, Unit, Usage, Written};

/// The main file where nginx is not told another (Debian, and most packages).
const NGINX_CONF: &[u8] = b"/etc/nginx/nginx.conf";

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) units: Vec<Arc<Unit>>,
    pub(super) mentions: Vec<Declaration>,
    pub(super) fronts: Vec<Front>,
    pub(super) texts: HashMap<Vec<u8>, Vec<u8>>,
    pub(super) gaps: Vec<Gap>,
}

/// An nginx: the paths it connects to, and who does so.
#[derive(Debug, Default)]
pub(super) struct Front {
    pub(super) paths: Vec<Vec<u8>>,
    /// Processes that connect; none where it does not run.
    pub(super) workers: Vec<u32>,
    /// Whom they run as, where it says so.
    pub(super) user: Option<String>,
}

impl Site {
    /// That of the machine: its units, its nginx and those that run, its gunicorn and uvicorn processes.
    pub(super) fn of_machine(context: &Context<'_>) -> Self {
        let machine = context.machine;
        let mut site = Self::default();
        let found = units::all(machine);
        site.gaps.extend(found.gaps);
        for unit in found.items {
            site.add_unit(unit);
        }
        let (mut nginxes, mut pythons) = (Vec::new(), Vec::new());
        if machine.has_kernel() {
            let mut users = Users::new(machine);
            let names: [&[u8]; 5] = [b"nginx", b"gunicorn", b"uvicorn", b"python", b"pypy"];
            let is_it = |words: &[Vec<u8>]| is_nginx(words) || gunicorn::launch(words).is_some();
            match servers::running(machine, &mut users, &names, is_it) {
                Ok(found) => (nginxes, pythons) = found.into_iter().partition(|one| is_nginx(&one.words)),
                Err(gap) => site.gaps.push(gap),
            }
        }
        for server in nginxes {
            site.add_running_nginx(context, &server);
        }
        if !site.texts.contains_key(NGINX_CONF)
            && let Ok(main) = named_files::one(&machine.root, NGINX_CONF)
        {
            site.add_nginx(&machine.root, &main, None);
        }
        for server in pythons {
            site.add_running_python(context, &server);
        }
        site
    }

    /// That of files and directories that somebody named.
    pub(super) fn of_files(context: &Context<'_>, paths: &[std::path::PathBuf]) -> Result<Self, Refusal> {
        let mut site = Self::default();
        let mut units: HashMap<String, UnitFiles> = HashMap::new();
        let (mut nginxes, mut drop_ins) = (Vec::new(), Vec::new());
        for path in paths {
            let unread = |gap: Gap| {
                Refusal::usage(format!("{}: {}", gap.source, gap.why), "give files that can be read")
            };
            let texts = named_files::below(path).map_err(unread)?;
            let named = path.as_os_str().as_bytes();
            for (file, text) in texts {
                let found_below = file != named;
                match kind(&file, &text) {
                    Some(Kind::Unit(name)) => {
                        let files = vec![(file, text)];
                        units.insert(name.clone(), UnitFiles { name, files });
                    }
                    Some(Kind::DropIn(name)) => drop_ins.push((name, (file, text))),
                    Some(Kind::Nginx) => nginxes.push((file, text)),
                    Some(Kind::Gunicorn) => site.add_gunicorn(file, text, "gunicorn"),
                    None if found_below => {}
                    None => {
                        let message = format!("{}: no configuration that scan reads", path.display());
                        let hint = "it reads nginx, units of systemd, and gunicorn.conf.py";
                        return Err(Refusal::usage(message, hint));
                    }
                }
            }
        }
        for (name, file) in drop_ins {
            let new = || UnitFiles { name: name.clone(), files: vec![] };
            units.entry(name.clone()).or_insert_with(new).files.push(file);
        }
        let mut units: Vec<UnitFiles> = units.into_values().collect();
        units.sort_by(|one, other| one.name.cmp(&other.name));
        for unit in units {
            site.add_unit(unit);
        }
        // Whole ones first: what they include is read there.
        nginxes.sort_by_key(|(_, text)| !nginx::is_whole(text));
        for main in nginxes {
            if !site.texts.contains_key(&main.0) {
                site.add_nginx(&context.machine.root, &main, None);
            }
        }
        Ok(site)
    }

    /// What it says about a path.
    pub(super) fn about(&self, path: &[u8]) -> Configured {
        let wanted = plain(path);
        let is_it = |named: &[u8]| plain(named) == wanted;
        let mentions: Vec<Declaration> =
            self.mentions.iter().filter(|mention| is_it(&mention.path)).cloned().collect();
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
        let mut configured = Configured { mentions, units, ..Configured::default() };
        if configured.servers().next().is_none() {
            let servers = || self.mentions.iter().filter(|mention| mention.usage != Usage::Connects);
            let close = nearest::among(path, servers().map(|server| server.path.as_slice()));
            // Of several who have it, the .socket unit is the one that listens.
            let listens = |name: &[u8]| {
                let those = servers().filter(|server| server.path == name);
                those.max_by_key(|server| server.owner.ends_with(".socket")).cloned()
            };
            configured.nearly = close.into_iter().filter_map(listens).collect();
        }
        configured
    }

    /// Every path that is named, once.
    pub(super) fn paths(&self) -> Vec<Vec<u8>> {
        let mut paths: Vec<Vec<u8>> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for mention in &self.mentions {
            if seen.insert(plain(&mention.path)) {
                paths.push(mention.path.clone());
            }
        }
        paths
    }

    fn add_unit(&mut self, UnitFiles { name, files }: UnitFiles) {
        let unit = systemd::unit(&name, &files);
        self.texts.extend(files);
        if name.contains("@.") {
            return;
        }
        self.mentions.extend(unit.sockets.iter().cloned());
        self.units.push(Arc::new(unit));
    }

    fn add_running_nginx(&mut self, context: &Context<'_>, server: &Server) {
        let root = named_files::root_of(context.machine, server.master.pid);
        let option = |name: &[u8]| {
            let at = server.words.iter().position(|word| word == name)?;
            server.words.get(at + 1).cloned()
        };
        let path = match (option(b"-c"), option(b"-p")) {
            (Some(file), _) if file.starts_with(b"/") => file,
            (file, Some(prefix)) => joined(&prefix, file.as_deref().unwrap_or(b"conf/nginx.conf")),
            (None, None) => NGINX_CONF.to_vec(),
            (Some(file), None) => {
                let name = String::from_utf8_lossy(&file).into_owned();
                let why = "relative to a directory that only this nginx knows (nginx -V)";
                return self.gaps.push(Gap::new(name, why));
            }
        };
        match named_files::one(&root, &path) {
            Ok(main) => self.add_nginx(&root, &main, Some(server)),
            Err(gap) => self.gaps.push(gap),
        }
    }

    fn add_nginx(&mut self, root: &Path, main: &Text, running: Option<&Server>) {
        let place = main.0.iter().rposition(|byte| *byte == b'/').map_or(&b"."[..], |slash| &main.0[..slash]);
        let place = place.to_vec();
        let mut texts = vec![main.clone()];
        let mut load = |pattern: &[u8]| {
            let found = named_files::matching(root, &joined(&place, pattern))?;
            texts.extend(found.iter().cloned());
            Ok(found)
        };
        let Nginx { mut sockets, user, gaps, variable } = nginx::read(main, &mut load);
        if let Some(unit) = running.and_then(|server| server.master.unit.as_ref()) {
            for socket in &mut sockets {
                socket.owner.clone_from(unit);
            }
        }
        self.texts.extend(texts);
        self.gaps.extend(gaps);
        self.gaps.extend(variable.iter().map(|written| {
            Gap::new(written.location.to_string(), "a variable: which socket is meant only nginx knows")
        }));
        let connects = sockets.iter().filter(|socket| socket.usage == Usage::Connects);
        self.fronts.push(Front {
            paths: connects.map(|socket| socket.path.clone()).collect(),
            workers: running.map(|server| server.workers.clone()).unwrap_or_default(),
            user: user.and_then(|user| String::from_utf8(user.value).ok()),
        });
        self.mentions.extend(sockets);
    }

    /// What the command line of a running server says that no unit does, and its gunicorn.conf.py.
    fn add_running_python(&mut self, context: &Context<'_>, server: &Server) {
        let Some(launch) = gunicorn::launch(&server.words) else { return };
        let pid = server.master.pid;
        let owner =
            server.master.unit.clone().unwrap_or_else(|| format!("{} pid {pid}", launch.program.name()));
        let here = process::working_directory(context.machine, pid).unwrap_or_default();
        for path in launch.sockets.iter().map(|path| joined(&here, path)) {
            let known =
                |mention: &Declaration| mention.owner == owner && plain(&mention.path) == plain(&path);
            if self.mentions.iter().any(known) {
                continue;
            }
            let location = Location { file: format!("/proc/{pid}/cmdline").into_bytes(), line: 1, column: 1 };
            let written = Written { location, text: server.words.join(&b' '), bytes: None };
            self.mentions.push(binds(&owner, path, written));
        }
        if launch.program != gunicorn::Program::Gunicorn || launch.told {
            return;
        }
        let named = launch.config.clone().unwrap_or_else(|| b"gunicorn.conf.py".to_vec());
        let root = named_files::root_of(context.machine, pid);
        match named_files::one(&root, &joined(&here, &named)) {
            Ok((file, text)) => self.add_gunicorn(file, text, &owner),
            Err(gap) if launch.config.is_some() => self.gaps.push(gap),
            Err(_) => {}
        }
    }

    fn add_gunicorn(&mut self, file: Vec<u8>, text: Vec<u8>, owner: &str) {
        let found = gunicorn::configured(&file, &text);
        self.mentions.extend(found.into_iter().map(|(path, written)| binds(owner, path, written)));
        self.texts.insert(file, text);
    }
}

fn binds(owner: &str, path: Vec<u8>, written: Written) -> Declaration {
    Declaration {
        owner: owner.to_owned(),
        usage: Usage::Binds,
        path,
        directory: false,
        protocol: None,
        port: None,
        written,
    }
}

fn is_nginx(words: &[Vec<u8>]) -> bool {
    words.first().is_some_and(|first| {
        first == b"nginx:" || first.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name == b"nginx")
    })
}

/// What a file is, by its name and its words.
enum Kind {
    Unit(String),
    DropIn(String),
    Nginx,
    Gunicorn,
}

fn kind(file: &[u8], text: &[u8]) -> Option<Kind> {
    let is_unit = |name: &str| name.ends_with(".service") || name.ends_with(".socket");
    let mut parts =
        file.rsplit(|byte| *byte == b'/').map(|part| std::str::from_utf8(part).unwrap_or_default());
    let name = parts.next()?;
    if is_unit(name) {
        return Some(Kind::Unit(name.to_owned()));
    }
    let beside = parts.next().and_then(|directory| directory.strip_suffix(".d")).filter(|unit| is_unit(unit));
    match beside {
        Some(unit) if name.as_bytes().ends_with(b".conf") => Some(Kind::DropIn(unit.to_owned())),
        _ if name.contains("gunicorn") && name.as_bytes().ends_with(b".py") => Some(Kind::Gunicorn),
        _ => nginx::is_it(text).then_some(Kind::Nginx),
    }
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
