//! Why it stays open whether a target leads to a live socket, where no rule has said so.

use super::inspect::leads_somewhere;
use crate::model::{Case, Gap, Liveness, Role, SocketState};

/// What is known, and what would help.
pub(super) fn gap(case: &Case) -> Option<Gap> {
    if leads_somewhere(case) {
        return None;
    }
    let gap = |why: String| Gap::new(case.target.to_string(), why);
    if case.files_only {
        let help = "give --proc DIR too, the /proc of the system that runs from there";
        return Some(
            gap("with --root alone only files are looked at, not who listens".into()).helped_by(help),
        );
    }
    let mut bound = case.sockets.items.iter().filter(|sighting| sighting.relation.serves).peekable();
    if bound.peek().is_some() && bound.all(|sighting| sighting.socket.state == SocketState::Connected) {
        return Some(gap("only a socket that is connected itself is bound to it: nothing listens".into()));
    }
    if case.liveness.known() == Some(&Liveness::Bound) && case.serving().next().is_none() {
        if case.sockets.gaps.is_empty() {
            let why = "the kernel says a socket is bound to the file, but no listener or receiver is: most likely \
                       it is a client's own, which is connected";
            return Some(gap(why.into()).helped_by("`sockdoctor list --all` shows connected sockets too"));
        }
        let why = "the kernel says a socket is bound to the file, but it is in no network namespace that can be seen";
        return Some(gap(why.into()).helped_by(Gap::AS_ROOT));
    }
    let mut elsewhere = case.orphans().filter(|orphan| orphan.role() == Ok(Some(Role::OtherView)));
    if let Some(view) = elsewhere.find_map(|orphan| orphan.view.known()) {
        let why = format!(
            "the listener's file exists in the root of pid {}, not where it was looked for",
            view.pid
        );
        return Some(gap(why).helped_by("look where the server and its client both see the file"));
    }
    Some(gap("nothing that serves the path was found, and what could explain it was not visible".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Reached};

    fn why(case: &Case) -> String {
        gap(case).unwrap().why
    }

    #[test]
    fn of_an_image_it_is_not_said_that_nothing_serves_it() {
        let case = Case { files_only: true, ..Case::sample_stale() };
        assert!(why(&case).starts_with("with --root alone"));
        assert!(gap(&case).unwrap().would_help.unwrap().contains("--proc"));
    }

    #[test]
    fn each_open_question_says_what_is_known() {
        assert_eq!(gap(&Case::sample()), None, "it leads to a listener");
        let mut bound = Case::sample_stale();
        bound.liveness = Fact::Known(Liveness::Bound);
        assert!(why(&bound).contains("most likely it is a client's own"));
        bound.sockets.gaps.push(Gap::new("net:[7]", "Operation not permitted"));
        assert!(why(&bound).starts_with("the kernel says a socket is bound"));
        assert_eq!(gap(&bound).unwrap().would_help.as_deref(), Some(Gap::AS_ROOT));
        let mut elsewhere = Case::sample_missing();
        let file = Case::sample().walk.known().cloned().unwrap();
        if let Fact::Known(view) = &mut elsewhere.sockets.items[0].view {
            assert!(matches!(file.reached, Reached::File(_)));
            (view.walk, view.ours) = (file, false);
        }
        assert_eq!(
            why(&elsewhere),
            "the listener's file exists in the root of pid 4242, not where it was looked for"
        );
        let mut client = Case::sample();
        client.sockets.items[0].socket.state = SocketState::Connected;
        assert!(why(&client).contains("nothing listens"));
        assert!(why(&Case::sample_stale()).starts_with("nothing that serves the path"));
    }
}
