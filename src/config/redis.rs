//! Redis and its kin: the socket, and the mode it gets (redis.conf).

use super::included::Included;
use super::places::Places;
use super::{Load, Text};
use crate::model::{Declaration, Gap, Protocol, Setting, Usage};

/// What the files of one Redis say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redis {
    /// Its socket: the last line counts.
    pub socket: Option<Declaration>,
    /// `unixsocketperm`
    pub mode: Option<Setting<u32>>,
    /// What was not read.
    pub gaps: Vec<Gap>,
}

/// Reads a main file, and what it includes.
pub fn read(main: &Text, load: &mut Load<'_>) -> Redis {
    let mut found = Redis::default();
    file(main, &mut found, load, &mut Included::default(), 0);
    found
}

/// Whether a text is one of Redis: two directives that only its kin has.
pub fn is_it(text: &[u8]) -> bool {
    let own: [&[u8]; 7] = [
        b"unixsocket",
        b"appendonly",
        b"protected-mode",
        b"maxmemory-policy",
        b"dbfilename",
        b"tcp-backlog",
        b"unixsocketperm",
    ];
    let first =
        |line: &[u8]| line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty()).map(<[u8]>::to_vec);
    let found = text.split(|byte| *byte == b'\n').filter_map(first);
    found.filter(|word| own.contains(&word.to_ascii_lowercase().as_slice())).count() > 1
}

fn file((name, text): &Text, found: &mut Redis, load: &mut Load<'_>, included: &mut Included, depth: u32) {
    if !included.more(name, depth, &mut found.gaps) {
        return;
    }
    let places = Places::new(name, text);
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let at = start;
        start += line.len();
        let trimmed = line.trim_ascii();
        let Some(length) = trimmed.iter().position(u8::is_ascii_whitespace) else { continue };
        let (directive, rest) = trimmed.split_at(length);
        let value = rest.trim_ascii_start();
        let from = at + (line.len() - line.trim_ascii_start().len()) + trimmed.len() - value.len();
        let (value, from) = match value {
            [open @ (b'"' | b'\''), inner @ .., close] if open == close => (inner, from + 1),
            value => (value, from),
        };
        let written = || places.written(from..from + value.len());
        match directive.to_ascii_lowercase().as_slice() {
            b"include" if !included.more(name, depth, &mut found.gaps) => {}
            b"include" => match load(value) {
                Ok(texts) => texts.iter().for_each(|text| file(text, found, load, included, depth + 1)),
                Err(gap) => found.gaps.push(gap),
            },
            b"unixsocket" => {
                found.socket = value.starts_with(b"/").then(|| Declaration {
                    owner: "redis".into(),
                    usage: Usage::Binds,
                    path: value.to_vec(),
                    directory: false,
                    protocol: Some(Protocol::Redis),
                    port: None,
                    written: written(),
                });
            }
            b"unixsocketperm" => {
                let mode = std::str::from_utf8(value).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
                found.mode = mode.map(|value| Setting { value, written: written() });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_line_counts() {
        let text = "# unixsocket /no\nport 0\nunixsocket /run/a.sock\ninclude \"/etc/redis/more.conf\"\nunixsocketperm 770\n";
        let mut load = |pattern: &[u8]| {
            assert_eq!(pattern, b"/etc/redis/more.conf");
            Ok(vec![(b"more.conf".to_vec(), b"  unixsocket  \"/run/b.sock\"\n".to_vec())])
        };
        let found = read(&(b"redis.conf".to_vec(), text.into()), &mut load);
        let socket = found.socket.unwrap();
        assert_eq!((socket.path.as_slice(), socket.written.location.column), (&b"/run/b.sock"[..], 16));
        assert_eq!(found.mode.unwrap().value, 0o770);
        assert!(is_it(text.as_bytes()) && !is_it(b"appendonly yes\n"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "(unixsocket|include|unixsocketperm| |/a|7|\"|\\n|#)*") {
            let text = (b"f".to_vec(), text.into_bytes());
            let again = text.clone();
            let _ = read(&text, &mut |_| Ok(vec![again.clone()]));
        }
    }
}
