//! SD103: the file at the name is not the listener's.

use super::{evidence, owner, quote};
use crate::model::{
    Case, Certainty, File, FileKind, Finding, Fix, NoVerdict, Role, Sighting, Target, Verdict,
};

rule! {
    /// A listener was bound under this name, but the file there now belongs to another socket.
    ///
    /// # What it means
    /// Two servers overlap on one path. Clients reach the owner of the file; the other listener is alive and
    /// hears nobody. When either stops and removes the file by name, the survivor is unreachable too.
    ///
    /// # How it is known
    /// The kernel lists a listener with this name whose file inode differs from the one at the path, in the
    /// same mount view. Likely only, where the superblocks differ or the mount is FUSE or foreign.
    ///
    /// # Not to be confused with
    /// One socket with many holders (prefork, an in-place upgrade): one socket inode is one listener. The same
    /// name in two mount namespaces, each with its own file.
    ///
    /// # Fix
    /// Stop the older process, then check that the file is still there (its shutdown may remove it by name); if
    /// not, restart the newer one.
    LISTENER_REPLACED = "SD103", "listener-replaced", Error
}

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    let Some(file) = case.file()?.filter(|file| file.kind == FileKind::Socket) else { return Ok(vec![]) };
    let mut replaced: Vec<&Sighting> = Vec::new();
    for orphan in case.orphans().filter(|orphan| orphan.is_alive()) {
        if orphan.role()? == Some(Role::Replaced) && orphan.view.get()?.ours {
            replaced.push(orphan);
        }
    }
    case.settled()?;
    Ok(if replaced.is_empty() { vec![] } else { vec![finding(case, file, &replaced)] })
}

fn finding(case: &Case, file: &File, replaced: &[&Sighting]) -> Finding {
    let proven = replaced.iter().all(|orphan| orphan.socket.file.is_some_and(|own| file.comparable(own)));
    let certainty = if proven { Certainty::Certain } else { Certainty::Likely };
    let summary = if case.server().is_some() {
        "Two listeners share this name: the newer one has the file, the older one hears nobody."
    } else {
        "The file at this name is not the listener's: the process listens, and nobody reaches it."
    };
    let proof = |sighting: &Sighting| [evidence::socket(sighting), evidence::holders(sighting)];
    let finding = LISTENER_REPLACED
        .finding(case, certainty, summary)
        .proven_by(evidence::path(case))
        .proven_by(case.serving().flat_map(proof))
        .proven_by(replaced.iter().flat_map(|orphan| proof(orphan)));
    if !proven {
        let advice = "look where the server runs: its own file may be below a mount, or on another layer";
        return finding.fixed_by([Fix::advice(advice)]);
    }
    let stop = |orphan: &&Sighting| match (owner::of(orphan), case.server()) {
        (Some(older), Some(_)) => {
            owner::stop(older, "stop the older one; its end may remove the file by name")
        }
        _ => owner::restart(orphan),
    };
    let check = quote::command("sockdoctor inspect", &case.path);
    finding
        .caused_by("another process took the path while this listener ran: an overlapping restart or a second launch")
        .fixed_by(replaced.iter().map(stop))
        .fixed_by([Fix::look(check, "then see that the file is still there; if it is not, restart the newer one")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, FileIno, Gap, Holder, View};

    fn overlap() -> Case {
        let mut case = Case::sample();
        let mut older = Sighting::sample();
        older.socket.ino.0 += 1;
        older.socket.file = older.socket.file.map(|file| crate::model::FileId { ino: FileIno(7), ..file });
        older.relation.serves = false;
        older.view = Fact::Known(View { walk: case.walk.get().unwrap().clone(), ..View::sample_missing() });
        case.sockets.items.push(older);
        case
    }

    #[test]
    fn fires_on_two_listeners_with_one_name() {
        assert_eq!(check(&overlap()).unwrap()[0].code, "SD103");
    }

    #[test]
    fn only_likely_across_superblocks() {
        let mut case = overlap();
        case.sockets.items[1].socket.file.as_mut().unwrap().dev.minor += 1;
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely);
    }

    #[test]
    fn silent_on_one_socket_with_many_holders() {
        let mut case = Case::sample();
        case.sockets.items[0].holders = Fact::Known(vec![Holder::sample(1), Holder::sample(2)]);
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = overlap();
        case.sockets.items[1].view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
