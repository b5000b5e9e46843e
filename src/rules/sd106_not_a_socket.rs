//! SD106: something else stands at the path.

use super::{evidence, owner, quote};
use crate::model::{Case, Certainty, Evidence, FileKind, Fix, NoVerdict, Target, Verdict};

rule! {
    /// What stands at the path is no socket.
    ///
    /// # What it means
    /// connect(2) answers ECONNREFUSED (111) with write permission, EACCES without, and a server answers
    /// EADDRINUSE (98) when it binds: most refuse to replace a file they did not make.
    ///
    /// # How it is known
    /// The file type at the end of the path, symlinks followed, is not a socket.
    ///
    /// # Not to be confused with
    /// A symlink to a live socket, which works; a directory full of sockets, which is inspected socket by
    /// socket; an empty directory made by a container runtime (SD107).
    ///
    /// # Fix
    /// Look at what it is; move it away; start the server.
    NOT_A_SOCKET = "SD106", "not-a-socket", Error
}

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    let Some(file) = case.file()? else { return Err(NoVerdict::NotApplicable) };
    if file.kind == FileKind::Socket {
        return Ok(vec![]);
    }
    let summary = format!("The path is {}, not a socket: nobody can connect to it.", file.kind.phrase());
    let mut finding = NOT_A_SOCKET
        .finding(case, Certainty::Certain, summary)
        .proven_by(evidence::path(case))
        .proven_by(case.orphans().flat_map(|orphan| [evidence::socket(orphan), evidence::holders(orphan)]))
        .fixed_by([Fix::look(quote::command("ls -ld", &file.path), "see what it is and whose")]);
    if case.orphans().next().is_some() {
        finding =
            finding.caused_by("the listener's own file was removed, and something else was put in its place");
    }
    if file.class.may_hang() {
        let place =
            format!("{} mount: what it is may look different from where the server runs", file.class.word());
        return Ok(vec![finding.proven_by([Evidence::new("mountinfo", place)])]);
    }
    let text = "if it is in the way: move it aside, then start the server";
    Ok(vec![finding.fixed_by([owner::move_aside(&file.path, text)])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    #[test]
    fn fires_on_a_regular_file() {
        let mut case = Case::sample_stale();
        case.file_mut().kind = FileKind::Regular;
        assert_eq!(check(&case).unwrap()[0].code, "SD106");
    }

    #[test]
    fn silent_on_a_socket_reached_through_a_symlink() {
        let mut case = Case::sample();
        case.file_mut().path = b"/run/x.sock".to_vec();
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample();
        case.walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
