//! SD703: client and server mount different volumes at the same place.

use super::{elsewhere, evidence};
use crate::model::{Case, Certainty, File, Finding, Fix, Mount, NoVerdict, Sighting, Target, Verdict};

rule! {
    /// Client and server have a volume each where the socket should be, and not the same one.
    ///
    /// # What it means
    /// The server binds in its volume, the client looks into another and gets ENOENT (2). Compose prefixes volumes
    /// with the project's name: two projects that both say `sockets:` have two volumes.
    ///
    /// # How it is known
    /// mountinfo of both: the mounts of the directory differ in device or in the directory of it that is mounted.
    ///
    /// # Not to be confused with
    /// One volume mounted at different places: device and root are equal then.
    ///
    /// # Fix
    /// One volume for both: `name:` or `external: true` in the compose files.
    VOLUMES_NOT_SHARED = "SD703", "volumes-not-shared", Error
}

fn check(case: &Case) -> Verdict {
    let Target::Path(_) = case.target else { return Err(NoVerdict::NotApplicable) };
    if case.file()?.is_some() {
        return Ok(vec![]);
    }
    let Some(listener) = elsewhere::listener(case) else { return Ok(vec![]) };
    let there = listener.view.known().and_then(|view| view.walk.file());
    let here = case.directory.get()?.as_ref();
    let (Some(theirs), Some(ours)) = (there.and_then(volume), here.and_then(volume)) else {
        return Ok(vec![]);
    };
    let shared = (theirs.device, &theirs.root) == (ours.device, &ours.root);
    Ok(if shared { vec![] } else { vec![finding(case, listener, theirs, ours)] })
}

/// The mount of a file, where it shows a part of a filesystem that somebody chose: a volume or a bind mount.
fn volume(file: &File) -> Option<&Mount> {
    let chosen = |mount: &&Mount| !mount.is_whole() && !elsewhere::is_private_tmp(mount);
    file.mount.as_deref().filter(chosen)
}

fn finding(case: &Case, listener: &Sighting, theirs: &Mount, ours: &Mount) -> Finding {
    let summary = "Client and server mount different volumes where the socket should be.";
    let advice = "one volume in both: the same `name:`, or `external: true` in the second project";
    VOLUMES_NOT_SHARED
        .finding(case, Certainty::Certain, summary)
        .proven_by([
            evidence::mount("mountinfo of the server", theirs),
            evidence::mount("mountinfo of the client", ours),
            evidence::holders(listener),
        ])
        .caused_by("compose prefixes volumes with the project's name, unless they have a `name:`")
        .fixed_by([Fix::advice(advice)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, FileKind, Gap};
    use std::sync::Arc;

    fn mounted(root: &str) -> File {
        let mut file = File { kind: FileKind::Directory, ..File::sample() };
        Arc::make_mut(file.mount.as_mut().unwrap()).root = root.into();
        file
    }

    fn volumes(theirs: &str, ours: &str) -> Case {
        let mut case = elsewhere::sample();
        if let Fact::Known(view) = &mut case.sockets.items[0].view
            && let crate::model::Reached::File(file) = &mut view.walk.reached
        {
            file.mount = mounted(theirs).mount;
        }
        Case { directory: Fact::Known(Some(mounted(ours))), ..case }
    }

    #[test]
    fn fires_when_the_volumes_differ() {
        assert_eq!(check(&volumes("/v/p1_s/_data", "/v/p2_s/_data")).unwrap()[0].code, "SD703");
    }

    #[test]
    fn silent_when_it_is_one_volume_or_the_client_has_none() {
        assert_eq!(check(&volumes("/v/s", "/v/s")), Ok(vec![]));
        assert_eq!(check(&volumes("/systemd-private-1/tmp", "/")), Ok(vec![]));
        assert_eq!(check(&volumes("/@/systemd-private-1/tmp", "/@")), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let gap = Gap::new("lstat", "Permission denied");
        let case = Case { directory: Fact::Unknown(gap), ..volumes("/a", "/b") };
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
