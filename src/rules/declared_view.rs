//! What units declare of the view that a server and its clients have, where no server runs that would show it.

use super::configured;
use crate::model::{Altered, Case, Certainty, Declaration, Finding, Fix, Rule, Shown, Sighting, Unit};

/// The one service that is to make the socket itself; none where PID 1 does.
fn server(case: &Case) -> Option<(&Declaration, &Unit)> {
    let configured = &case.configured;
    if case.server().is_some_and(Sighting::is_alive) || case.file().is_ok_and(|file| file.is_some()) {
        return None;
    }
    let server = configured.servers().next()?;
    let alone = configured.servers().all(|other| other.owner == server.owner);
    Some((server, configured.unit(&server.owner)?.as_ref())).filter(|_| alone)
}

/// The service may not write where it is to make its socket.
pub(super) fn read_only(case: &Case, rule: &'static Rule) -> Option<Finding> {
    let (server, unit) = server(case).filter(|(_, unit)| !unit.is_socket())?;
    let place = unit.sandbox.at(server.place()).filter(|place| place.shown == Shown::ReadOnly)?;
    let (name, directory) = (&unit.name, configured::path(server.place()));
    let summary = format!(
        "{name} is to make its socket in {directory}, which is read-only for it ({}).",
        configured::path(&place.written.text)
    );
    let finding = rule.finding(case, Certainty::Likely, summary);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let below = server.place().strip_prefix(b"/run/").filter(|below| !below.is_empty());
    let (setting, value) = match below {
        Some(below) => ("RuntimeDirectory", below),
        None => ("ReadWritePaths", server.place()),
    };
    let lines = [b"[Service]\\n", setting.as_bytes(), b"=", value, b"\\n"].concat();
    let edit = configured::drop_in(name, "writable", &lines);
    let command = [edit, configured::systemctl("restart", name)].join(&b" && "[..]);
    let fix = Fix::change(command, format!("let it write there ({setting}=)"));
    let fix = Some(fix).filter(|_| value.iter().all(plain));
    let otherwise =
        Fix::advice("or have it make the socket in a directory that RuntimeDirectory= makes for it");
    Some(finding.written_at(&place.written).written_at(&server.written).fixed_by(fix).fixed_by([otherwise]))
}

/// Server and client have not the same directory.
pub(super) fn unseen(case: &Case, rule: &'static Rule) -> Option<Finding> {
    let (server, unit) = server(case)?;
    let apart = |unit: &Unit| {
        let place = unit.sandbox.at(&case.path)?.clone();
        matches!(place.shown, Shown::Own | Shown::Hidden).then_some(place)
    };
    let binds = if unit.is_socket() { None } else { apart(unit) };
    for client in case.configured.clients().filter(|client| client.owner != unit.name) {
        let other = case.configured.unit(&client.owner);
        if other.is_some_and(|other| joined(unit, other)) {
            continue;
        }
        let connects = other.and_then(|other| apart(other));
        // Without its unit nothing is known of what the client sees.
        let (name, place) = match (&binds, &connects) {
            (Some(place), _) => (&unit.name, place),
            (None, Some(place)) => (&client.owner, place),
            (None, None) => continue,
        };
        let finding = rule.finding(case, Certainty::Likely, summary(name, place));
        let finding =
            finding.written_at(&place.written).written_at(&client.written).written_at(&server.written);
        let fix = Fix::advice(format!(
            "have both use a path below /run, in a RuntimeDirectory= of {}; not below a directory that is private",
            unit.name
        ));
        return Some(finding.fixed_by([fix]));
    }
    None
}

fn summary(name: &str, place: &Altered) -> String {
    let (directory, line) = (configured::path(&place.directory), configured::path(&place.written.text));
    let has = if place.shown == Shown::Own { "has a directory of its own for" } else { "does not see" };
    format!("{name} {has} {directory} ({line}): server and client cannot meet there.")
}

fn joined(one: &Unit, other: &Unit) -> bool {
    one.sandbox.joins.contains(&other.name) || other.sandbox.joins.contains(&one.name)
}
