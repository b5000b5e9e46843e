//! SD305: a listener whose receiving side is shut down.

use super::{evidence, owner};
use crate::model::{Case, Certainty, Evidence, Finding, NoVerdict, SocketState, Target, Verdict};

rule! {
    /// The listener's receiving side is shut down: every connect is refused.
    ///
    /// # What it means
    /// Somebody called shutdown(2) with SHUT_RD or SHUT_RDWR on the listening socket. It still shows as LISTEN
    /// everywhere, while connect(2) answers ECONNREFUSED (111).
    ///
    /// # How it is known
    /// The kernel reports the socket in the LISTEN state with its receive side shut (UNIX_DIAG_SHUTDOWN).
    ///
    /// # Not to be confused with
    /// SHUT_WR alone, after which connects still work; a stale file (SD104).
    ///
    /// # Fix
    /// Restart the process that holds it: a listener cannot be opened again.
    LISTENER_SHUT_DOWN = "SD305", "listener-shut-down", Error
}

fn check(case: &Case) -> Verdict {
    if matches!(case.target, Target::Tcp(_)) {
        return Err(NoVerdict::NotApplicable);
    }
    case.seen()?;
    let shut = case.serving().filter(|sighting| sighting.socket.state == SocketState::ShutDown);
    let findings: Vec<Finding> = shut
        .map(|sighting| {
            let summary = "The listener's receiving side is shut down: every connect is refused.";
            let mut finding = LISTENER_SHUT_DOWN.finding(case, Certainty::Certain, summary);
            finding.evidence.push(evidence::socket(sighting));
            let bits = format!("{} (1 = receiving, 2 = sending)", sighting.socket.shutdown);
            finding.evidence.push(Evidence::new("unix_diag shutdown", bits));
            finding.evidence.push(evidence::holders(sighting));
            finding.cause = Some(
                "a process called shutdown(2) on the listening socket, often while stopping half-way".into(),
            );
            finding.fixes.push(owner::restart(sighting));
            finding
        })
        .collect();
    // A row from /proc/net/unix does not tell which sides are shut: silence there would be a guess.
    match case.serving().find(|sighting| sighting.socket.rqlen.is_none() && sighting.is_alive()) {
        Some(_) if findings.is_empty() => {
            Err(case.sockets.complete().map_or_else(|gap| gap, |_| NoVerdict::NotApplicable))
        }
        _ => Ok(findings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Gap;

    #[test]
    fn fires_when_the_receiving_side_is_shut() {
        let mut case = Case::sample();
        case.sockets.items[0].socket.state = SocketState::ShutDown;
        case.sockets.items[0].socket.shutdown = 1;
        assert_eq!(check(&case).unwrap()[0].code, "SD305");
    }

    #[test]
    fn silent_when_only_the_sending_side_is_shut() {
        let mut case = Case::sample();
        case.sockets.items[0].socket.shutdown = 2;
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample();
        case.sockets.items[0].socket.rqlen = None;
        case.sockets.gaps.push(Gap::new("unix_diag", "Operation not permitted"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
