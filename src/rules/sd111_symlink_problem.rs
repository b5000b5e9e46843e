//! SD111: a symbolic link on the way leads nowhere.

use super::{evidence, quote};
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Step, Target, Verdict};

rule! {
    /// A symbolic link on the way to the socket leads to nothing, round in circles, or out of the client's root.
    ///
    /// # What it means
    /// connect(2) answers ENOENT (2) for a link whose target is missing and ELOOP (40) for a loop. bind(2) answers
    /// EADDRINUSE (98) on a dangling link: it never follows the last one.
    ///
    /// # How it is known
    /// Every link was read, an absolute one from the client's root on, and the walk stopped at a component that
    /// stands in a link's text, not in the path as it was given; or after 40 links.
    ///
    /// # Not to be confused with
    /// Links that end at the socket, such as /var/run; a missing socket in a directory that a link leads to
    /// (SD101); a link to the path of a listener whose file is gone (SD102).
    ///
    /// # Fix
    /// Mount or create the link's target, also in the container; or use the real path.
    SYMLINK_PROBLEM = "SD111", "symlink-problem", Error
}

const ELOOP: i32 = 40;
/// A loop shows itself in this many links.
const SHOWN: usize = 8;

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    if case.file()?.is_some() || case.orphans().next().is_some() {
        return Ok(vec![]);
    }
    let walk = case.walk.get()?;
    let summary = match walk.errno() {
        Some(ELOOP) => "The path leads round in circles through symbolic links.",
        _ if walk.unfinished_link().is_some() => "A symbolic link on the way to the socket leads to nothing.",
        _ => return Ok(vec![]),
    };
    case.settled()?;
    let link =
        |(step, text): (&Step, &[u8])| Evidence::new("readlink", [&step.path, &b" -> "[..], text].concat());
    let mut shown: Vec<Evidence> = Vec::new();
    for line in walk.links().map(link) {
        // A loop comes by its links again and again.
        if shown.len() < SHOWN && !shown.contains(&line) {
            shown.push(line);
        }
    }
    Ok(vec![
        SYMLINK_PROBLEM
            .finding(case, Certainty::Certain, summary)
            .proven_by(shown)
            .proven_by(evidence::path(case))
            .fixed_by([Fix::look(quote::command("namei -l", &case.path), "see every component of the path")])
            .fixed_by([Fix::advice(
                "create what the link names, mount it where the client looks, or use the real path",
            )]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Walk};

    fn through(links: &[(&str, Option<&str>)], errno: i32) -> Case {
        let walk = Fact::Known(Walk::sample_links(links, errno));
        Case { walk, ..Case::sample_stale() }
    }

    #[test]
    fn fires_on_a_dangling_link_and_on_a_loop() {
        assert_eq!(check(&through(&[("/x", Some("/a/s")), ("/a", None)], 2)).unwrap()[0].code, "SD111");
        let links = [("/x", Some("y")), ("/y", Some("x")), ("/x", Some("y")), ("/y", Some("x"))];
        let proof = &check(&through(&links, ELOOP)).unwrap()[0].evidence;
        assert_eq!(proof.iter().filter(|line| line.source == b"readlink").count(), 2, "{proof:?}");
    }

    #[test]
    fn silent_when_the_socket_is_missing_where_a_good_link_leads() {
        assert_eq!(check(&through(&[("/var/run", Some("/run")), ("/run", None)], 2)), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&Case { walk, ..Case::sample_stale() }), Err(NoVerdict::Unknown(_))));
    }
}
