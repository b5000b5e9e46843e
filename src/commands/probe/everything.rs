//! `probe --http /` without a target: every listening stream socket that is known to speak HTTP.

use std::collections::HashSet;

use super::hints;
use crate::facts::holders;
use crate::facts::look::{Root, viewpoint};
use crate::facts::machine::Machine;
use crate::facts::netns_keepers::Keepers;
use crate::facts::process;
use crate::facts::sockets::{self, Ask};
use crate::facts::survey::Surveyor;
use crate::model::{Address, NotProbed, Socket, SocketIno, SocketState, SocketType, Target};

/// What is to be probed, and what is left alone.
#[derive(Default)]
pub(super) struct Found {
    pub(super) targets: Vec<Target>,
    pub(super) not_probed: Vec<NotProbed>,
}

/// Listeners of our own network namespace, which is where a connect of ours leads; `all`: whatever they speak.
pub(super) fn listeners(machine: &Machine, all: bool) -> Found {
    let dump = sockets::all(machine, Ask { owners_only: true, memory: false }, &Keepers::new());
    let view = viewpoint(machine, Root::Ours).ok();
    let mut surveyor = Surveyor::new(view.as_ref(), &dump.namespaces);
    let rows = dump.rows.iter().filter(|row: &&Socket| {
        row.state == SocketState::Listening && row.kind == SocketType::Stream && row.netns == dump.own
    });
    let mut named: Vec<(&Socket, Target, Vec<u8>)> = rows
        .filter_map(|row| Some((row, target(row)?)))
        .map(|(row, target)| {
            let label = target.label();
            (row, target, label)
        })
        .collect();
    named.sort_by(|one, other| one.2.cmp(&other.2));
    let wanted: HashSet<SocketIno> = named.iter().map(|(row, ..)| row.ino).collect();
    let held = holders::walk(machine, Some(&wanted));
    let mut found = Found::default();
    for (row, target, label) in named {
        let commands: Vec<(u32, Vec<u8>)> = held
            .of(row.ino)
            .iter()
            .filter_map(|holder| Some((holder.pid, process::command(machine, holder.pid)?)))
            .collect();
        let why = if surveyor.case(row).is_none() {
            Some("its file is not at its name here".to_owned())
        } else {
            reason(&commands).filter(|_| !all)
        };
        match why {
            Some(why) => found.not_probed.push(NotProbed { label, why }),
            None => found.targets.push(target),
        }
    }
    found
}

fn target(row: &Socket) -> Option<Target> {
    match &row.address {
        Address::Path(path) if path.starts_with(b"/") => Some(Target::Path(path.to_vec())),
        Address::Abstract(name) => Some(Target::Abstract(name.to_vec())),
        _ => None,
    }
}

/// Why a listener with these holders is left alone. `None`: it is known to speak HTTP.
fn reason(commands: &[(u32, Vec<u8>)]) -> Option<String> {
    let speaks_http = |(_, command): &(u32, Vec<u8>)| {
        hints::of_command(command).is_some_and(crate::model::Protocol::takes_http)
    };
    match commands {
        _ if commands.iter().any(speaks_http) => None,
        [(1, command)] if command == b"systemd" => {
            Some("PID 1 listens for it: a probe would start its service".into())
        }
        [] => Some("not known to speak HTTP: its holders are hidden".into()),
        _ => Some("not known to speak HTTP".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_speak_http_is_asked() {
        let held = |pid, command: &str| vec![(pid, command.as_bytes().to_vec())];
        assert_eq!(reason(&held(7, "gunicorn")), None);
        assert_eq!(reason(&held(7, "dockerd")), None);
        assert!(reason(&held(7, "postgres")).is_some());
        assert!(reason(&held(1, "systemd")).unwrap().contains("start its service"));
        assert!(reason(&[]).unwrap().contains("hidden"));
    }
}
