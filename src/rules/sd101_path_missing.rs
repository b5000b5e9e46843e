//! SD101: nothing is at the path.

use super::{configured, elsewhere, evidence, quote, socket_unit};
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Target, Verdict};

rule! {
    /// Nothing is at the path, and no socket of this machine carries the name.
    ///
    /// # What it means
    /// connect(2) answers ENOENT (2): the server is not running, has not bound yet, or uses another path.
    /// For an abstract name nothing is bound to it in your network namespace, and connect answers ECONNREFUSED.
    ///
    /// # How it is known
    /// The path was walked component by component and the kernel said ENOENT (or ENOTDIR, where a component is
    /// a file); no socket of any network namespace was bound under this name.
    ///
    /// # Not to be confused with
    /// A listener that lives while its file is gone (SD102), a directory you may not search, a file that exists
    /// in another mount namespace only (SD701).
    ///
    /// # Fix
    /// Start the server or .socket unit that owns the path, or correct it; live names nearly like it are shown.
    PATH_MISSING = "SD101", "path-missing", Error
}

const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const NEARLY: &str = "a live socket with nearly this name";
const START: &str = "start the server that owns the name, or correct the name in its client";

fn check(case: &Case) -> Verdict {
    let summary = match case.target {
        Target::Path(_) => match (case.file()?, case.walk.get()?.errno()) {
            (None, Some(ENOENT)) => "Nothing is at the path, and nobody listens under this name.",
            (None, Some(ENOTDIR)) => {
                "The path leads through a file that is no directory: nothing can be there."
            }
            _ => return Ok(vec![]),
        },
        Target::Abstract(_) => "No socket in your network namespace is bound to this abstract name.",
        Target::Inode(_) | Target::Tcp(_) => return Err(NoVerdict::NotApplicable),
    };
    let others: Vec<_> = case.sockets.items.iter().filter(|other| other.socket.owns_name()).collect();
    if others.iter().any(|other| other.relation.serves || elsewhere::may_be_it(case, other)) {
        return Ok(vec![]);
    }
    case.settled()?;
    let certainty = if others.is_empty() { case.nobody_else()? } else { Certainty::Certain };
    let mut finding = PATH_MISSING.finding(case, certainty, summary);
    finding.evidence.extend(evidence::path(case));
    finding.evidence.extend(configured::instead(case));
    if others.is_empty() {
        let likely = if certainty == Certainty::Likely { " that this pid namespace shows" } else { "" };
        let nobody = format!("no socket of any network namespace{likely} carries the name");
        finding.evidence.push(Evidence::new("unix_diag", nobody));
    }
    for sighting in others {
        let netns = format!("{}: the only ones with the name are these", sighting.socket.netns.0);
        let netns = Evidence::new("network namespace", netns);
        finding.evidence.extend([netns, evidence::socket(sighting), evidence::holders(sighting)]);
    }
    let near = |name: &Vec<u8>| Fix::look(quote::ours("inspect", case, name), NEARLY);
    let unit = socket_unit::listen_again(case, "start").into_iter().rev();
    let finding = finding.proven_by(socket_unit::proof(case)).fixed_by(unit);
    let finding = configured::told(case, finding);
    Ok(vec![finding.fixed_by(case.nearest.iter().map(near)).fixed_by([Fix::advice(START)])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Walk};

    fn missing() -> Case {
        let mut case = Case::sample_stale();
        case.walk = Fact::Known(Walk::sample_missing());
        case
    }

    #[test]
    fn fires_when_nothing_is_there_and_nobody_has_the_name() {
        assert_eq!(check(&missing()).unwrap()[0].code, "SD101");
    }

    #[test]
    fn silent_when_a_listener_has_the_name() {
        assert_eq!(check(&Case::sample_missing()), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = missing();
        case.sockets.gaps.push(Gap::new("net:[7]", "Operation not permitted"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
        case.sockets.gaps[0].names = crate::model::Names::Seen;
        assert!(check(&case).is_ok_and(|found| found.len() == 1), "names are all it takes");
    }
}
