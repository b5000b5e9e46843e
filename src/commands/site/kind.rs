//! What a file that somebody named is, by its name and its words.

use crate::config::{haproxy, mysql, nginx, php_fpm, postgres, redis};

/// Which family reads it.
pub(super) enum Kind {
    Unit(String),
    DropIn(String),
    Nginx,
    Gunicorn,
    Tmpfiles,
    Haproxy,
    PhpFpm,
    Postgres,
    Mysql,
    Redis,
}

/// What a file is; `None`: nothing that is read.
pub(super) fn kind(file: &[u8], text: &[u8]) -> Option<Kind> {
    let is_unit = |name: &str| name.ends_with(".service") || name.ends_with(".socket");
    let mut parts =
        file.rsplit(|byte| *byte == b'/').map(|part| std::str::from_utf8(part).unwrap_or_default());
    let name = parts.next()?;
    if is_unit(name) {
        return Some(Kind::Unit(name.to_owned()));
    }
    let directory = parts.next();
    if directory == Some("tmpfiles.d") && name.as_bytes().ends_with(b".conf") {
        return Some(Kind::Tmpfiles);
    }
    let beside = directory.and_then(|directory| directory.strip_suffix(".d")).filter(|unit| is_unit(unit));
    match beside {
        Some(unit) if name.as_bytes().ends_with(b".conf") => Some(Kind::DropIn(unit.to_owned())),
        _ if name.contains("gunicorn") && name.as_bytes().ends_with(b".py") => Some(Kind::Gunicorn),
        _ => by_name(name).or_else(|| by_words(text)),
    }
}

/// By the name that a family's main file has everywhere.
fn by_name(name: &str) -> Option<Kind> {
    let ends = |with: &str| name.as_bytes().ends_with(with.as_bytes());
    Some(match name {
        "haproxy.cfg" => Kind::Haproxy,
        "postgresql.conf" | "postgresql.auto.conf" => Kind::Postgres,
        "redis.conf" | "valkey.conf" => Kind::Redis,
        "php-fpm.conf" => Kind::PhpFpm,
        "nginx.conf" => Kind::Nginx,
        _ if ends(".cnf") => Kind::Mysql,
        _ => return None,
    })
}

/// By what only one family has.
fn by_words(text: &[u8]) -> Option<Kind> {
    Some(match text {
        text if haproxy::is_it(text) => Kind::Haproxy,
        text if mysql::is_it(text) => Kind::Mysql,
        text if php_fpm::is_it(text) => Kind::PhpFpm,
        text if postgres::is_it(text) => Kind::Postgres,
        text if redis::is_it(text) => Kind::Redis,
        text if nginx::is_it(text) => Kind::Nginx,
        _ => return None,
    })
}
