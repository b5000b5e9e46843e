//! nginx: those that run, and the main file where none does.

use std::path::Path;

use super::machine::Family;
use super::{Front, Site, joined};
use crate::commands::Context;
use crate::config::Text;
use crate::config::nginx::{self, Nginx};
use crate::facts::named_files;
use crate::facts::servers::Server;
use crate::model::{Declaration, Gap, Usage};

/// The main file where nginx is not told another (Debian, and most packages).
const NGINX_CONF: &[u8] = b"/etc/nginx/nginx.conf";

pub(super) const FAMILY: Family = Family {
    names: &[b"nginx"],
    is_it: is_nginx,
    running: Site::add_running_nginx,
    idle: Site::add_idle_nginx,
};

impl Site {
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
            Ok(main) => self.add_nginx(&root, &[main], Some(server)),
            Err(gap) => self.gaps.push(gap),
        }
    }

    /// The one that is configured and does not run.
    fn add_idle_nginx(&mut self, context: &Context<'_>) {
        if !self.texts.contains_key(NGINX_CONF)
            && let Ok(main) = named_files::one(&context.machine.root, NGINX_CONF)
        {
            self.add_nginx(&context.machine.root, &[main], None);
        }
    }

    /// Main files that somebody named, and pieces that no main file may include. Beside one main file they are taken
    /// for its own.
    pub(super) fn add_nginxes(&mut self, root: &Path, whole: Vec<Text>, mut pieces: Vec<Text>) {
        let (mentions, fronts, gaps) = (self.mentions.len(), self.fronts.len(), self.gaps.len());
        for main in &whole {
            if !self.texts.contains_key(&main.0) {
                self.add_nginx(root, std::slice::from_ref(main), None);
            }
        }
        pieces.retain(|(file, _)| !self.texts.contains_key(file));
        match whole.as_slice() {
            _ if pieces.is_empty() => {}
            [_] => {
                self.mentions.truncate(mentions);
                self.fronts.truncate(fronts);
                self.gaps.truncate(gaps);
                self.malformed.clear();
                self.add_nginx(root, &[whole, pieces].concat(), None);
            }
            _ => self.add_nginx(root, &pieces, None),
        }
    }

    /// What a main file says, or pieces of which that is not known, and all that it includes.
    pub(super) fn add_nginx(&mut self, root: &Path, files: &[Text], running: Option<&Server>) {
        let Some(main) = files.first() else { return };
        self.texts.extend(files.iter().cloned());
        let Nginx { mut sockets, backlogs, user, gaps, variable, malformed } =
            self.read(root, main, |_, load| nginx::read(files, load));
        self.malformed.extend(malformed);
        self.backlogs.extend(backlogs);
        let own = self.units.iter().find(|unit| unit.name == "nginx.service").map(|unit| &unit.name);
        let unit = running.map_or(own, |server| server.master.unit.as_ref());
        if let Some(unit) = unit {
            for socket in &mut sockets {
                socket.owner.clone_from(unit);
            }
        }
        let (sockets, relative): (Vec<Declaration>, Vec<Declaration>) = sockets
            .into_iter()
            .partition(|socket| socket.path.starts_with(b"/") || socket.path.starts_with(b"@"));
        self.gaps.extend(gaps);
        self.gaps.extend(relative.iter().map(|socket| {
            let why = "a relative path: it means a file below the directory that nginx is started in";
            Gap::new(socket.written.location.to_string(), why)
        }));
        self.gaps.extend(variable.iter().map(|written| {
            Gap::new(written.location.to_string(), "a variable: which socket is meant only nginx knows")
        }));
        let connects = sockets.iter().filter(|socket| socket.usage == Usage::Connects);
        self.fronts.push(Front {
            paths: connects.map(|socket| socket.path.clone()).collect(),
            workers: running.map(|server| server.workers.clone()).unwrap_or_default(),
            user: user.and_then(|user| String::from_utf8(user.value).ok()),
            ..Front::default()
        });
        self.mentions.extend(sockets);
    }
}

fn is_nginx(words: &[Vec<u8>]) -> bool {
    words.first().is_some_and(|first| {
        first == b"nginx:" || first.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name == b"nginx")
    })
}
