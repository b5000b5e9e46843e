//! The timeline as it grows: each event is printed the moment it is known, and kept for the end as far as memory is
//! bounded.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::facts::users::Users;
use crate::model::{Deed, Doer, Event, FileSeen, Removal};
use crate::report::style::Style;
use crate::report::{Format, Loudness, watched};

/// How many events are kept; later ones are printed and counted.
const EVENTS: usize = 10_000;
/// The same of removals.
const REMOVALS: usize = 1000;

/// How events are printed as they come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream<'s> {
    /// As text, or one a line as ndjson or plain.
    pub(super) format: Format,
    pub(super) style: &'s Style,
    pub(super) loudness: Loudness,
}

/// What happened to one name at one instant.
pub(super) struct Happening {
    pub(super) deed: Deed,
    pub(super) path: Vec<u8>,
    pub(super) at: SystemTime,
    pub(super) clock: Instant,
    pub(super) file: Option<FileSeen>,
    pub(super) who: Option<Doer>,
    pub(super) others: usize,
    pub(super) polled: bool,
}

pub(super) struct Timeline<'s> {
    stream: Option<Stream<'s>>,
    users: Users,
    started: Instant,
    last: Instant,
    pub(super) events: Vec<Event>,
    pub(super) left_out: u64,
    pub(super) removals: Vec<Removal>,
    pub(super) removals_left_out: u64,
    /// Nobody reads what is printed.
    pub(super) unread: bool,
}

impl<'s> Timeline<'s> {
    pub(super) fn new(stream: Option<Stream<'s>>, mut users: Users, started: Instant) -> Self {
        // The files are read before anything happens.
        users.user(0);
        Self {
            stream,
            users,
            started,
            last: started,
            events: Vec::new(),
            left_out: 0,
            removals: Vec::new(),
            removals_left_out: 0,
            unread: false,
        }
    }

    /// When the watch began.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// The same with the name of its user.
    pub(super) fn named(&mut self, mut doer: Doer) -> Doer {
        if let Some(user) = doer.actor.user.as_ref().filter(|user| user.name.is_none()) {
            let user = self.users.user(user.id);
            Arc::make_mut(&mut doer.actor).user = Some(user);
        }
        doer
    }

    pub(super) fn add(&mut self, happening: Happening) {
        let Happening { deed, path, at, clock, file, who, others, polled } = happening;
        let since = clock.saturating_duration_since(self.started);
        let delta = clock.saturating_duration_since(self.last);
        self.last = self.last.max(clock);
        let event = Event { deed, path, at, since, delta, file, who, others, polled };
        self.print(&event);
        if self.events.len() < EVENTS {
            self.events.push(event);
        } else {
            self.left_out += 1;
        }
    }

    /// Keeps a removal; its number, if it is kept.
    pub(super) fn removed(&mut self, removal: Removal) -> Option<usize> {
        if self.removals.len() >= REMOVALS {
            self.removals_left_out += 1;
            return None;
        }
        self.removals.push(removal);
        Some(self.removals.len() - 1)
    }

    fn print(&mut self, event: &Event) {
        let Some(Stream { format, style, loudness }) = self.stream.filter(|_| !self.unread) else { return };
        let line = match format {
            Format::Ndjson => watched::json_line(event),
            Format::Plain => watched::plain_line(event),
            _ => watched::line(event, style, loudness),
        };
        let mut out = io::stdout().lock();
        // Whatever keeps the line from being read, the watch is for nothing then.
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            self.unread = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::machine::Machine;

    #[test]
    fn memory_is_bounded_and_what_is_left_out_is_counted() {
        let now = Instant::now();
        let mut timeline = Timeline::new(None, Users::new(&Machine::default()), now);
        for _ in 0..EVENTS + 3 {
            timeline.add(Happening {
                deed: Deed::Unlink,
                path: b"/x".to_vec(),
                at: SystemTime::now(),
                clock: now,
                file: None,
                who: None,
                others: 0,
                polled: false,
            });
        }
        assert_eq!((timeline.events.len(), timeline.left_out), (EVENTS, 3));
    }
}
