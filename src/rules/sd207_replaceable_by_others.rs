//! SD207: anybody may remove the socket and put another in its place.

use super::quote;
use crate::model::{Case, Certainty, Evidence, File, FileKind, Fix, MountClass, NoVerdict, Step, Verdict};

rule! {
    /// Any user may remove the socket and bind another at its path, because the directory lets all write.
    ///
    /// # What it means
    /// Whoever may write to a directory may rename and unlink what is in it, whosever it is, unless the sticky
    /// bit is set. Clients would then talk to the impostor.
    ///
    /// # How it is known
    /// The mode of the socket's directory: others have w and x, and the sticky bit is not set.
    ///
    /// # Not to be confused with
    /// /tmp with mode 1777, where only the owner may remove a file.
    ///
    /// # Fix
    /// A directory of root or of the server's user, mode 0755: `RuntimeDirectory=NAME` makes /run/NAME.
    REPLACEABLE_BY_OTHERS = "SD207", "replaceable-by-others", Warning
}

const STICKY: u32 = 0o1000;
const OTHERS_CHANGE: u32 = 0o003;

fn check(case: &Case) -> Verdict {
    // Who may what in a FUSE mount is its mounter's and its server's to say, whatever the mode
    // shows (fuse(4)).
    let of_kernel = |file: &&File| file.kind == FileKind::Socket && file.class != MountClass::Fuse;
    let Some(_) = case.file()?.filter(of_kernel) else { return Ok(vec![]) };
    let steps = &case.walk.get()?.steps;
    let Some(directory) = steps.iter().rfind(|step| step.kind == FileKind::Directory) else {
        return Err(NoVerdict::NotApplicable);
    };
    let mode = directory.permissions.mode;
    if mode & OTHERS_CHANGE != OTHERS_CHANGE || mode & STICKY != 0 || !reachable(steps) {
        return Ok(vec![]);
    }
    let source = [b"lstat ", directory.path.as_slice()].concat();
    let finding = REPLACEABLE_BY_OTHERS
        .finding(case, Certainty::Certain, "Any user may remove this socket and put another in its place.")
        .proven_by([Evidence::new(source, format!("mode {:04o}, no sticky bit", mode & 0o7777))])
        .fixed_by([
            Fix::change(
                quote::command("chmod o-w", &case.from_here(&directory.path)),
                "if others need not write there",
            ),
            Fix::advice("else a directory of the server's own: RuntimeDirectory=NAME makes /run/NAME"),
        ]);
    Ok(vec![finding])
}

/// Others come as far as the directory.
fn reachable(steps: &[Step]) -> bool {
    steps.iter().filter(|step| step.kind == FileKind::Directory).all(|step| step.permissions.mode & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Gap};

    fn below(directory: u32) -> Case {
        Case::sample_before(Consumer::sample(33, &[]), directory, 0o666)
    }

    #[test]
    fn fires_where_all_may_write_to_the_directory() {
        let found = &check(&below(0o777)).unwrap()[0];
        assert_eq!(found.fixes[0].command.as_deref(), Some(&b"chmod o-w /tmp"[..]));
    }

    #[test]
    fn silent_where_the_sticky_bit_protects_it() {
        assert_eq!(check(&below(0o1777)), Ok(vec![]));
        assert_eq!(check(&below(0o775)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = below(0o777);
        case.walk = Fact::Unknown(Gap::new("nfs mount /srv", "it did not answer in time"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
