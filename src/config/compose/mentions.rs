//! Sockets that a text names: an address, a connection string, an argument.

use crate::model::{LOCALHOST, Protocol, Usage, names_a_socket};

/// A socket somebody speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Mention {
    pub(in crate::config) usage: Usage,
    pub(in crate::config) path: String,
    pub(in crate::config) directory: bool,
    pub(in crate::config) protocol: Option<Protocol>,
    pub(in crate::config) port: Option<u16>,
}

impl Mention {
    pub(in crate::config) fn of(
        usage: Usage,
        path: &str,
        directory: bool,
        protocol: Option<Protocol>,
    ) -> Self {
        Self { usage, path: path.to_owned(), directory, protocol, port: None }
    }
}

/// Options behind which a server is told what to bind: gunicorn, uvicorn, redis, uwsgi, mysqld, dockerd.
const BINDS: [&str; 8] =
    ["--bind", "-b", "--uds", "--unixsocket", "--listen", "--socket", "--http-socket", "-H"];

/// What the value of an environment variable names.
pub(in crate::config) fn of_variable(name: &str, value: &str) -> Option<Mention> {
    let value = value.trim();
    let upper = name.to_ascii_uppercase();
    if let Some(mention) = address(value) {
        return Some(Mention {
            usage: if upper.contains("SOCK") { Usage::Either } else { Usage::Connects },
            ..mention
        });
    }
    if !value.starts_with('/') || value.contains(char::is_whitespace) {
        return None;
    }
    let postgres = ["PG", "POSTGRES", "DB", "DATABASE"].iter().any(|word| upper.starts_with(word));
    if upper == "PGHOST" || upper.ends_with("_HOST") {
        let protocol = postgres.then_some(Protocol::Postgres);
        return Some(Mention::of(Usage::Connects, value, protocol.is_some(), protocol));
    }
    let directory = value.ends_with('/') || upper.contains("DIR");
    // Socket.IO and WebSockets have paths of URLs.
    let others = ["SOCKETIO", "SOCKET_IO", "WEBSOCKET", "WEB_SOCKET"];
    let about_a_socket = (upper.contains("SOCKET") && !others.iter().any(|other| upper.contains(other)))
        || upper.split('_').any(|word| word == "SOCK");
    about_a_socket.then(|| Mention::of(Usage::Either, value.trim_end_matches('/'), directory, None))
}

/// `localhost` where MySQL is looked for, by the name of a variable or the scheme of a URL: its own clients take that
/// for a socket (<https://dev.mysql.com/doc/refman/8.4/en/connecting.html>).
pub(super) fn of_localhost(name: &str, value: &str) -> Option<Mention> {
    let value = value.trim();
    let (of_mysql, host) = if let Some((scheme, rest)) = value.split_once("://") {
        let authority = rest.split(['/', '?']).next()?;
        (["mysql", "mariadb"].iter().any(|one| scheme.starts_with(one)), authority.rsplit('@').next()?)
    } else {
        let upper = name.to_ascii_uppercase();
        let words = ["MYSQL", "MARIADB", "WORDPRESS_DB"];
        (upper.ends_with("HOST") && words.iter().any(|word| upper.contains(word)), value)
    };
    let is_it = of_mysql && host == LOCALHOST;
    is_it.then(|| Mention::of(Usage::Connects, LOCALHOST, false, Some(Protocol::Mysql)))
}

/// What the words of a server's command line name.
pub(in crate::config) fn of_command(words: &[String]) -> Vec<Mention> {
    let mut found = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let before = number.checked_sub(1).map_or("", |before| words[before].as_str());
        let (option, value) =
            word.split_once('=').filter(|_| word.starts_with('-')).unwrap_or((before, word));
        if let Some((_, directories)) = word.split_once("unix_socket_directories=") {
            let directories = directories.split(',').map(|path| path.trim_matches([' ', '\'', '"']));
            let directories = directories.filter(|path| path.starts_with('/'));
            found.extend(
                directories.map(|path| Mention::of(Usage::Binds, path, true, Some(Protocol::Postgres))),
            );
        } else if let Some(mention) = address(value) {
            let binds = BINDS.contains(&option);
            found.push(Mention { usage: if binds { Usage::Binds } else { Usage::Either }, ..mention });
        } else if value.starts_with('/') && !value.contains(char::is_whitespace) {
            let binds = BINDS.contains(&option);
            if binds || names_a_socket(value.as_bytes()) {
                let usage = if binds { Usage::Binds } else { Usage::Either };
                found.push(Mention::of(usage, value, false, None));
            }
        }
    }
    found
}

/// What the words of a healthcheck name: a client in the server's own container.
pub(in crate::config) fn of_healthcheck(words: &[String]) -> Vec<Mention> {
    let of_postgres = words.iter().any(|word| word.contains("pg_isready") || word.contains("psql"));
    let mut found = of_command(words);
    for pair in words.windows(2) {
        if of_postgres && pair[0] == "-h" && pair[1].starts_with('/') {
            found.push(Mention::of(Usage::Either, &pair[1], true, Some(Protocol::Postgres)));
        }
    }
    found.into_iter().map(|mention| Mention { usage: Usage::Either, ..mention }).collect()
}

/// An address or connection string.
fn address(text: &str) -> Option<Mention> {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let postgres = scheme.starts_with("postgres") || text.starts_with("host=") || text.contains(" host=");
    let mysql = scheme.starts_with("mysql") || scheme.starts_with("mariadb");
    let client = |path: &str, directory, protocol| Mention::of(Usage::Connects, path, directory, protocol);
    if let Some(host) = parameter(text, &["host"]).filter(|host| host.starts_with('/')) {
        let port = parameter(text, &["port"]).and_then(|port| port.parse().ok()).or_else(|| port_of(text));
        return Some(Mention { port, ..client(&host, true, Some(Protocol::Postgres)) });
    }
    if let Some(path) = parameter(text, &["socket", "unix_socket", "unixSocket", "unix_sock"]) {
        return path.starts_with('/').then(|| client(&path, false, mysql.then_some(Protocol::Mysql)));
    }
    if postgres && let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?']).next()?.rsplit('@').next()?;
        let (host, port) = host.split_once(':').unwrap_or((host, ""));
        let host = decoded(host);
        let found = host.starts_with('/').then(|| client(&host, true, Some(Protocol::Postgres)));
        return found.map(|mention| Mention { port: port.parse().ok(), ..mention });
    }
    if let Some((_, rest)) = text.split_once("unix(") {
        return Some(client(rest.split(')').next()?, false, Some(Protocol::Mysql)))
            .filter(|m| m.path.starts_with('/'));
    }
    let rest = ["unix:", "+socket:", "socket:"].iter().find_map(|mark| {
        let at = text.find(mark)?;
        let apart = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        apart.then(|| &text[at + mark.len()..])
    })?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let encoded = rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2f"));
    let path = rest.split(|c: char| "?&,;:\"' )".contains(c) || (encoded && c == '/')).next()?;
    let path = decoded(path);
    path.starts_with('/').then(|| client(&path, false, None))
}

/// The value of a parameter: of a URL's query, or of `key=value` words.
fn parameter(text: &str, names: &[&str]) -> Option<String> {
    let pairs = text.split(['?', '&', ' ', ';']).filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| decoded(value));
    values.next()
}

/// The port of a URL's host.
fn port_of(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?']).next()?.rsplit('@').next()?.rsplit_once(':')?.1.parse().ok()
}

/// Without percent-encoding (RFC 3986 §2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(value) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(value);
            rest = &tail[2..];
        } else {
            bytes.push(*byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_sockets() {
        use Usage::{Connects, Either};
        for (name, value, expected) in [
            (
                "DATABASE_URL",
                "postgresql://u@localhost/db?host=/run/pg&x=1",
                Some((Connects, "/run/pg", true, None)),
            ),
            (
                "DATABASE_URL",
                "postgres://u:p@%2Frun%2Fpg:5433/db",
                Some((Connects, "/run/pg", true, Some(5433))),
            ),
            ("DSN", "host=/run/pg port=5433 dbname=x", Some((Connects, "/run/pg", true, Some(5433)))),
            (
                "DSN",
                "u:p@unix(/run/mysqld/mysqld.sock)/db",
                Some((Connects, "/run/mysqld/mysqld.sock", false, None)),
            ),
            (
                "DB",
                "mysql+pymysql://u@/db?unix_socket=/run/m.sock",
                Some((Connects, "/run/m.sock", false, None)),
            ),
            ("REDIS_URL", "unix:///run/redis.sock?db=0", Some((Connects, "/run/redis.sock", false, None))),
            ("REDIS_URL", "redis+socket:///run/redis.sock", Some((Connects, "/run/redis.sock", false, None))),
            (
                "DOCKER_HOST",
                "unix:///var/run/docker.sock",
                Some((Connects, "/var/run/docker.sock", false, None)),
            ),
            ("API", "http+unix://%2Frun%2Fa.sock/v1", Some((Connects, "/run/a.sock", false, None))),
            ("PGHOST", "/var/run/postgresql", Some((Connects, "/var/run/postgresql", true, None))),
            ("SOCKET_PATH", "/run/a/a.sock", Some((Either, "/run/a/a.sock", false, None))),
            ("SOCKET_DIR", "/run/a/", Some((Either, "/run/a", true, None))),
            ("USE_UNIX_SOCKET", "true", None),
            ("WEBSOCKET_PATH", "/ws", None),
            ("SOCKETIO_PATH", "/socket.io", None),
            ("APP_SOCKETFILE", "/run/a.sock", Some((Either, "/run/a.sock", false, None))),
            ("DATABASE_URL", "postgres://u:p@db:5432/x", None),
            ("PATH", "/usr/bin:/bin", None),
        ] {
            let found = of_variable(name, value);
            let found = found.as_ref().map(|m| (m.usage, m.path.as_str(), m.directory, m.port));
            assert_eq!(found, expected, "{name}={value}");
        }
    }

    #[test]
    fn localhost_is_a_socket_to_clients_of_mysql_alone() {
        for (name, value, expected) in [
            ("DATABASE_URL", "mysql://u:p@localhost/x", true),
            ("DATABASE_URL", "mysql://u:p@localhost:3306/x", false),
            ("DATABASE_URL", "mysql://u:p@db/localhost", false),
            ("DATABASE_URL", "postgres://u:p@localhost/x", false),
            ("WORDPRESS_DB_HOST", "localhost", true),
            ("WORDPRESS_DB_HOST", "db", false),
            ("MYSQL_ROOT_HOST", "%", false),
            ("REDIS_HOST", "localhost", false),
        ] {
            assert_eq!(of_localhost(name, value).is_some(), expected, "{name}={value}");
        }
    }

    #[test]
    fn command_lines_name_sockets() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, expected) in [
            ("gunicorn --bind unix:/run/a.sock app", Some((Usage::Binds, "/run/a.sock"))),
            ("gunicorn -b=unix:/run/a.sock app", Some((Usage::Binds, "/run/a.sock"))),
            ("uvicorn --uds /run/a.sock", Some((Usage::Binds, "/run/a.sock"))),
            ("postgres -c unix_socket_directories=/run/pg,/tmp", Some((Usage::Binds, "/run/pg"))),
            ("proxy --to unix:/run/a.sock", Some((Usage::Either, "/run/a.sock"))),
            ("serve --bind 0.0.0.0:80 /etc/x.conf", None),
        ] {
            let found = of_command(&words(line));
            assert_eq!(found.first().map(|m| (m.usage, m.path.as_str())), expected, "{line}");
        }
        assert_eq!(of_healthcheck(&words("CMD pg_isready -h /run/pg"))[0].path, "/run/pg");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(unix:|%2[fF]?|host=|/|\\?|://|@|é|\\(| |=|-b|a){0,12}") {
            let _ = (of_variable("A_SOCKET", &text), of_command(&[text.clone(), text]));
        }
    }
}
