//! systemd.socket(5), systemd.service(5), systemd.exec(5): what the files of a unit say about sockets.

mod lines;
mod specifiers;
mod words;

use std::sync::Arc;

use super::clients::{self, Named};
use super::gunicorn::{self, Program};
use crate::model::{Declaration, Preserve, Protocol, Setting, Unit, Usage, Written};
use lines::{Line, Lines};

/// The settings that name a socket of this family.
const LISTEN: [&str; 3] = ["ListenStream", "ListenDatagram", "ListenSequentialPacket"];

/// What a command before the start removes files with.
const REMOVERS: [&[u8]; 2] = [b"rm", b"unlink"];

/// Reads a unit: the name it has, and its files, the unit file before its drop-ins. A template's own name leaves
/// everything open that depends on the instance.
pub fn unit(name: &str, files: &[(Vec<u8>, Vec<u8>)]) -> Unit {
    let lines = Lines::of(files);
    let reader = Reader { name, lines: &lines };
    let file = files.first().map(|(file, _)| file.clone()).unwrap_or_default();
    let common = Unit { name: name.to_owned(), file, stops_with: reader.stops_with(), ..Unit::default() };
    if name.ends_with(".socket") { reader.socket(common) } else { reader.service(common) }
}

/// The one unit that listens on a name as the kernel has it, an abstract one with `@`. `None` where several do:
/// which of them is meant, the files do not say.
pub fn listening_on<'u>(units: &'u [Arc<Unit>], name: &[u8]) -> Option<&'u Arc<Unit>> {
    let listens =
        |unit: &&Arc<Unit>| unit.is_socket() && unit.sockets.iter().any(|socket| socket.path == name);
    let mut listening = units.iter().filter(listens);
    let unit = listening.next().filter(|_| listening.next().is_none())?;
    // A template is no unit, and has no instance that its file would name.
    (!unit.name.contains("@.")).then_some(unit)
}

struct Reader<'u> {
    name: &'u str,
    lines: &'u Lines,
}

impl Reader<'_> {
    fn socket(&self, common: Unit) -> Unit {
        let accepts = self.lines.is_set("Socket", "Accept");
        let named = self.lines.last("Socket", "Service").and_then(|line| text(&line.value));
        let same = self.name.strip_suffix(".socket").map(|stem| format!("{stem}.service"));
        let listens = self.lines.list("Socket", &LISTEN).into_iter();
        let mode = self.lines.last("Socket", "SocketMode");
        let directory = self.lines.last("Socket", "DirectoryMode");
        Unit {
            directory_mode: directory.and_then(|line| setting(octal(&line.value)?, line)),
            sockets: listens.filter_map(|line| self.declaration(&line.value, Usage::Binds, line)).collect(),
            service: named.or(same).filter(|_| !accepts),
            socket_mode: mode.and_then(|line| setting(octal(&line.value)?, line)),
            socket_user: self.text_of("Socket", "SocketUser"),
            socket_group: self.text_of("Socket", "SocketGroup"),
            backlog: self
                .lines
                .last("Socket", "Backlog")
                .and_then(|line| setting(number(&line.value)?, line)),
            ..self.with_directories("Socket", common)
        }
    }

    fn service(&self, common: Unit) -> Unit {
        let mut unit = self.with_directories("Service", common);
        for line in self.lines.list("Service", &["ExecStart"]) {
            let Some(launch) = gunicorn::launch(&words::command(&line.value)) else { continue };
            for path in &launch.sockets {
                let declared = self.declaration(path, Usage::Binds, line).into_iter();
                unit.sockets
                    .extend(declared.map(|one| Declaration { protocol: Some(Protocol::Http), ..one }));
            }
            unit.backlog = launch.backlog.and_then(|backlog| setting(backlog, line)).or(unit.backlog);
            if launch.program == Program::Uvicorn && launch.supervised && !launch.sockets.is_empty() {
                let value = "uvicorn --workers".to_owned();
                unit.fragile = Some(Setting { value, written: line.written.clone() });
            }
        }
        unit.sockets.extend(self.clients());
        for line in self.lines.list("Service", &["ExecStartPre"]) {
            unit.before.push(Setting { value: line.value.clone(), written: line.written.clone() });
            let words = words::command(&line.value);
            let Some((program, arguments)) = words.split_first() else { continue };
            let program = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            if !REMOVERS.contains(&program) {
                continue;
            }
            let files = arguments.iter().filter(|word| !word.starts_with(b"-"));
            let paths = files.filter_map(|word| self.path(word));
            unit.deletes.extend(paths.map(|value| Setting { value, written: line.written.clone() }));
        }
        unit.without_unix = self.without_unix();
        if !self.lines.is_set("Service", "DynamicUser") {
            unit.user = self.text_of("Service", "User");
        }
        unit.group = self.text_of("Service", "Group");
        let groups = self.lines.list("Service", &["SupplementaryGroups"]).into_iter();
        unit.groups = groups.flat_map(|line| words::of(&line.value)).filter_map(|word| text(&word)).collect();
        unit
    }

    /// Databases that its environment and its command line name.
    fn clients(&self) -> Vec<Declaration> {
        let text = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
        let assignments = self.lines.list("Service", &["Environment"]).into_iter().flat_map(|line| {
            let pairs = words::of(&line.value)
                .into_iter()
                .map(text)
                .map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
            pairs.flatten().map(move |pair| (line, pair)).collect::<Vec<_>>()
        });
        let assignments: Vec<(&Line, (String, String))> = assignments.collect();
        let variables: Vec<(String, String)> = assignments.iter().map(|(_, pair)| pair.clone()).collect();
        let line_of = |named: &Named| {
            let own = assignments.iter().rev().find(|(_, (name, _))| *name == named.by);
            own.map(|(line, _)| *line)
        };
        let mut found: Vec<Declaration> = clients::of_environment(&variables)
            .into_iter()
            .filter_map(|named| Some(self.client(line_of(&named)?, named)))
            .collect();
        for line in self.lines.list("Service", &["ExecStart"]) {
            let named = clients::of_command(&words::command(&line.value)).into_iter();
            found.extend(named.map(|named| self.client(line, named)));
        }
        found
    }

    /// Its line is quoted without what is secret in it.
    fn client(&self, line: &Line, named: Named) -> Declaration {
        let written = narrowed(&line.written, named.path.as_bytes(), &line.value);
        Declaration {
            owner: self.name.to_owned(),
            usage: Usage::Connects,
            directory: named.directory,
            protocol: Some(named.protocol),
            port: named.port,
            written: Written { text: named.in_words().into_bytes(), ..written },
            path: named.path.into_bytes(),
        }
    }

    fn with_directories(&self, section: &str, common: Unit) -> Unit {
        let mut directories = Vec::new();
        for line in self.lines.list(section, &["RuntimeDirectory"]) {
            for word in words::of(&line.value) {
                // `directory:link` (systemd 252 and later).
                let word = word.split(|byte| *byte == b':').next().unwrap_or_default();
                let Some(name) = specifiers::resolved(word, self.name) else { continue };
                let value = [b"/run/", name.as_slice()].concat();
                directories.push(Setting { value, written: line.written.clone() });
            }
        }
        let preserve = self.lines.last(section, "RuntimeDirectoryPreserve");
        let preserves = match preserve.map(|line| line.value.as_slice()) {
            Some(b"restart") => Preserve::Restart,
            Some(_) if self.lines.is_set(section, "RuntimeDirectoryPreserve") => Preserve::Yes,
            _ => Preserve::No,
        };
        Unit { runtime_directories: directories, preserves, ..common }
    }

    /// An allow list without AF_UNIX, or a list of what is denied with it (systemd.exec(5)).
    fn without_unix(&self) -> Option<Setting<Vec<u8>>> {
        let lines = self.lines.list("Service", &["RestrictAddressFamilies"]);
        let first = lines.first()?;
        let denies = first.value.starts_with(b"~");
        let mut named = false;
        for line in &lines {
            let inverted = line.value.starts_with(b"~");
            let value = line.value.strip_prefix(b"~").unwrap_or(&line.value);
            if words::of(value).iter().any(|word| word == b"AF_UNIX" || word == b"AF_LOCAL") {
                // What a later line of the other kind names is taken out again.
                named = inverted == denies;
            }
        }
        let last = lines.last()?;
        (named == denies).then(|| Setting { value: last.value.clone(), written: last.written.clone() })
    }

    fn stops_with(&self) -> Vec<String> {
        let lines = self.lines.list("Unit", &["Requires", "BindsTo", "PartOf"]);
        let sockets = self.lines.list("Service", &["Sockets"]);
        let words = lines.into_iter().chain(sockets).flat_map(|line| words::of(&line.value));
        words.filter_map(|word| String::from_utf8(specifiers::resolved(&word, self.name)?).ok()).collect()
    }

    fn declaration(&self, value: &[u8], usage: Usage, line: &Line) -> Option<Declaration> {
        let path = self.path(value).filter(|path| matches!(path.first(), Some(b'/' | b'@')))?;
        Some(Declaration {
            owner: self.name.to_owned(),
            usage,
            directory: false,
            protocol: None,
            port: None,
            written: narrowed(&line.written, value, &line.value),
            path,
        })
    }

    /// A path as systemd takes it: specifiers replaced, no doubled slashes, and /run for /var/run.
    fn path(&self, value: &[u8]) -> Option<Vec<u8>> {
        let mut path = specifiers::resolved(value, self.name)?;
        path.dedup_by(|next, byte| *next == b'/' && *byte == b'/');
        let below_run = path.strip_prefix(b"/var/run/").map(|below| [b"/run/", below].concat());
        Some(below_run.unwrap_or(path))
    }

    fn text_of(&self, section: &str, key: &str) -> Option<Setting<String>> {
        let line = self.lines.last(section, key)?;
        setting(text(&specifiers::resolved(&line.value, self.name)?)?, line)
    }
}

/// The place of a word within its line, where it stands there as it is.
fn narrowed(whole: &Written, word: &[u8], value: &[u8]) -> Written {
    let at = value.windows(word.len().max(1)).position(|window| window == word);
    let (Some(at), Some(bytes)) = (at, whole.bytes.clone()) else { return whole.clone() };
    // A line that goes on is joined differently than it stands.
    if bytes.len() != value.len() {
        return Written { bytes: None, ..whole.clone() };
    }
    let mut written = whole.clone();
    let before = String::from_utf8_lossy(&value[..at]).chars().count();
    written.location.column += u32::try_from(before).unwrap_or(0);
    written.bytes = Some(bytes.start + at..bytes.start + at + word.len());
    written
}

#[expect(clippy::unnecessary_wraps, reason = "ends chains of what may be missing")]
fn setting<T>(value: T, line: &Line) -> Option<Setting<T>> {
    Some(Setting { value, written: line.written.clone() })
}

fn text(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().map(str::to_owned)
}

fn number(value: &[u8]) -> Option<u32> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn octal(value: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(value).ok()?, 8).ok()
}

#[cfg(test)]
mod tests;
