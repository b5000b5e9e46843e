//! Clients of databases: which socket an environment or a command line names. Of a connection string the path and the
//! port are kept, and nothing else: there may be a password in it.

use super::compose::mentions;
use crate::model::{Protocol, Usage};

/// A socket that a client is told to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The path; of PostgreSQL what stands as `host`.
    pub path: String,
    /// It is meant as a directory.
    pub directory: bool,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The port in the name of the socket (PostgreSQL).
    pub port: Option<u16>,
    /// What says so: `PGHOST`, `psql -h`.
    pub by: String,
}

impl Named {
    /// What was said, without what is secret in it.
    pub fn in_words(&self) -> String {
        let port = self.port.map(|port| format!(", port {port}")).unwrap_or_default();
        format!("{} names {}{port}", self.by, self.path)
    }
}

/// What the variables of an environment name.
pub fn of_environment(variables: &[(String, String)]) -> Vec<Named> {
    let value =
        |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let own_port = value("PGPORT").and_then(|port| port.parse().ok());
    variables.iter().flat_map(|(name, value)| of_variable(name, value, own_port)).collect()
}

fn of_variable(name: &str, value: &str, own_port: Option<u16>) -> Vec<Named> {
    let by = || name.to_owned();
    if name == "PGHOST" {
        let hosts = value.split(',').filter(|host| host.starts_with('/'));
        return hosts.map(|host| postgres(host, own_port, by())).collect();
    }
    let upper = name.to_ascii_uppercase();
    // Of a host in a variable of its own only the name could tell which database is meant.
    if upper.ends_with("_HOST") && !upper.starts_with("POSTGRES") {
        return vec![];
    }
    let Some(mention) = mentions::of_variable(name, value).filter(|mention| mention.usage == Usage::Connects)
    else {
        return vec![];
    };
    let protocol = mention.protocol.or_else(|| upper.starts_with("REDIS").then_some(Protocol::Redis));
    let Some(protocol) = protocol else { return vec![] };
    let port = mention.port.or(own_port.filter(|_| protocol == Protocol::Postgres));
    vec![Named { path: mention.path, directory: mention.directory, protocol, port, by: by() }]
}

/// What the command line of a client of a database names.
pub fn of_command(words: &[Vec<u8>]) -> Vec<Named> {
    let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let Some(program) = words.first().and_then(|first| first.rsplit('/').next()) else { return vec![] };
    let (protocol, long, short) = match program {
        "psql" | "pg_isready" | "pg_dump" | "pg_restore" | "pg_basebackup" | "pgbench" | "createdb"
        | "vacuumdb" => (Protocol::Postgres, "--host", "-h"),
        "mysql" | "mariadb" | "mysqldump" | "mariadb-dump" | "mysqladmin" | "mariadb-admin" => {
            (Protocol::Mysql, "--socket", "-S")
        }
        "redis-cli" | "valkey-cli" => (Protocol::Redis, "-s", "-s"),
        _ => return vec![],
    };
    let port = option(&words, "--port", "-p").and_then(|port| port.parse().ok());
    let by = |what: &str| format!("{program} {what}");
    let Some(path) = option(&words, long, short).filter(|path| path.starts_with('/')) else {
        let strings = words.iter().skip(1).filter(|_| protocol == Protocol::Postgres);
        return strings.flat_map(|word| of_variable(&by("conninfo"), word, port)).collect();
    };
    vec![match protocol {
        Protocol::Postgres => postgres(&path, port, by(short)),
        _ => Named { path, directory: false, protocol, port: None, by: by(short) },
    }]
}

/// `--host=X`, `--host X`, `-h X`, `-hX`
fn option(words: &[String], long: &str, short: &str) -> Option<String> {
    words.iter().enumerate().skip(1).find_map(|(at, word)| {
        if word == long || word == short {
            return words.get(at + 1).cloned();
        }
        let joined = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
        joined.or_else(|| word.strip_prefix(short).filter(|_| !word.starts_with("--"))).map(str::to_owned)
    })
}

fn postgres(host: &str, port: Option<u16>, by: String) -> Named {
    let path = if host.len() > 1 { host.trim_end_matches('/') } else { host };
    Named { path: path.to_owned(), directory: true, protocol: Protocol::Postgres, port, by }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(text: &str) -> Vec<String> {
        let pairs: Vec<(String, String)> = text
            .split(' ')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        of_environment(&pairs).iter().map(Named::in_words).collect()
    }

    #[test]
    fn an_environment_names_sockets_and_no_secret_is_kept() {
        assert_eq!(environment("PGPORT=5433 PGHOST=/run/pg/,db A=1"), ["PGHOST names /run/pg, port 5433"]);
        assert_eq!(
            environment("DATABASE_URL=postgresql://u:secret@localhost/db?host=/run/pg"),
            ["DATABASE_URL names /run/pg"]
        );
        assert_eq!(
            environment("DB=postgres://u:secret@%2Frun%2Fpg:5433/db REDIS_URL=unix:///run/r.sock?password=x"),
            ["DB names /run/pg, port 5433", "REDIS_URL names /run/r.sock"]
        );
        assert_eq!(
            environment(
                "DB_HOST=/run/mysqld PGHOST=db SOCKET_PATH=/run/a.sock DOCKER_HOST=unix:///x PATH=/bin"
            ),
            [""; 0]
        );
    }

    #[test]
    fn a_command_line_names_a_socket() {
        let words = |line: &str| of_command(&line.split(' ').map(Into::into).collect::<Vec<_>>());
        for (line, expected) in [
            ("/usr/bin/psql -h /run/pg -p 5433 db", Some("psql -h names /run/pg, port 5433")),
            ("psql --host=/run/pg --port=1", Some("psql -h names /run/pg, port 1")),
            ("pg_isready -h/run/pg", Some("pg_isready -h names /run/pg")),
            ("psql host=/run/pg", Some("psql conninfo names /run/pg")),
            ("mysql --socket=/run/m.sock -psecret", Some("mysql -S names /run/m.sock")),
            ("redis-cli -s /run/r.sock", Some("redis-cli -s names /run/r.sock")),
            ("psql -h db", None),
            ("curl -h /run", None),
        ] {
            let found = words(line).first().map(Named::in_words);
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }
}
