//! SD204: an ACL grants it, and its mask takes it away.

use super::{passage, quote};
use crate::model::{Access, Asked, Case, Certainty, Evidence, Finding, Fix, Gate, Obstacle, Verdict};

rule! {
    /// An ACL entry lets the consumer in, but the mask of that ACL takes it away again.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13). The mask limits named users and every group; `ls -l` shows it where the
    /// group's bits usually are. `chmod 600` sets it to nothing, and so does a server's umask: below a directory
    /// with a default ACL a socket bound under umask 022 has the mask r-x.
    ///
    /// # How it is known
    /// The extended attribute `system.posix_acl_access`: an entry for the consumer has the bit, the mask has not.
    ///
    /// # Not to be confused with
    /// A consumer whom no entry names (SD201).
    ///
    /// # Fix
    /// `setfacl -m m::rw PATH`; for good umask 007 in the server.
    ACL_MASK_DENIES = "SD204", "acl-mask-denies", Error
}

fn check(case: &Case) -> Verdict {
    passage::findings(case, Obstacle::AclMask, finding)
}

fn finding(case: &Case, access: &Access, gate: &Gate) -> Finding {
    let who = passage::who(access);
    let (bit, mask) = if gate.asked == Asked::Search { ("x", "rx") } else { ("w", "rw") };
    let summary = format!("An ACL entry grants {who} {bit}, but the mask of the ACL takes it away.");
    let acl = gate.step.permissions.acl.known().and_then(Option::as_ref);
    let detail = acl.map(|acl| format!("mask {}", acl.mask())).unwrap_or_default();
    let command = quote::command(&format!("setfacl -m m::{mask}"), &case.from_here(&gate.step.path));
    let mut finding = ACL_MASK_DENIES
        .finding(case, Certainty::Certain, summary)
        .proven_by(passage::proof(case, access, gate))
        .proven_by([Evidence::new("system.posix_acl_access", detail)])
        .caused_by("a chmod, or the umask of the server when it bound the socket, set the mask")
        .fixed_by([Fix::change(command, "give the mask the bit back; until the next chmod or bind")]);
    if gate.asked == Asked::Write {
        finding =
            finding.fixed_by([Fix::advice("for good: umask 007 in the server (UMask=0007 in its unit)")]);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Acl, AclEntry, AclTag, Bits, Consumer, Fact, Gap, NoVerdict};

    fn masked(mask: u8) -> Case {
        let mut case = Case::sample_before(Consumer::sample(33, &[]), 0o755, 0o600 | u32::from(mask) << 3);
        let consumer = case.accesses[0].consumer.clone();
        if let Fact::Known(walk) = &mut case.walk {
            let entry = |tag, bits| AclEntry { tag, bits: Bits(bits) };
            let entries = vec![entry(AclTag::User(33), 6), entry(AclTag::Mask, mask)];
            walk.steps[2].permissions.acl = Fact::Known(Some(Acl { entries }));
            case.accesses = vec![Access::of(consumer, walk, &Fact::Known(true))];
        }
        case
    }

    #[test]
    fn fires_where_the_mask_lacks_w() {
        let found = &check(&masked(5)).unwrap()[0];
        assert_eq!(found.fixes[0].command.as_deref(), Some(&b"setfacl -m m::rw /tmp/x.sock"[..]));
        assert!(found.evidence.iter().any(|evidence| evidence.detail == b"mask r-x"));
    }

    #[test]
    fn silent_where_the_mask_has_it() {
        assert_eq!(check(&masked(6)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = masked(5);
        case.accesses[0].gates[2].answer = Err(Gap::new("getxattr", "Input/output error"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
