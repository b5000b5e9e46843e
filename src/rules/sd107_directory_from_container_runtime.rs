//! SD107: an empty directory where a socket should be.

use super::{evidence, obstacle, quote};
use crate::model::{Case, Certainty, Evidence, FileKind, Fix, Gap, NoVerdict, Target, Verdict};

rule! {
    /// An empty directory of root stands where a socket is expected.
    ///
    /// # What it means
    /// `docker run -v /path/x.sock:/x.sock` makes a missing source as a directory. The daemon that owns the
    /// socket then cannot bind (EADDRINUSE), and the container sees a directory.
    ///
    /// # How it is known
    /// The path is named like a socket, is an empty directory, and belongs to root. Likely: who made it is not
    /// recorded.
    ///
    /// # Not to be confused with
    /// A directory that is meant to hold sockets, such as /var/run/postgresql.
    ///
    /// # Fix
    /// Stop the container, `rmdir` the directory, start the daemon, then the container. Mount with
    /// `--mount type=bind`, which refuses a missing source, or mount the directory that holds the socket.
    DIRECTORY_FROM_CONTAINER_RUNTIME = "SD107", "directory-from-container-runtime", Error
}

fn check(case: &Case) -> Verdict {
    let Target::Path(_) = case.target else { return Err(NoVerdict::NotApplicable) };
    let Some(file) = case.file()? else { return Err(NoVerdict::NotApplicable) };
    // What a listener was bound under was no missing source of a mount.
    let other = file.kind != FileKind::Directory || file.uid != 0 || case.orphans().next().is_some();
    if other || !obstacle::named_like_a_socket(&case.path) {
        return Ok(vec![]);
    }
    match file.empty {
        Some(true) => {}
        Some(false) => return Ok(vec![]),
        None => {
            let gap = Gap::new("the directory's entries", "not readable").helped_by(Gap::AS_ROOT);
            return Err(NoVerdict::Unknown(gap));
        }
    }
    let summary = "An empty directory of root stands where a socket is expected.";
    let mut finding = DIRECTORY_FROM_CONTAINER_RUNTIME.finding(case, Certainty::Likely, summary);
    finding.evidence.extend(evidence::path(case));
    finding.evidence.push(Evidence::new("its entries", "none"));
    finding.cause = Some(
        "a container was started with `-v` on this path before the socket existed; the runtime makes a missing \
         source as a directory"
            .into(),
    );
    finding.fixes.push(Fix::advice("stop the container that mounts it"));
    finding.fixes.push(Fix::change(
        quote::command("rmdir", &case.from_here(&file.path)),
        "remove the empty directory, then start the daemon",
    ));
    finding
        .fixes
        .push(Fix::advice("mount with `--mount type=bind`, or mount the directory that holds the socket"));
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Case {
        let mut case = Case::sample_stale();
        let file = case.file_mut();
        (file.kind, file.uid, file.empty) = (FileKind::Directory, 0, Some(true));
        case
    }

    #[test]
    fn fires_on_an_empty_directory_named_like_a_socket() {
        assert_eq!(check(&directory()).unwrap()[0].code, "SD107");
    }

    #[test]
    fn silent_on_a_directory_that_is_meant_as_one() {
        let mut case = directory();
        case.file_mut().empty = Some(false);
        assert_eq!(check(&case), Ok(vec![]));
        let mut case = directory();
        case.path = b"/var/run/postgresql".to_vec();
        assert_eq!(check(&case), Ok(vec![]));
        let orphans = Case::sample_missing().sockets;
        assert_eq!(check(&Case { sockets: orphans, ..directory() }), Ok(vec![]), "SD106");
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = directory();
        case.file_mut().empty = None;
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
