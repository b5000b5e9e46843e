//! SD202: a directory on the way is closed to the consumer.

use super::{grant, passage, planned};
use crate::model::{Access, Case, Certainty, Finding, Gate, Obstacle, Verdict};

rule! {
    /// A directory on the way to the socket denies the consumer x, so that it never comes to the socket.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13), whatever the mode of the socket itself. Every directory from the root
    /// down takes x (search); r lists names and does not help.
    ///
    /// # How it is known
    /// Mode, owner and ACL of each directory and the ids, groups and capabilities of the consumer, put together as
    /// the kernel does; the first directory that says no is named, and what would say no behind it.
    ///
    /// # Not to be confused with
    /// A socket without w (SD201). A directory with mode 0711 or 0710 and the right group lets through.
    ///
    /// # Fix
    /// Move the socket to a directory of its own below /run; or let the one user through: `setfacl -m u:USER:x DIR`.
    PARENT_NOT_SEARCHABLE = "SD202", "parent-not-searchable", Error
}

fn check(case: &Case) -> Verdict {
    let found = passage::findings(case, Obstacle::Search, finding);
    planned::or(case, &PARENT_NOT_SEARCHABLE, Obstacle::Search, found)
}

fn finding(case: &Case, access: &Access, gate: &Gate) -> Finding {
    let directory = String::from_utf8_lossy(&gate.step.path).into_owned();
    let summary = format!("The directory {directory} does not let {} through.", passage::who(access));
    PARENT_NOT_SEARCHABLE
        .finding(case, Certainty::Certain, summary)
        .proven_by(passage::proof(case, access, gate))
        .fixed_by(grant::search(case, access, gate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Gap, NoVerdict};

    #[test]
    fn fires_at_the_first_closed_directory() {
        let found = &check(&Case::sample_before(Consumer::sample(33, &[]), 0o700, 0o600)).unwrap()[0];
        assert_eq!(found.summary, "The directory /tmp does not let 33 through.");
        assert_eq!(found.fixes[0].command.as_deref(), Some(&b"setfacl -m u:33:x /tmp"[..]));
        assert_eq!(found.evidence[1].detail, b"x.sock --- for others than 0:50: denies too");
        assert_eq!(found.fixes[1].command.as_deref(), Some(&b"setfacl -m u:33:rw /tmp/x.sock"[..]));
    }

    #[test]
    fn silent_where_x_alone_is_granted() {
        assert_eq!(check(&Case::sample_before(Consumer::sample(33, &[]), 0o711, 0o666)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample_before(Consumer::sample(33, &[]), 0o700, 0o600);
        case.accesses[0].gates[0].answer = Err(Gap::new("getxattr", "Input/output error"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
        case.accesses[0].consumer.our_view = Fact::NotAsked;
        case.accesses.clear();
        assert_eq!(check(&case), Err(NoVerdict::NotApplicable));
    }
}
