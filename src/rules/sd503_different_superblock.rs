//! SD503: the listener is bound to the same file of another superblock.

use super::{evidence, owner, quote};
use crate::model::{
    Case, Certainty, Evidence, FileKind, Finding, Fix, Liveness, NoVerdict, Sighting, Verdict,
};

rule! {
    /// The server listens on this file as another filesystem shows it; through this one every connect is refused.
    ///
    /// # What it means
    /// An overlay's merged directory and its layers, a FUSE mount and its source show one file as two inodes:
    /// connect(2) answers ECONNREFUSED (111) where the server did not bind, and the file looks stale.
    ///
    /// # How it is known
    /// The file refuses, and a live socket's file has the same number and another device than mountinfo has for
    /// this path. Or a FUSE shows the listener's own number and refuses: libfuse keeps an inode for each path.
    ///
    /// # Not to be confused with
    /// A bind mount of the directory, which is the same superblock. btrfs, where stat(2) shows another device and
    /// mountinfo the right one.
    ///
    /// # Fix
    /// Connect through the mount that the server bound on. Keep sockets on a tmpfs or a volume that both mount.
    DIFFERENT_SUPERBLOCK = "SD503", "different-superblock", Error
}

fn check(case: &Case) -> Verdict {
    let file = case.file()?.filter(|file| file.kind == FileKind::Socket).ok_or(NoVerdict::NotApplicable)?;
    let Liveness::Refused { .. } = case.liveness.get()? else { return Ok(vec![]) };
    let twins =
        case.sockets.items.iter().filter(|sighting| sighting.relation.twin.is_some() && sighting.is_alive());
    let linked = case.serving().filter(|server| server.is_alive() && file.class.may_hang());
    let here = file.id().map(|id| id.dev.to_string()).unwrap_or_default();
    Ok(twins.chain(linked).take(1).map(|listener| finding(case, listener, &here)).collect())
}

fn finding(case: &Case, listener: &Sighting, here: &str) -> Finding {
    let same_name = listener.socket.address.path().is_some_and(|name| name.ends_with(last(&case.path)));
    let certainty = listener.relation.twin.filter(|_| same_name).unwrap_or(Certainty::Likely);
    let there = listener.socket.file.map(|file| file.dev.to_string()).unwrap_or_default();
    let through = if there == here { "another node of a FUSE mount" } else { "another filesystem" };
    let summary =
        format!("The server listens on this file through {through}: here every connect is refused.");
    let devices = format!("{here} at this path, {there} where the server bound");
    let devices = Evidence::new("mountinfo and unix_diag", devices);
    let bound = listener.socket.address.path().filter(|name| name.starts_with(b"/") && *name != case.path);
    let by_name = "connect by the path the server bound, if you see it too";
    DIFFERENT_SUPERBLOCK
        .finding(case, certainty, summary)
        .proven_by(evidence::path(case))
        .proven_by([devices, evidence::socket(listener), evidence::holders(listener)])
        .fixed_by(bound.map(|name| Fix::look(quote::ours("inspect", case, name), by_name)))
        .fixed_by([
            owner::out_of_sight(),
            Fix::advice("for good: the socket on a tmpfs or volume that both mount"),
        ])
}

fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Relation};

    fn twin() -> Case {
        let mut case = Case::sample_stale();
        let mut listener = Sighting::sample();
        listener.relation = Relation { names_path: false, serves: false, twin: Some(Certainty::Certain) };
        if let Some(file) = &mut listener.socket.file {
            file.dev.minor += 1;
        }
        case.sockets.items.push(listener);
        case
    }

    #[test]
    fn fires_when_the_number_is_the_same_and_the_device_is_not() {
        assert_eq!(check(&twin()).unwrap()[0].certainty, Certainty::Certain);
    }

    #[test]
    fn silent_when_the_file_answers_or_nobody_has_its_number() {
        let answering = Case { liveness: Fact::Known(Liveness::Bound), ..twin() };
        assert_eq!(check(&answering), Ok(vec![]));
        assert_eq!(check(&Case::sample_stale()), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let case = Case { liveness: Fact::Unknown(Gap::new("connect", "Permission denied")), ..twin() };
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
