//! SD212: between bind and chmod the socket has another mode.

use std::time::Duration;

use crate::model::{Case, Certainty, Deed, Event, Evidence, Fix, Gap, NoVerdict, Trace, Verdict};

rule! {
    /// The socket's mode is changed after bind: in between, clients meet another one.
    ///
    /// # What it means
    /// bind(2) makes the file with what the umask leaves of 0777, and a chmod(2) gives it the mode that is meant.
    /// A client that comes in between is refused (EACCES), or let in though it should not be.
    ///
    /// # How it is known
    /// From a trace of `sockdoctor watch` alone: the file was made, and later its mode was another one, under the same
    /// name. The mode of one moment does not tell it.
    ///
    /// # Not to be confused with
    /// A .socket unit; a temporary name that gets its mode before it is renamed, as HAProxy does it; fchmod(2) of the
    /// socket before bind; an owner that is set.
    ///
    /// # Fix
    /// Set the umask around bind (0117 makes 0660), or fchmod the socket before it; or bind a temporary name, chmod
    /// it and rename it.
    BIND_CHMOD_WINDOW = "SD212", "bind-chmod-window", Warning
}

fn check(case: &Case) -> Verdict {
    let trace = case.watched.get()?;
    let mut found = Vec::new();
    let mut bound: Option<&Event> = None;
    let mut missed = false;
    for event in trace.events.iter().filter(|event| event.path == case.path && !event.polled) {
        match &event.deed {
            // systemd sets what SocketMode= says by its umask.
            Deed::Bind => bound = Some(event).filter(|event| !by_systemd(event)),
            Deed::Chmod { from, to } => {
                let pair = bound.take().filter(|bound| mode(bound) == Some(*from));
                found.extend(pair.map(|bound| (bound, event, *from, *to)));
            }
            Deed::Attributes if bound.is_some() => missed = true,
            // It was a temporary name.
            Deed::RenameAway(_) => (found, bound, missed) = (Vec::new(), None, false),
            deed if deed.takes_the_file() => bound = None,
            _ => {}
        }
    }
    let Some((bound, changed, from, to)) = found.first().copied() else {
        return if missed && is_whole(trace) { Err(NoVerdict::Unknown(too_fast())) } else { Ok(vec![]) };
    };
    let window = changed.since.saturating_sub(bound.since);
    let summary = format!("For {} after bind the socket has mode {from:04o}; only then it gets {to:04o}.", time(window));
    let finding = BIND_CHMOD_WINDOW
        .finding(case, Certainty::Certain, summary)
        .proven_by([
            Evidence::new("bind", format!("mode {from:04o} right after")),
            Evidence::new("chmod", format!("{} later: mode {to:04o}, under the same name", time(window))),
        ])
        .fixed_by([Fix::advice(
            "set the umask before bind (0117 makes 0660) or fchmod the socket before it; or bind a temporary name, chmod it and rename it",
        )]);
    Ok(vec![finding])
}

fn by_systemd(event: &Event) -> bool {
    event.who.as_ref().is_some_and(|doer| doer.actor.is_manager())
}

fn mode(event: &Event) -> Option<u32> {
    event.file.as_ref().map(crate::model::FileSeen::permissions)
}

fn is_whole(trace: &Trace) -> bool {
    trace.left_out == 0
}

fn too_fast() -> Gap {
    Gap::new("watch", "mode or owner were set so soon after bind that what they were before was not seen")
}

fn time(window: Duration) -> String {
    format!("{:.1} ms", window.as_secs_f64() * 1e3)
}
