//! SD704: the owner means nothing in the client's user namespace.

use super::{grant, passage};
use crate::model::{Access, Asked, Case, Certainty, Evidence, Finding, Fix, Gate, Obstacle, Verdict};

rule! {
    /// The owner or group of the socket is not mapped in the client's user namespace: root there is nobody here.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13) to root of a container. Inside, the file belongs to 65534 (nobody). A capability
    /// such as CAP_DAC_OVERRIDE holds only over files whose owner and group the user namespace maps.
    ///
    /// # How it is known
    /// `uid_map` and `gid_map` of the client lack the file's owner or group; the permission bits deny it; the
    /// capability that would override them is there.
    ///
    /// # Not to be confused with
    /// Root without the capability (SD205); a mapped owner, over whom it holds.
    ///
    /// # Fix
    /// `--userns=host`, a group that both have, or a proxy that runs where the owner is mapped.
    UNMAPPED_OWNER = "SD704", "unmapped-owner", Error
}

fn check(case: &Case) -> Verdict {
    passage::findings(case, Obstacle::UnmappedOwner, finding)
}

fn finding(case: &Case, access: &Access, gate: &Gate) -> Finding {
    let maps = access.consumer.credentials.maps.known();
    let mapped = maps.map(|maps| {
        let ranges =
            maps.uids.iter().map(|range| format!("{}+{} as {}", range.first, range.count, range.inside));
        format!("users it maps: {}", ranges.collect::<Vec<_>>().join(", "))
    });
    let (owner, group) = (gate.owner.label(), gate.group.label());
    let detail = format!("{owner}:{group} is not mapped; {}", mapped.unwrap_or_default());
    let summary = format!(
        "{} is root of a user namespace that does not map the owner {owner}:{group}.",
        passage::who(access)
    );
    let fixes = match gate.asked {
        Asked::Search => grant::search(case, access, gate),
        Asked::Write | Asked::Follow => grant::write(case, access, gate),
    };
    UNMAPPED_OWNER
        .finding(case, Certainty::Certain, summary)
        .proven_by(passage::proof(case, access, gate))
        .proven_by([Evidence::new("uid_map and gid_map", detail)])
        .fixed_by(fixes)
        .fixed_by([
            Fix::advice("run the client in the host's user namespace (--userns=host), or let the server run in the client's"),
            Fix::advice("or mode 0660 and a group that is mapped in both"),
        ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, DAC_OVERRIDE, Fact, Gap, IdMaps, IdRange, NoVerdict};

    fn root_of(first: u32, count: u32) -> Case {
        let mut consumer = Consumer::sample(1000, &[]);
        consumer.credentials.capabilities = DAC_OVERRIDE;
        let range = IdRange { first, inside: 0, count };
        consumer.credentials.maps = Fact::Known(IdMaps { uids: vec![range], gids: vec![range] });
        Case::sample_before(consumer, 0o755, 0o600)
    }

    #[test]
    fn fires_when_the_owner_is_not_mapped() {
        assert_eq!(check(&root_of(1000, 1)).unwrap()[0].code, "SD704");
    }

    #[test]
    fn silent_when_it_is() {
        assert_eq!(check(&root_of(0, 2000)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = root_of(1000, 1);
        case.accesses[0].consumer.our_view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
