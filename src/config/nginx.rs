//! nginx: which sockets it connects to and listens on, and as whom it runs.

mod lexer;
mod malformed;

use std::collections::{HashMap, HashSet};

use super::included::Included;
use super::places::Places;
use super::{Load, Text};
use crate::model::{Declaration, Gap, Location, Protocol, Setting, Usage, Written};
use lexer::{Lexer, Token};

/// What the files of one nginx say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nginx {
    /// The sockets it names, in the order of the files.
    pub sockets: Vec<Declaration>,
    /// Backlogs that it is told to have, each with the path it listens on.
    pub backlogs: Vec<(Vec<u8>, Setting<u32>)>,
    /// The user its workers run as.
    pub user: Option<Setting<Vec<u8>>>,
    /// Sockets whose names only nginx knows: there is a variable in them.
    pub variable: Vec<Written>,
    /// What was not read.
    pub gaps: Vec<Gap>,
    /// Where nginx would refuse to start with these files, and why: what they say then does not count.
    pub malformed: Option<(Location, String)>,
}

/// Reads a main file, and what it includes; or pieces that belong to one nginx, without the file that includes them.
pub fn read(files: &[Text], load: &mut Load<'_>) -> Nginx {
    let mut reader = Reader {
        found: Nginx::default(),
        blocks: Vec::new(),
        included: Included::default(),
        load,
        upstream: Vec::new(),
        members: Vec::new(),
        passes: HashMap::new(),
        referred: HashSet::new(),
        computes: false,
    };
    for file in files {
        reader.file(file, 0);
    }
    let Reader { mut found, members, passes, referred, computes, .. } = reader;
    let whole = files.iter().any(|(_, text)| is_whole(text)) && found.gaps.is_empty() && !computes;
    for (member, upstream) in members.iter().rev() {
        found.sockets[*member].protocol = passes.get(upstream).copied().flatten();
        // Nobody is sent there.
        if whole && !referred.contains(&upstream.to_ascii_lowercase()) {
            found.sockets.remove(*member);
        }
    }
    if found.malformed.is_some() {
        found.sockets.clear();
        found.variable.clear();
    }
    found
}

/// Whether a text looks like configuration of nginx: a directive that only nginx has.
pub fn is_it(text: &[u8]) -> bool {
    const OWN: [&[u8]; 8] = [
        b"upstream",
        b"location",
        b"proxy_pass",
        b"fastcgi_pass",
        b"uwsgi_pass",
        b"server_name",
        b"http",
        b"server",
    ];
    names(text).any(|(name, block)| OWN.contains(&name.as_slice()) && (block || name.contains(&b'_')))
}

/// Whether it is a main file, and no piece that one includes.
pub fn is_whole(text: &[u8]) -> bool {
    names(text).any(|(name, block)| block && matches!(name.as_slice(), b"http" | b"events" | b"stream"))
}

/// Whether a file stands where sites are kept that are not enabled (Debian).
pub fn is_off(file: &[u8]) -> bool {
    let places = [&b"/sites-available/"[..], b"/modules-available/"];
    places.iter().any(|place| file.windows(place.len()).any(|window| window == *place))
}

/// Whether nginx would refuse a piece by itself, whatever it includes.
pub fn is_malformed(piece: &Text) -> bool {
    read(std::slice::from_ref(piece), &mut |_| Ok(vec![])).malformed.is_some()
}

/// Whether a text is certainly meant for nginx: by its path, or by directives that no other program has, and that no
/// script writes.
pub fn is_surely((file, text): (&[u8], &[u8])) -> bool {
    const OWN: [&[u8]; 5] = [b"proxy_pass", b"fastcgi_pass", b"uwsgi_pass", b"grpc_pass", b"server_name"];
    let own = || names(text).any(|(name, _)| OWN.contains(&name.as_slice()));
    file.windows(5).any(|part| part == b"nginx") || (!text.starts_with(b"#!") && own())
}

/// Whether a file is filled in before nginx reads it: Jinja, ERB, Go.
pub fn is_template(text: &[u8]) -> bool {
    text.windows(2).any(|mark| matches!(mark, b"{{" | b"{%" | b"<%"))
}

/// The first words of directives, and whether each opens a block.
fn names(text: &[u8]) -> impl Iterator<Item = (Vec<u8>, bool)> {
    let mut first = None;
    Lexer::new(text).filter_map(move |token| match token {
        Token::Word(word, _) => {
            first.get_or_insert(word);
            None
        }
        Token::End => Some((first.take()?, false)),
        Token::Open => Some((first.take()?, true)),
        Token::Close | Token::Torn(_) => {
            first = None;
            None
        }
    })
}

struct Reader<'l> {
    found: Nginx,
    /// The blocks around a directive, each by its name.
    blocks: Vec<Vec<u8>>,
    included: Included,
    load: &'l mut Load<'l>,
    /// The name of the `upstream` that was opened last.
    upstream: Vec<u8>,
    /// Sockets that stand in an `upstream`, by their place among all, with its name.
    members: Vec<(usize, Vec<u8>)>,
    /// What is spoken to an `upstream`; `None`: several things.
    passes: HashMap<Vec<u8>, Option<Protocol>>,
    /// Names that something is passed to, in small letters: nginx does not tell them apart.
    referred: HashSet<Vec<u8>>,
    /// Something is passed to a name that is computed.
    computes: bool,
}

type Word = (Vec<u8>, std::ops::Range<usize>);

impl Reader<'_> {
    fn file(&mut self, (file, text): &Text, depth: u32) {
        if !self.included.more(file, depth, &mut self.found.gaps) {
            return;
        }
        let places = Places::new(file, text);
        let outer = self.blocks.len();
        let mut lexer = Lexer::new(text);
        let mut words: Vec<Word> = Vec::new();
        while let Some(token) = lexer.next() {
            match token {
                Token::Word(word, bytes) => words.push((word, bytes)),
                Token::Torn(at) => return self.refuse(&places, at, "a quoted word that does not end there"),
                Token::End if words.is_empty() => {
                    return self.refuse(&places, lexer.at().saturating_sub(1), "unexpected \";\"");
                }
                Token::End => {
                    if let Some((at, why)) =
                        malformed::directive(&words, self.blocks.last().map(Vec::as_slice))
                    {
                        return self.refuse(&places, at, &why);
                    }
                    self.directive(&places, &std::mem::take(&mut words), depth);
                    if self.found.malformed.is_some() {
                        return;
                    }
                }
                Token::Open => {
                    let Some((name, _)) = words.first().cloned() else {
                        return self.refuse(&places, lexer.at().saturating_sub(1), "unexpected \"{\"");
                    };
                    if let Some((at, why)) = malformed::block(&words) {
                        return self.refuse(&places, at, &why);
                    }
                    if name == b"upstream" {
                        self.upstream = words.get(1).map(|(word, _)| word.clone()).unwrap_or_default();
                    }
                    words.clear();
                    if name.ends_with(b"_by_lua_block") {
                        lexer.skip_block();
                    } else {
                        self.blocks.push(name);
                    }
                }
                // A file closes only what it opened.
                Token::Close if !words.is_empty() || self.blocks.len() == outer => {
                    let at = words.first().map_or(lexer.at().saturating_sub(1), |(_, bytes)| bytes.start);
                    let why =
                        if words.is_empty() { "unexpected \"}\"" } else { "a directive without its \";\"" };
                    return self.refuse(&places, at, why);
                }
                Token::Close => self.blocks.truncate(self.blocks.len() - 1),
            }
        }
        if let Some((_, bytes)) = words.first() {
            return self.refuse(&places, bytes.start, "a directive without its \";\" at the end of the file");
        }
        if self.blocks.len() > outer {
            let name = String::from_utf8_lossy(self.blocks.last().map_or(&[], Vec::as_slice)).into_owned();
            self.refuse(
                &places,
                text.len(),
                &format!("the file ends, and a \"}}\" of \"{name}\" is missing"),
            );
        }
    }

    /// The first place at which nginx would stop reading.
    fn refuse(&mut self, places: &Places<'_>, at: usize, why: &str) {
        let location = places.written(at..at).location;
        self.found.malformed.get_or_insert((location, why.to_owned()));
    }

    fn directive(&mut self, places: &Places<'_>, words: &[Word], depth: u32) {
        let [(name, _), (value, bytes), ..] = words else { return };
        let whole = places.written(bytes.clone());
        if name.ends_with(b"_pass") {
            let upstream = after_scheme(value).unwrap_or(value);
            let end = upstream.iter().position(|byte| b"/:?".contains(byte)).unwrap_or(upstream.len());
            self.referred.insert(upstream[..end].to_ascii_lowercase());
            self.computes |= value.contains(&b'$');
        }
        if let Some(protocol) = spoken(name, value) {
            let upstream = after_scheme(value).unwrap_or(value);
            let end = upstream.iter().position(|byte| b"/:$".contains(byte)).unwrap_or(upstream.len());
            let known = self.passes.entry(upstream[..end].to_vec()).or_insert(Some(protocol));
            *known = known.filter(|known| *known == protocol);
        }
        match name.as_slice() {
            b"include" if !self.included.more(value, depth, &mut self.found.gaps) => {}
            b"include" => match (self.load)(value) {
                Ok(texts) => texts.iter().for_each(|text| self.file(text, depth + 1)),
                Err(gap) => self.found.gaps.push(gap),
            },
            b"user" if self.blocks.is_empty() => {
                self.found.user = Some(Setting { value: value.clone(), written: whole });
            }
            // Nothing is sent to one that is `down`.
            b"server" if self.in_upstream() && words.iter().any(|(word, _)| word == b"down") => {}
            b"server" if self.in_upstream() => {
                let before = self.found.sockets.len();
                self.socket(value, whole, Usage::Connects, None);
                self.members.extend((before..self.found.sockets.len()).map(|at| (at, self.upstream.clone())));
            }
            b"listen" => {
                self.socket(value, whole, Usage::Binds, None);
                self.backlog(places, value, words);
            }
            // In a `stream` block it has no scheme.
            b"proxy_pass" => match after_scheme(value) {
                Some(rest) => self.socket(before_uri(rest), whole, Usage::Connects, Some(Protocol::Http)),
                None => self.socket(value, whole, Usage::Connects, None),
            },
            b"fastcgi_pass" => self.socket(value, whole, Usage::Connects, Some(Protocol::FastCgi)),
            b"grpc_pass" => {
                let rest = after_scheme(value).unwrap_or(value);
                self.socket(rest, whole, Usage::Connects, Some(Protocol::Grpc));
            }
            b"uwsgi_pass" => {
                let rest = after_scheme(value).unwrap_or(value);
                self.socket(rest, whole, Usage::Connects, None);
            }
            b"memcached_pass" => self.socket(value, whole, Usage::Connects, Some(Protocol::Memcached)),
            b"scgi_pass" => self.socket(value, whole, Usage::Connects, None),
            _ => {}
        }
    }

    /// `backlog=` of a socket it listens on.
    fn backlog(&mut self, places: &Places<'_>, value: &[u8], words: &[Word]) {
        let Some(path) = value.strip_prefix(b"unix:") else { return };
        for (word, bytes) in words {
            let number = word.strip_prefix(b"backlog=").and_then(|number| std::str::from_utf8(number).ok());
            if let Some(value) = number.and_then(|number| number.parse().ok()) {
                let written = places.written(bytes.clone());
                self.found.backlogs.push((path.to_vec(), Setting { value, written }));
            }
        }
    }

    fn in_upstream(&self) -> bool {
        self.blocks.last().is_some_and(|block| block == b"upstream")
    }

    fn socket(&mut self, value: &[u8], written: Written, usage: Usage, protocol: Option<Protocol>) {
        let Some(path) = value.strip_prefix(b"unix:").filter(|path| !path.is_empty()) else { return };
        if path.contains(&b'$') && usage == Usage::Connects {
            return self.found.variable.push(written);
        }
        self.found.sockets.push(Declaration {
            owner: "nginx".into(),
            usage,
            path: path.to_vec(),
            directory: false,
            protocol,
            port: None,
            written,
        });
    }
}

/// What a directive has nginx speak to the upstream it names.
fn spoken(directive: &[u8], value: &[u8]) -> Option<Protocol> {
    match directive {
        b"proxy_pass" if value.starts_with(b"http://") => Some(Protocol::Http),
        b"fastcgi_pass" => Some(Protocol::FastCgi),
        b"grpc_pass" if value.starts_with(b"grpc://") => Some(Protocol::Grpc),
        b"memcached_pass" => Some(Protocol::Memcached),
        _ => None,
    }
}

/// What comes after `http://`. The path of `unix:///run/x` has slashes too many, and no scheme before it.
fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    let at = value.windows(3).position(|three| three == b"://").filter(|at| &value[..*at] != b"unix")?;
    value[..at].iter().all(u8::is_ascii_alphanumeric).then(|| &value[at + 3..])
}

/// In a URL the path of the socket ends at the next colon (`ngx_parse_unix_domain_url`, src/core/ngx_inet.c).
fn before_uri(value: &[u8]) -> &[u8] {
    let Some(path) = value.strip_prefix(b"unix:") else { return value };
    let end = path.iter().position(|byte| *byte == b':').unwrap_or(path.len());
    &value[..value.len() - path.len() + end]
}

#[cfg(test)]
mod tests;
