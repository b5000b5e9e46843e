//! SD205: root without the power of root.

use super::{grant, passage};
use crate::model::{Access, Asked, Case, Certainty, Evidence, Finding, Gate, Obstacle, Verdict};

rule! {
    /// The consumer is root, but without the capability that overrides permissions.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13) to uid 0. Root gets in everywhere only by CAP_DAC_OVERRIDE, which containers
    /// and units may drop.
    ///
    /// # How it is known
    /// Bit 1 of `CapEff` in /proc/PID/status is clear, and the permission bits deny it.
    ///
    /// # Not to be confused with
    /// Root of a user namespace that does not map the file's owner (SD704); root that SELinux or AppArmor stops
    /// (SD209, SD210).
    ///
    /// # Fix
    /// Give the group access; a capability for one socket is more than it takes.
    ROOT_WITHOUT_DAC_OVERRIDE = "SD205", "root-without-dac-override", Error
}

fn check(case: &Case) -> Verdict {
    passage::findings(case, Obstacle::PowerlessRoot, finding)
}

fn finding(case: &Case, access: &Access, gate: &Gate) -> Finding {
    let capabilities = access.consumer.credentials.capabilities;
    let summary = "The consumer is root without CAP_DAC_OVERRIDE: permissions count for it like for anybody.";
    let detail = format!("CapEff {capabilities:016x}: CAP_DAC_OVERRIDE (bit 1) is not among them");
    let fixes = match gate.asked {
        Asked::Search => grant::search(case, access, gate),
        Asked::Write | Asked::Follow => grant::write(case, access, gate),
    };
    ROOT_WITHOUT_DAC_OVERRIDE
        .finding(case, Certainty::Certain, summary)
        .proven_by(passage::proof(case, access, gate))
        .proven_by([Evidence::new("capabilities", detail)])
        .fixed_by(fixes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, DAC_OVERRIDE, Fact, Gap, IdMaps, IdRange, NoVerdict};

    fn root(capabilities: u64, mapped: u32) -> Case {
        let mut consumer = Consumer::sample(0, &[]);
        consumer.credentials.capabilities = capabilities;
        let range = IdRange { first: 0, inside: 0, count: mapped };
        consumer.credentials.maps = Fact::Known(IdMaps { uids: vec![range], gids: vec![range] });
        Case::sample_before(consumer, 0o755, 0o440)
    }

    #[test]
    fn fires_without_the_capability() {
        assert_eq!(check(&root(0, 1000)).unwrap()[0].code, "SD205");
    }

    #[test]
    fn silent_for_root_that_has_it() {
        assert_eq!(check(&root(DAC_OVERRIDE, 1000)), Ok(vec![]));
        assert_eq!(check(&root(DAC_OVERRIDE, 1)), Ok(vec![]), "that is SD704's");
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = root(0, 1000);
        case.accesses[0].consumer.our_view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
