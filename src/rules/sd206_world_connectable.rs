//! SD206: everybody on the machine may connect.

use super::quote;
use crate::model::{
    Case, Certainty, Evidence, File, FileKind, Fix, MountClass, NoVerdict, Origin, Severity, Sighting,
    Verdict, Wished,
};

rule! {
    /// Every user of this machine may connect to the socket.
    ///
    /// # What it means
    /// The socket gives others w, and every directory above it x. For a message bus or a log that is meant; for
    /// a server behind a proxy, or one that commands the machine, it is not.
    ///
    /// # How it is known
    /// The mode of the socket and of each directory from the root down. A warning where a consumer or a mode was
    /// named, or where the holder is known to give whoever connects the power of root (docker, containerd, podman).
    ///
    /// # Not to be confused with
    /// A socket of mode 0666 below a directory that others may not search.
    ///
    /// # Fix
    /// Mode 0660 and the group of the consumer, or a directory of mode 0750 around it.
    WORLD_CONNECTABLE = "SD206", "world-connectable", Info
}

/// Daemons that do as root what whoever connects asks for.
const GRANT_ROOT: [&[u8]; 3] = [b"dockerd", b"containerd", b"podman"];

fn check(case: &Case) -> Verdict {
    if !case.asked_for {
        return Err(NoVerdict::NotApplicable);
    }
    // Others come into a FUSE mount only where its mounter lets them, whatever the mode shows (fuse(4)).
    let of_kernel = |file: &&File| file.kind == FileKind::Socket && file.class != MountClass::Fuse;
    let (Some(file), Some(server)) = (case.file()?.filter(of_kernel), case.server()) else {
        return Ok(vec![]);
    };
    let Some([.., Some(true)]) = case.open_to() else {
        return if case.open_to().is_some() { Ok(vec![]) } else { Err(NoVerdict::NotApplicable) };
    };
    let asked = if case.configured.mentions.is_empty() { case.accesses.as_slice() } else { &[] };
    let named = asked.iter().any(|access| access.consumer.origin != Origin::Caller);
    let mighty = grants_root(server);
    let meant = !named && !mighty && case.wished == Wished::default();
    let power = if mighty { ", and its server gives them the power of root" } else { "" };
    let summary = format!("Every user of this machine may connect{power}.");
    let detail = format!("mode {:04o}; every directory above lets others through", file.permissions());
    let mut finding = WORLD_CONNECTABLE
        .finding(case, Certainty::Certain, summary)
        .proven_by([Evidence::new([b"lstat ", case.path.as_slice()].concat(), detail)])
        .fixed_by([
            Fix::look(quote::ours("access", case, &case.path), "see who gets in, and how"),
            Fix::advice("if that is not meant: mode 0660 and the consumer's group, set where the server is"),
        ]);
    finding.severity = if meant { Severity::Info } else { Severity::Warning };
    Ok(vec![finding])
}

fn grants_root(server: &Sighting) -> bool {
    let holders = server.holders.known().into_iter().flatten();
    holders.into_iter().any(|holder| GRANT_ROOT.iter().any(|name| holder.process.command == *name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Reached, Walk};

    fn open_to_all(directory: u32, socket: u32) -> Case {
        let mut case = Case::sample_before(Consumer::sample(33, &[]), directory, socket);
        case.file_mut().mode = 0o140_000 | socket;
        case
    }

    #[test]
    fn fires_and_is_a_warning_where_somebody_was_named() {
        let mut case = open_to_all(0o755, 0o666);
        assert_eq!(check(&case).unwrap()[0].severity, Severity::Warning);
        case.accesses.clear();
        assert_eq!(check(&case).unwrap()[0].severity, Severity::Info);
    }

    #[test]
    fn silent_below_a_closed_directory_and_for_names_nobody_asked_for() {
        assert_eq!(check(&open_to_all(0o750, 0o666)), Ok(vec![]));
        assert_eq!(check(&open_to_all(0o755, 0o664)), Ok(vec![]));
        let unasked = Case { asked_for: false, ..open_to_all(0o755, 0o666) };
        assert_eq!(check(&unasked), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let reached = Reached::Stopped { at: b"/tmp".to_vec(), rest: vec![], errno: 13 };
        let mut case = open_to_all(0o755, 0o666);
        case.walk = crate::model::Fact::Known(Walk { steps: vec![], reached });
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
