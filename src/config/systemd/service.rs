//! A .service unit: what it starts, where that listens, what it removes, and whose client it is.

use std::borrow::Cow;

use super::environment::{Environment, Reader as Who};
use super::lines::Line;
use super::script::{self, Command};
use super::specifiers::{self, OPEN};
use super::{Reader, narrowed, octal, plain, setting, text, words};
use crate::config::Load;
use crate::config::gunicorn::{self, Launch, Program};
use crate::model::{Declaration, Makes, Protocol, Setting, Unit, Usage, Written, names_a_socket};

/// What a command removes files with.
const REMOVERS: [&[u8]; 2] = [b"rm", b"unlink"];

impl Reader<'_> {
    pub(super) fn service(&self, common: Unit, load: &mut Load<'_>) -> Unit {
        let mut unit = self.with_directories("Service", common);
        let environment = Environment::of(self.lines, self.name, load);
        unit.sockets = self.clients();
        let (mut servers, mut understood) = (Vec::new(), false);
        for line in self.lines.list("Service", &["ExecStart"]) {
            let commands = self.commands(line, &environment, load);
            let mut last = commands.len();
            for (number, command) in commands.iter().enumerate() {
                self.removed(&mut unit, command);
                let Some(launch) = gunicorn::launch(&command.words) else { continue };
                last = last.min(number);
                understood = true;
                self.launched(&mut unit, &mut servers, command, &launch, &environment, load);
            }
            for command in commands.iter().take(last) {
                unit.before.push(of_words(command));
            }
            if last == commands.len() {
                for command in &commands {
                    name_paths(&mut unit, command);
                }
            }
        }
        for line in self.lines.list("Service", &["ExecStartPre"]) {
            for command in self.commands(line, &environment, load) {
                self.removed(&mut unit, &command);
                unit.before.push(of_words(&command));
            }
        }
        if !understood && let Some(line) = self.lines.list("Service", &["ExecStart"]).first() {
            unknown_server(&mut unit, &environment, &self.place(), &line.written);
        }
        unit.sockets.splice(0..0, servers);
        unit.without_unix = self.without_unix();
        unit.sandbox = self.sandbox();
        let mode = self.lines.last("Service", "RuntimeDirectoryMode");
        unit.runtime_mode = mode.and_then(|line| setting(octal(&line.value)?, line));
        unit.dynamic = self.lines.is_set("Service", "DynamicUser");
        if !unit.dynamic {
            unit.user = self.text_of("Service", "User");
        }
        unit.group = self.text_of("Service", "Group");
        let groups = self.lines.list("Service", &["SupplementaryGroups"]).into_iter();
        unit.groups = groups.flat_map(|line| words::of(&line.value)).filter_map(|word| text(&word)).collect();
        unit
    }

    /// What a line starts: itself, or what the text of a shell does.
    fn commands(&self, line: &Line, environment: &Environment, load: &mut Load<'_>) -> Vec<Command> {
        let words = words::command(&line.value).into_iter();
        let words = words.map(|word| specifiers::replaced(&word, self.name));
        let words: Vec<Vec<u8>> = words.collect();
        let reader = match words.first() {
            Some(program) if script::is_shell(program) => Who::BeforeShell,
            _ => Who::Manager,
        };
        let words = words.iter().flat_map(|word| environment.words(word, reader)).collect();
        let own = Command { words, written: line.written.clone(), directory: None };
        let (shell, rest) = match own.words.split_first() {
            Some((program, rest)) if script::is_shell(program) => (true, rest),
            Some(_) => (false, own.words.as_slice()),
            None => return vec![],
        };
        let options = rest.iter().take_while(|word| word.starts_with(b"-")).count();
        let runs_text = shell && rest[..options].iter().any(|word| word.ends_with(b"c"));
        match rest.get(options) {
            Some(text) if runs_text => script::of_word(text, environment, &line.written),
            Some(file) if shell || script::is_script(file) => match load(&self.below_place(file, None)) {
                Ok(texts) if !texts.is_empty() => {
                    let of = |(file, text): &(Vec<u8>, Vec<u8>)| script::of_file(file, text, environment);
                    texts.iter().flat_map(of).collect()
                }
                _ => vec![own],
            },
            _ => vec![own],
        }
    }

    /// An absolute path, or one below the directory that the service is started in.
    fn below_place<'p>(&self, path: &'p [u8], changed: Option<&[u8]>) -> Cow<'p, [u8]> {
        if matches!(path.first(), Some(b'/' | b'@' | &OPEN)) {
            return Cow::Borrowed(path);
        }
        let own = self.place();
        let place = match changed {
            Some(changed) if changed.starts_with(b"/") => changed.to_vec(),
            Some(changed) => [own.as_slice(), b"/", changed].concat(),
            None => own,
        };
        let place = place.strip_suffix(b"/").unwrap_or(&place);
        Cow::Owned([place, b"/", path].concat())
    }

    /// The directory that it is started in; empty where that is the root.
    fn place(&self) -> Vec<u8> {
        let own = self.lines.last("Service", "WorkingDirectory");
        own.map_or(Vec::new(), |line| {
            let value = line.value.strip_prefix(b"-").unwrap_or(&line.value);
            let home = value == b"~";
            let place = if home { vec![OPEN] } else { specifiers::replaced(value, self.name) };
            place.strip_suffix(b"/").unwrap_or(&place).to_vec()
        })
    }

    /// Where gunicorn or uvicorn is to listen.
    fn launched(
        &self,
        unit: &mut Unit,
        servers: &mut Vec<Declaration>,
        command: &Command,
        launch: &Launch,
        environment: &Environment,
        load: &mut Load<'_>,
    ) {
        let place = launch.directory.as_deref().or(command.directory.as_deref());
        let mut found: Vec<(Vec<u8>, Written)> =
            launch.sockets.iter().map(|path| (path.clone(), command.written.clone())).collect();
        if launch.unclear {
            unit.open.push(Setting { value: vec![OPEN], written: command.written.clone() });
        }
        if launch.program == Program::Gunicorn && !launch.told {
            found.extend(self.configured(unit, command, launch, environment, place, load));
        }
        for (path, written) in found {
            let path = plain(self.below_place(&path, place).into_owned());
            if path.contains(&OPEN) {
                unit.open.push(Setting { value: path, written });
                continue;
            }
            let raw = launch.sockets.iter().find(|raw| path.ends_with(raw)).unwrap_or(&path);
            servers.push(Declaration {
                owner: self.name.to_owned(),
                usage: Usage::Binds,
                directory: false,
                protocol: Some(Protocol::Http),
                port: None,
                written: self.within(&written, raw),
                path,
            });
        }
        let default =
            if launch.program == Program::Gunicorn { 0o777 & !launch.umask.unwrap_or(0) } else { 0o666 };
        unit.makes = Some(Makes {
            mode: default,
            user: launch.user.clone(),
            group: launch.group.clone(),
            written: command.written.clone(),
        });
        let line = |value: u32| Setting { value, written: command.written.clone() };
        unit.backlog = launch.backlog.map(line).or_else(|| unit.backlog.take());
        if launch.program == Program::Uvicorn && launch.supervised && !launch.sockets.is_empty() {
            let value = "uvicorn --workers".to_owned();
            unit.fragile = Some(Setting { value, written: command.written.clone() });
        }
    }

    /// What gunicorn's own files say that its command line does not.
    fn configured(
        &self,
        unit: &mut Unit,
        command: &Command,
        launch: &Launch,
        environment: &Environment,
        place: Option<&[u8]>,
        load: &mut Load<'_>,
    ) -> Vec<(Vec<u8>, Written)> {
        if let Some(arguments) = environment.get(b"GUNICORN_CMD_ARGS") {
            let words: Vec<Vec<u8>> =
                [b"gunicorn".to_vec()].into_iter().chain(words::of(arguments)).collect();
            let told = gunicorn::launch(&words).filter(|launch| launch.told);
            if let Some(told) = told {
                return told.sockets.into_iter().map(|path| (path, command.written.clone())).collect();
            }
        }
        let named = launch.config.as_deref().map(|named| named.strip_prefix(b"file:").unwrap_or(named));
        let path = self.below_place(named.unwrap_or(b"gunicorn.conf.py"), place);
        match load(&path) {
            Ok(texts) => texts
                .iter()
                .flat_map(|(file, text)| {
                    let found = gunicorn::configured(file, text);
                    unit.backlog = found.backlog.or_else(|| unit.backlog.take());
                    let unclear = found.unclear.map(|written| Setting { value: vec![OPEN], written });
                    unit.open.extend(unclear);
                    found.sockets
                })
                .collect(),
            Err(_) if named.is_some() => {
                unit.open.push(Setting { value: vec![OPEN], written: command.written.clone() });
                vec![]
            }
            Err(_) => vec![],
        }
    }

    /// The place of a path that is written with or without specifiers.
    fn within(&self, written: &Written, path: &[u8]) -> Written {
        let line = self.lines.list("Service", &["ExecStart"]).into_iter();
        let line = line.into_iter().find(|line| line.written == *written);
        let Some(line) = line else { return written.clone() };
        let words = words::of(&line.value);
        let word = words.iter().find_map(|word| {
            let from = word.iter().enumerate().filter(|(_, byte)| b"/%@".contains(byte));
            let mut pieces = from.map(|(at, _)| &word[at..]).chain([word.as_slice()]);
            pieces.find(|piece| specifiers::resolved(piece, self.name).as_deref() == Some(path))
        });
        narrowed(written, word.unwrap_or(path), &line.value)
    }

    /// Socket files that a command removes.
    fn removed(&self, unit: &mut Unit, command: &Command) {
        let Some((program, arguments)) = command.words.split_first() else { return };
        if !REMOVERS.contains(&script::name(program)) {
            return;
        }
        let files = arguments.iter().filter(|word| !word.starts_with(b"-"));
        let paths =
            files.map(|word| plain(self.below_place(word, command.directory.as_deref()).into_owned()));
        let paths = paths.filter(|path| !path.contains(&OPEN));
        unit.deletes.extend(paths.map(|value| Setting { value, written: command.written.clone() }));
    }
}

/// A program that is not known may listen on what it is told, below the directories that are made for it, and below
/// the one it is started in.
fn unknown_server(unit: &mut Unit, environment: &Environment, place: &[u8], written: &Written) {
    // A release, beside which stands what they share (Capistrano).
    let place = place.strip_suffix(b"/current").unwrap_or(place);
    let place = Some(place).filter(|place| !place.is_empty());
    let own = unit.runtime_directories.iter().map(|made| made.value.as_slice()).chain(place);
    let below = own.map(|made| [made, b"/", &[OPEN]].concat());
    let told = environment.values().flat_map(sockets_in);
    let values: Vec<Vec<u8>> = below.chain(told).collect();
    let clients: Vec<Option<Vec<u8>>> = unit.sockets.iter().map(Declaration::socket).collect();
    let values = values.into_iter().filter(|value| !clients.contains(&Some(value.clone())));
    unit.open.extend(values.map(|value| Setting { value, written: written.clone() }));
}

fn of_words(command: &Command) -> Setting<Vec<u8>> {
    Setting { value: command.words.join(&b' '), written: command.written.clone() }
}

/// Paths of sockets in the words of a command that is not known: it may be their server, or a client.
fn name_paths(unit: &mut Unit, command: &Command) {
    let clients: Vec<Option<Vec<u8>>> = unit.sockets.iter().map(Declaration::socket).collect();
    let paths = command.words.iter().flat_map(|word| sockets_in(word));
    let paths = paths.filter(|path| !clients.contains(&Some(path.clone())));
    unit.open.extend(paths.map(|value| Setting { value, written: command.written.clone() }));
}

/// Absolute paths of sockets in a word: behind `=`, `:`, `,` or another mark, with any scheme.
fn sockets_in(word: &[u8]) -> Vec<Vec<u8>> {
    let parts = word.split(|byte| byte.is_ascii_whitespace() || b"=:,;'\"?&|".contains(byte));
    let paths = parts.filter_map(|part| part.iter().position(|byte| *byte == b'/').map(|at| &part[at..]));
    paths.map(|path| plain(path.to_vec())).filter(|path| names_a_socket(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::systemd::unit_with;

    /// Reads a service beside which these files stand.
    fn read(service: &str, files: &[(&str, &str)]) -> Unit {
        let named =
            [(b"/etc/systemd/system/app@x.service".to_vec(), format!("[Service]\n{service}").into_bytes())];
        unit_with("app@x.service", &named, &mut |path| {
            let found = files.iter().find(|(name, _)| name.as_bytes() == path);
            let found = found.map(|(name, text)| vec![(name.as_bytes().to_vec(), text.as_bytes().to_vec())]);
            found.ok_or_else(|| crate::model::Gap::new("file", "is not there"))
        })
    }

    fn shown(values: impl Iterator<Item = Vec<u8>>) -> String {
        let shown = values.map(|value| String::from_utf8(value).unwrap().replace('\0', "?"));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn where_it_listens_is_told_by_variables_directories_scripts_and_files() {
        let files = [
            ("/etc/default/app", "BIND=unix:/run/env.sock\n"),
            (
                "/srv/run.sh",
                "#!/bin/sh\nSOCK=/run/script.sock\nrm -f $SOCK\nexec gunicorn --bind unix:$SOCK app\n",
            ),
            ("/srv/conf.py", "bind = 'unix:conf.sock'\nbacklog = 9\n"),
            ("/srv/odd.py", "import os\nbind = os.environ['BIND']\n"),
        ];
        for (service, binds, open) in [
            ("ExecStart=gunicorn --bind unix:/run/%i.sock a", "/run/x.sock", ""),
            ("Environment=B=unix:%t/b.sock\nExecStart=gunicorn --bind ${B} a", "/run/b.sock", ""),
            ("EnvironmentFile=-/etc/default/app\nExecStart=gunicorn --bind $BIND a", "/run/env.sock", ""),
            ("ExecStart=gunicorn --bind ${BIND} a", "", "?"),
            ("ExecStart=gunicorn --bind unix:/run/${APP}.sock a", "", "/run/?.sock"),
            ("ExecStart=gunicorn --bind unix:/run/%H.sock a", "", "/run/?.sock"),
            ("WorkingDirectory=/srv\nExecStart=gunicorn --bind unix:a.sock a", "/srv/a.sock", ""),
            ("WorkingDirectory=/srv\nExecStart=gunicorn --chdir app -b unix:a.sock a", "/srv/app/a.sock", ""),
            ("ExecStart=/bin/bash -lc 'cd /srv && exec gunicorn -b unix:a.sock a'", "/srv/a.sock", ""),
            (
                "Environment=B=b\nExecStart=sh -c 'exec gunicorn -b unix:/run/$B$${C}.sock a'",
                "",
                "/run/b?.sock",
            ),
            ("ExecStart=/srv/run.sh", "/run/script.sock", ""),
            ("ExecStart=/bin/sh /srv/run.sh x", "/run/script.sock", ""),
            ("ExecStart=/srv/none.sh\nRuntimeDirectory=app", "", "/run/app/?"),
            ("ExecStart=uwsgi --ini a.ini\nWorkingDirectory=/srv/a/current", "", "/srv/a/?"),
            ("WorkingDirectory=/srv\nExecStart=gunicorn -c conf.py a", "/srv/conf.sock", ""),
            ("ExecStart=gunicorn -c /srv/odd.py a", "", "?"),
            ("ExecStart=gunicorn -c /srv/none.py a", "", "?"),
            (
                "ExecStart=gunicorn a\nEnvironment=GUNICORN_CMD_ARGS=--bind=unix:/run/g.sock",
                "/run/g.sock",
                "",
            ),
            (
                "ExecStart=/usr/bin/puma -b unix:///run/p.sock\nEnvironment=S=/run/s.sock",
                "",
                "/run/p.sock /run/s.sock",
            ),
            (
                "ExecStart=/usr/bin/app\nEnvironment=DATABASE_URL=mysql://u@/d?unix_socket=/run/my.sock",
                "",
                "",
            ),
        ] {
            let unit = read(service, &files);
            let servers = unit.sockets.iter().filter(|socket| socket.usage == Usage::Binds);
            assert_eq!(shown(servers.map(|server| server.path.clone())), binds, "{service}");
            assert_eq!(shown(unit.open.iter().map(|open| open.value.clone())), open, "{service}");
        }
        let script = read("ExecStart=/srv/run.sh", &files);
        assert_eq!(script.sockets[0].written.location.line, 4);
        assert_eq!(
            (script.deletes[0].value.as_slice(), script.deletes[0].written.location.line),
            (&b"/run/script.sock"[..], 3)
        );
        assert_eq!(
            read("ExecStart=gunicorn -c /srv/conf.py", &files).backlog.map(|backlog| backlog.value),
            Some(9)
        );
    }
}
