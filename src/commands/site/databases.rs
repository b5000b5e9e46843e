//! MySQL, MariaDB and Redis: their main files, and what those that run say of themselves.

use std::path::Path;

use super::machine::Family;
use super::{Site, binds, joined, on_command_line, place};
use crate::commands::Context;
use crate::config::Text;
use crate::config::mysql::{self, Mysql};
use crate::config::redis::{self, Redis};
use crate::facts::named_files;
use crate::facts::servers::Server;
use crate::model::{Declaration, Protocol, Usage};

/// Main files, the first that is there.
const MYSQL: [&[u8]; 3] = [b"/etc/mysql/my.cnf", b"/etc/mysql/mariadb.cnf", b"/etc/my.cnf"];
/// Those of Debian's instances.
const REDIS: [&[u8]; 3] = [b"/etc/redis/*.conf", b"/etc/redis.conf", b"/etc/valkey/*.conf"];

pub(super) const FAMILY_OF_MYSQL: Family = Family {
    names: &[b"mariadbd", b"mysqld"],
    is_it: |words| matches!(program(words), Some(b"mariadbd" | b"mysqld")),
    running: Site::add_running_mysql,
    idle: Site::add_idle_mysql,
};

pub(super) const FAMILY_OF_REDIS: Family = Family {
    names: &[b"redis-server", b"valkey-server"],
    is_it: |words| words.first().is_some_and(|first| title(first).is_some()),
    running: Site::add_running_redis,
    idle: Site::add_idle_redis,
};

impl Site {
    fn add_running_mysql(&mut self, _: &Context<'_>, server: &Server) {
        let option = server.words.iter().find_map(|word| word.strip_prefix(b"--socket="));
        self.add_running(server, option.map(<[u8]>::to_vec), Protocol::Mysql);
    }

    fn add_idle_mysql(&mut self, context: &Context<'_>) {
        let root = &context.machine.root;
        let main = MYSQL.iter().find_map(|path| named_files::one(root, path).ok());
        if let Some(main) = main.filter(|main| !self.texts.contains_key(&main.0)) {
            self.add_mysql(root, &main);
        }
    }

    /// What a main file says, and all that it includes. That clients have a default is nobody's wish to connect: it
    /// counts where a server is configured here too, under another name.
    pub(super) fn add_mysql(&mut self, root: &Path, main: &Text) {
        let place = place(&main.0);
        let mut texts = vec![main.clone()];
        let mut load = |path: &[u8], directory: bool| {
            let path = joined(place, path);
            let found = if directory {
                named_files::matching(root, &joined(&path, b"*.cnf"))
            } else {
                named_files::one(root, &path).map(|text| vec![text])
            }?;
            texts.extend(found.iter().cloned());
            Ok(found)
        };
        let Mysql { sockets, gaps } = mysql::read(main, &mut load);
        self.texts.extend(texts);
        self.gaps.extend(gaps);
        let server = sockets.iter().find(|socket| socket.usage == Usage::Binds).cloned();
        let counts = |socket: &Declaration| {
            socket.usage == Usage::Binds || server.as_ref().is_some_and(|server| server.path != socket.path)
        };
        self.mentions.extend(sockets.into_iter().filter(counts));
    }

    fn add_running_redis(&mut self, _: &Context<'_>, server: &Server) {
        let socket = server.words.first().and_then(|first| title(first)?.strip_prefix(b"unixsocket:"));
        self.add_running(server, socket.map(|path| path.trim_ascii().to_vec()), Protocol::Redis);
    }

    fn add_idle_redis(&mut self, context: &Context<'_>) {
        let root = &context.machine.root;
        for main in REDIS.iter().flat_map(|pattern| named_files::matching(root, pattern).unwrap_or_default())
        {
            if !self.texts.contains_key(&main.0) {
                self.add_redis(root, &main);
            }
        }
    }

    /// What a main file says, and all that it includes.
    pub(super) fn add_redis(&mut self, root: &Path, main: &Text) {
        let Redis { socket, mode, gaps } = self.read(root, main, redis::read);
        self.gaps.extend(gaps);
        let Some(socket) = socket else { return };
        self.permissions.push((socket.path.clone(), mode.map(|mode| mode.written).into_iter().collect()));
        self.mentions.push(socket);
    }

    /// A server that says its socket itself.
    fn add_running(&mut self, server: &Server, path: Option<Vec<u8>>, protocol: Protocol) {
        let Some(path) = path.filter(|path| path.starts_with(b"/")) else { return };
        let pid = server.master.pid;
        let name = String::from_utf8_lossy(&server.master.command).into_owned();
        let owner = server.master.unit.clone().unwrap_or_else(|| format!("{name} pid {pid}"));
        let written = on_command_line(pid, path.clone());
        self.mentions.push(Declaration { protocol: Some(protocol), ..binds(&owner, path, written) });
    }
}

fn program(words: &[Vec<u8>]) -> Option<&[u8]> {
    words.first()?.rsplit(|byte| *byte == b'/').next()
}

/// What a Redis says behind its name: `redis-server unixsocket:/run/redis.sock`, `redis-server *:6379`.
fn title(first: &[u8]) -> Option<&[u8]> {
    let space = first.iter().position(|byte| *byte == b' ').unwrap_or(first.len());
    let name = first[..space].rsplit(|byte| *byte == b'/').next()?;
    matches!(name, b"redis-server" | b"valkey-server").then(|| first[space..].trim_ascii())
}
