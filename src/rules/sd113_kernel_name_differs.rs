//! SD113: the kernel knows the socket by another name.

use super::{evidence, quote};
use crate::model::{Case, Certainty, Evidence, Finding, Fix, NoVerdict, Severity, Sighting, Target, Verdict};

rule! {
    /// The socket serves the path, but the kernel knows it by another name.
    ///
    /// # What it means
    /// It was renamed after bind, or bound through a symlink or a descriptor. Clients are fine; tools that match by
    /// name are wrong: `ss` shows HAProxy's sockets as `X.<pid>.tmp`.
    ///
    /// # How it is known
    /// The socket's file is the file at the path (device and inode), its name is not. Or the other way round:
    /// nothing is at the path, and the inode of the socket bound there stands beside it under another name.
    ///
    /// # Not to be confused with
    /// `/var/run` against `/run` and other symlinks: names that resolve to the same place are the same.
    ///
    /// # Fix
    /// None is needed where clients use the new name. Where they still use the old one, correct them.
    KERNEL_NAME_DIFFERS = "SD113", "kernel-name-differs", Info
}

const GONE: &str = "Nothing is at the path: the socket that was bound here has been renamed.";
const WORKS: &str = "the path that works: correct the clients that use the old one";
const SERVES: &str = "The socket serves the path, but the kernel knows it by another name.";

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    case.seen()?;
    let renamed = case.serving().filter(|serving| differs(case, serving)).map(|serving| {
        KERNEL_NAME_DIFFERS
            .finding(case, Certainty::Certain, SERVES)
            .proven_by([evidence::socket(serving)].into_iter().chain(evidence::path(case)))
            .caused_by("it was renamed after bind, or bound through a symlink or a descriptor")
    });
    let nothing_there = case.walk.known().is_some_and(|walk| walk.file().is_none());
    let moved = case.orphans().filter(|orphan| nothing_there && orphan.is_alive());
    let moved = moved.filter_map(|orphan| Some(moved_away(case, orphan, orphan.renamed_to()?)));
    Ok(renamed.chain(moved).collect())
}

/// Where nobody means the old name, as it was only taken from the kernel, the socket is called by its new one.
fn moved_away(case: &Case, orphan: &Sighting, name: &[u8]) -> Finding {
    let meant = case.asked_for;
    let (summary, severity) = if meant { (GONE, Severity::Error) } else { (SERVES, Severity::Info) };
    let proof = [Evidence::new("the same inode stands at", name), evidence::holders(orphan)];
    let proof = [evidence::socket(orphan)].into_iter().chain(evidence::view(orphan)).chain(proof);
    // A relative name may have been bound in another directory.
    let certainty = if orphan.socket.address.is_relative() { Certainty::Likely } else { Certainty::Certain };
    let mut finding =
        KERNEL_NAME_DIFFERS.finding(case, certainty, summary).proven_by(proof).as_severe_as(severity);
    if !meant {
        finding.subject.name = name.to_vec();
        return finding;
    }
    finding.fixed_by([Fix::look(quote::ours("inspect", case, name), WORKS)])
}

/// A relative name says nothing about the place, unless its last component differs too.
fn differs(case: &Case, serving: &Sighting) -> bool {
    let Some(name) = serving.socket.address.path() else { return false };
    let last = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    let mut places = case.file().ok().flatten().map(|file| &file.path).into_iter().chain([&case.path]);
    let relative = serving.socket.address.is_relative() && places.any(|path| last(path) == last(name));
    !(serving.relation.names_path || relative || case.is_below_a_chroot(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Fact, Gap};

    #[test]
    fn fires_on_a_socket_renamed_after_bind_and_on_no_other() {
        let mut case = Case::sample();
        assert_eq!(check(&case), Ok(vec![]));
        case.sockets.items[0].socket.address = Address::Path(b"/tmp/x.sock.812.tmp".as_slice().into());
        case.sockets.items[0].relation.names_path = false;
        assert_eq!(check(&case).unwrap()[0].severity, Severity::Info);
    }

    #[test]
    fn the_old_name_is_an_error_for_who_still_uses_it() {
        let mut case = Case::sample_missing();
        if let Fact::Known(view) = &mut case.sockets.items[0].view {
            (view.renamed_to, view.links) = (Some(vec![b"/tmp/y.sock".to_vec()]), Fact::Known(1));
        }
        assert_eq!(check(&case).unwrap()[0].severity, Severity::Error);
        let found = check(&Case { asked_for: false, ..case }).unwrap().remove(0);
        assert_eq!((found.severity, &found.subject.name[..]), (Severity::Info, &b"/tmp/y.sock"[..]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let unknown = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(check(&Case { walk: unknown, ..Case::sample() }).is_err());
    }
}
