//! SD501: the filesystem does not do with sockets what servers need.

use super::trial;
use crate::model::{Case, Certainty, Severity, TrialAct, TrialEnd, Verdict};

rule! {
    /// The filesystem of the directory does not do with a socket what a server needs.
    ///
    /// # What it means
    /// bind(2) makes the file by mknod(2), most servers chmod(2) it then. Shares of virtual machines, vfat, some FUSE
    /// and read-only filesystems refuse one or the other, or accept it and do nothing.
    ///
    /// # How it is known
    /// `preflight` made a socket there under a temporary name, as the server's user where it was named, and looked at
    /// it after each step. A refused chown is a warning, a hard link that does not connect worth knowing.
    ///
    /// # Not to be confused with
    /// A directory that this user may not write to (SD208). No space, no inodes (SD507). The name of a filesystem is
    /// a hint: a 9p or virtiofs that passes every step is no finding.
    ///
    /// # Fix
    /// A named volume, a directory of the virtual machine's own disk, or tmpfs; where only chmod fails, a server that
    /// sets the mode by its umask.
    FS_CANNOT_HOLD_SOCKETS = "SD501", "fs-cannot-hold-sockets", Error
}

fn check(case: &Case) -> Verdict {
    let preflight = case.preflight.get()?;
    let tried = preflight.trial.get()?;
    let Some((step, severity)) = trial::worst(tried) else { return Ok(vec![]) };
    let summary = match (step.act, step.end, severity) {
        (TrialAct::Chmod, TrialEnd::Ignored, _) => {
            "A socket can be made there, but chmod has no effect on it."
        }
        (TrialAct::Chmod, ..) => {
            "A socket can be made there, but not its mode changed: servers that chmod it fail."
        }
        (TrialAct::Chown, ..) => "Sockets work there, but they cannot be given to another owner or group.",
        (TrialAct::Rename | TrialAct::ConnectRenamed, ..) => {
            "Sockets work there, but not renamed over another."
        }
        (TrialAct::Unlink, ..) => "A socket can be made there, but not removed: its server starts only once.",
        (TrialAct::Connect, ..) => "A socket can be made there, but nobody can connect to it.",
        (_, _, Severity::Error) => "No socket can be made in this directory.",
        (TrialAct::Link | TrialAct::ConnectLink, ..) => "Sockets work there, except through hard links.",
        _ => "Sockets work there, but not in all that local filesystems do.",
    };
    let explained = |act| step.act == TrialAct::Chmod && trial::severity(act).is_none();
    let proof = tried.steps.iter().filter(|other| other.end != TrialEnd::Done || explained(other.act));
    let mut finding = FS_CANNOT_HOLD_SOCKETS
        .finding(case, Certainty::Certain, summary)
        .proven_by(proof.map(trial::proof))
        .proven_by([trial::maker(preflight)])
        .proven_by(trial::filesystem(case.file()?))
        .caused_by(trial::cause(case, preflight, tried, step));
    finding.severity = severity;
    // What is only worth knowing needs no other place.
    if severity > Severity::Info {
        finding = finding.fixed_by(trial::fixes(case, preflight, tried, step));
    }
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, NoVerdict};

    #[test]
    fn fires_with_the_severity_of_the_step_that_failed() {
        let of = |act, end, errno| check(&Case::sample_trial(act, end, errno)).unwrap().remove(0).severity;
        assert_eq!(of(TrialAct::Bind, TrialEnd::Failed, Some(1)), Severity::Error);
        assert_eq!(of(TrialAct::Chmod, TrialEnd::Ignored, None), Severity::Error);
        assert_eq!(of(TrialAct::Chown, TrialEnd::Failed, Some(22)), Severity::Warning);
        assert_eq!(of(TrialAct::ConnectLink, TrialEnd::Failed, Some(111)), Severity::Info);
    }

    #[test]
    fn silent_where_every_step_passed_whatever_the_filesystem_is_called() {
        let mut case = Case::sample_preflight();
        let mount = case.file_mut().mount.as_mut().map(std::sync::Arc::make_mut).unwrap();
        mount.fstype = "9p".into();
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample_preflight();
        let Fact::Known(preflight) = &mut case.preflight else { panic!() };
        preflight.trial = Fact::Unknown(Gap::new("trial", "`bind` did not come back in time"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }
}
