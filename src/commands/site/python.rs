//! gunicorn and uvicorn: those that run, and gunicorn.conf.py.

use super::machine::Family;
use super::{Site, binds, joined, on_command_line, plain};
use crate::commands::Context;
use crate::config::gunicorn;
use crate::facts::servers::Server;
use crate::facts::{named_files, process};
use crate::model::{Declaration, Setting};

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
        for named in &launch.sockets {
            let path = joined(&here, named);
            let known =
                |mention: &Declaration| mention.owner == owner && plain(&mention.path) == plain(&path);
            if self.mentions.iter().any(known) {
                continue;
            }
            let written = on_command_line(pid, about(&server.words, named));
            let backlog = launch.backlog.map(|value| {
                let text = format!("--backlog {value}").into_bytes();
                Setting { value, written: on_command_line(pid, text) }
            });
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
        for (path, written) in found.sockets {
            let known = |mention: &Declaration| mention.written == written;
            if self.mentions.iter().any(known) {
                continue;
            }
            self.backlogs.extend(found.backlog.iter().map(|backlog| (path.clone(), backlog.clone())));
            self.mentions.push(binds(owner, path, written));
        }
        self.texts.insert(file, text);
    }
}

/// The word in which a path stands, behind the option whose value it is.
fn about(words: &[Vec<u8>], path: &[u8]) -> Vec<u8> {
    let Some(at) = words.iter().position(|word| word.ends_with(path)) else { return path.to_vec() };
    let is_option = |word: &Vec<u8>| word.starts_with(b"-");
    let option = at.checked_sub(1).filter(|before| is_option(&words[*before]) && !is_option(&words[at]));
    words[option.unwrap_or(at)..=at].join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_command_line_only_what_names_the_socket_is_kept() {
        for (line, kept) in [
            ("gunicorn -e KEY=secret --bind unix:/run/a.sock app", "--bind unix:/run/a.sock"),
            ("gunicorn -e KEY=secret --bind=unix:/run/a.sock app", "--bind=unix:/run/a.sock"),
            ("gunicorn -bunix:/run/a.sock", "-bunix:/run/a.sock"),
            ("uvicorn app --uds /run/a.sock --workers 2", "--uds /run/a.sock"),
            ("gunicorn", "/run/a.sock"),
        ] {
            let words: Vec<Vec<u8>> = line.split(' ').map(Into::into).collect();
            assert_eq!(about(&words, b"/run/a.sock"), kept.as_bytes(), "{line}");
        }
    }
}
