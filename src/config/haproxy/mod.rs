//! HAProxy: which sockets it connects to and listens on, as whom and in which root, and how it checks its servers.

mod check;
mod server;
mod words;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Text;
use super::places::Places;
use crate::model::{Declaration, HealthCheck, Protocol, Setting, Usage, Written};
use check::Check;
use server::{Line, Options};
use words::{Variables, Word};

/// What the files of one HAProxy say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Haproxy {
    /// The sockets it names, in the order of the files.
    pub sockets: Vec<Declaration>,
    /// How it checks each of its servers, those behind TCP among them.
    pub checks: Vec<HealthCheck>,
    /// The user it becomes.
    pub user: Option<Setting<Vec<u8>>>,
    /// The group it becomes, and the only one it has then.
    pub group: Option<Setting<Vec<u8>>>,
    /// The directory that becomes its root before it connects anywhere.
    pub chroot: Option<Setting<Vec<u8>>>,
    /// Names that only HAProxy knows: there is a variable in them, or a condition before them.
    pub variable: Vec<Written>,
}

/// What begins a section (configuration manual, 2.1); what stands in others is passed over.
const SECTIONS: [&[u8]; 18] = [
    b"global",
    b"defaults",
    b"frontend",
    b"backend",
    b"listen",
    b"peers",
    b"resolvers",
    b"userlist",
    b"mailers",
    b"program",
    b"http-errors",
    b"ring",
    b"log-forward",
    b"cache",
    b"fcgi-app",
    b"crt-store",
    b"traces",
    b"log-profile",
];

impl Haproxy {
    /// Who it is when it connects, as `USER:GROUP`; `None`: whoever starts it. It keeps no other groups, and those of
    /// root where it is told only a user (`set_identity`, src/haproxy.c).
    pub fn identity(&self) -> Option<String> {
        let text = |setting: &Setting<Vec<u8>>| String::from_utf8(setting.value.clone()).ok();
        let group = self.group.as_ref().map_or(Some("root".to_owned()), text)?;
        Some(format!("{}:{group}", text(self.user.as_ref()?)?))
    }
}

/// Reads the files in the order in which HAProxy is given them: they are one text to it.
pub fn read(files: &[Text]) -> Haproxy {
    let mut reader = Reader::default();
    for (file, text) in files {
        let places = Places::new(file, text);
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let at = start;
            start += line.len();
            let words = words::of(line, &reader.variables);
            reader.line(&places, at, &words);
        }
        reader.end_section();
    }
    reader.found
}

/// What one file has of a whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// A `global` section.
    pub global: bool,
    /// The names of its frontends, backends and listeners: HAProxy takes none of them twice.
    pub proxies: HashSet<Vec<u8>>,
}

/// Which sections a file has.
pub fn parts(text: &[u8]) -> Parts {
    let mut parts = Parts::default();
    for line in text.split(|byte| *byte == b'\n') {
        let words = words::of(line, &Variables::new());
        match (words.first().map(|word| word.text.as_slice()), words.get(1)) {
            (Some(b"global"), _) => parts.global = true,
            (Some(kind @ (b"frontend" | b"backend" | b"listen")), Some(name)) => {
                let side = if kind == b"frontend" { b'f' } else { b'b' };
                parts.proxies.insert([&[side], name.text.as_slice()].concat());
            }
            _ => {}
        }
    }
    parts
}

/// Whether a text looks like configuration of HAProxy: a section that only HAProxy has, at the beginning of a line.
pub fn is_it(text: &[u8]) -> bool {
    let mut named = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let words = words::of(line, &Variables::new());
        let Some(first) = words.first().map(|word| word.text.as_slice()) else { continue };
        // nginx closes its directives, and has blocks of the same names; a pool of php-fpm is a section in brackets.
        if first.starts_with(b"[")
            || words.last().is_some_and(|word| word.text.ends_with(b";") || word.text.ends_with(b"{"))
        {
            return false;
        }
        let alone = words.len() == 1 && matches!(first, b"global" | b"defaults");
        let with_name =
            words.len() >= 2 && matches!(first, b"backend" | b"frontend" | b"listen" | b"defaults");
        named += u32::from((alone || with_name) && !line.starts_with(b" ") && !line.starts_with(b"\t"));
    }
    named > 0
}

#[derive(Default)]
struct Reader {
    found: Haproxy,
    /// How many `.if` are open: whether they hold only HAProxy knows.
    conditions: usize,
    variables: Variables,
    section: Section,
    /// Sections of defaults by name, and the last one.
    defaults: HashMap<Vec<u8>, Proxy>,
    last_defaults: Proxy,
    proxy: Proxy,
    name: String,
    lines: Vec<Line>,
    /// What stands before the path of each `bind` (`unix-bind prefix`).
    prefix: Vec<u8>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    None,
    Global,
    Defaults,
    /// `frontend`: no server of its own.
    Front,
    /// `backend`, `listen`
    Back,
}

/// What a section of `defaults` hands on.
#[derive(Debug, Clone, Default)]
struct Proxy {
    check: Check,
    is_http: bool,
    fast_cgi: bool,
    disabled: bool,
    /// `timeout check`
    timeout: Option<Duration>,
    servers: Options,
}

impl Reader {
    fn line(&mut self, places: &Places<'_>, at: usize, words: &[Word]) {
        let Some((first, rest)) = words.split_first() else { return };
        match first.text.as_slice() {
            b".if" => self.conditions += 1,
            b".endif" => self.conditions = self.conditions.saturating_sub(1),
            _ => {}
        }
        let written = |word: &Word| places.written(at + word.bytes.start..at + word.bytes.end);
        if SECTIONS.contains(&first.text.as_slice()) {
            self.end_section();
            return self.begin_section(&first.text, rest);
        }
        let value = rest.first();
        match (self.section, first.text.as_slice(), value) {
            (Section::Global, name @ (b"user" | b"uid" | b"group" | b"gid" | b"chroot"), Some(value)) => {
                let setting = Setting { value: value.text.clone(), written: written(value) };
                let place = match name {
                    b"user" | b"uid" => &mut self.found.user,
                    b"chroot" => &mut self.found.chroot,
                    _ => &mut self.found.group,
                };
                *place = Some(setting);
            }
            (Section::Global, b"setenv" | b"presetenv", Some(name)) => {
                let value = rest.get(1).map(|word| word.text.clone()).unwrap_or_default();
                if first.text == b"setenv" || !self.variables.contains_key(&name.text) {
                    self.variables.insert(name.text.clone(), value);
                }
            }
            (Section::Global, b"unix-bind", _) => {
                let prefix = rest.windows(2).find(|pair| pair[0].text == b"prefix");
                self.prefix = prefix.map(|pair| pair[1].text.clone()).unwrap_or_default();
            }
            (Section::Global, b"stats", Some(word)) if word.text == b"socket" => {
                if let Some(address) = rest.get(1) {
                    self.binds(address, &written(address), Some(Protocol::Haproxy), false);
                }
            }
            (Section::None | Section::Global, ..) => {}
            (_, b"mode", Some(mode)) => self.proxy.is_http = mode.text == b"http",
            (_, b"disabled", _) => self.proxy.disabled = true,
            (_, b"enabled", _) => self.proxy.disabled = false,
            (_, b"use-fcgi-app", Some(_)) => self.proxy.fast_cgi = true,
            (_, b"option", Some(name)) => self.proxy.check.option(rest, false, &written(name)),
            (_, b"no", Some(word)) if word.text == b"option" => {
                if let Some(name) = rest.get(1) {
                    self.proxy.check.option(&rest[1..], true, &written(name));
                }
            }
            (_, family @ (b"http-check" | b"tcp-check"), Some(verb)) => {
                self.proxy.check.rule(rest, family == b"http-check", &written(verb));
            }
            (_, b"timeout", Some(name)) if name.text == b"check" => {
                self.proxy.timeout = rest.get(1).and_then(|value| server::time(&value.text));
            }
            (_, b"default-server", Some(_)) => self.proxy.servers.read(rest),
            (Section::Front | Section::Back, b"bind", Some(address)) => {
                let protocol = self.proxy.is_http.then_some(Protocol::Http);
                self.binds(address, &written(address), protocol, true);
            }
            (Section::Back, b"server", Some(name)) => {
                let Some(address) = rest.get(1) else { return };
                let mut options = self.proxy.servers.clone();
                options.read(&rest[2..]);
                let unknown = address.unknown || self.conditions > 0;
                self.lines.push(Line {
                    name: String::from_utf8_lossy(&name.text).into_owned(),
                    address: Word { unknown, ..address.clone() },
                    options,
                    written: written(address),
                });
            }
            _ => {}
        }
    }

    fn begin_section(&mut self, kind: &[u8], rest: &[Word]) {
        let text = |word: &Word| String::from_utf8_lossy(&word.text).into_owned();
        self.name = rest.first().map(text).unwrap_or_default();
        self.section = match kind {
            b"global" => Section::Global,
            b"defaults" => Section::Defaults,
            b"frontend" => Section::Front,
            b"backend" | b"listen" => Section::Back,
            _ => Section::None,
        };
        let from = rest.windows(2).find(|pair| pair[0].text == b"from").map(|pair| &pair[1].text);
        // A new section of defaults begins from nothing, unless it says from what.
        let base = match (from.and_then(|name| self.defaults.get(name)), self.section) {
            (Some(base), _) => base.clone(),
            (None, Section::Defaults) => Proxy::default(),
            (None, _) => self.last_defaults.clone(),
        };
        self.proxy = Proxy { check: base.check.inherited(), ..base };
    }

    fn end_section(&mut self) {
        let proxy = std::mem::take(&mut self.proxy);
        if self.section == Section::Defaults {
            self.defaults.insert(self.name.clone().into_bytes(), proxy.clone());
            self.last_defaults = proxy.clone();
        }
        for mut line in std::mem::take(&mut self.lines) {
            line.options.disabled |= proxy.disabled;
            if line.address.unknown {
                self.found.variable.push(line.written);
                continue;
            }
            let protocol = match () {
                () if proxy.fast_cgi || line.options.fast_cgi => Some(Protocol::FastCgi),
                () => (proxy.is_http && line.options.is_plain()).then_some(Protocol::Http),
            };
            if let Some(path) = server::path(&line.address.text).filter(|_| !line.options.disabled) {
                let written = line.written.clone();
                self.found.sockets.push(declared(Usage::Connects, path, protocol, written));
            }
            self.found.checks.push(line.check(&self.name, &proxy.check, proxy.timeout));
        }
        self.section = Section::None;
    }

    /// `bind ADDRESS[,ADDRESS…]`
    fn binds(&mut self, word: &Word, written: &Written, protocol: Option<Protocol>, prefixed: bool) {
        if word.unknown || self.conditions > 0 {
            return self.found.variable.push(written.clone());
        }
        for address in word.text.split(|byte| *byte == b',') {
            let Some(path) = server::path(address) else { continue };
            let prefix = if prefixed && path.starts_with(b"/") { self.prefix.as_slice() } else { b"" };
            let path = [prefix, &path].concat();
            self.found.sockets.push(declared(Usage::Binds, path, protocol, written.clone()));
        }
    }
}

fn declared(usage: Usage, path: Vec<u8>, protocol: Option<Protocol>, written: Written) -> Declaration {
    let owner = "haproxy".into();
    Declaration { owner, usage, path, directory: false, protocol, port: None, written }
}

#[cfg(test)]
mod tests;
