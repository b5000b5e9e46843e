//! SD307: connections whose clients have left and that the server does not close.

use super::{evidence, looks, owner};
use crate::model::{Case, Certainty, Evidence, Health, Sample, Verdict};

rule! {
    /// The server keeps connections open whose clients have left.
    ///
    /// # What it means
    /// Each costs a descriptor until the server closes it. If they become more, the server runs out of descriptors
    /// (SD306).
    ///
    /// # How it is known
    /// The kernel lists connections of the listener's name whose other end is gone and that are shut down both ways
    /// (UNIX_DIAG_PEER 0, UNIX_DIAG_SHUTDOWN 3; of TCP, CLOSE-WAIT): ten of them, the same ones over a second or two, or
    /// more and more of which none is closed. Their number is certain; that they leak is likely.
    ///
    /// # Not to be confused with
    /// A few that a handler is still busy with; connections that wait to be accepted (SD304).
    ///
    /// # Fix
    /// Another worker class or a newer release of the server; max_requests and the like make do meanwhile.
    HALF_DEAD_CONNECTIONS = "SD307", "half-dead-connections", Warning
}

/// From so many on it is no longer what a busy server has at times.
const MANY: usize = 10;

/// So many more are enough where they become more.
const MORE: usize = 3;

fn check(case: &Case) -> Verdict {
    let (health, server) = (case.health.get()?, case.server());
    let half_dead = health.half_dead.get()?;
    let grows = grows(health);
    if !(grows || (half_dead.count >= MANY && health.is_long())) {
        // Those of clients in namespaces out of sight are not counted.
        case.sockets.complete()?;
        return Ok(vec![]);
    }
    let count = health.samples.last().map_or(half_dead.count, |last| last.half_dead.len());
    let summary = format!("The server keeps {count} connections open whose clients have left.");
    let mut held = format!("{} the same over {}", half_dead.count, looks::looks(health));
    for (pid, count) in half_dead.held_by.iter().take(4) {
        held = format!("{held}, {count} held by pid {pid}");
    }
    let mut finding = HALF_DEAD_CONNECTIONS.finding(case, Certainty::Likely, &summary);
    finding.evidence.push(Evidence::new("connections without a client", held));
    if let Some(server) = server {
        finding.evidence.extend([evidence::socket(server), evidence::holders(server)]);
        let words = "find the handler that ends without closing its connection";
        finding.fixes.extend([owner::log(server, words), owner::restart(server)]);
    }
    let more = "they become more: its handlers do not close them";
    Ok(vec![finding.caused_by(if grows { more } else { "its handlers do not close them, or are busy" })])
}

/// Whether they became more again and again, and none of them was closed: clients that leave at once are one batch.
fn grows(health: &Health) -> bool {
    let Some((first, last)) = health.span() else { return false };
    let kept = |pair: &[Sample]| pair[0].half_dead.iter().all(|ino| pair[1].half_dead.contains(ino));
    let pairs = || health.samples.windows(2);
    let steps = pairs().filter(|pair| pair[1].half_dead.len() > pair[0].half_dead.len()).count();
    let more = last.half_dead.len() >= first.half_dead.len() + MORE;
    health.is_long() && more && steps > 1 && pairs().all(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, HalfDead, NoVerdict, SocketIno};

    fn with(count: usize, each: [u32; 3]) -> Case {
        let mut health = Health::sampled(&[&[], &[], &[]], 5);
        health.half_dead = Fact::Known(HalfDead { count, held_by: vec![(4242, count)] });
        for (sample, count) in health.samples.iter_mut().zip(each) {
            sample.half_dead = (1..=count).map(SocketIno).collect();
        }
        health.case()
    }

    #[test]
    fn fires_when_they_are_many_or_become_more() {
        assert_eq!(check(&with(10, [10, 10, 10])).unwrap()[0].code, "SD307");
        assert!(check(&with(0, [0, 2, 4])).unwrap()[0].cause.as_ref().unwrap().starts_with("they become"));
    }

    #[test]
    fn silent_on_a_few_that_do_not_grow() {
        assert_eq!(check(&with(4, [4, 5, 4])), Ok(vec![]));
        assert_eq!(check(&with(0, [0, 0, 9])), Ok(vec![]), "one batch");
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = with(0, [0, 0, 0]);
        case.sockets.gaps.push(Gap::new("net:[7]", "Operation not permitted"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
