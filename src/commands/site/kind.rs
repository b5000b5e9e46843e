//! What a file that somebody named is, by its name and its words.

use crate::config::nginx;

/// Which family reads it.
pub(super) enum Kind {
    Unit(String),
    DropIn(String),
    Nginx,
    Gunicorn,
    Tmpfiles,
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
        _ => nginx::is_it(text).then_some(Kind::Nginx),
    }
}
