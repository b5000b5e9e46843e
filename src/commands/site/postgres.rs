//! PostgreSQL: the sockets of the servers that run, and of the clusters that do not.

use std::path::Path;

use super::machine::Family;
use super::{Site, joined, on_command_line, place};
use crate::commands::Context;
use crate::config::Text;
use crate::config::postgres::{self, Postgres};
use crate::facts::servers::Server;
use crate::facts::{named_files, process};
use crate::model::{Declaration, Protocol, Usage, Written};

/// The main files of Debian's clusters.
const MAIN: &[u8] = b"/etc/postgresql/*/*/postgresql.conf";

pub(super) const FAMILY: Family = Family {
    names: &[b"postgres", b"postmaster"],
    is_it: is_postmaster,
    running: Site::add_running_postgres,
    idle: Site::add_idle_postgres,
};

impl Site {
    fn add_running_postgres(&mut self, context: &Context<'_>, server: &Server) {
        let pid = server.master.pid;
        let root = named_files::root_of(context.machine, pid);
        let here = process::working_directory(context.machine, pid).unwrap_or_default();
        let owner = server.master.unit.clone().unwrap_or_else(|| format!("postgres pid {pid}"));
        let told = Told::of(&server.words);
        let main = match (&told.file, &told.data) {
            (Some(file), _) => joined(&here, file),
            (None, Some(data)) => joined(&joined(&here, data), b"postgresql.conf"),
            // In its data directory it has changed to.
            (None, None) => joined(&here, b"postgresql.conf"),
        };
        let mut found = match named_files::one(&root, &main) {
            Ok(main) => self.read_postgres(&root, &main),
            // What the command line says is known without it.
            Err(_) if told.directories.is_some() => Postgres::default(),
            Err(gap) => return self.gaps.push(gap),
        };
        let port = told.port.or(found.port.as_ref().map(|port| port.value));
        let mut sockets = found.sockets();
        if let Some(directories) = told.directories {
            found.directories = None;
            let said = |path: Vec<u8>| declared(path.clone(), on_command_line(pid, path));
            sockets = directories.into_iter().map(said).collect();
        }
        self.mentions.extend(sockets.into_iter().map(|socket| Declaration {
            owner: owner.clone(),
            port,
            ..socket
        }));
    }

    fn add_idle_postgres(&mut self, context: &Context<'_>) {
        let root = &context.machine.root;
        for main in named_files::matching(root, MAIN).unwrap_or_default() {
            if !self.texts.contains_key(&main.0) {
                self.add_postgres(root, &main);
            }
        }
    }

    /// What a main file says, and all that it includes.
    pub(super) fn add_postgres(&mut self, root: &Path, main: &Text) {
        let found = self.read_postgres(root, main);
        self.mentions.extend(found.sockets());
    }

    fn read_postgres(&mut self, root: &Path, main: &Text) -> Postgres {
        let place = place(&main.0);
        let mut texts = vec![main.clone()];
        let mut load = |directive: &str, value: &[u8]| {
            let path = joined(place, value);
            let found = match directive {
                "include_dir" => named_files::matching(root, &joined(&path, b"*.conf")),
                "include_if_exists" => Ok(named_files::one(root, &path).into_iter().collect()),
                _ => named_files::one(root, &path).map(|text| vec![text]),
            }?;
            texts.extend(found.iter().cloned());
            Ok(found)
        };
        let mut found = postgres::read(main, &mut load);
        self.texts.extend(texts);
        self.gaps.append(&mut found.gaps);
        found
    }
}

fn declared(path: Vec<u8>, written: Written) -> Declaration {
    let (usage, protocol) = (Usage::Binds, Some(Protocol::Postgres));
    Declaration { owner: String::new(), usage, path, directory: true, protocol, port: None, written }
}

/// What a command line says (postgres(1)).
#[derive(Default)]
struct Told {
    data: Option<Vec<u8>>,
    file: Option<Vec<u8>>,
    directories: Option<Vec<Vec<u8>>>,
    port: Option<u16>,
}

impl Told {
    fn of(words: &[Vec<u8>]) -> Self {
        let mut told = Self::default();
        let mut words = words.iter().skip(1).map(Vec::as_slice);
        while let Some(word) = words.next() {
            match word {
                b"-D" => told.data = words.next().map(<[u8]>::to_vec),
                b"-k" => told.directories = words.next().map(split),
                b"-p" => told.port = words.next().and_then(number),
                b"-c" => told.set(words.next().unwrap_or_default()),
                [b'-', b'-', setting @ ..] => told.set(setting),
                [b'-', b'D', data @ ..] => told.data = Some(data.to_vec()),
                _ => {}
            }
        }
        told
    }

    fn set(&mut self, setting: &[u8]) {
        let Some(equals) = setting.iter().position(|byte| *byte == b'=') else { return };
        let (name, value) = (&setting[..equals], &setting[equals + 1..]);
        match name {
            b"unix_socket_directories" | b"unix-socket-directories" => self.directories = Some(split(value)),
            b"config_file" | b"config-file" => self.file = Some(value.to_vec()),
            b"port" => self.port = number(value),
            _ => {}
        }
    }
}

fn split(list: &[u8]) -> Vec<Vec<u8>> {
    let parts = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    parts.filter(|part| part.starts_with(b"/")).map(<[u8]>::to_vec).collect()
}

fn number(text: &[u8]) -> Option<u16> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Its children have titles of their own: `postgres: checkpointer`.
fn is_postmaster(words: &[Vec<u8>]) -> bool {
    let first = words.first().and_then(|first| first.rsplit(|byte| *byte == b'/').next());
    matches!(first, Some(b"postgres" | b"postmaster"))
}
