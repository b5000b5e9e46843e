//! What a server is known to speak before it has said a word: the usual names of sockets, processes and ports. Pure.

use crate::model::{KnownBy, Protocol, Target};

/// Parts of the usual socket paths: those without a slash, of their last component.
const PATHS: &[(&str, Protocol)] = &[
    (".s.PGSQL.", Protocol::Postgres),
    ("mysqld.sock", Protocol::Mysql),
    ("mysql.sock", Protocol::Mysql),
    ("mariadb.sock", Protocol::Mysql),
    ("redis", Protocol::Redis),
    ("valkey", Protocol::Redis),
    ("memcached", Protocol::Memcached),
    ("php-fpm", Protocol::FastCgi),
    ("-fpm.sock", Protocol::FastCgi),
    ("dbus/system_bus_socket", Protocol::Dbus),
    ("docker.sock", Protocol::Docker),
    ("podman.sock", Protocol::Docker),
    ("containerd.sock", Protocol::Grpc),
    ("haproxy/admin.sock", Protocol::Haproxy),
    ("haproxy/stats", Protocol::Haproxy),
];

/// Beginnings of `comm`, which the kernel cuts to 15 bytes.
const COMMANDS: &[(&str, Protocol)] = &[
    ("postgres", Protocol::Postgres),
    ("mariadbd", Protocol::Mysql),
    ("mysqld", Protocol::Mysql),
    ("redis-server", Protocol::Redis),
    ("valkey-server", Protocol::Redis),
    ("memcached", Protocol::Memcached),
    ("php-fpm", Protocol::FastCgi),
    ("dbus-daemon", Protocol::Dbus),
    ("dbus-broker", Protocol::Dbus),
    ("dockerd", Protocol::Docker),
    ("containerd", Protocol::Grpc),
    ("gunicorn", Protocol::Http),
    ("uvicorn", Protocol::Http),
    ("hypercorn", Protocol::Http),
    ("daphne", Protocol::Http),
    ("granian", Protocol::Http),
    ("waitress", Protocol::Http),
    ("nginx", Protocol::Http),
    ("apache2", Protocol::Http),
    ("httpd", Protocol::Http),
    ("caddy", Protocol::Http),
    ("traefik", Protocol::Http),
    ("puma", Protocol::Http),
    ("unicorn", Protocol::Http),
];

const PORTS: &[(u16, Protocol)] = &[
    (80, Protocol::Http),
    (3306, Protocol::Mysql),
    (5432, Protocol::Postgres),
    (6379, Protocol::Redis),
    (8000, Protocol::Http),
    (8080, Protocol::Http),
    (9000, Protocol::FastCgi),
    (11211, Protocol::Memcached),
];

/// By the target alone, then by the process that listens.
pub(in crate::commands) fn protocol(
    target: &Target,
    command: impl FnOnce() -> Option<Vec<u8>>,
) -> Option<(Protocol, KnownBy)> {
    let by_holder = || Some((of_command(&command()?)?, KnownBy::Holder));
    match target {
        Target::Path(path) => {
            let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
            let holds = |part: &str| {
                let place = if part.contains('/') { path } else { last };
                place.windows(part.len()).any(|window| window == part.as_bytes())
            };
            let named = PATHS.iter().find(|(part, _)| holds(part));
            named.map(|(_, protocol)| (*protocol, KnownBy::Path)).or_else(by_holder)
        }
        Target::Abstract(_) | Target::Inode(_) => by_holder(),
        Target::Tcp(address) => {
            let port: u16 = address.rsplit_once(':')?.1.parse().ok()?;
            let known = PORTS.iter().find(|(number, _)| *number == port)?;
            Some((known.1, KnownBy::Port))
        }
    }
}

/// By the name of a process.
pub(super) fn of_command(command: &[u8]) -> Option<Protocol> {
    let known = COMMANDS.iter().find(|(name, _)| command.starts_with(name.as_bytes()));
    known.map(|(_, protocol)| *protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_knows_first_and_the_holder_next() {
        let by = |path: &str, command: &str| {
            protocol(&Target::Path(path.into()), || Some(command.as_bytes().to_vec()))
        };
        assert_eq!(by("/run/postgresql/.s.PGSQL.5432", "x"), Some((Protocol::Postgres, KnownBy::Path)));
        assert_eq!(by("/run/app.sock", "gunicorn: maste"), Some((Protocol::Http, KnownBy::Holder)));
        assert_eq!(by("/run/php/php8.2-fpm.sock", ""), Some((Protocol::FastCgi, KnownBy::Path)));
        assert_eq!(by("/run/app.sock", "python3"), None);
        assert_eq!(by("/srv/redis-ui/app.sock", "python3"), None);
        let tcp = protocol(&Target::Tcp("[::1]:5432".into()), || None);
        assert_eq!(tcp, Some((Protocol::Postgres, KnownBy::Port)));
    }
}
