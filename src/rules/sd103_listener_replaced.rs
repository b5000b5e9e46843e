//! SD103: the file at the name is not the listener's.

use super::{evidence, owner, quote};
use crate::model::{
    Case, Certainty, File, FileKind, Finding, Fix, MountClass, NoVerdict, Role, Sighting, Target, Verdict,
};

rule! {
    /// A listener was bound under this name, but the file there now belongs to another socket.
    ///
    /// # What it means
    /// Two servers overlap on one path, or a second one came and went. Clients reach the owner of the file;
    /// the other listener is alive and hears nobody. When either stops and removes the file by name, the
    /// survivor is unreachable too.
    ///
    /// # How it is known
    /// The kernel lists a listener with this name whose file inode differs from the one at the path, in the
    /// same mount view. Likely only, where the two are of different superblocks or the mount is FUSE or foreign:
    /// another layer, mount or node of one file looks the same.
    ///
    /// # Not to be confused with
    /// One socket with many holders (prefork, an in-place upgrade): one socket inode is one listener. The same
    /// name in two mount namespaces, each with its own file.
    ///
    /// # Fix
    /// Stop the older process, then check that the file is still there, since its shutdown may remove it by
    /// name; if not, restart the newer one. Stop before start instead of overlap.
    LISTENER_REPLACED = "SD103", "listener-replaced", Error
}

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    let Some(file) = case.file()? else { return Ok(vec![]) };
    if file.kind != FileKind::Socket {
        return Ok(vec![]);
    }
    let mut replaced: Vec<&Sighting> = Vec::new();
    for orphan in case.orphans().filter(|orphan| orphan.is_alive()) {
        if orphan.role()? == Some(Role::Replaced) && orphan.view.get()?.ours {
            replaced.push(orphan);
        }
    }
    case.settled()?;
    if replaced.is_empty() {
        return Ok(vec![]);
    }
    Ok(vec![finding(case, file, &replaced)])
}

/// Both files are of one superblock, and one on which an inode is one file.
fn comparable(file: &File, orphan: &Sighting) -> bool {
    matches!(file.class, MountClass::Local | MountClass::Layered)
        && file.id().zip(orphan.socket.file).is_some_and(|(there, own)| there.dev == own.dev)
}

fn finding(case: &Case, file: &File, replaced: &[&Sighting]) -> Finding {
    let proven = replaced.iter().all(|orphan| comparable(file, orphan));
    let certainty = if proven { Certainty::Certain } else { Certainty::Likely };
    let summary = if case.server().is_some() {
        "Two listeners share this name: the newer one has the file, the older one hears nobody."
    } else {
        "The file at this name is not the listener's: the process listens, and nobody reaches it."
    };
    let mut finding = LISTENER_REPLACED.finding(case, certainty, summary);
    finding.evidence.extend(evidence::path(case));
    for server in case.serving() {
        finding.evidence.push(evidence::socket(server));
        finding.evidence.push(evidence::holders(server));
    }
    for orphan in replaced {
        finding.evidence.push(evidence::socket(orphan));
        finding.evidence.push(evidence::holders(orphan));
        if !proven {
            continue;
        }
        match (owner::of(orphan), case.server()) {
            (Some(older), Some(_)) => {
                finding.fixes.push(owner::stop(
                    older,
                    "stop the older process; its shutdown may remove the file by name",
                ));
            }
            _ => finding.fixes.push(owner::restart(orphan)),
        }
    }
    if !proven {
        let text =
            "look on the side where the server runs: its own file may lie below a mount or on another layer";
        finding.fixes.push(Fix::advice(text));
        return finding;
    }
    finding.cause = Some("another process took the path while this listener was running: an overlapping restart or a second launch".into());
    let check = quote::command("sockdoctor inspect", &case.path);
    finding
        .fixes
        .push(Fix::look(check, "then see that the file is still there; if it is not, restart the newer one"));
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, FileIno, Gap, View};

    fn overlap() -> Case {
        let mut case = Case::sample();
        let mut older = Sighting::sample();
        older.socket.ino.0 += 1;
        older.socket.file = older.socket.file.map(|file| crate::model::FileId { ino: FileIno(7), ..file });
        older.relation.serves = false;
        let walk = case.walk.known().cloned().unwrap();
        older.view = Fact::Known(View { walk, ..View::sample_missing() });
        case.sockets.items.push(older);
        case
    }

    #[test]
    fn fires_on_two_listeners_with_one_name() {
        assert_eq!(check(&overlap()).unwrap()[0].code, "SD103");
    }

    #[test]
    fn only_likely_across_superblocks_and_on_fuse() {
        let mut case = overlap();
        case.file_mut().class = MountClass::Fuse;
        let finding = &check(&case).unwrap()[0];
        assert_eq!(finding.certainty, Certainty::Likely);
        assert!(finding.fixes.iter().all(|fix| !fix.changes_state));
        let mut case = overlap();
        case.sockets.items[1].socket.file.as_mut().unwrap().dev.minor += 1;
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely);
    }

    #[test]
    fn silent_on_one_socket_with_many_holders() {
        let mut case = Case::sample();
        case.sockets.items[0].holders =
            Fact::Known(vec![crate::model::Holder::sample(1), crate::model::Holder::sample(2)]);
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = overlap();
        case.sockets.items[1].view = Fact::Unknown(Gap::new("/proc/7/root", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
