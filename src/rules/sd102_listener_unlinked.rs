//! SD102: a process listens, but its file is gone.

use super::{elsewhere, evidence, owner, quote};
use crate::model::{Case, Certainty, Finding, Fix, NoVerdict, Role, Sighting, Target, Verdict};

rule! {
    /// A process listens, but the file is gone: nobody can connect any more.
    ///
    /// # What it means
    /// The listener is alive and `ss -xl` shows it, yet connect(2) answers ENOENT (2): its file was unlinked
    /// after bind. `systemctl is-active` still says active. The file cannot be made again for this listener.
    ///
    /// # How it is known
    /// The kernel lists the listener with the file it was bound to; its name, resolved where its holder looks,
    /// does not exist, and the inode does not stand beside it under another name.
    ///
    /// # Not to be confused with
    /// A socket renamed after bind, as HAProxy does (SD113); a file that exists in the holder's mount namespace
    /// only (SD701); a server that never started (SD101).
    ///
    /// # Fix
    /// Restart the owner, so that it binds again: the service, or the .socket unit where PID 1 holds it. Then
    /// find who removes it: a second launch on the same path, a shutdown handler that removes by name, a
    /// `RuntimeDirectory=` of another service, a cleaner of temporary files.
    LISTENER_UNLINKED = "SD102", "listener-unlinked", Error
}

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    let missing_here = case.file().is_ok_and(|file| file.is_none());
    let mut unlinked: Vec<(&Sighting, Certainty)> = Vec::new();
    for orphan in case.orphans().filter(|orphan| orphan.is_alive()) {
        match orphan.role() {
            Ok(Some(Role::Unlinked)) if missing_here || orphan.view.get()?.ours => {
                unlinked.extend(orphan.view.get()?.file_is_gone().map(|certainty| (orphan, certainty)));
            }
            // Its holder is hidden; in our own view, which may be its own, the file is gone.
            Err(NoVerdict::Unknown(_)) if missing_here && !orphan.foreign => {
                unlinked.push((orphan, Certainty::Likely));
            }
            Err(NoVerdict::Unknown(gap)) => return Err(NoVerdict::Unknown(gap)),
            _ => {}
        }
    }
    case.settled()?;
    elsewhere::own_before_strangers(case, &mut unlinked);
    let Some(certainty) = unlinked.iter().map(|(_, certainty)| *certainty).max() else { return Ok(vec![]) };
    Ok(vec![finding(case, &unlinked, certainty)])
}

fn finding(case: &Case, unlinked: &[(&Sighting, Certainty)], certainty: Certainty) -> Finding {
    let summary = "A process listens, but the file is gone: nobody can connect any more.";
    let proof = |(orphan, _): &(&Sighting, Certainty)| {
        let missing = evidence::view(orphan).or_else(|| evidence::path(case));
        [Some(evidence::socket(orphan)), missing, Some(evidence::holders(orphan))].into_iter().flatten()
    };
    let mut orphans = unlinked.iter().map(|(orphan, _)| *orphan);
    let unsure = (certainty == Certainty::Likely).then(|| elsewhere::not_seen(case, orphans.clone()));
    let fix = |orphan| elsewhere::look(case, orphan).unwrap_or_else(|| owner::restart(orphan));
    let then = Fix::look(quote::ours("inspect", case, &case.path), "then see that it is healthy");
    let here = case.client.is_none() && !case.path.is_empty();
    let watch = || Fix::look(quote::ours("watch", case, &case.path), "see who removes it next time");
    LISTENER_UNLINKED
        .finding(case, certainty, summary)
        .proven_by(unlinked.iter().flat_map(proof).chain(unsure))
        .caused_by(evidence::unlinking(orphans.clone()))
        .fixed_by(orphans.clone().map(fix))
        .fixed_by(orphans.any(|orphan| !elsewhere::is_a_strangers(case, orphan)).then_some(then))
        .fixed_by(here.then(watch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    #[test]
    fn fires_when_the_name_is_gone_where_the_holder_looks() {
        let findings = check(&Case::sample_missing()).unwrap();
        assert_eq!((findings[0].code, findings[0].certainty), ("SD102", Certainty::Certain));
    }

    #[test]
    fn silent_when_the_socket_was_renamed() {
        let mut case = Case::sample_missing();
        if let Fact::Known(view) = &mut case.sockets.items[0].view {
            (view.renamed_to, view.links) = (Some(vec![b"/tmp/y.sock".to_vec()]), Fact::Known(1));
        }
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn only_likely_when_the_holder_is_hidden_and_unknown_when_the_path_is_too() {
        let mut case = Case::sample_missing();
        case.sockets.items[0].view = Fact::Unknown(Gap::new("/proc/1/root", "Permission denied"));
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely);
        case.walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
