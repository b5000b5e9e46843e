//! SD309: a process holds the listener that is not of its server.

use super::{evidence, family};
use crate::model::{Case, Certainty, Fix, NoVerdict, Verdict};

rule! {
    /// A process that is not of the server holds the listener too.
    ///
    /// # What it means
    /// It inherited the descriptor, as any program that a server starts does without FD_CLOEXEC. It accepts nobody;
    /// but when the server ends, the socket lives on: clients connect and wait, and a new start finds the address in
    /// use.
    ///
    /// # How it is known
    /// /proc/PID/exe or the unit of a holder is another than that of the oldest one. A socket may be given away on
    /// purpose, which is mostly told by the environment (LISTEN_FDS): hence likely.
    ///
    /// # Not to be confused with
    /// systemd, which keeps the sockets that it activates; workers; a supervisor that opened the socket.
    ///
    /// # Fix
    /// End that process. Open the socket with SOCK_CLOEXEC, and start other programs with close_fds.
    FOREIGN_HOLDER = "SD309", "foreign-holder", Warning
}

fn check(case: &Case) -> Verdict {
    let (health, server) = case.vitals()?;
    let foreign = family::foreign(health, server);
    if foreign.is_empty() {
        let unread = health.holders.len() > 1 && health.holders.iter().any(|vitals| vitals.program.is_none());
        let gap =
            || crate::model::Gap::new("/proc/PID/exe", "not readable").helped_by(crate::model::Gap::AS_ROOT);
        return if unread { Err(NoVerdict::Unknown(gap())) } else { Ok(vec![]) };
    }
    let alone = foreign.len() == health.holders.len();
    let summary = if alone {
        "Nobody serves the socket: only a program that inherited the listener still holds it."
    } else {
        "A process that is not of the server holds the listener too."
    };
    let end = Fix::change(family::kill("", &foreign), "end what inherited the listener");
    let keep = Fix::advice("let the server open it with SOCK_CLOEXEC, or start programs with close_fds");
    let start = alone.then(|| Fix::advice("then start the server again"));
    Ok(vec![
        FOREIGN_HOLDER
            .finding(case, Certainty::Likely, summary)
            .proven_by([family::named(&foreign), evidence::holders(server), evidence::socket(server)])
            .caused_by("the server started it without closing its own descriptors (no FD_CLOEXEC)")
            .fixed_by([end].into_iter().chain(start).chain([keep])),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Holder, Vitals};

    fn of(pid: u32, program: &str) -> (Holder, Vitals) {
        (Holder::sample(pid), Vitals { program: Some(program.into()), ..Vitals::sample(pid) })
    }

    #[test]
    fn fires_on_another_program_and_on_what_is_left_of_a_dead_server() {
        let found = check(&family::case(vec![of(4, "/usr/bin/python3"), of(9, "/usr/bin/ssh")])).unwrap();
        assert_eq!(found[0].fixes[0].command.as_deref(), Some(&b"kill 9"[..]));
        let mut left = family::case(vec![of(9, "/usr/bin/sleep")]);
        assert_eq!(check(&left), Ok(vec![]), "nobody waits");
        left.sockets.items[0].socket.rqlen = Some((1, 5));
        assert!(check(&left).unwrap()[0].summary.starts_with("Nobody serves"));
    }

    #[test]
    fn silent_on_workers_and_on_what_was_given_the_socket() {
        let mut given = of(9, "/usr/bin/app");
        given.1.handed = true;
        let holders = vec![of(4, "/usr/bin/python3"), of(5, "/usr/bin/python3"), given];
        assert_eq!(check(&family::case(holders)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let hidden = (Holder::sample(9), Vitals { program: None, ..Vitals::sample(9) });
        let case = family::case(vec![of(4, "/usr/bin/python3"), hidden]);
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
