//! SD112: one side means a file named @x, the other the abstract name @x.

use super::{evidence, quote};
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Target, Verdict};

rule! {
    /// The client means a file named "@name", the server an abstract name; or the other way round.
    ///
    /// # What it means
    /// Some programs take a leading @ for the abstract namespace (systemd, Docker, socat with its own keyword), others
    /// take it for the first letter of a file name (nginx, most libraries). Both sides run, and do not meet: connect
    /// answers ENOENT (2) for the file, ECONNREFUSED (111) for the abstract name.
    ///
    /// # How it is known
    /// Nothing is at the one name, and the kernel has a socket of the other kind under the same characters.
    ///
    /// # Not to be confused with
    /// A file that is really named @name, with a listener.
    ///
    /// # Fix
    /// A path without @ on both sides: every program understands that.
    ABSTRACT_PATH_MIXUP = "SD112", "abstract-path-mixup", Error
}

const PLAIN: &str = "have both sides use a path that does not begin with @";

fn check(case: &Case) -> Verdict {
    let is_marked = case.path.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b"@"));
    let (summary, meant) = match &case.target {
        Target::Path(_) if !is_marked => return Err(NoVerdict::NotApplicable),
        Target::Path(_) if case.file()?.is_none() => {
            let Some(name) = case.nearest.iter().find(|name| name.starts_with(b"@")) else {
                return Ok(vec![]);
            };
            ("The client looks for a file with this name; the server listens on an abstract name.", name)
        }
        Target::Abstract(name) if case.sockets.items.is_empty() => {
            let file = |path: &&Vec<u8>| path.rsplit(|byte| *byte == b'/').next() == Some(&spelt(name));
            let Some(path) = case.nearest.iter().find(file) else { return Ok(vec![]) };
            ("The client means an abstract name; the server listens on a file with this name.", path)
        }
        Target::Path(_) | Target::Abstract(_) => return Ok(vec![]),
        Target::Inode(_) | Target::Tcp(_) => return Err(NoVerdict::NotApplicable),
    };
    case.settled()?;
    let bound = [b"a socket is bound to ", meant.as_slice()].concat();
    let finding = ABSTRACT_PATH_MIXUP.finding(case, Certainty::Certain, summary);
    let finding = finding.proven_by(evidence::path(case)).proven_by([Evidence::new("unix_diag", bound)]);
    // A relative name, typed as it is, would mean the abstract one.
    let tells = matches!(case.target, Target::Path(_)) || meant.starts_with(b"/");
    let look = Fix::look(quote::ours("inspect", case, meant), "the one that is bound");
    Ok(vec![finding.fixed_by([Fix::advice(PLAIN)]).fixed_by(Some(look).filter(|_| tells))])
}

/// An abstract name as people write it.
fn spelt(name: &[u8]) -> Vec<u8> {
    [b"@", name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Walk};

    fn missing() -> Case {
        let path = b"/tmp/@app".to_vec();
        Case { walk: Fact::Known(Walk::sample_missing()), path, ..Case::sample_stale() }
    }

    #[test]
    fn fires_both_ways() {
        let file = Case { nearest: vec![b"@app".to_vec()], ..missing() };
        assert_eq!(check(&file).unwrap()[0].code, "SD112");
        let path = vec![b"/srv/@app".to_vec()];
        let name = Case { nearest: path, ..Case::new(Target::Abstract(b"app".to_vec()), vec![]) };
        assert!(check(&name).unwrap()[0].summary.starts_with("The client means an abstract name"));
    }

    #[test]
    fn silent_on_a_file_that_is_really_named_so_and_on_other_names() {
        let there = Case { walk: Case::sample().walk, nearest: vec![b"@app".to_vec()], ..missing() };
        assert_eq!(check(&there), Ok(vec![]));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
        assert_eq!(check(&Case { nearest: vec![b"/srv/app".to_vec()], ..missing() }), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&Case { walk, ..missing() }), Err(NoVerdict::Unknown(_))));
    }
}
