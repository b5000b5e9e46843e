//! The socket's path in a pasted line, as bytes, without what the sentence put around it.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::pattern::compiled;

/// How the bytes that were found become a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Between two ends of its own: all of it.
    Whole,
    /// Escaped where need be: with a backslash in it nobody knows what it was.
    Quoted,
    /// A word: the sentence's punctuation may hang on it.
    Word,
    /// `%2Frun%2Fx.sock`
    Percent,
    /// An abstract name without its `@`.
    Abstract,
    /// A directory of PostgreSQL; a second group is the port.
    Postgres,
    /// A lock file beside the socket.
    Lock,
}

/// Where a program says the path of a socket; the surer stand first.
const SAID: &[(&str, Form)] = &[
    (r"(?i)unix://(%2F[^/\s]+)", Form::Percent),
    (r#"http://(%2F[^/\s"]+)"#, Form::Percent),
    (r"\b(?:connect|bind)\(\) to unix:(.+?) failed \(", Form::Whole),
    (r#"://unix:([^":\n][^":\n]*)(?::[^"\n]*)?""#, Form::Whole),
    (r#"sun_path=@"([^"\n]+)""#, Form::Abstract),
    (r#"sun_path="([^"\n]+)""#, Form::Quoted),
    (r#"AF=1 "([^"\n]+)""#, Form::Whole),
    (r"\bdial unix(?:gram|packet)? (.+?): (?:connect|socket|i/o)", Form::Whole),
    (r"\blisten unix(?:gram|packet)? (.+?): (?:bind|listen|socket)", Form::Whole),
    (r"\b(?:read|write) unix .*?->(.+?): ", Form::Whole),
    (r"\bunix:abstract=([^\s,;]+)", Form::Abstract),
    (r"\bunix:path=([^\s,;]+)", Form::Word),
    (r#"--unix-socket[ =](?:"|')?([^\s"']+)"#, Form::Word),
    (r#"lock file "([^"\n]+)\.lock""#, Form::Lock),
    (r#"(?:[Ss]ocket|[Aa]ddress|file|[Dd]irectory|[Pp]ath|bus)(?: path)? "([/@][^"\n]+)""#, Form::Whole),
    (r"(?:[Ss]ocket|[Aa]ddress|file|[Dd]irectory|[Pp]ath|bus)(?: path)? '([/@][^'\n]+)'", Form::Whole),
    (r"[Cc]an.?t reach database server at .?(/[^`:\s]+):(\d+)", Form::Postgres),
    (r"\b(?:connect|listen|bind) E[A-Z0-9]+ ([/@].+?)\s*$", Form::Whole),
    (r"\b(?:connect|listen|bind) E[A-Z0-9]+: [a-z ]+ ([/@].+?)\s*$", Form::Whole),
    (r"\((?:bind|connect)\(2\) for \x22?(/[^\s\x22(]+)", Form::Word),
    (r"(?:bind|connect)\(2\) for \x22?(/[^\s\x22(]+)", Form::Word),
    (r"cannot bind UNIX socket .*\[(/[^\]\n]+)\]", Form::Whole),
    (r"listening socket \((/[^)\n]+)\)", Form::Whole),
    (r"path too long: '(/[^'\n]+)'", Form::Whole),
    (r"Unix domain socket (/\S+) \(", Form::Word),
    (r"listen on (/\S+)", Form::Word),
    (r"Redis at (/.+?): ", Form::Whole),
    (r"connection to (/.+?) failed: \[", Form::Whole),
    (r"Connection in use: (/.+?)\s*$", Form::Whole),
    (r"Can't connect to (/.+?)\s*$", Form::Whole),
    (r"source path does not exist: (/[^\s,]+)", Form::Word),
    (r"\bunix:(?://)?([/@][^\s,;<>]+)", Form::Word),
    (r"\b(?:unix|unix@|abns)@([/\w][^\s,;<>]*)", Form::Word),
    (r"\[Errno -?\d+\] [^:\n]+: '([^'\n]+)'", Form::Quoted),
    (r"(?i)\bcannot connect to unix socket (/\S+)", Form::Word),
    (r"cannot (?:access|stat|statx|open) '(/[^'\n]+)'(?:[:\s]|$)", Form::Whole),
    (r"cannot (?:access|stat|statx|open) \x22(/[^\x22\n]+)\x22(?:[:\s]|$)", Form::Whole),
    (r"cannot (?:access|stat|statx|open) ‘(/.+?)’", Form::Whole),
    (r"cannot (?:access|stat|statx|open) (/[^:\n]+):", Form::Whole),
    (r"\b(?:stat|lstat|open|remove|unlink|chmod|chown|bind|connect) (/[^:\n]+): [a-z]", Form::Whole),
    (r"\bnc: (/[^:\n]+): ", Form::Whole),
];

/// What looks like a socket's path wherever it stands.
const LIKELY: &[(&str, Form)] = &[
    (r#""(/[^"\n]*\.sock(?:et)?)""#, Form::Whole),
    (r"'(/[^'\n]*\.sock(?:et)?)'", Form::Whole),
    (r#"(?:^|[\s"'`(=:\[])(/[^\s"'`,;()<>\[\]]*\.(?:sock(?:et)?|s\.PGSQL\.\d+)(?:\.\d+)?)"#, Form::Word),
    (r"(?:^|[\s:])(/[^\s:]+): [A-Z][a-z]+ [a-z ]+$", Form::Whole),
];

static SAID_COMPILED: LazyLock<Vec<(Regex, Form)>> = LazyLock::new(|| all(SAID));
static LIKELY_COMPILED: LazyLock<Vec<(Regex, Form)>> = LazyLock::new(|| all(LIKELY));

fn all(patterns: &[(&str, Form)]) -> Vec<(Regex, Form)> {
    patterns.iter().map(|(pattern, form)| (compiled(pattern), *form)).collect()
}

/// The path of the socket that a line is about; `around` are the lines next to it, where some programs put it.
pub(super) fn find(line: &[u8], around: &[u8]) -> Option<Vec<u8>> {
    let places = [
        (&SAID_COMPILED, line),
        (&SAID_COMPILED, around),
        (&LIKELY_COMPILED, line),
        (&LIKELY_COMPILED, around),
    ];
    places
        .into_iter()
        .find_map(|(patterns, text)| patterns.iter().find_map(|(regex, form)| take(regex, *form, text)))
}

fn take(regex: &Regex, form: Form, text: &[u8]) -> Option<Vec<u8>> {
    let found = regex.captures(text)?;
    let bytes = found.get(1)?.as_bytes();
    let path = match form {
        Form::Whole => without_uri(bytes).to_vec(),
        Form::Quoted if bytes.contains(&b'\\') => return None,
        Form::Quoted | Form::Lock => bytes.to_vec(),
        Form::Word => without_uri(without_punctuation(bytes)).to_vec(),
        Form::Percent => {
            match crate::model::Target::parse(&[b"http+unix://", without_punctuation(bytes)].concat()) {
                Ok(target) => target.label(),
                Err(_) => return None,
            }
        }
        Form::Abstract => [b"@", without_punctuation(bytes)].concat(),
        Form::Postgres => [bytes, b"/.s.PGSQL.", found.get(2)?.as_bytes()].concat(),
    };
    Some(path).filter(|path| plausible(path))
}

/// nginx writes `unix:/x.sock:/uri`.
fn without_uri(path: &[u8]) -> &[u8] {
    let end = path.windows(2).position(|pair| pair == b":/").unwrap_or(path.len());
    path[..end].strip_suffix(b":").unwrap_or(&path[..end])
}

fn without_punctuation(word: &[u8]) -> &[u8] {
    let hangs = |byte: &u8| b".,:;!?)]}>\"'`*".contains(byte);
    let end = word.iter().rposition(|byte| !hangs(byte)).map_or(0, |last| last + 1);
    let end = word[..end].iter().position(|byte| b"\"'`".contains(byte)).unwrap_or(end);
    let word = &word[..end];
    &word[..word.iter().rposition(|byte| !hangs(byte)).map_or(0, |last| last + 1)]
}

/// What could be a path or an abstract name, and not half a sentence.
fn plausible(path: &[u8]) -> bool {
    (2..=4096).contains(&path.len()) && !path.contains(&0) && !path.contains(&b'\n') && path != b"/dev/null"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_found_and_nothing_hangs_on_it() {
        for (line, path) in [
            ("connect() to unix:/run/x.sock failed (2: No such file or directory)", "/run/x.sock"),
            ("connect() to unix:/run/my app.sock failed (2: No", "/run/my app.sock"),
            (
                "request: \"GET /foo.sock HTTP/1.1\", upstream: \"http://unix:/run/x.sock:/foo\", host: \"h\"",
                "/run/x.sock",
            ),
            ("upstream: \"fastcgi://unix:/run/php/x.sock:\"", "/run/php/x.sock"),
            ("unix:/x.sock:/uri", "/x.sock"),
            ("server unix:/run/x.sock;", "/run/x.sock"),
            ("at unix:///var/run/docker.sock. Is the docker daemon running?", "/var/run/docker.sock"),
            ("Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/json\": EOF", "/var/run/docker.sock"),
            ("http+unix://%2Frun%2Fa%20b.sock/health failed", "/run/a b.sock"),
            ("dial unix /run/x.sock: connect: connection refused", "/run/x.sock"),
            ("dial unix @name: connect: connection refused", "@name"),
            ("dial unix app.sock: connect: connection refused", "app.sock"),
            ("connection to server on socket \"/run/.s.PGSQL.5432\" failed: No", "/run/.s.PGSQL.5432"),
            ("lock file \"/run/.s.PGSQL.5432.lock\" already exists", "/run/.s.PGSQL.5432"),
            (
                "Can't reach database server at `/var/run/postgresql:5432`",
                "/var/run/postgresql/.s.PGSQL.5432",
            ),
            ("through socket '/run/mysqld.sock' (2)", "/run/mysqld.sock"),
            ("Error: connect ENOENT /tmp/a b", "/tmp/a b"),
            ("Error: listen EADDRINUSE: address already in use /tmp/a", "/tmp/a"),
            ("ls: cannot access '/tmp/a b': No such file or directory", "/tmp/a b"),
            ("ls: cannot access ‘/tmp/a’: No such file or directory", "/tmp/a"),
            ("ls: cannot access /tmp/a: No such file or directory", "/tmp/a"),
            ("stat /var/run/app: no such file or directory", "/var/run/app"),
            ("connect(3, {sa_family=AF_UNIX, sun_path=\"/run/x\"}, 9) = -1", "/run/x"),
            ("connect(3, {sa_family=AF_UNIX, sun_path=@\"x\"}, 9) = -1", "@x"),
            ("[ERROR] Connection in use: /run/app.sock\r", "/run/app.sock"),
            ("cannot bind UNIX socket (No such file or directory) [/nodir/x.sock]", "/nodir/x.sock"),
            ("curl --unix-socket /tmp/x.sock http://localhost/", "/tmp/x.sock"),
            ("warning: /run/app.sock: refused", "/run/app.sock"),
            ("bash: /run/x: Permission denied", "/run/x"),
        ] {
            let found = find(line.as_bytes(), b"").map(|path| String::from_utf8(path).unwrap());
            assert_eq!(found.as_deref(), Some(path), "{line}");
        }
    }

    #[test]
    fn what_is_no_path_of_a_socket_is_left_alone() {
        for line in [
            "GET /health HTTP/1.1",
            "File \"/usr/lib/python3/socket.py\", line 8, in connect",
            "connect() failed (111: Connection refused) upstream: \"http://127.0.0.1:5001/x\"",
            "sun_path=\"/run/\\377\"",
            "Connection refused",
            "",
        ] {
            assert_eq!(find(line.as_bytes(), b""), None, "{line}");
        }
    }

    #[test]
    fn bytes_stay_bytes() {
        assert_eq!(
            find(b"dial unix /run/\xff\x1b.sock: connect: x", b"").as_deref(),
            Some(b"/run/\xff\x1b.sock".as_slice())
        );
        assert_eq!(find(b"unix:/run/a\0b.sock", b""), None);
    }
}
