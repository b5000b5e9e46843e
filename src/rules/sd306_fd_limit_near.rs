//! SD306: the server has no descriptor left, or nearly none.

use super::{family, looks, owner};
use crate::model::{Case, Certainty, Evidence, Fix, Severity, Verdict, Vitals};

rule! {
    /// The server has no descriptor number left below its limit, or nearly none.
    ///
    /// # What it means
    /// accept(2) fails with EMFILE (24, "Too many open files"): clients connect, wait and time out. From nine of ten
    /// numbers on it is a warning; without a free one, an error.
    ///
    /// # How it is known
    /// The numbers in /proc/PID/fd below the soft "Max open files" of /proc/PID/limits are counted. Descriptors with
    /// higher numbers, inherited from a time with another limit, take no place.
    ///
    /// # Not to be confused with
    /// Many open files below a high limit; FDSize of /proc/PID/status, which is the size of a table.
    ///
    /// # Fix
    /// Find what leaks, by what the descriptors are. A higher limit (LimitNOFILE=) gives time, no more.
    FD_LIMIT_NEAR = "SD306", "fd-limit-near", Error
}

fn check(case: &Case) -> Verdict {
    let (health, server) = case.vitals()?;
    let mut near: Vec<(&Vitals, u64)> = Vec::new();
    let mut unseen = None;
    for vitals in &health.holders {
        match vitals.descriptors.get() {
            Ok(found) if found.nearly_out() => near.push((vitals, found.free())),
            Ok(_) => {}
            Err(missing) => unseen = Some(missing),
        }
    }
    let Some((_, least)) = near.iter().min_by_key(|(_, free)| *free).copied() else {
        return unseen.map_or(Ok(vec![]), Err);
    };
    let (summary, severity) = if least == 0 {
        ("The server has no descriptor left: it can accept nobody.", Severity::Error)
    } else {
        ("The server has nearly no descriptors left.", Severity::Warning)
    };
    let mut finding = FD_LIMIT_NEAR.finding(case, Certainty::Certain, summary).as_severe_as(severity);
    for (vitals, _) in near.iter().take(4) {
        finding.evidence.extend([counted(vitals)]);
        finding.evidence.extend(looks::growth(health, vitals.pid));
    }
    let pid = near.first().map_or(0, |(vitals, _)| vitals.pid);
    let leak =
        Fix::look(format!("ls -l /proc/{pid}/fd"), "see what the descriptors are: what leaks is the most");
    let limit = Fix::advice("raise its limit (LimitNOFILE= of its unit, ulimit -n) once it leaks no more");
    finding.evidence.push(family::named(&family::acceptors(health, server)));
    Ok(vec![finding.fixed_by([leak, owner::restart(server), limit])])
}

/// How many numbers are taken, and by what.
fn counted(vitals: &Vitals) -> Evidence {
    let found = vitals.descriptors.known().cloned().unwrap_or_default();
    let mut line = format!("{} of {} numbers taken", found.below, found.limit).into_bytes();
    for (kind, count) in &found.kinds {
        line.extend_from_slice(format!(", {count} ").as_bytes());
        line.extend_from_slice(kind);
    }
    Evidence::new(format!("/proc/{}/fd", vitals.pid), line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Descriptors, Fact, Gap, Health, NoVerdict};

    fn with(descriptors: Fact<Descriptors>) -> Verdict {
        let mut health = Health::sample();
        health.holders[0].descriptors = descriptors;
        check(&health.case())
    }

    #[test]
    fn fires_without_a_free_number_and_warns_before() {
        let kinds = vec![(b"/dev/null".to_vec(), 60)];
        let found = |below| Fact::Known(Descriptors { open: 64, below, limit: 64, kinds: kinds.clone() });
        assert_eq!(with(found(64)).unwrap()[0].severity, Severity::Error);
        assert_eq!(with(found(58)).unwrap()[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_when_high_numbers_stand_above_a_limit_with_free_ones() {
        assert_eq!(
            with(Fact::Known(Descriptors { open: 70, below: 5, limit: 64, kinds: vec![] })),
            Ok(vec![])
        );
    }

    #[test]
    fn unknown_is_not_ok() {
        let gap = Gap::new("/proc/4242/fd", "Permission denied");
        assert!(matches!(with(Fact::Unknown(gap)), Err(NoVerdict::Unknown(_))));
    }
}
