//! SD308: workers that outlived their master.

use super::{evidence, family, owner};
use crate::model::{Case, Certainty, Fix, NoVerdict, Verdict};

rule! {
    /// Workers hold the socket whose master has died.
    ///
    /// # What it means
    /// They go on serving, and nobody restarts, reloads or stops them. A new start of the server finds the address in
    /// use (EADDRINUSE), and some servers delete the socket's file on the way.
    ///
    /// # How it is known
    /// Their parent is who takes in orphans (process 1, or its like), and their command line says that they are
    /// workers, or they are gunicorn without a child; or they are several of one program and one process group. That
    /// is how they look, no proof: hence likely.
    ///
    /// # Not to be confused with
    /// A daemon, whose master is a child of process 1 too; a service that systemd gave its socket.
    ///
    /// # Fix
    /// Stop the unit, or end these processes by their pids; check that the file is still there; then start the server.
    ORPHANED_WORKERS = "SD308", "orphaned-workers", Error
}

fn check(case: &Case) -> Verdict {
    let (health, server) = case.vitals()?;
    let orphans = family::orphans(health, server);
    let [(first, _), ..] = orphans[..] else {
        // A process that is hidden may be the master.
        let hidden =
            case.hidden_holders.first().filter(|_| health.holders.iter().any(|vitals| vitals.worker));
        return hidden.map_or(Ok(vec![]), |gap| Err(NoVerdict::Unknown(gap.clone())));
    };
    let summary = "Workers hold the socket whose master has died: they serve, and nobody manages them.";
    let text = "end them, then start the server again; check the file first: a start may delete it";
    let several = first.process.unit.as_ref().is_none_or(|unit| !unit.ends_with(".service"));
    let end = if several {
        Fix::change(family::kill("", &orphans), text)
    } else {
        owner::end(&first.process, text)
    };
    Ok(vec![
        ORPHANED_WORKERS
            .finding(case, Certainty::Likely, summary)
            .proven_by([family::named(&orphans), evidence::socket(server)])
            .caused_by("the master was killed (SIGKILL, or out of memory) and its workers did not notice")
            .fixed_by([end]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Gap, Holder, Vitals};

    fn worker(pid: u32) -> (Holder, Vitals) {
        (Holder::sample(pid), Vitals { worker: true, orphan: true, ..Vitals::sample(pid) })
    }

    fn sibling(pid: u32) -> (Holder, Vitals) {
        (Holder::sample(pid), Vitals { orphan: true, group: Some(3), ..Vitals::sample(pid) })
    }

    #[test]
    fn fires_on_workers_and_on_siblings_without_their_master() {
        let found = check(&family::case(vec![worker(8), worker(9)])).unwrap();
        assert_eq!(found[0].fixes[0].command.as_deref(), Some(&b"kill 8 9"[..]));
        assert_eq!(check(&family::case(vec![sibling(8), sibling(9)])).unwrap()[0].code, "SD308");
    }

    #[test]
    fn silent_on_a_daemon_with_its_workers_and_on_a_lone_one() {
        let mut child = worker(9);
        std::sync::Arc::make_mut(&mut child.0.process).parent = 8;
        child.1.orphan = false;
        assert_eq!(check(&family::case(vec![sibling(8), child])), Ok(vec![]));
        assert_eq!(check(&family::case(vec![sibling(8)])), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = family::case(vec![(Holder::sample(8), Vitals { worker: true, ..Vitals::sample(8) })]);
        case.hidden_holders.push(Gap::new("/proc/*/fd", "3 of 9 processes could not be read"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
