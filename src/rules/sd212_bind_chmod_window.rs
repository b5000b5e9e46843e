//! SD212: between bind and chmod the socket has another mode.

use crate::model::{Case, Certainty, Evidence, Fix, Gap, NoVerdict, Verdict, Window};

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

const CURE: &str = "set the umask before bind (0117 makes 0660), or fchmod the socket before it; or bind a temporary \
                    name, chmod it and rename it";

fn check(case: &Case) -> Verdict {
    let (from, to, lasted) = match case.watched.get()?.window(&case.path) {
        Window::None => return Ok(vec![]),
        Window::Unseen => {
            let why = "mode or owner were set so soon after bind that the mode before was not seen";
            return Err(NoVerdict::Unknown(Gap::new("watch", why)));
        }
        Window::Open { from, to, lasted } => (from, to, format!("{:.1} ms", lasted.as_secs_f64() * 1e3)),
    };
    let summary =
        format!("For {lasted} after bind the socket has mode {from:04o}; only then it gets {to:04o}.");
    let finding = BIND_CHMOD_WINDOW
        .finding(case, Certainty::Certain, summary)
        .proven_by([
            Evidence::new("bind", format!("mode {from:04o} right after")),
            Evidence::new("chmod", format!("{lasted} later: mode {to:04o}, under the same name")),
        ])
        .fixed_by([Fix::advice(CURE)]);
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Deed, Fact, Trace};

    fn watched(deeds: Vec<Deed>) -> Case {
        Case { watched: Fact::Known(Trace::sample(deeds).into()), ..Case::sample() }
    }

    #[test]
    fn fires_when_the_mode_after_bind_was_another_one() {
        let found = check(&watched(vec![Deed::Bind, Deed::Chmod { from: 0o755, to: 0o666 }])).unwrap();
        assert_eq!((found[0].code, found[0].certainty), ("SD212", Certainty::Certain));
        assert!(found[0].summary.starts_with("For 1000.0 ms after bind the socket has mode 0755"));
    }

    #[test]
    fn silent_for_a_temporary_name_and_where_nobody_watched() {
        let chmod = Deed::Chmod { from: 0o755, to: 0o660 };
        assert_eq!(check(&watched(vec![Deed::Bind, chmod, Deed::RenameAway(None)])), Ok(vec![]));
        assert_eq!(check(&watched(vec![Deed::Bind, Deed::Unlink])), Ok(vec![]));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        assert!(matches!(check(&watched(vec![Deed::Bind, Deed::Attributes])), Err(NoVerdict::Unknown(_))));
    }
}
