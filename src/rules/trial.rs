//! What the steps of a trial mean: how bad, why, and what works instead.

use nix::errno::Errno;

use super::{evidence, quote};
use crate::model::{
    Case, Evidence, File, Fix, Preflight, Severity, SocketTrial, TrialAct, TrialEnd, TrialStep,
    known_filesystem,
};

const LOCAL: &str = "a directory on a local disk or tmpfs, such as one below /run";

/// How bad it is that a step did not do what it should; `None`: it only explains another.
pub(super) const fn severity(act: TrialAct) -> Option<Severity> {
    match act {
        TrialAct::ChmodFile | TrialAct::ModeBeforeBind => None,
        TrialAct::Link | TrialAct::ConnectLink => Some(Severity::Info),
        TrialAct::Chown | TrialAct::BindAgain | TrialAct::Rename | TrialAct::ConnectRenamed => {
            Some(Severity::Warning)
        }
        TrialAct::Enter
        | TrialAct::Bind
        | TrialAct::Type
        | TrialAct::Chmod
        | TrialAct::Listen
        | TrialAct::Connect
        | TrialAct::Unlink => Some(Severity::Error),
    }
}

/// The fault to speak of: the worst, and of those the first.
pub(super) fn worst(trial: &SocketTrial) -> Option<(&TrialStep, Severity)> {
    let faults = trial.faults().filter_map(|step| Some((step, severity(step.act)?)));
    faults.fold(None, |worst: Option<(&TrialStep, Severity)>, next| match worst {
        Some(worst) if worst.1 >= next.1 => Some(worst),
        _ => Some(next),
    })
}

/// What a step came to, for the proof.
pub(super) fn proof(step: &TrialStep) -> Evidence {
    let result = match (step.end, step.errno) {
        (_, Some(errno)) => format!("{:?}, {}", Errno::from_raw(errno), evidence::errno_text(errno)),
        (TrialEnd::Ignored, None) => "no error, and no effect".to_owned(),
        (_, None) => "works".to_owned(),
    };
    let left = match step.after {
        Some(born) if step.act == TrialAct::Chmod => format!("; the mode is {:04o} afterwards", born.mode),
        Some(born) if step.act == TrialAct::Chown => {
            format!("; the owner is {}:{} afterwards", born.uid, born.gid)
        }
        Some(born) if step.act == TrialAct::Bind && step.end != TrialEnd::Done => {
            format!("; it left {}, which is removed", born.kind.phrase())
        }
        Some(born) if step.act == TrialAct::Type && step.end != TrialEnd::Done => {
            format!("; it is {}", born.kind.phrase())
        }
        _ => String::new(),
    };
    Evidence::new(format!("trial, {}", step.act.word()), format!("{result}{left}"))
}

/// As whom it was made.
pub(super) fn maker(preflight: &Preflight) -> Evidence {
    Evidence::new("trial", format!("made as {}", preflight.server.identity()))
}

/// The filesystem as mountinfo names it, and what is known of it.
pub(super) fn filesystem(file: Option<&File>) -> Option<Evidence> {
    let mount = file?.mount.as_ref()?;
    let read_only = if mount.read_only() { ", read-only" } else { "" };
    let known = known_filesystem(&mount.fstype).map(|known| format!("; known: {}", known.trouble));
    let known = known.unwrap_or_default();
    let detail = [mount.fstype.as_bytes(), b" at ", &mount.point, read_only.as_bytes(), known.as_bytes()];
    Some(Evidence::new("mountinfo", detail.concat()))
}

/// Why the step failed, as far as errno, filesystem and the other steps tell.
pub(super) fn cause(
    case: &Case,
    preflight: &Preflight,
    trial: &SocketTrial,
    step: &TrialStep,
) -> &'static str {
    let fstype = fstype(case);
    let errno = Errno::from_raw(step.errno.unwrap_or(0));
    let works_for_files = trial.step(TrialAct::ChmodFile).is_some_and(|file| file.end == TrialEnd::Done);
    match (step.act, step.end, errno) {
        (_, _, Errno::EROFS) => "the mount or its filesystem is read-only",
        (TrialAct::Bind, _, Errno::EPERM) if immutable(preflight) => "the directory is immutable (chattr +i)",
        (TrialAct::Bind, _, Errno::EPERM) => {
            "this filesystem, or its server, makes no socket files (mknod(2))"
        }
        (TrialAct::Bind, _, Errno::ENXIO) if fstype == "9p" => {
            "a QEMU with the first fix for CVE-2023-2861 opens the new socket as if it were a file; a newer one, or \
             security_model=mapped-xattr, does not"
        }
        (TrialAct::Bind, _, Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::ENXIO) => {
            "the server of this filesystem makes no socket files (WSL's drvfs, NFS without MKNOD, FUSE without mknod)"
        }
        (TrialAct::Bind, _, Errno::EIO) | (TrialAct::Type, ..) => {
            "the filesystem made a node of another type"
        }
        (TrialAct::Bind, _, Errno::EOVERFLOW) => {
            "the filesystem belongs to a user namespace that does not map this user"
        }
        (TrialAct::Enter | TrialAct::Bind, _, Errno::EACCES) => {
            "the permission bits allow it, so a security module or the file server says no"
        }
        (TrialAct::Chmod, TrialEnd::Ignored, _) => "the filesystem accepts a new mode and keeps the old one",
        (TrialAct::Chmod, _, Errno::EINVAL) if works_for_files => {
            "chmod works for a file and not for a socket: the server of this share is like Apple's virtiofs (Lima, \
             Finch, Docker Desktop)"
        }
        (TrialAct::Chmod, ..) => "the filesystem, or its server, lets nobody change modes",
        (TrialAct::Chown, ..) => "the filesystem, or its server, gives no file away",
        (TrialAct::Connect | TrialAct::ConnectRenamed | TrialAct::ConnectLink, _, Errno::ECONNREFUSED) => {
            "the filesystem shows another inode than the one that is bound: it does not keep its files' identity"
        }
        (TrialAct::Unlink, ..) => {
            "what is made there cannot be removed: a server that restarts finds its old file"
        }
        _ => "the filesystem does not do what local ones do",
    }
}

/// What to do instead.
pub(super) fn fixes(case: &Case, preflight: &Preflight, trial: &SocketTrial, step: &TrialStep) -> Vec<Fix> {
    let mut fixes = Vec::new();
    if step.act == TrialAct::Bind && step.met(Errno::EPERM) && immutable(preflight) {
        fixes.push(Fix::change(quote::command("chattr -i", &case.path), "let files be made there"));
        return fixes;
    }
    if step.met(Errno::EROFS) {
        fixes.push(Fix::advice("mount it read-write for the server; clients may keep it read-only"));
    }
    let instead = known_filesystem(fstype(case)).map_or(LOCAL, |known| known.instead);
    fixes.push(Fix::advice(format!("put the socket elsewhere: {instead}")));
    let before = trial.step(TrialAct::ModeBeforeBind);
    if step.act == TrialAct::Chmod && before.is_some_and(|before| before.end == TrialEnd::Done) {
        let text = "or a server that sets the mode by its umask, or by fchmod before bind: that works here";
        fixes.push(Fix::advice(text));
    }
    fixes
}

impl TrialStep {
    fn met(&self, errno: Errno) -> bool {
        self.errno == Some(errno as i32)
    }
}

fn immutable(preflight: &Preflight) -> bool {
    preflight.place.known().is_some_and(|place| place.immutable)
}

/// The filesystem type of the case's file, as mountinfo has it.
pub(super) fn fstype(case: &Case) -> &str {
    let mount = case.file().ok().flatten().and_then(|file| file.mount.as_ref());
    mount.map_or("", |mount| mount.fstype.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Born, Fact, FileKind};

    /// What is said of a last step that ended so on such a filesystem.
    fn said(fstype: &str, act: TrialAct, end: TrialEnd, errno: Option<Errno>) -> (&'static str, Vec<Fix>) {
        let mut case = Case::sample_trial(act, end, errno.map(|errno| errno as i32));
        let mount = case.file_mut().mount.as_mut().map(std::sync::Arc::make_mut).unwrap();
        mount.fstype = fstype.into();
        of(&case)
    }

    fn of(case: &Case) -> (&'static str, Vec<Fix>) {
        let preflight = case.preflight.known().unwrap();
        let trial = preflight.trial.known().unwrap();
        let step = trial.steps.last().unwrap();
        (cause(case, preflight, trial, step), fixes(case, preflight, trial, step))
    }

    #[test]
    fn each_refusal_has_its_cause() {
        use Errno as E;
        use TrialAct as A;
        for (fstype, act, errno, expected) in [
            ("ext4", A::Bind, E::EROFS, "read-only"),
            ("ext4", A::Bind, E::EPERM, "makes no socket files (mknod(2))"),
            ("9p", A::Bind, E::ENXIO, "CVE-2023-2861"),
            ("nfs4", A::Bind, E::EOPNOTSUPP, "NFS without MKNOD"),
            ("fuse", A::Bind, E::ENXIO, "FUSE without mknod"),
            ("fuse", A::Bind, E::EIO, "a node of another type"),
            ("ext4", A::Bind, E::EOVERFLOW, "does not map this user"),
            ("ext4", A::Enter, E::EACCES, "a security module or the file server"),
            ("nfs4", A::Chown, E::EPERM, "gives no file away"),
            ("fuse", A::Connect, E::ECONNREFUSED, "another inode than the one that is bound"),
            ("fuse", A::Unlink, E::EPERM, "cannot be removed"),
            ("fuse", A::Listen, E::EIO, "what local ones do"),
        ] {
            let (cause, fixes) = said(fstype, act, TrialEnd::Failed, Some(errno));
            assert!(cause.contains(expected), "{act:?} {errno}: {cause}");
            let read_write = fixes.iter().any(|fix| fix.text.starts_with("mount it read-write"));
            assert_eq!(read_write, errno == E::EROFS, "{act:?} {errno}: {fixes:?}");
        }
        let (ignored, _) = said("fuse", A::Chmod, TrialEnd::Ignored, None);
        assert!(ignored.contains("keeps the old one"), "{ignored}");
    }

    #[test]
    fn that_a_mode_can_be_had_otherwise_takes_a_trial_of_it() {
        let mut case = Case::sample_trial(TrialAct::Chmod, TrialEnd::Failed, Some(Errno::EINVAL as i32));
        assert!(of(&case).0.contains("lets nobody change modes"), "a file was not tried");
        let Fact::Known(preflight) = &mut case.preflight else { panic!("a sample has one") };
        let Fact::Known(trial) = &mut preflight.trial else { panic!("and a trial") };
        for act in [TrialAct::ChmodFile, TrialAct::ModeBeforeBind] {
            trial.steps.insert(0, TrialStep { act, end: TrialEnd::Done, errno: None, after: None });
        }
        let (why, fixes) = of(&case);
        assert!(why.contains("works for a file and not for a socket"), "{why}");
        assert!(fixes.last().is_some_and(|fix| fix.text.contains("fchmod before bind")), "{fixes:?}");
    }

    #[test]
    fn an_immutable_directory_is_changed_and_not_left() {
        let mut case = Case::sample_trial(TrialAct::Bind, TrialEnd::Failed, Some(Errno::EPERM as i32));
        let Fact::Known(preflight) = &mut case.preflight else { panic!("a sample has one") };
        let Fact::Known(place) = &mut preflight.place else { panic!("it is known") };
        place.immutable = true;
        let (why, fixes) = of(&case);
        assert!(why.contains("immutable"), "{why}");
        assert_eq!(fixes[0].command.as_deref(), Some(&b"chattr -i /tmp"[..]));
        assert_eq!(fixes.len(), 1);
    }

    #[test]
    fn the_worst_fault_is_spoken_of_and_what_only_explains_never() {
        let step = |act| TrialStep { act, end: TrialEnd::Failed, errno: None, after: None };
        let worst_of = |acts: &[TrialAct]| {
            let trial =
                SocketTrial { steps: acts.iter().copied().map(step).collect(), ..SocketTrial::default() };
            worst(&trial).map(|(step, severity)| (step.act, severity))
        };
        let acts = [TrialAct::Link, TrialAct::Chown, TrialAct::Chmod, TrialAct::Connect];
        assert_eq!(worst_of(&acts), Some((TrialAct::Chmod, Severity::Error)), "of two the first");
        assert_eq!(worst_of(&acts[..2]), Some((TrialAct::Chown, Severity::Warning)));
        assert_eq!(worst_of(&acts[..1]), Some((TrialAct::Link, Severity::Info)));
        assert_eq!(worst_of(&[TrialAct::ChmodFile, TrialAct::ModeBeforeBind]), None);
    }

    #[test]
    fn what_a_step_left_is_part_of_its_proof() {
        let proof_of = |act, end, errno: Option<Errno>, kind| {
            let after = Some(Born { kind, mode: 0o755, uid: 7, gid: 8 });
            let evidence = proof(&TrialStep { act, end, errno: errno.map(|errno| errno as i32), after });
            String::from_utf8(evidence.detail).unwrap()
        };
        let refused = proof_of(TrialAct::Chmod, TrialEnd::Failed, Some(Errno::EINVAL), FileKind::Socket);
        assert!(
            refused.starts_with("EINVAL") && refused.ends_with("; the mode is 0755 afterwards"),
            "{refused}"
        );
        let ignored = proof_of(TrialAct::Chown, TrialEnd::Ignored, None, FileKind::Socket);
        assert_eq!(ignored, "no error, and no effect; the owner is 7:8 afterwards");
        let another = proof_of(TrialAct::Type, TrialEnd::Failed, None, FileKind::Fifo);
        assert!(another.contains("; it is a "), "{another}");
        let left = proof_of(TrialAct::Bind, TrialEnd::Failed, Some(Errno::EIO), FileKind::Regular);
        assert!(left.ends_with(", which is removed"), "{left}");
        assert_eq!(proof_of(TrialAct::Bind, TrialEnd::Done, None, FileKind::Socket), "works");
    }
}
