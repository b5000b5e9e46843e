//! SD505: the mounted socket file was replaced on the other side.

use super::{evidence, quote, sd504_socket_file_bind_mount};
use crate::model::{Case, Certainty, FileKind, Fix, NoVerdict, Verdict};

rule! {
    /// The socket file mounted here is gone on the side it came from: the server has restarted since.
    ///
    /// # What it means
    /// The mount holds the old inode, which nobody listens on any more; connect(2) answers ECONNREFUSED (111). `rm`
    /// and rename over the mount point answer EBUSY. The restarted server is well, on the other side of the mount.
    ///
    /// # How it is known
    /// The file is a mount point and has no link left: mountinfo shows its source as `…//deleted`.
    ///
    /// # Not to be confused with
    /// A mounted socket file that still is the server's (SD504); a stale file that is no mount point (SD104).
    ///
    /// # Fix
    /// Restart the container, or unmount and mount again. For good mount the directory of the socket.
    BIND_MOUNT_OF_DEAD_SOCKET = "SD505", "bind-mount-of-dead-socket", Error
}

fn check(case: &Case) -> Verdict {
    let file = case.file()?.filter(|file| file.kind == FileKind::Socket).ok_or(NoVerdict::NotApplicable)?;
    let mounted = file.mount.as_ref().filter(|_| sd504_socket_file_bind_mount::is_mount_point(file));
    let gone = |mount: &crate::model::Mount| file.nlink == 0 || mount.root.ends_with(b"//deleted");
    let Some(mount) = mounted.filter(|mount| gone(mount)) else { return Ok(vec![]) };
    let alive = case.server().is_some_and(crate::model::Sighting::is_alive);
    if alive {
        // The listener's last name is this mount: unlinked elsewhere, and still served.
        return Ok(vec![]);
    }
    let finding = BIND_MOUNT_OF_DEAD_SOCKET
        .finding(
            case,
            Certainty::Certain,
            "The socket file mounted here was replaced where it came from: nobody listens on it any more.",
        )
        .proven_by([evidence::mount("mountinfo", mount)])
        .proven_by(evidence::path(case))
        .caused_by("the server restarted and bound a new file; the mount still holds the old one")
        .fixed_by([
            Fix::advice("restart the container or whatever mounted it, so that it mounts the new file"),
            Fix::look(quote::command("findmnt", &file.path), "see the mount"),
            Fix::advice("for good: mount the directory of the socket, not the file"),
        ]);
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    fn dead(root: &str, links: u32) -> Case {
        let mut case = sd504_socket_file_bind_mount::tests::mounted(root, links);
        case.sockets.items.clear();
        case
    }

    #[test]
    fn fires_when_the_mounted_file_has_no_link_left() {
        assert_eq!(check(&dead("/srv/x.sock//deleted", 0)).unwrap()[0].code, "SD505");
    }

    #[test]
    fn silent_while_the_mounted_file_is_there() {
        assert_eq!(check(&dead("/srv/x.sock", 1)), Ok(vec![]));
        let served = sd504_socket_file_bind_mount::tests::mounted("/srv/x.sock//deleted", 0);
        assert_eq!(check(&served), Ok(vec![]), "its listener lives on through the mount");
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("nfs mount /srv", "it did not answer in time"));
        assert!(matches!(check(&Case { walk, ..Case::sample() }), Err(NoVerdict::Unknown(_))));
    }
}
