//! SD211: the kernel does not follow this link for this consumer.

use super::{passage, quote};
use crate::model::{Access, Case, Certainty, Evidence, Finding, Fix, Gate, Obstacle, Verdict, Walk};

rule! {
    /// The path ends in a symbolic link of somebody else, in a directory where anybody may put one.
    ///
    /// # What it means
    /// connect(2) answers EACCES (13) although every permission bit on the way allows it. With
    /// `fs.protected_symlinks = 1` a link in a sticky directory that all may write to is followed only by its
    /// owner, or where it belongs to the owner of the directory.
    ///
    /// # How it is known
    /// The link, its directory, their owners and modes, the consumer's uid and the sysctl. Only the last component
    /// of a path is protected like this.
    ///
    /// # Not to be confused with
    /// A link that dangles or loops (SD111).
    ///
    /// # Fix
    /// Connect to the path the link leads to.
    PROTECTED_SYMLINK = "SD211", "protected-symlink", Error
}

fn check(case: &Case) -> Verdict {
    passage::findings(case, Obstacle::Link, finding)
}

fn finding(case: &Case, access: &Access, gate: &Gate) -> Finding {
    let target = case.walk.known().map(Walk::destination).unwrap_or_default();
    let real = quote::ours("inspect", case, &target);
    let (owner, who) = (gate.owner.label(), passage::who(access));
    let summary = format!("The path ends in a link of {owner} that the kernel does not follow for {who}.");
    PROTECTED_SYMLINK
        .finding(case, Certainty::Certain, summary)
        .proven_by(passage::proof(case, access, gate))
        .proven_by([Evidence::new("/proc/sys/fs/protected_symlinks", "1")])
        .fixed_by([Fix::look(real, "give the client this path, to which the link leads")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Asked, Consumer, Fact, FileKind, Gap, NoVerdict};

    fn linked(owner: u32, protected: &Fact<bool>) -> Case {
        let mut case = Case::sample_before(Consumer::sample(33, &[]), 0o1777, 0o666);
        if let Fact::Known(walk) = &mut case.walk {
            let mut link = walk.steps[2].clone();
            (link.kind, link.permissions.uid, link.path) = (FileKind::Symlink, owner, b"/tmp/l".to_vec());
            walk.steps.insert(2, link);
            case.accesses = vec![Access::of(Consumer::sample(33, &[]), walk, protected)];
        }
        case
    }

    #[test]
    fn fires_at_a_link_of_somebody_else() {
        let case = linked(1000, &Fact::Known(true));
        assert_eq!(check(&case).unwrap()[0].code, "SD211");
        assert_eq!(case.accesses[0].gates[2].asked, Asked::Follow);
    }

    #[test]
    fn silent_for_its_owner_and_where_links_are_not_protected() {
        assert_eq!(check(&linked(33, &Fact::Known(true))), Ok(vec![]));
        assert_eq!(check(&linked(1000, &Fact::Known(false))), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let gap = Gap::new("/proc/sys/fs/protected_symlinks", "Permission denied");
        assert!(matches!(check(&linked(1000, &Fact::Unknown(gap))), Err(NoVerdict::Unknown(_))));
    }
}
