//! Who owns a socket, and the command that makes the owner bind again.

use super::{quote, socket_unit};
use crate::model::{Case, Fact, Fix, Holder, Process, Sighting};

/// The process that answers for the socket: the one whose child the other holders are, else the oldest.
pub(super) fn of(sighting: &Sighting) -> Option<&Holder> {
    let holders = sighting.holders.known()?;
    let is_parent = |holder: &&Holder| holders.iter().any(|other| other.process.parent == holder.process.pid);
    holders.iter().find(is_parent).or_else(|| holders.first())
}

/// How to make the owner of a socket bind it again.
pub(super) fn restart(sighting: &Sighting) -> Fix {
    let Some(owner) = of(sighting) else {
        let who = match sighting.holders {
            Fact::NotAsked => "`sockdoctor inspect` names it",
            _ => "its pid is hidden from you",
        };
        let text = format!("restart the process that holds it, so that it binds again ({who})");
        return Fix::advice(text);
    };
    if owner.process.is_manager() {
        return socket_unit::restart(sighting, &owner.process);
    }
    if let Some(container) = &owner.process.container {
        return Fix::advice(format!("restart container {container}, so that its server binds again"));
    }
    match &owner.process.unit {
        Some(unit) if unit.ends_with(".service") && owner.process.user_unit => Fix::change(
            quote::command("systemctl --user restart", unit.as_bytes()),
            format!("as the user {}: restart the owner so that it binds again", owner.process.user.label()),
        ),
        Some(unit) if unit.ends_with(".service") => Fix::change(
            quote::command("systemctl restart", unit.as_bytes()),
            "restart the owner so that it binds again",
        ),
        _ => stop(owner, "stop the owner, then start it again as before"),
    }
}

/// Where the start-up log of the owner is.
pub(super) fn start_up_log(sighting: &Sighting) -> Fix {
    log(sighting, "read what it met when it started")
}

/// Where the log of the owner is, and what to look for in it.
pub(super) fn log(sighting: &Sighting, text: &str) -> Fix {
    let process = of(sighting).map(|holder| &holder.process);
    match process.and_then(|process| Some((process, process.unit.as_ref()?))) {
        Some((process, unit)) => {
            let option = if process.user_unit { "--user-unit" } else { "-u" };
            let command = format!("journalctl -n 50 --no-pager {option}");
            Fix::look(quote::command(&command, unit.as_bytes()), text)
        }
        None => Fix::advice(format!("{text}, in the log of the process that holds it")),
    }
}

/// How to move what stands at a path aside, so that it can be moved back.
pub(super) fn move_aside(path: &[u8], text: &str) -> Fix {
    let command = [quote::command("mv -nT", path), b" ".to_vec(), quote::word(&[path, b".aside"].concat())];
    Fix::change(command.concat(), text)
}

/// What to do about a file that nothing is bound to: `canonical` is its path where it is looked at, `from_here` the one
/// that leads there from here.
pub(super) fn of_nobody(from_here: &[u8], canonical: &[u8]) -> Vec<Fix> {
    let start = Fix::advice("start the server that owns it: most replace a stale file");
    let text = "the proof once more; with --apply the file is removed, and no successor's";
    // What is in another root is not removed from here.
    let clean =
        (from_here == canonical).then(|| Fix::look(quote::command("sockdoctor clean", canonical), text));
    let refused = "only if its start says \"Address already in use\": move the file aside, then start it";
    [Some(start), clean, Some(move_aside(from_here, refused))].into_iter().flatten().collect()
}

/// What to do with a listener that lost its name: while another one serves it, no more than to stop it, and
/// never with the process that serves. A systemd is not stopped: it gets its name back.
pub(super) fn retire(orphan: &Sighting, case: &Case) -> Vec<Fix> {
    let mut serving = case.serving().filter_map(|server| server.holders.known()).flatten();
    match of(orphan) {
        Some(older) if serving.any(|holder| holder.process.pid == older.process.pid) => vec![Fix::advice(
            "the same process holds both: let it close the listener without the file, or restart it",
        )],
        Some(older) => match case.server().and_then(of) {
            Some(taker) if older.process.is_manager() => {
                socket_unit::reclaim(orphan, &older.process, &taker.process)
            }
            _ if case.server().is_some() && !older.process.is_manager() => {
                vec![stop(older, "stop the one without the file; its end may remove that by name")]
            }
            _ => vec![restart(orphan)],
        },
        None => vec![restart(orphan)],
    }
}

/// What to do where a listener may be reached by another way than the one looked at.
pub(super) fn out_of_sight() -> Fix {
    Fix::advice("look where the server runs: its own file may be below a mount, or on another layer")
}

/// How to stop what a process belongs to: its service, or itself.
pub(super) fn end(process: &Process, text: &str) -> Fix {
    let service = process.unit.as_ref().filter(|unit| unit.ends_with(".service"));
    match service.filter(|_| !process.user_unit && process.container.is_none()) {
        Some(unit) => Fix::change(quote::command("systemctl stop", unit.as_bytes()), text),
        None => Fix::change(format!("kill {}", process.pid), text),
    }
}

/// How to let a stopped process (state `T`, proc_pid_stat(5)) go on.
pub(super) fn go_on(holder: &Holder) -> Option<Fix> {
    let stopped = holder.process.state == 'T';
    stopped.then(|| Fix::change(format!("kill -CONT {}", holder.process.pid), "let the server go on"))
}

/// What lets more clients wait.
pub(super) fn larger_queue() -> Fix {
    Fix::advice("then more workers, then a larger backlog and a larger net.core.somaxconn")
}

/// How to stop one process.
pub(super) fn stop(holder: &Holder, text: &str) -> Fix {
    Fix::change(format!("kill {}", holder.process.pid), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;

    #[test]
    fn a_unit_is_restarted_by_its_own_manager() {
        let fix = |user_unit| {
            let mut holder = Holder::sample(7);
            let process = std::sync::Arc::make_mut(&mut holder.process);
            (process.unit, process.user_unit) = (Some("x.service".into()), user_unit);
            restart(&Sighting { holders: Fact::Known(vec![holder]), ..Sighting::sample() })
        };
        assert_eq!(fix(false).command.as_deref(), Some(&b"systemctl restart x.service"[..]));
        assert_eq!(fix(true).command.as_deref(), Some(&b"systemctl --user restart x.service"[..]));
        assert!(fix(true).text.starts_with("as the user 1000: "));
    }

    #[test]
    fn the_process_that_serves_is_not_stopped_with_the_older_listener() {
        let case = Case::sample();
        let mut older = Sighting::sample();
        assert!(!retire(&older, &case)[0].changes_state, "it holds both");
        older.holders = Fact::Known(vec![Holder::sample(7)]);
        assert_eq!(retire(&older, &case)[0].command.as_deref(), Some(&b"kill 7"[..]));
    }
}
