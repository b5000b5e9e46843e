//! SD502: the files are shared with another kernel, across which no socket connects.

use super::trial;
use crate::model::{
    Case, Certainty, FileKind, Fix, Liveness, NoVerdict, Severity, Sighting, Verdict, known_filesystem,
};

rule! {
    /// The directory is shared with another kernel; a socket connects only where it was bound.
    ///
    /// # What it means
    /// 9p, virtiofs, NFS, sshfs and their like carry the file of a socket to another machine, host or guest, and not
    /// the socket: lstat(2) shows it there and connect(2) answers ECONNREFUSED (111), as if it were stale.
    ///
    /// # How it is known
    /// By the type of the mount in mountinfo; statfs(2) names the server's own. Likely: where the other end runs was
    /// not seen. An error where the file refuses, and no socket of this kernel has it.
    ///
    /// # Not to be confused with
    /// Server and client both on this side, where such a share works if the trial of `preflight` passes.
    ///
    /// # Fix
    /// Server and client in one kernel, on a named volume or a local directory; else TCP or vsock between them.
    CROSS_KERNEL_SHARE = "SD502", "cross-kernel-share", Warning
}

fn check(case: &Case) -> Verdict {
    let file = case.file()?.ok_or(NoVerdict::NotApplicable)?;
    let Some(known) = known_filesystem(trial::fstype(case)).filter(|known| known.crosses_kernels) else {
        return Ok(vec![]);
    };
    let before = case.preflight.known().is_some();
    if !before && (file.kind != FileKind::Socket || case.server().is_some_and(Sighting::is_alive)) {
        return Ok(vec![]);
    }
    let (severity, summary) = match if before { None } else { Some(case.liveness.get()?) } {
        None => (Severity::Warning, "A socket there connects only in the kernel that its server runs on."),
        Some(Liveness::Bound) => return Ok(vec![]),
        Some(Liveness::Refused { .. }) => (
            Severity::Error,
            "The file refuses: its server, if it lives, runs on the other side of this share.",
        ),
        Some(Liveness::Denied | Liveness::Failed(_)) => {
            (Severity::Warning, "The file may belong to a server on the other side of this share.")
        }
    };
    let mut finding = CROSS_KERNEL_SHARE
        .finding(case, Certainty::Likely, summary)
        .proven_by(trial::filesystem(Some(file)))
        .fixed_by([
            Fix::advice(format!("run both ends in one kernel, with the socket in {}", known.instead)),
            Fix::advice("or connect them by TCP or vsock"),
        ]);
    finding.severity = severity;
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    fn on(fstype: &str, mut case: Case) -> Case {
        let mount = case.file_mut().mount.as_mut().map(std::sync::Arc::make_mut).unwrap();
        mount.fstype = fstype.into();
        case
    }

    #[test]
    fn fires_where_a_share_refuses_or_is_to_hold_a_socket() {
        assert_eq!(check(&on("virtiofs", Case::sample_stale())).unwrap()[0].severity, Severity::Error);
        assert_eq!(check(&on("nfs4", Case::sample_preflight())).unwrap()[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_where_both_ends_are_in_this_kernel() {
        assert_eq!(check(&on("9p", Case::sample())), Ok(vec![]));
        assert_eq!(check(&on("fuse.gocryptfs", Case::sample_stale())), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = on("9p", Case::sample_stale());
        case.liveness = Fact::Unknown(Gap::new("9p mount /mnt", "it did not answer in time"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
