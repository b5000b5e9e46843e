//! systemd.socket(5), systemd.service(5), systemd.exec(5): what the files of a unit say about sockets.

mod databases;
mod environment;
mod lines;
mod pattern;
mod sandbox;
mod script;
mod service;
mod specifiers;
mod words;

use std::sync::Arc;

use super::Load;
use crate::model::{Declaration, Gap, Preserve, Setting, Unit, Usage, Written};
use lines::{Line, Lines};
pub use pattern::captured;
pub use specifiers::instances;

/// The settings that name a socket of this family.
const LISTEN: [&str; 3] = ["ListenStream", "ListenDatagram", "ListenSequentialPacket"];

/// The settings that name other units.
const NAMES: [&str; 8] =
    ["Requires", "Requisite", "BindsTo", "Wants", "Upholds", "PartOf", "After", "Before"];

/// Reads a unit: the name it has, and its files, the unit file before its drop-ins. A template's own name leaves
/// everything open that depends on the instance.
pub fn unit(name: &str, files: &[(Vec<u8>, Vec<u8>)]) -> Unit {
    unit_with(name, files, &mut |_| Err(Gap::new(name, "only its own files are read")))
}

/// Reads a unit and the files that its settings name: of variables, scripts, and of servers that it starts.
pub fn unit_with(name: &str, files: &[(Vec<u8>, Vec<u8>)], load: &mut Load<'_>) -> Unit {
    let lines = Lines::of(files);
    let reader = Reader { name, lines: &lines };
    let file = files.first().map(|(file, _)| file.clone()).unwrap_or_default();
    let common = Unit {
        name: name.to_owned(),
        file,
        stops_with: reader.stops_with(),
        instances: reader.instances(),
        ..Unit::default()
    };
    if name.ends_with(".socket") { reader.socket(common) } else { reader.service(common, load) }
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
        let named = self.lines.last("Socket", "Service");
        let named = named.and_then(|line| text(&specifiers::resolved(&line.value, self.name)?));
        let same = self.name.strip_suffix(".socket").map(|stem| format!("{stem}.service"));
        let listens = self.lines.list("Socket", &LISTEN);
        let mode = self.lines.last("Socket", "SocketMode");
        let directory = self.lines.last("Socket", "DirectoryMode");
        Unit {
            directory_mode: directory.and_then(|line| setting(octal(&line.value)?, line)),
            sockets: listens
                .iter()
                .filter_map(|line| self.declaration(&line.value, Usage::Binds, line))
                .collect(),
            open: listens.iter().filter_map(|line| self.open(&line.value, &line.written)).collect(),
            service: named.or(same).filter(|_| !accepts),
            accept: self.lines.last("Socket", "Accept").and_then(|line| setting(accepts, line)),
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

    /// Instances of templates that it names.
    fn instances(&self) -> Vec<String> {
        let others = self.lines.list("Unit", &NAMES).into_iter();
        let others = others.chain(self.lines.list("Service", &["Sockets"]));
        let others = others.chain(self.lines.list("Socket", &["Service"]));
        let others = others.chain(self.lines.list("Install", &["Also"]));
        let words = others.flat_map(|line| words::of(&line.value));
        let names = words.filter_map(|word| text(&specifiers::resolved(&word, self.name)?));
        names.filter(|name| name.contains('@') && !name.contains("@.")).collect()
    }

    /// A name of which its files tell only a part.
    fn open(&self, value: &[u8], written: &Written) -> Option<Setting<Vec<u8>>> {
        let value = plain(specifiers::replaced(value, self.name));
        let open =
            value.contains(&specifiers::OPEN) && matches!(value.first(), Some(b'/' | &specifiers::OPEN));
        open.then(|| Setting { value, written: written.clone() })
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
        specifiers::resolved(value, self.name).map(plain)
    }

    fn text_of(&self, section: &str, key: &str) -> Option<Setting<String>> {
        let line = self.lines.last(section, key)?;
        setting(text(&specifiers::resolved(&line.value, self.name)?)?, line)
    }
}

/// A path without doubled slashes, and below /run where it is written below /var/run.
fn plain(mut path: Vec<u8>) -> Vec<u8> {
    path.dedup_by(|next, byte| *next == b'/' && *byte == b'/');
    let below_run = path.strip_prefix(b"/var/run/").map(|below| [b"/run/", below].concat());
    below_run.unwrap_or(path)
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
