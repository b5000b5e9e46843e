//! SD701: the socket exists, in another mount namespace.

use super::{declared_view, elsewhere, evidence, quote};
use crate::model::{Case, Certainty, Evidence, Finding, Fix, NoVerdict, Sighting, Target, Verdict};

rule! {
    /// The socket exists where its server looks, but not where the client does: they have different mount namespaces.
    ///
    /// # What it means
    /// connect(2) answers ENOENT (2) although `ss -xl` shows the listener and the server sees its file. The server
    /// runs with PrivateTmp=, DynamicUser=, ProtectHome= or TemporaryFileSystem=, in a container or a chroot, and
    /// the path means another file there.
    ///
    /// # How it is known
    /// The listener's name, resolved in /proc/PID/root of its holder, is the very file it is bound to; resolved in
    /// the client's root it does not exist. Where none runs: PrivateTmp= and the like, in the units of both.
    ///
    /// # Not to be confused with
    /// A file that was unlinked: then it is gone in the server's view too (SD102).
    ///
    /// # Fix
    /// Put the socket below /run, never /tmp, or in a volume that both mount.
    OTHER_MOUNT_NAMESPACE = "SD701", "other-mount-namespace", Error
}

fn check(case: &Case) -> Verdict {
    let Target::Path(_) = case.target else { return Err(NoVerdict::NotApplicable) };
    if !case.asked_for {
        return Err(NoVerdict::NotApplicable);
    }
    if case.file()?.is_some() || elsewhere::unit_is_down(case) || elsewhere::own_has_lost_its_file(case) {
        return Ok(vec![]);
    }
    let mut found = Vec::new();
    for orphan in case.orphans().filter(|orphan| orphan.is_alive()) {
        if elsewhere::is_its_own(orphan) {
            found.push((orphan, Certainty::Certain));
        } else if orphan.foreign && orphan.view.gap().is_some() {
            found.push((orphan, Certainty::Likely));
        }
    }
    case.settled()?;
    let declared = || declared_view::unseen(case, &OTHER_MOUNT_NAMESPACE).into_iter().collect();
    let Some(((listener, certainty), others)) = found.split_first() else { return Ok(declared()) };
    let first = finding(case, listener, *certainty);
    if others.is_empty() {
        return Ok(vec![first]);
    }
    let others = others.iter().map(|(other, _)| evidence::holders(other)).take(4);
    let unsure = Evidence::new("not seen", "which of them is this client's server: the name is the same");
    Ok(vec![Finding { certainty: Certainty::Likely, ..first }.proven_by(others).proven_by([unsure])])
}

fn finding(case: &Case, listener: &Sighting, certainty: Certainty) -> Finding {
    let hidden =
        Evidence::new("not seen", "the server's own view (as root it is); its file is on another filesystem");
    let there = evidence::view(listener).unwrap_or(hidden);
    let name = listener.socket.address.path().unwrap_or_default();
    OTHER_MOUNT_NAMESPACE
        .finding(case, certainty, elsewhere::summary(case))
        .proven_by([evidence::socket(listener), there, evidence::holders(listener)])
        .proven_by(evidence::path(case))
        .caused_by(elsewhere::cause(listener))
        .fixed_by(listener.here.iter().map(|path| {
            Fix::look(quote::ours("inspect", case, path), "the same file, as the client sees it")
        }))
        .fixed_by([Fix::advice(elsewhere::advice(listener, name))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    #[test]
    fn fires_when_the_file_is_there_and_not_here() {
        let found = &check(&elsewhere::sample()).unwrap()[0];
        assert_eq!((found.code, found.certainty), ("SD701", Certainty::Certain));
        let mut case = elsewhere::sample();
        case.sockets.items.push(case.sockets.items[0].clone());
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely, "which of them is it?");
    }

    #[test]
    fn silent_when_it_is_gone_there_too_or_nobody_asked() {
        assert_eq!(check(&Case::sample_missing()), Ok(vec![]));
        let unasked = Case { asked_for: false, ..elsewhere::sample() };
        assert_eq!(check(&unasked), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn only_likely_when_the_holder_is_hidden_and_unknown_when_the_path_is() {
        let mut case = elsewhere::sample();
        case.sockets.items[0].view = Fact::Unknown(Gap::new("/proc/1/root", "Permission denied"));
        case.sockets.items[0].foreign = true;
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely);
        case.walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
