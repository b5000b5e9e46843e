//! The time between bind and chmod, in which a socket has another mode than is meant.

use std::time::Duration;

use super::{Deed, Event, FileSeen, Trace};

/// What a trace tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// There was none.
    None,
    /// Mode or owner were set, and what the mode was before was not seen.
    Unseen,
    /// There was one.
    Open {
        /// The mode before.
        from: u32,
        /// The mode after.
        to: u32,
        /// From bind to chmod.
        lasted: Duration,
    },
}

impl Trace {
    /// The first window of a name.
    pub fn window(&self, path: &[u8]) -> Window {
        let mut window = Window::None;
        let mut bound: Option<&Event> = None;
        for event in self.events.iter().filter(|event| event.path == path && !event.polled) {
            match &event.deed {
                // systemd sets what SocketMode= says by its umask.
                Deed::Bind => {
                    let by_systemd = event.who.as_ref().is_some_and(|doer| doer.actor.is_manager());
                    bound = Some(event).filter(|_| !by_systemd);
                }
                Deed::Chmod { from, to } => {
                    let seen = |bound: &Event| bound.file.as_ref().map(FileSeen::permissions) == Some(*from);
                    if let Some(bound) = bound.take().filter(|bound| seen(bound))
                        && !matches!(window, Window::Open { .. })
                    {
                        let lasted = event.since.saturating_sub(bound.since);
                        window = Window::Open { from: *from, to: *to, lasted };
                    }
                }
                Deed::Attributes if bound.is_some() && window == Window::None => window = Window::Unseen,
                // It was a temporary name.
                Deed::RenameAway(_) => (window, bound) = (Window::None, None),
                deed if deed.takes_the_file() => bound = None,
                _ => {}
            }
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_that_is_another_one_later_is_a_window_and_one_that_was_not_seen_is_unseen() {
        let open = Window::Open { from: 0o755, to: 0o666, lasted: Duration::from_secs(1) };
        let chmod = || Deed::Chmod { from: 0o755, to: 0o666 };
        for (deeds, expected) in [
            (vec![Deed::Bind, chmod()], open),
            (vec![Deed::Bind, Deed::Attributes], Window::Unseen),
            (vec![Deed::Bind, Deed::Unlink, Deed::Bind], Window::None),
            (vec![Deed::There, chmod()], Window::None),
            (vec![Deed::Bind, Deed::Unlink, chmod()], Window::None),
            (vec![Deed::Bind, chmod(), Deed::RenameAway(None)], Window::None),
            (vec![Deed::Bind, Deed::Chmod { from: 0o700, to: 0o666 }], Window::None),
        ] {
            let trace = Trace::sample(deeds.clone());
            assert_eq!(trace.window(b"/tmp/x.sock"), expected, "{deeds:?}");
            assert_eq!(trace.window(b"/tmp/other"), Window::None);
        }
    }
}
