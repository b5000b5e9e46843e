//! HAProxy: those that run, with the files their command lines name, and the main file where none does.

use std::path::Path;

use super::machine::Family;
use super::{Front, Site, joined};
use crate::commands::Context;
use crate::config::Text;
use crate::config::haproxy::{self, Haproxy};
use crate::facts::servers::Server;
use crate::facts::{host, named_files, process};
use crate::model::{Declaration, Gap, HealthCheck, Setting, Target, Usage};

/// The main file of Debian's service, and of most packages.
const HAPROXY_CFG: &[u8] = b"/etc/haproxy/haproxy.cfg";

pub(super) const FAMILY: Family = Family {
    names: &[b"haproxy"],
    is_it: is_haproxy,
    running: Site::add_running_haproxy,
    idle: Site::add_idle_haproxy,
};

impl Site {
    fn add_running_haproxy(&mut self, context: &Context<'_>, server: &Server) {
        let pid = server.master.pid;
        // It may have changed its root, and its directory with it, since it read them.
        let root = named_files::first_root_of(context.machine, pid);
        let jailed = process::root_link(context.machine, pid).is_some_and(|root| root != b"/");
        let here = if jailed {
            process::started_in(context.machine, pid)
        } else {
            process::working_directory(context.machine, pid)
        };
        let mut texts = Vec::new();
        for name in named(&server.words) {
            let Some(path) = absolute(here.as_deref(), &name) else {
                let (why, help) = if jailed {
                    let why =
                        "relative to the directory that HAProxy was started in, which it has left (chroot)";
                    (why, "sockdoctor scan --config FILE")
                } else {
                    ("relative to the directory of HAProxy, which is not readable", Gap::AS_ROOT)
                };
                self.gaps.push(Gap::new(String::from_utf8_lossy(&name), why).helped_by(help));
                continue;
            };
            // A directory stands for the files in it.
            let below = named_files::matching(&root, &joined(&path, b"*.cfg")).unwrap_or_default();
            match named_files::one(&root, &path) {
                _ if !below.is_empty() => texts.extend(below),
                Ok(text) => texts.push(text),
                Err(gap) => self.gaps.push(gap),
            }
        }
        let ours = host::host(context.machine).netns;
        let apart = process::same_mounts(context.machine, pid) == Some(false)
            || process::network_namespace(context.machine, pid)
                .is_some_and(|netns| ours.is_some_and(|ours| ours != netns.0));
        self.add_haproxy(&texts, Some(server), apart);
    }

    fn add_idle_haproxy(&mut self, context: &Context<'_>) {
        if !self.texts.contains_key(HAPROXY_CFG)
            && let Ok(main) = named_files::one(&context.machine.root, HAPROXY_CFG)
        {
            self.add_haproxy(&[main], None, false);
        }
    }

    /// What the files of one HAProxy say.
    pub(super) fn add_haproxy(&mut self, texts: &[Text], running: Option<&Server>, apart: bool) {
        let found = haproxy::read(texts);
        let user = found.identity();
        let Haproxy { mut sockets, checks, chroot, variable, .. } = found;
        if let Some(unit) = running.and_then(|server| server.master.unit.as_ref()) {
            for socket in &mut sockets {
                socket.owner.clone_from(unit);
            }
        }
        let paths = sockets.iter().filter(|socket| socket.path.starts_with(b"/"));
        self.of_haproxy.extend(
            paths.map(|socket| Setting { value: socket.path.clone(), written: socket.written.clone() }),
        );
        self.texts.extend(texts.iter().cloned());
        self.gaps.extend(variable.iter().map(|written| {
            Gap::new(
                written.location.to_string(),
                "a variable or a condition: which socket is meant only HAProxy knows",
            )
        }));
        let relative =
            sockets.iter().filter(|socket| !socket.path.starts_with(b"/") && !socket.path.starts_with(b"@"));
        self.gaps.extend(relative.map(|socket| {
            let why = "a relative path: it means a file below the directory that HAProxy is started in";
            Gap::new(socket.written.location.to_string(), why)
        }));
        let connects = sockets.iter().filter(|socket| socket.usage == Usage::Connects);
        self.fronts.push(Front {
            // A name of the abstract namespace is no path.
            paths: connects.map(|socket| socket.path.clone()).filter(|path| path.starts_with(b"/")).collect(),
            names: names(&checks, &sockets),
            workers: running.map(|server| server.workers.clone()).unwrap_or_default(),
            user,
            // A root that is no other directory hides nothing.
            chroot: chroot.filter(|chroot| Path::new("/") != super::as_path(&chroot.value)),
            files: texts.iter().map(|(file, _)| file.clone()).collect(),
            checks,
            apart,
        });
        self.mentions.extend(sockets);
    }
}

/// The abstract names among those it sends to.
fn names(checks: &[HealthCheck], sockets: &[Declaration]) -> Vec<Target> {
    let is_sent_to = |target: &&Target| {
        let Target::Abstract(name) = target else { return false };
        let mut names = sockets.iter().filter_map(|socket| socket.path.strip_prefix(b"@"));
        names.any(|short| name.strip_prefix(short).is_some_and(|rest| rest.iter().all(|byte| *byte == 0)))
    };
    checks.iter().filter_map(|check| check.target.as_ref()).filter(is_sent_to).cloned().collect()
}

/// The path of a file that a process in this directory means.
fn absolute(here: Option<&[u8]>, name: &[u8]) -> Option<Vec<u8>> {
    match here {
        _ if name.starts_with(b"/") => Some(name.to_vec()),
        here => here.map(|here| joined(here, name)),
    }
}

/// The files that a command line names: behind `-f`, and all behind `--`.
fn named(words: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut words = words.iter().skip(1);
    let mut named = Vec::new();
    while let Some(word) = words.next() {
        match word.as_slice() {
            b"-f" => named.extend(words.next().cloned()),
            b"--" => named.extend(words.by_ref().cloned()),
            [b'-', b'f', path @ ..] => named.push(path.to_vec()),
            _ => {}
        }
    }
    named
}

fn is_haproxy(words: &[Vec<u8>]) -> bool {
    let first = words.first().and_then(|first| first.rsplit(|byte| *byte == b'/').next());
    first == Some(b"haproxy") && !named(words).is_empty()
}
