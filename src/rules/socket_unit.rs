//! What to do about a socket that systemd listens on, or is to listen on, by a .socket unit.

use super::{owner, quote};
use crate::model::{Case, Evidence, Fix, Process, Sighting, Unit};

/// The .socket unit that is to listen on the target.
pub(super) fn declared(case: &Case) -> Option<&Unit> {
    case.socket_unit.known()?.as_deref()
}

/// That a unit is to listen there.
pub(super) fn proof(case: &Case) -> Option<Evidence> {
    declared(case)
        .map(|unit| Evidence::new(unit.file.as_slice(), "by this unit PID 1 listens here while it is active"))
}

/// How to have a unit listen that does not; `verb` is systemctl's.
pub(super) fn listen_again(case: &Case, verb: &str) -> Vec<Fix> {
    let Some(unit) = declared(case) else { return vec![] };
    let command = |words: &str| quote::command(words, unit.name.as_bytes());
    let failed = "see why it does not listen: a service that cannot start fails its .socket unit too";
    vec![
        Fix::look(command("systemctl status --no-pager"), failed),
        Fix::change(command(&format!("systemctl {verb}")), "have PID 1 listen again"),
    ]
}

/// How to make a systemd that holds a socket bind it again.
pub(super) fn restart(orphan: &Sighting, manager: &Process) -> Fix {
    match (&manager.unit, manager.pid) {
        (Some(unit), 1) if unit.ends_with(".socket") => {
            let restart = quote::command("systemctl restart", unit.as_bytes());
            let Some(service) = &orphan.stop_first else {
                return Fix::change(
                    restart,
                    "PID 1 holds it: restart this unit; its service alone does not help",
                );
            };
            let stop = quote::command("systemctl stop", service.as_bytes());
            let text =
                "PID 1 holds it, and cannot listen anew while the service runs; the next connect starts that";
            Fix::change([stop, restart].join(&b" && "[..]), text)
        }
        (_, 1) => Fix::look(
            "systemctl list-sockets --all --no-pager",
            "PID 1 holds it: find the .socket unit here and restart that unit, not its service",
        ),
        _ if manager.user_unit => Fix::look(
            "systemctl --user list-sockets --all --no-pager",
            format!("as the user {}: find the .socket unit here and restart it", manager.user.label()),
        ),
        _ => Fix::advice(match &manager.container {
            Some(name) => format!("the systemd of container {name} holds it: restart the .socket unit there"),
            None => "the systemd of a container holds it: restart the .socket unit there".to_owned(),
        }),
    }
}

/// How a systemd gets the path back from a process that took it.
pub(super) fn reclaim(orphan: &Sighting, manager: &Process, taker: &Process) -> Vec<Fix> {
    let service = taker.unit.as_deref().and_then(|unit| unit.strip_suffix(".service"));
    let socket = manager.unit.as_deref().and_then(|unit| unit.strip_suffix(".socket"));
    if let Some(name) = service.filter(|_| service == socket) {
        let own =
            "binds the path itself: let it take the listener that systemd passes (LISTEN_FDS), or disable";
        return vec![Fix::advice(format!("{name}.service {own} {name}.socket"))];
    }
    vec![owner::end(taker, "first stop the one that took the path from systemd"), restart(orphan, manager)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Holder};

    fn process(pid: u32, command: &[u8], unit: &str) -> Process {
        let unit = Some(unit.to_owned()).filter(|unit| !unit.is_empty());
        Process { command: command.to_vec(), unit, ..(*Holder::sample(pid).process).clone() }
    }

    fn commands(fixes: &[Fix]) -> Vec<&str> {
        fixes.iter().filter_map(|fix| std::str::from_utf8(fix.command.as_deref()?).ok()).collect()
    }

    #[test]
    fn the_unit_is_restarted_where_it_is_known() {
        let (manager, mut orphan) = (process(1, b"systemd", "app.socket"), Sighting::sample());
        assert_eq!(commands(&[restart(&orphan, &manager)]), ["systemctl restart app.socket"]);
        orphan.stop_first = Some("app.service".into());
        let both = "systemctl stop app.service && systemctl restart app.socket";
        assert_eq!(commands(&[restart(&orphan, &manager)]), [both]);
        let fix = restart(&orphan, &process(1, b"systemd", "init.scope"));
        assert_eq!(commands(&[fix]), ["systemctl list-sockets --all --no-pager"]);
    }

    #[test]
    fn no_manager_is_ever_stopped() {
        let mut user = process(700, b"systemd", "init.scope");
        user.user_unit = true;
        assert_eq!(
            commands(&[restart(&Sighting::sample(), &user)]),
            ["systemctl --user list-sockets --all --no-pager"]
        );
        let mut guest = process(700, b"systemd", "init.scope");
        guest.container = Some("web".into());
        let fix = restart(&Sighting::sample(), &guest);
        assert!(fix.command.is_none() && fix.text.contains("container web"), "{fix:?}");
    }

    #[test]
    fn the_path_is_taken_back_from_a_stranger_and_not_from_the_own_service() {
        let (manager, orphan) = (process(1, b"systemd", "app.socket"), Sighting::sample());
        let by_hand = reclaim(&orphan, &manager, &process(7, b"gunicorn", ""));
        assert_eq!(commands(&by_hand), ["kill 7", "systemctl restart app.socket"]);
        let other = reclaim(&orphan, &manager, &process(7, b"gunicorn", "other.service"));
        assert_eq!(commands(&other), ["systemctl stop other.service", "systemctl restart app.socket"]);
        let own = reclaim(&orphan, &manager, &process(7, b"gunicorn", "app.service"));
        assert!(own.iter().all(|fix| !fix.changes_state) && own[0].text.contains("LISTEN_FDS"), "{own:?}");
    }

    #[test]
    fn a_declared_unit_is_had_to_listen_again() {
        let mut case = Case::sample_stale();
        assert_eq!((proof(&case), listen_again(&case, "start")), (None, vec![]));
        case.socket_unit = Fact::Known(Some(Unit::sample().into()));
        let fixes = listen_again(&case, "start");
        assert_eq!(
            commands(&fixes),
            ["systemctl status --no-pager app.socket", "systemctl start app.socket"]
        );
        assert!(proof(&case).is_some());
    }
}
