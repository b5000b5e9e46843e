//! SD203: the consumer started before its user joined the group.

use super::{grant, passage};
use crate::model::{Access, Asked, Case, Certainty, Evidence, Finding, Gate, Obstacle, Verdict};

rule! {
    /// The consumer's user is in the group that may, but the running process is not: it started before.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13). Groups are given at login and when a service starts, and kept:
    /// `usermod -aG` changes nothing for what runs. `id USER` shows the new group, the process does not have it.
    ///
    /// # How it is known
    /// `Groups:` in /proc/PID/status lacks a group that the user database lists for the user, and with the groups
    /// listed there every component of the path would let it through.
    ///
    /// # Not to be confused with
    /// A user who is in no group that may (SD201). The reverse works: who was taken out of a group keeps it
    /// until it ends.
    ///
    /// # Fix
    /// Restart the consumer's unit; in a shell log in again, or `newgrp GROUP`.
    STALE_SUPPLEMENTARY_GROUPS = "SD203", "stale-supplementary-groups", Error
}

fn check(case: &Case) -> Verdict {
    passage::findings(case, Obstacle::StaleGroups, finding)
}

fn finding(case: &Case, access: &Access, gate: &Gate) -> Finding {
    let who = passage::who(access);
    let listed = access.consumer.listed_groups.known().map_or(&[][..], Vec::as_slice);
    let numbers: Vec<String> = listed.iter().map(u32::to_string).collect();
    let detail = format!("{} is listed in the groups {}", access.consumer.user.label(), numbers.join(", "));
    let what = if gate.asked == Asked::Search { "go through the directory" } else { "write to the socket" };
    let group = gate.group.label();
    let summary = format!("{who} started before its user joined the group {group}: it may not {what} yet.");
    STALE_SUPPLEMENTARY_GROUPS
        .finding(case, Certainty::Certain, summary)
        .proven_by(passage::proof(case, access, gate))
        .proven_by([Evidence::new("user database", detail)])
        .caused_by("a process keeps the groups it started with")
        .fixed_by([grant::restart(&access.consumer)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Gap, Holder, NoVerdict};

    fn running(groups: &[u32], listed: &[u32]) -> Case {
        let mut consumer = Consumer::sample(33, groups);
        consumer.listed_groups = Fact::Known(listed.to_vec());
        consumer.process = Some(Holder::sample(7).process);
        Case::sample_before(consumer, 0o755, 0o660)
    }

    #[test]
    fn fires_when_the_database_knows_more_than_the_process() {
        assert_eq!(check(&running(&[], &[50])).unwrap()[0].code, "SD203");
    }

    #[test]
    fn silent_for_who_was_taken_out_and_still_runs() {
        assert_eq!(check(&running(&[50], &[])), Ok(vec![]));
        assert_eq!(check(&running(&[], &[4])), Ok(vec![]), "no group would help");
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = running(&[], &[50]);
        case.accesses[0].consumer.our_view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
