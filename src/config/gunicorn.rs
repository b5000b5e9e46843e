//! gunicorn and uvicorn: where a command line, or a gunicorn.conf.py read as text, has them listen.

use super::places::Places;
use crate::model::{Setting, Written};

/// The program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// gunicorn(1)
    Gunicorn,
    /// uvicorn
    Uvicorn,
}

impl Program {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gunicorn => "gunicorn",
            Self::Uvicorn => "uvicorn",
        }
    }
}

/// How one is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Which.
    pub program: Program,
    /// Paths of Unix sockets it binds.
    pub sockets: Vec<Vec<u8>>,
    /// It is told to bind something: what a configuration file says of that does not count.
    pub told: bool,
    /// It is told so in words that are not known whole.
    pub unclear: bool,
    /// Its configuration file, if one is named.
    pub config: Option<Vec<u8>>,
    /// The directory it changes to.
    pub directory: Option<Vec<u8>>,
    /// `--umask`
    pub umask: Option<u32>,
    /// `--user`: of the socket too.
    pub user: Option<String>,
    /// `--group`
    pub group: Option<String>,
    /// `--backlog`
    pub backlog: Option<u32>,
    /// uvicorn: it runs its workers, or itself, again under a supervisor.
    pub supervised: bool,
}

/// Understands a command line; `None` where it starts neither of them.
pub fn launch(words: &[Vec<u8>]) -> Option<Launch> {
    let (program, options) = program(words)?;
    let mut found = Launch {
        program,
        sockets: vec![],
        told: false,
        unclear: false,
        config: None,
        directory: None,
        umask: None,
        user: None,
        group: None,
        backlog: None,
        supervised: false,
    };
    let mut options = options.iter();
    while let Some(word) = options.next() {
        let (name, joined) = split(word);
        let mut value = || joined.clone().or_else(|| options.next().cloned()).unwrap_or_default();
        match (program, name) {
            (Program::Gunicorn, b"-b" | b"--bind") => {
                let value = value();
                found.told = true;
                found.unclear |= value.starts_with(&[0]);
                found.sockets.extend(unix(&value));
            }
            (Program::Gunicorn, b"-c" | b"--config") => found.config = Some(value()),
            (Program::Gunicorn, b"--chdir") | (Program::Uvicorn, b"--app-dir") => {
                found.directory = Some(value());
            }
            (Program::Gunicorn, b"-m" | b"--umask") => found.umask = umask(&value()),
            (Program::Gunicorn, b"-u" | b"--user") => found.user = String::from_utf8(value()).ok(),
            (Program::Gunicorn, b"-g" | b"--group") => found.group = String::from_utf8(value()).ok(),
            (Program::Uvicorn, b"--uds") => {
                found.told = true;
                found.sockets.push(value());
            }
            (Program::Uvicorn, b"--workers") => {
                found.supervised |= number(&value()).is_some_and(|workers| workers > 1);
            }
            (Program::Uvicorn, b"--reload") => found.supervised = true,
            (_, b"--backlog") => found.backlog = number(&value()),
            _ => {}
        }
    }
    Some(found)
}

/// Octal with a leading zero, as `int(x, 0)` of Python has it with `0o` (gunicorn.config, `auto_int`).
fn umask(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix('0'));
    digits
        .filter(|digits| !digits.is_empty())
        .map_or_else(|| text.parse().ok(), |octal| u32::from_str_radix(octal, 8).ok())
}

fn number(value: &[u8]) -> Option<u32> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The program, and what is said to it.
fn program(words: &[Vec<u8>]) -> Option<(Program, &[Vec<u8>])> {
    let named = |word: &[u8]| match word.rsplit(|byte| *byte == b'/').next() {
        Some(b"gunicorn" | b"gunicorn3") => Some(Program::Gunicorn),
        Some(b"uvicorn") => Some(Program::Uvicorn),
        _ => None,
    };
    let (first, rest) = words.split_first()?;
    if let Some(program) = named(first) {
        return Some((program, rest));
    }
    // An interpreter, a wrapper such as env(1) or poetry(1): a few words later the program itself.
    let before = rest.iter().take(8).position(|word| named(word).is_some())?;
    let (program, options) = rest.split_at(before).1.split_first()?;
    Some((named(program)?, options))
}

/// An option and what is joined to it: `--bind=X`, `-bX`.
fn split(word: &[u8]) -> (&[u8], Option<Vec<u8>>) {
    if word.starts_with(b"--") {
        let equals = word.iter().position(|byte| *byte == b'=');
        return equals.map_or((word, None), |at| (&word[..at], Some(word[at + 1..].to_vec())));
    }
    match word {
        [b'-', _, _, ..] => (&word[..2], Some(word[2..].to_vec())),
        _ => (word, None),
    }
}

/// The path of `unix:PATH`; of an address of another kind nothing (gunicorn.util, `parse_address`).
fn unix(address: &[u8]) -> Option<Vec<u8>> {
    let path = address.strip_prefix(b"unix://").or_else(|| address.strip_prefix(b"unix:"))?;
    (!path.is_empty()).then(|| path.to_vec())
}

/// What a gunicorn.conf.py says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// Paths it binds, each with its place.
    pub sockets: Vec<(Vec<u8>, Written)>,
    /// Where it computes what it binds.
    pub unclear: Option<Written>,
    /// `backlog`
    pub backlog: Option<Setting<u32>>,
}

/// What a gunicorn.conf.py binds: strings that are assigned to `bind`, each with its place. It is never run, so
/// a value that is computed stays unknown.
pub fn configured(file: &[u8], text: &[u8]) -> Configured {
    let places = Places::new(file, text);
    let mut found = Configured::default();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let at = start;
        start += line.len();
        if let Some(value) = assigned(line, b"backlog") {
            let value = value.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
            let written = places.written(at..at + line.trim_ascii_end().len());
            found.backlog = number(value).map(|value| Setting { value, written });
        }
        let Some(rest) = assigned(line, b"bind") else {
            // Under a condition, or in a function.
            if assigned(line.trim_ascii_start(), b"bind").is_some() {
                found.unclear = Some(places.written(at..at + line.trim_ascii_end().len()));
            }
            continue;
        };
        // The last word counts.
        (found.sockets, found.unclear) = (Vec::new(), None);
        let begins = at + line.len() - rest.len();
        let quote = |byte: &u8| matches!(byte, b'"' | b'\'');
        let (mut from, mut unclear) = (begins, false);
        let opens = matches!(rest.trim_ascii_start().first(), Some(b'[' | b'('));
        let closes = |byte: &u8| matches!(byte, b']' | b')');
        let close = text[begins..].iter().position(closes).filter(|_| opens).map(|close| begins + close + 1);
        let end = at + line.iter().position(|byte| *byte == b'#').unwrap_or(line.len());
        let end = close.map_or(end, |close| close.max(end));
        while let Some(open) = text.get(from..end).and_then(|rest| rest.iter().position(quote)) {
            let open = from + open;
            let close = text[open + 1..end].iter().position(|byte| *byte == text[open]);
            let Some(close) = close.map(|close| open + 1 + close) else { break };
            let computed = open.checked_sub(1).is_some_and(|before| text[before].is_ascii_alphabetic());
            if let Some(path) = unix(&text[open + 1..close]).filter(|_| !computed) {
                found.sockets.push((path, places.written(open + 1..close)));
            }
            unclear |= computed;
            from = close + 1;
        }
        let is_computed = |byte: &u8| byte.is_ascii_alphabetic() || b"(+%".contains(byte);
        let outside = text[begins..end].split(quote).step_by(2).any(|part| part.iter().any(is_computed));
        if unclear || outside || (opens && close.is_none()) {
            found.sockets.clear();
            found.unclear = Some(places.written(begins..end.max(begins)));
        }
    }
    found
}

/// What stands behind the `=` of an assignment to a name, with that.
fn assigned<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let rest = line.strip_prefix(name)?;
    let value = rest.trim_ascii_start().strip_prefix(b"=")?;
    (!value.starts_with(b"=")).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn launched(line: &str) -> Option<Launch> {
        launch(&line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn every_spelling_of_bind_is_understood() {
        for line in [
            "/opt/venv/bin/gunicorn -w 2 --bind unix:/run/a.sock app:wsgi",
            "gunicorn --bind=unix:/run/a.sock app:wsgi",
            "/usr/bin/python3 /usr/bin/gunicorn -bunix:/run/a.sock app:wsgi",
            "python3 -m gunicorn -b unix:///run/a.sock app:wsgi",
            "python3 -m uvicorn --uds /run/a.sock app:app",
            "/usr/bin/env uvicorn app:app --uds=/run/a.sock",
        ] {
            let launch = launched(line).unwrap();
            assert_eq!((launch.sockets, launch.told), (vec![b"/run/a.sock".to_vec()], true), "{line}");
        }
        assert!(launched("/usr/sbin/nginx -c x").is_none());
        assert!(launched("gunicorn -b 127.0.0.1:8000 app").is_some_and(|found| found.sockets.is_empty()));
        let uvicorn = launched("uvicorn --workers 4 --uds x app").unwrap();
        assert!(uvicorn.supervised && !launched("uvicorn --workers 1 app").unwrap().supervised);
        let gunicorn = launched("gunicorn -c conf.py --chdir /srv --backlog 64 app").unwrap();
        assert_eq!((gunicorn.config, gunicorn.backlog), (Some(b"conf.py".to_vec()), Some(64)));
        assert_eq!(gunicorn.directory.as_deref(), Some(&b"/srv"[..]));
        let gunicorn = launched("gunicorn --user=web -g www-data -m 007 app").unwrap();
        assert_eq!(
            (gunicorn.user.as_deref(), gunicorn.group.as_deref(), gunicorn.umask),
            (Some("web"), Some("www-data"), Some(7))
        );
        // It has no such options.
        assert_eq!(launched("uvicorn -u web -m 007 app").unwrap().user, None);
        let names = [("gunicorn app", "gunicorn"), ("uvicorn app", "uvicorn")];
        assert!(names.into_iter().all(|(line, name)| launched(line).unwrap().program.name() == name));
    }

    #[test]
    fn what_a_file_assigns_is_read_and_what_it_computes_is_not() {
        let text = "workers = 2\nbind = ['unix:/run/a.sock', \n \"unix:/run/b.sock\",\n] # 'unix:/no'\nbindings = 'unix:/no'\n";
        let found = configured(b"c.py", text.as_bytes());
        let shown: Vec<_> = found
            .sockets
            .iter()
            .map(|(path, written)| {
                (std::str::from_utf8(path).unwrap(), written.location.line, written.location.column)
            })
            .collect();
        assert_eq!((shown, found.unclear), (vec![("/run/a.sock", 2, 10), ("/run/b.sock", 3, 3)], None));
        for line in ["f'unix:/{x}'", "os.environ['BIND']", "'unix:' + path", "'unix:%s' % path", "["] {
            let text = format!("bind = 'unix:/run/a.sock'\nbind={line}\nbacklog = 7 # why\n");
            let found = configured(b"c.py", text.as_bytes());
            assert!(found.unclear.is_some_and(|written| written.location.line == 2), "{line}");
            assert_eq!(found.backlog.map(|backlog| backlog.value), Some(7));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = configured(b"c.py", &[b"bind='", text.as_slice()].concat());
            let _ = launch(&[b"gunicorn".to_vec(), text]);
        }

        #[test]
        fn no_line_makes_it_panic(text in "(bind|=|'|\"|#|unix:/a|\n| )*") {
            let _ = configured(b"c.py", text.as_bytes());
        }
    }
}
