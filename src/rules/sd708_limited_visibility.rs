//! SD708: something that matters here was hidden from us.

use crate::model::{
    Case, Certainty, Evidence, Fact, FileKind, Fix, Gap, Liveness, Names, NoVerdict, Sighting, Verdict,
};

rule! {
    /// Something in question could not be seen with these privileges.
    ///
    /// # What it means
    /// The answer rests on what was visible: the holders of a socket, another network namespace or a directory
    /// stayed hidden. What depends on them is listed under "not checked".
    ///
    /// # How it is known
    /// The kernel refused the look (EACCES, EPERM), and what it hides belongs to this socket: it has no visible
    /// holder, or nothing that serves the path was found where we could look.
    ///
    /// # Not to be confused with
    /// Hidden processes and namespaces that have nothing to do with the question: they are not mentioned.
    ///
    /// # Fix
    /// Run it as root; in a container also with the host's /proc and CAP_SYS_PTRACE, CAP_SYS_ADMIN.
    LIMITED_VISIBILITY = "SD708", "limited-visibility", Info
}

fn check(case: &Case) -> Verdict {
    let mut hidden: Vec<&Gap> = Vec::new();
    let holderless = |sighting: &Sighting| sighting.holders.known().is_some_and(Vec::is_empty);
    if case.sockets.items.iter().any(holderless) {
        hidden.extend(&case.hidden_holders);
    }
    let unreadable = match case.file() {
        Err(NoVerdict::Unknown(gap)) => Some(gap),
        _ => None,
    };
    hidden.extend(unreadable.iter());
    // A refusal speaks for every network namespace, and a listener found explains why nothing serves the path.
    let answered = matches!(case.liveness, Fact::Known(Liveness::Refused { .. }))
        || matches!(case.file(), Ok(Some(file)) if file.kind != FileKind::Socket)
        || case.orphans().any(Sighting::is_alive);
    if case.server().is_none() && !answered {
        let missing = matches!(case.file(), Ok(None));
        hidden.extend(case.sockets.gaps.iter().filter(|gap| !(missing && gap.names == Names::Seen)));
    }
    if hidden.is_empty() {
        return Ok(vec![]);
    }
    let summary = "Something in question could not be seen with these privileges.";
    let mut finding = LIMITED_VISIBILITY.finding(case, Certainty::Certain, summary);
    finding.evidence = hidden.iter().map(|gap| Evidence::new(gap.source.clone(), gap.why.clone())).collect();
    let mut help: Vec<&str> = hidden.iter().filter_map(|gap| gap.would_help.as_deref()).collect();
    help.dedup();
    finding.fixes = help.into_iter().map(Fix::advice).collect();
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap() -> Gap {
        Gap::new("/proc/*/fd", "12 of 80 processes could not be read").helped_by(Gap::AS_ROOT)
    }

    #[test]
    fn fires_when_the_holders_are_hidden() {
        let mut case = Case::sample();
        case.hidden_holders.push(gap());
        case.sockets.items[0].holders = Fact::Known(vec![]);
        assert_eq!(check(&case).unwrap()[0].code, "SD708");
    }

    #[test]
    fn silent_when_nothing_in_question_was_hidden() {
        let mut case = Case::sample();
        case.hidden_holders.push(gap());
        case.sockets.gaps.push(gap());
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn silent_when_the_file_itself_answered_for_every_namespace() {
        let mut case = Case::sample_stale();
        case.sockets.gaps.push(gap());
        assert_eq!(check(&case), Ok(vec![]));
        case.liveness = Fact::Known(Liveness::Denied);
        assert_eq!(check(&case).unwrap()[0].code, "SD708");
    }

    #[test]
    fn what_could_not_be_looked_at_is_said() {
        let mut case = Case::sample_stale();
        case.walk = Fact::Unknown(gap());
        assert_eq!(check(&case).unwrap()[0].evidence.len(), 1);
    }
}
