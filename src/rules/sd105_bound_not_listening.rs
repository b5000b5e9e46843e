//! SD105: bound, but never listened.

use super::{evidence, owner};
use crate::model::{
    Case, Certainty, Evidence, Fact, Finding, NoVerdict, Sighting, SocketState, SocketType, Target, Verdict,
};

rule! {
    /// A process has bound the file, but does not listen: every connect is refused.
    ///
    /// # What it means
    /// The server called bind(2) and hangs, or failed, before listen(2); connect(2) answers ECONNREFUSED (111)
    /// although the file is there and somebody holds it. Plain `ss -x` and `ss -x state listening` hide it.
    ///
    /// # How it is known
    /// The kernel lists a stream or seqpacket socket with this very file that is not in the LISTEN state; on a
    /// second look 300 ms later it is the same socket and still does not listen.
    ///
    /// # Not to be confused with
    /// A datagram receiver, which never listens and works; a server seen in the instant between bind and
    /// listen (then the second look finds it listening); a stale file (SD104).
    ///
    /// # Fix
    /// Read the start-up log of the process that holds it, then restart it.
    BOUND_NOT_LISTENING = "SD105", "bound-not-listening", Error
}

fn check(case: &Case) -> Verdict {
    if matches!(case.target, Target::Tcp(_)) {
        return Err(NoVerdict::NotApplicable);
    }
    if case.serving().any(Sighting::is_alive) {
        return Ok(vec![]);
    }
    case.seen()?;
    case.settled()?;
    let silent = case.serving().filter(|sighting| {
        sighting.socket.state == SocketState::Bound && sighting.socket.kind != SocketType::Dgram
    });
    Ok(silent.filter_map(|sighting| finding(case, sighting)).collect())
}

fn finding(case: &Case, sighting: &Sighting) -> Option<Finding> {
    let (certainty, again) = match sighting.second_look {
        Fact::Known(Some(SocketState::Bound)) => (Certainty::Certain, "the same socket, still not listening"),
        Fact::Known(_) => return None,
        Fact::Unknown(_) | Fact::NotAsked => {
            (Certainty::Likely, "not taken: it may be between bind and listen")
        }
    };
    let again = Evidence::new("second look after 300 ms", again);
    let what = if sighting.socket.address.path().is_some() { "file" } else { "name" };
    let summary = format!("A process has bound the {what}, but does not listen: every connect is refused.");
    let finding = BOUND_NOT_LISTENING
        .finding(case, certainty, summary)
        .proven_by([evidence::socket(sighting), again, evidence::holders(sighting)])
        .caused_by("the server hangs or failed between bind(2) and listen(2)")
        .fixed_by([owner::start_up_log(sighting), owner::restart(sighting)]);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Gap;

    fn bound() -> Case {
        let mut case = Case::sample();
        case.sockets.items[0].socket.state = SocketState::Bound;
        case.sockets.items[0].second_look = Fact::Known(Some(SocketState::Bound));
        case
    }

    #[test]
    fn fires_when_two_looks_agree() {
        assert_eq!(check(&bound()).unwrap()[0].certainty, Certainty::Certain);
        let mut named = bound();
        named.sockets.items[0].socket.address = crate::model::Address::Abstract(b"x"[..].into());
        assert!(check(&named).unwrap()[0].summary.contains("bound the name"));
    }

    #[test]
    fn silent_on_a_datagram_receiver_and_on_one_that_listens_a_moment_later() {
        let mut case = bound();
        case.sockets.items[0].second_look = Fact::Known(Some(SocketState::Listening));
        assert_eq!(check(&case), Ok(vec![]));
        let mut case = bound();
        case.sockets.items[0].socket.kind = SocketType::Dgram;
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_certain() {
        let mut case = bound();
        case.sockets.items[0].second_look = Fact::Unknown(Gap::new("unix_diag", "gone"));
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely);
    }
}
