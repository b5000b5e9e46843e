//! SD201: the consumer may not write to the socket.

use super::{grant, passage, planned};
use crate::model::{Access, Case, Certainty, Finding, Gate, Obstacle, Sighting, Verdict};

rule! {
    /// The consumer may not write to the socket, which connecting takes.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13). It takes w on the socket's file, and nothing else of it: r and x do not
    /// matter. Exactly one class decides, the first that fits: owner, a user of the ACL, groups, others. A member of
    /// the group is never one of the others, even where these have more.
    ///
    /// # How it is known
    /// Mode, owner and ACL of the file and the ids, groups and capabilities of the consumer, put together as
    /// the kernel does. As root the kernel itself is asked too, by a helper with the consumer's identity. From files
    /// alone: what the unit says of mode, owner and group.
    ///
    /// # Not to be confused with
    /// A directory on the way that is closed (SD202); an ACL whose mask takes w away (SD204); a process that
    /// started before its user joined the group (SD203). A read-only mount does not stop a connect.
    ///
    /// # Fix
    /// Give the socket the consumer's group and mode 0660 where the server or its unit makes it, or put the
    /// consumer in the socket's group and restart it. Never mode 0666 or 0777.
    CLIENT_NO_WRITE = "SD201", "client-no-write", Error
}

fn check(case: &Case) -> Verdict {
    let found = passage::findings(case, Obstacle::Write, finding);
    planned::or(case, &CLIENT_NO_WRITE, Obstacle::Write, found)
}

fn finding(case: &Case, access: &Access, gate: &Gate) -> Finding {
    let alive = case.server().is_some_and(Sighting::is_alive);
    let though = if alive { "The socket is alive, but" } else { "Whoever serves the socket:" };
    let who = passage::who(access);
    let finding = CLIENT_NO_WRITE
        .finding(case, Certainty::Certain, format!("{though} {who} may not write to it."))
        .proven_by(passage::proof(case, access, gate))
        .fixed_by(grant::write(case, access, gate));
    case.configured.permissions.iter().fold(finding, Finding::written_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Gap, NoVerdict};

    #[test]
    fn fires_where_others_may_not_write() {
        let found = &check(&Case::sample_before(Consumer::sample(33, &[]), 0o755, 0o664)).unwrap()[0];
        assert_eq!(found.evidence[0].detail, b"/ r-x  tmp r-x  x.sock r-- for others than 0:50");
        assert_eq!(found.fixes[0].command.as_deref(), Some(&b"setfacl -m u:33:rw /tmp/x.sock"[..]));
    }

    #[test]
    fn silent_where_w_alone_is_granted() {
        for mode in [0o222, 0o620, 0o602] {
            let groups: &[u32] = if mode == 0o620 { &[50] } else { &[] };
            assert_eq!(check(&Case::sample_before(Consumer::sample(33, groups), 0o755, mode)), Ok(vec![]));
        }
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut consumer = Consumer::sample(33, &[]);
        consumer.our_view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        let verdict = check(&Case::sample_before(consumer, 0o755, 0o600));
        assert!(matches!(verdict, Err(NoVerdict::Unknown(_))));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable), "nobody was named");
    }
}
