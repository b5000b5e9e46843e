//! SD106: something else stands at the path.

use super::{evidence, obstacle, quote};
use crate::model::{Case, Certainty, Evidence, FileKind, Fix, Gap, NoVerdict, Target, Verdict};

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
    /// Correct the path in the client. Where the server's socket belongs there: look at what it is, move it away,
    /// start the server.
    NOT_A_SOCKET = "SD106", "not-a-socket", Error
}

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    let Some(file) = case.file()? else { return Err(NoVerdict::NotApplicable) };
    if file.kind == FileKind::Socket {
        return Ok(vec![]);
    }
    let lost = obstacle::lost_listener(case);
    if file.kind == FileKind::Directory && file.empty.is_none() && lost.is_none() {
        let gap = Gap::new("the directory's entries", "not readable: it may hold sockets");
        return Err(NoVerdict::Unknown(gap.helped_by(Gap::AS_ROOT)));
    }
    let summary = format!("The path is {}, not a socket: nobody can connect to it.", file.kind.phrase());
    let mut finding = NOT_A_SOCKET
        .finding(case, Certainty::Certain, summary)
        .proven_by(evidence::path(case))
        .proven_by(case.orphans().flat_map(|orphan| [evidence::socket(orphan), evidence::holders(orphan)]));
    if lost.is_some() {
        finding =
            finding.caused_by("the listener's own file was removed, and something else was put in its place");
    }
    if file.class.may_hang() {
        let look =
            Fix::look(quote::command("ls -ld", &case.from_here(&file.path)), "see what it is and whose");
        let place =
            format!("{} mount: what it is may look different from where the server runs", file.class.word());
        return Ok(vec![finding.proven_by([Evidence::new("mountinfo", place)]).fixed_by([look])]);
    }
    Ok(vec![finding.fixed_by(obstacle::fixes(case, file))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;

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
        let mut hidden = Case::sample_stale();
        hidden.file_mut().kind = FileKind::Directory;
        assert!(matches!(check(&hidden), Err(NoVerdict::Unknown(_))), "it may hold sockets");
    }
}
