//! SD104: the socket file is there, but nothing is bound to it.

use super::{evidence, owner, socket_unit};
use crate::model::{
    Case, Certainty, Evidence, FileKind, Fix, Gap, Liveness, MountClass, NoVerdict, Target, Verdict,
};

rule! {
    /// The socket file is there, but no process has it bound.
    ///
    /// # What it means
    /// The server died without unlinking its file; connect(2) answers ECONNREFUSED (111), bind(2) EADDRINUSE (98).
    ///
    /// # How it is known
    /// The file is a socket and, held by one descriptor, refuses a connect of the wrong type three times over
    /// 300 ms. Where we may not write to it, a complete list of all sockets takes its place: then likely.
    ///
    /// # Not to be confused with
    /// The same file on another superblock (an overlay layer, FUSE, a share of another kernel), where a live
    /// socket refuses too: then only likely. The instant between bind and listen (SD105).
    ///
    /// # Fix
    /// Restart the owner, or the .socket unit; most replace the file. Else `sockdoctor clean PATH` shows the proof,
    /// and with `--apply` removes it, which loses no file of a server that starts meanwhile. Never a bare rm.
    STALE_SOCKET_FILE = "SD104", "stale-socket-file", Error
}

const DEAD: &str = "The socket file is there, but no process has it bound: every connect is refused.";
const GONE: &str = "the server that bound it is gone and did not unlink it";
const STOPPED: &str = "a .socket unit that stops or fails leaves its file; its next start replaces it";
const UNCLEAR: &str = "The socket file seems dead, but its listener may be out of sight from here.";

fn check(case: &Case) -> Verdict {
    let Target::Path(_) = case.target else { return Err(NoVerdict::NotApplicable) };
    let file = case.file()?.filter(|file| file.kind == FileKind::Socket).ok_or(NoVerdict::NotApplicable)?;
    let liveness = if case.serving().next().is_some() { Liveness::Bound } else { *case.liveness.get()? };
    match liveness {
        Liveness::Bound => return Ok(vec![]),
        Liveness::Refused { .. } => {}
        Liveness::Denied => drop(case.sockets.complete()?),
        Liveness::Failed(errno) => return Err(Gap::new("connect", evidence::errno_text(errno)).into()),
    }
    case.settled()?;
    let proof = [evidence::path(case), Some(evidence::liveness(liveness)), socket_unit::proof(case)];
    let proof = proof.into_iter().flatten();
    if file.class == MountClass::Local && liveness != Liveness::Denied {
        let (why, fixes) = match socket_unit::declared(case) {
            Some(_) => (STOPPED, socket_unit::listen_again(case, "restart")),
            None => (GONE, owner::of_nobody(&case.from_here(&file.path), &file.path)),
        };
        let finding = STALE_SOCKET_FILE.finding(case, Certainty::Certain, DEAD).proven_by(proof);
        return Ok(vec![finding.caused_by(why).fixed_by(fixes)]);
    }
    let finding = STALE_SOCKET_FILE.finding(case, Certainty::Likely, UNCLEAR).proven_by(proof);
    // A network namespace that only a thread keeps is in no list.
    if liveness == Liveness::Denied {
        return Ok(vec![finding.fixed_by([Fix::advice(Gap::AS_ROOT)])]);
    }
    let mount = file.mount.as_ref().map_or("unknown mount", |mount| mount.fstype.as_str());
    let settle = format!("{mount}: a live listener on another layer, FUSE source or kernel refuses here too");
    let elsewhere = "look on the side where the server runs; leave the file alone until that is known";
    Ok(vec![finding.proven_by([Evidence::new("mountinfo", settle)]).fixed_by([Fix::advice(elsewhere)])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;

    #[test]
    fn fires_when_nothing_is_bound() {
        assert_eq!(check(&Case::sample_stale()).unwrap()[0].certainty, Certainty::Certain);
    }

    #[test]
    fn silent_when_a_foreign_network_namespace_listens() {
        let mut case = Case::sample_stale();
        case.liveness = Fact::Known(Liveness::Bound);
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample_stale();
        case.liveness = Fact::Known(Liveness::Denied);
        assert_eq!(check(&case).unwrap()[0].certainty, Certainty::Likely, "a list is no proof");
        case.sockets.gaps.push(Gap::new("net:[7]", "Operation not permitted"));
        assert!(check(&case).is_err());
    }

    #[test]
    fn only_likely_and_no_advice_to_move_it_on_an_overlay() {
        let mut case = Case::sample_stale();
        case.file_mut().class = MountClass::Layered;
        let findings = check(&case).unwrap();
        assert_eq!(findings[0].certainty, Certainty::Likely);
        assert!(findings[0].fixes.iter().all(|fix| !fix.changes_state));
    }
}
