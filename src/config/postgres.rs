//! PostgreSQL: the directories of its sockets, and its port (postgresql.conf).

use super::Text;
use super::included::Included;
use super::places::Places;
use crate::model::{Declaration, Gap, Protocol, Setting, Usage, Written};

/// Gives the files that a directive names: `include`, `include_if_exists`, `include_dir`, and its value.
pub type Load<'l> = dyn FnMut(&str, &[u8]) -> Result<Vec<Text>, Gap> + 'l;

/// What the files of one server say; of several lines the last one counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Postgres {
    /// `unix_socket_directories`; empty: it makes no socket. `None`: nothing is said.
    pub directories: Option<Vec<Setting<Vec<u8>>>>,
    /// `port`
    pub port: Option<Setting<u16>>,
    /// `unix_socket_group`
    pub group: Option<Setting<Vec<u8>>>,
    /// `unix_socket_permissions`
    pub mode: Option<Setting<u32>>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

impl Postgres {
    /// The sockets it makes, as far as the files say; without `unix_socket_directories` that depends on how it was built.
    pub fn sockets(&self) -> Vec<Declaration> {
        let port = self.port.as_ref().map(|port| port.value);
        let directories = self.directories.iter().flatten();
        // An abstract name begins with `@`, and is no directory.
        let directories = directories.filter(|directory| directory.value.starts_with(b"/"));
        directories
            .map(|directory| Declaration {
                owner: "postgresql".into(),
                usage: Usage::Binds,
                path: directory.value.clone(),
                directory: true,
                protocol: Some(Protocol::Postgres),
                port,
                written: directory.written.clone(),
            })
            .collect()
    }
}

/// Reads a main file, and what it includes.
pub fn read(main: &Text, load: &mut Load<'_>) -> Postgres {
    let mut found = Postgres::default();
    file(main, &mut found, load, &mut Included::default(), 0);
    found
}

/// Whether a text is one of PostgreSQL: two settings that only it has, commented out or not.
pub fn is_it(text: &[u8]) -> bool {
    let own: [&[u8]; 7] = [
        b"unix_socket_directories",
        b"listen_addresses",
        b"max_connections",
        b"shared_buffers",
        b"hba_file",
        b"max_wal_size",
        b"wal_level",
    ];
    let first = |line: &[u8]| {
        let line = line.trim_ascii_start();
        let line = line.strip_prefix(b"#").unwrap_or(line);
        let end = line.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=')?;
        Some(line[..end].to_vec())
    };
    text.split(|byte| *byte == b'\n').filter_map(first).filter(|word| own.contains(&word.as_slice())).count()
        > 1
}

fn file((name, text): &Text, found: &mut Postgres, load: &mut Load<'_>, included: &mut Included, depth: u32) {
    if !included.more(name, depth, &mut found.gaps) {
        return;
    }
    let places = Places::new(name, text);
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let at = start;
        start += line.len();
        let Some((key, value, from)) = setting(line) else { continue };
        let written =
            |within: std::ops::Range<usize>| places.written(at + from + within.start..at + from + within.end);
        let whole = || written(0..value.len());
        let text = std::str::from_utf8(value).ok();
        match key.as_str() {
            "include" | "include_if_exists" | "include_dir"
                if !included.more(name, depth, &mut found.gaps) => {}
            "include" | "include_if_exists" | "include_dir" => match load(&key, value) {
                Ok(texts) => texts.iter().for_each(|text| file(text, found, load, included, depth + 1)),
                Err(gap) => found.gaps.push(gap),
            },
            "unix_socket_directories" => found.directories = Some(directories(value, &written)),
            "unix_socket_group" => found.group = Some(Setting { value: value.to_vec(), written: whole() }),
            "port" => {
                let port = text.and_then(|text| text.parse().ok());
                found.port = port.map(|value| Setting { value, written: whole() });
            }
            "unix_socket_permissions" => {
                let mode = text.and_then(|text| u32::from_str_radix(text, 8).ok());
                found.mode = mode.map(|value| Setting { value, written: whole() });
            }
            _ => {}
        }
    }
}

/// Name, value without its apostrophes, and where that begins (`guc-file.l`): `name = value`, `name value`.
fn setting(line: &[u8]) -> Option<(String, &[u8], usize)> {
    let trimmed = line.trim_ascii_start();
    let length = trimmed.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let name = std::str::from_utf8(&trimmed[..length]).ok().filter(|name| !name.is_empty())?;
    let rest = trimmed[length..].trim_ascii_start();
    let rest = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii_start();
    let from = line.len() - rest.len();
    if let Some(quoted) = rest.strip_prefix(b"'") {
        let end = quoted.iter().position(|byte| *byte == b'\'')?;
        return Some((name.to_ascii_lowercase(), &quoted[..end], from + 1));
    }
    let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'#').unwrap_or(rest.len());
    (end > 0).then(|| (name.to_ascii_lowercase(), &rest[..end], from))
}

/// A list with commas; each may stand in double quotes.
fn directories(value: &[u8], written: &dyn Fn(std::ops::Range<usize>) -> Written) -> Vec<Setting<Vec<u8>>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in value.split(|byte| *byte == b',') {
        let blank = part.len() - part.trim_ascii_start().len();
        let inner = part.trim_ascii();
        let (inner, quote) = match inner {
            [b'"', inner @ .., b'"'] => (inner, 1),
            inner => (inner, 0),
        };
        let from = start + blank + quote;
        start += part.len() + 1;
        if !inner.is_empty() {
            found.push(Setting { value: inner.to_vec(), written: written(from..from + inner.len()) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directories_and_the_port_are_read() {
        let text = "#unix_socket_directories = '/no'\nport = 5433 # (change requires restart)\nunix_socket_directories = '/run/pg, \"/tmp\"'\t# x\n\
                    unix_socket_permissions 0700\nUnix_Socket_Group = 'app'\ninclude_dir 'conf.d'\nlisten_addresses = ''\nmax_connections = 100\n";
        let mut load = |directive: &str, value: &[u8]| {
            assert_eq!((directive, value), ("include_dir", &b"conf.d"[..]));
            Ok(vec![])
        };
        let found = read(&(b"postgresql.conf".to_vec(), text.into()), &mut load);
        let sockets = found.sockets();
        let shown: Vec<(Vec<u8>, u32)> =
            sockets.iter().map(|one| (one.socket().unwrap(), one.written.location.column)).collect();
        assert_eq!(shown, [(b"/run/pg/.s.PGSQL.5433".to_vec(), 28), (b"/tmp/.s.PGSQL.5433".to_vec(), 38)]);
        assert_eq!((found.mode.unwrap().value, found.group.unwrap().value), (0o700, b"app".to_vec()));
        assert!(is_it(text.as_bytes()) && !is_it(b"port = 1\n"));
    }

    #[test]
    fn the_last_line_counts_and_an_empty_one_means_none() {
        let text = "unix_socket_directories = '/a'\nunix_socket_directories = ''\n";
        let found = read(&(b"f".to_vec(), text.into()), &mut |_, _| Ok(vec![]));
        assert_eq!(found.directories, Some(vec![]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "(unix_socket_directories|port|include|=|'|\"|,|/a|5| |\\n|#|é)*") {
            let _ = (is_it(text.as_bytes()), read(&(b"f".to_vec(), text.into()), &mut |_, _| Ok(vec![])));
        }
    }
}
