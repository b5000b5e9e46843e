//! SD504: the socket file itself is a mount point.

use super::{evidence, quote};
use crate::model::{Case, Certainty, File, FileKind, Fix, NoVerdict, Verdict};

rule! {
    /// The socket file itself is mounted here, not its directory: the next start of the server leaves this side dead.
    ///
    /// # What it means
    /// A bind mount of a file holds that one inode. A server that restarts unlinks its socket and binds a new
    /// inode, which the mount does not show: every connect is then refused until the mount is made anew (SD505).
    ///
    /// # How it is known
    /// mountinfo has a mount whose mount point is this very path, and it is a socket.
    ///
    /// # Not to be confused with
    /// A mount of its directory, which shows whatever is bound there next.
    ///
    /// # Fix
    /// Mount the directory: `-v /run/app:/run/app` instead of `-v /run/app/x.sock:/run/app/x.sock`.
    SOCKET_FILE_BIND_MOUNT = "SD504", "socket-file-bind-mount", Warning
}

fn check(case: &Case) -> Verdict {
    let file = case.file()?.filter(|file| file.kind == FileKind::Socket).ok_or(NoVerdict::NotApplicable)?;
    let Some(mount) = file.mount.as_ref().filter(|_| is_mount_point(file)) else { return Ok(vec![]) };
    let finding = SOCKET_FILE_BIND_MOUNT
        .finding(
            case,
            Certainty::Certain,
            "The socket file is mounted by itself: it dies here with the server's next start.",
        )
        .proven_by([evidence::mount("mountinfo", mount)])
        .fixed_by([
            Fix::advice("mount the directory of the socket instead of the file"),
            Fix::look(quote::command("findmnt", &file.path), "see the mount"),
        ]);
    Ok(vec![finding])
}

/// Whether the file is what a mount stands on.
pub(super) fn is_mount_point(file: &File) -> bool {
    file.mount.as_ref().is_some_and(|mount| mount.point == file.path)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    /// The sample's file, mounted by itself.
    pub(in super::super) fn mounted(root: &str, links: u32) -> Case {
        let mut case = Case::sample();
        let file = case.file_mut();
        file.nlink = links;
        let point = file.path.clone();
        let mount = file.mount.as_mut().map(std::sync::Arc::make_mut).unwrap();
        (mount.point, mount.root) = (point, root.into());
        case
    }

    #[test]
    fn fires_when_the_file_is_a_mount_point() {
        assert_eq!(check(&mounted("/srv/x.sock", 1)).unwrap()[0].code, "SD504");
    }

    #[test]
    fn silent_when_its_directory_is_mounted() {
        let mut case = mounted("/srv", 1);
        let mount = case.file_mut().mount.as_mut().map(std::sync::Arc::make_mut).unwrap();
        mount.point = b"/tmp".to_vec();
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("nfs mount /srv", "it did not answer in time"));
        assert!(matches!(check(&Case { walk, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
