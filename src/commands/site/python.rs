//! gunicorn and uvicorn: those that run, and gunicorn.conf.py.

use super::machine::Family;
use super::{Site, binds, joined, plain};
use crate::commands::Context;
use crate::config::gunicorn;
use crate::facts::servers::Server;
use crate::facts::{named_files, process};
use crate::model::{Declaration, Location, Setting, Written};

pub(super) const FAMILY: Family = Family {
    names: &[b"gunicorn", b"uvicorn", b"python", b"pypy"],
    is_it: |words| gunicorn::launch(words).is_some(),
    running: Site::add_running_python,
    // Where they do not run, the units say what is to be.
    idle: |_, _| {},
};

impl Site {
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
            let backlog = launch.backlog.map(|value| Setting { value, written: written.clone() });
            self.backlogs.extend(backlog.map(|backlog| (path.clone(), backlog)));
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

    /// What a gunicorn.conf.py says.
    pub(super) fn add_gunicorn(&mut self, file: Vec<u8>, text: Vec<u8>, owner: &str) {
        let found = gunicorn::configured(&file, &text);
        self.mentions.extend(found.into_iter().map(|(path, written)| binds(owner, path, written)));
        self.texts.insert(file, text);
    }
}
