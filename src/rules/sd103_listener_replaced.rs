//! SD103: the file at the name is not the listener's.

use super::{evidence, obstacle, owner, quote};
use crate::model::{Case, Certainty, FileKind, Finding, Fix, NoVerdict, Role, Sighting, Target, Verdict};

rule! {
    /// A listener was bound under this name, but the file there now belongs to another socket.
    ///
    /// # What it means
    /// Two servers overlap on one path. Clients reach the owner of the file; the other listener is alive and
    /// hears nobody. When either stops and removes the file by name, the survivor is unreachable too.
    ///
    /// # How it is known
    /// The kernel lists a listener with this name whose file inode differs from the one at the path, in the
    /// same mount view. Likely only: other superblocks, a FUSE or foreign mount, a file with another name.
    ///
    /// # Not to be confused with
    /// One socket with many holders (prefork, an in-place upgrade). One name in two mount namespaces. A rename.
    ///
    /// # Fix
    /// Stop the one without the file. If that took the file along (many remove it by name), restart the other.
    LISTENER_REPLACED = "SD103", "listener-replaced", Error
}

const SHARED: &str = "Two listeners share this name: one has the file, the other hears nobody.";
const LOST: &str = "The file at this name is not the listener's: the process listens, and nobody reaches it.";

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    let Some(file) = case.file()?.filter(|file| file.kind == FileKind::Socket) else { return Ok(vec![]) };
    let mut replaced = Vec::new();
    for orphan in case.orphans().filter(|orphan| orphan.is_alive()) {
        let lost = orphan.role()? == Some(Role::Replaced) && orphan.view.get()?.ours;
        // Under another name in the same directory it is well.
        replaced.extend((lost && orphan.renamed_to().is_none()).then_some(orphan));
    }
    case.settled()?;
    let proven = replaced.iter().all(|orphan| obstacle::nameless(orphan, file));
    Ok(if replaced.is_empty() { vec![] } else { vec![finding(case, proven, &replaced)] })
}

fn finding(case: &Case, proven: bool, replaced: &[&Sighting]) -> Finding {
    let (certainty, summary) = match (proven, case.server()) {
        (false, _) => (Certainty::Likely, "A listener was bound under this name; another socket has it now."),
        (_, Some(_)) => (Certainty::Certain, SHARED),
        (_, None) => (Certainty::Certain, LOST),
    };
    let proof = |sighting: &Sighting| [evidence::socket(sighting), evidence::holders(sighting)];
    let finding = LISTENER_REPLACED
        .finding(case, certainty, summary)
        .proven_by(evidence::path(case))
        .proven_by(case.serving().flat_map(proof))
        .proven_by(replaced.iter().flat_map(|orphan| proof(orphan)));
    if !proven {
        return finding.fixed_by([owner::out_of_sight()]);
    }
    let check = quote::ours("inspect", case, &case.path);
    finding
        .caused_by("another process took the path while this listener ran: an overlapping restart or a second launch")
        .fixed_by(replaced.iter().flat_map(|orphan| owner::retire(orphan, case)))
        .fixed_by([Fix::look(check, "then see that the file is still there; if it is not, restart the other one")])
}

#[cfg(test)]
mod tests {
    use super::super::obstacle::tests::taken;
    use super::*;
    use crate::model::{Fact, Gap, Holder, View};

    #[test]
    fn fires_on_two_listeners_with_one_name() {
        assert_eq!(check(&taken(Case::sample())).unwrap()[0].code, "SD103");
    }

    #[test]
    fn only_likely_across_superblocks() {
        let mut case = taken(Case::sample());
        case.sockets.items[1].socket.file.as_mut().unwrap().dev.minor += 1;
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely);
    }

    #[test]
    fn silent_on_one_socket_with_many_holders_and_on_a_renamed_one() {
        let (renamed_to, mut case) = (Some(vec![b"/tmp/y.sock".to_vec()]), taken(Case::sample()));
        let view = case.sockets.items[1].view.known().cloned().unwrap();
        case.sockets.items[1].view = Fact::Known(View { renamed_to, ..view });
        assert_eq!(check(&case), Ok(vec![]));
        let mut case = Case::sample();
        case.sockets.items[0].holders = Fact::Known([1, 2].map(Holder::sample).into());
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = taken(Case::sample());
        case.sockets.items[1].view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
