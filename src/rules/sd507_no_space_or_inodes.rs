//! SD507: the filesystem has no room for one more file.

use super::{quote, trial};
use crate::model::{Case, Certainty, Evidence, Fix, Place, Verdict};

rule! {
    /// The filesystem has no space, or no inodes, for one more socket file.
    ///
    /// # What it means
    /// A socket file takes an inode, and its name some room in the directory: bind(2) answers ENOSPC (28), or EDQUOT
    /// (122) where a quota is used up. A server that runs keeps its socket; it is its next start that fails.
    ///
    /// # How it is known
    /// `preflight` tried, and got that errno. Free blocks and inodes are shown beside it and decide nothing.
    ///
    /// # Not to be confused with
    /// A full tmpfs, or a disk with no block free, where bind still works. btrfs always says that no inode is free.
    ///
    /// # Fix
    /// Free or enlarge what ran out: `df -h DIR`, `df -i DIR`; for tmpfs `nr_inodes=`.
    NO_SPACE_OR_INODES = "SD507", "no-space-or-inodes", Error
}

const ENOSPC: i32 = 28;
const EDQUOT: i32 = 122;

fn check(case: &Case) -> Verdict {
    let preflight = case.preflight.get()?;
    let tried = preflight.trial.get()?;
    if !tried.met(ENOSPC) && !tried.met(EDQUOT) {
        return Ok(vec![]);
    }
    let summary = if tried.met(EDQUOT) {
        "No socket can be made there: the quota of this user is used up."
    } else {
        "No socket can be made there: the filesystem has no room for one more file."
    };
    let none_left = |place: &Place| place.inodes.free == 0 && place.inodes.total > 0;
    let look = if preflight.place.known().is_some_and(none_left) { "df -i" } else { "df -h" };
    let see = Fix::look(quote::command(look, &case.path), "see what ran out, then free or enlarge it");
    let inodes = (trial::fstype(case) == "tmpfs").then(|| {
        Fix::advice("a tmpfs has as many inodes as its nr_inodes= says: mount -o remount,nr_inodes=N")
    });
    let finding = NO_SPACE_OR_INODES
        .finding(case, Certainty::Certain, summary)
        .proven_by(tried.faults().map(trial::proof))
        .proven_by(preflight.place.known().map(statvfs))
        .proven_by(trial::filesystem(case.file()?))
        .fixed_by([see])
        .fixed_by(inodes);
    Ok(vec![finding])
}

fn statvfs(place: &Place) -> Evidence {
    let Place { space, inodes, .. } = place;
    let (free, total) = (space.free >> 10, space.total >> 10);
    Evidence::new(
        "statvfs",
        format!("{free} of {total} KiB and {} of {} inodes free", inodes.free, inodes.total),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NoVerdict, Ratio, TrialAct, TrialEnd};

    #[test]
    fn fires_on_the_errno_alone() {
        let case = Case::sample_trial(TrialAct::Bind, TrialEnd::Failed, Some(ENOSPC));
        assert_eq!(check(&case).unwrap()[0].fixes[0].command.as_deref(), Some(&b"df -h /tmp"[..]));
    }

    #[test]
    fn silent_where_nothing_is_free_and_bind_works() {
        let mut case = Case::sample_preflight();
        let Fact::Known(preflight) = &mut case.preflight else { panic!() };
        let Fact::Known(place) = &mut preflight.place else { panic!() };
        (place.space.free, place.inodes) = (0, Ratio::default());
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample_preflight();
        let Fact::Known(preflight) = &mut case.preflight else { panic!() };
        preflight.trial = Fact::Unknown(Gap::new("trial", "`bind` did not come back in time"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
