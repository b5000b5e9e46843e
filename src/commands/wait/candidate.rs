//! One target of `wait` over time: how long it has been as it is, whether that will do, when to look again. Pure.

use std::time::{Duration, Instant};

use crate::model::{Goal, Reach, Target, Waited};

/// How soon a target is looked at again when something has just happened to it: bind(2) is seen half done, and most
/// servers call listen(2) at once. Twice as long each time that nothing has.
const FIRST: Duration = Duration::from_millis(1);
/// How long that becomes at most for a bound socket: listen(2) raises no event.
const SHORT: Duration = Duration::from_millis(10);
/// And for others. Where there are events it is they that wake; this is for mounts without.
const LONG: Duration = Duration::from_millis(250);
/// Services change the mode of their socket after they bound it: for this long a denial may pass.
const DENIED: Duration = Duration::from_secs(2);
/// A refusal this long is worth a word.
const REFUSED: Duration = Duration::from_secs(1);

/// Where a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may still become right.
    Open,
    /// It is as it was to be.
    Ready,
    /// It will not become right by waiting.
    Never,
}

/// A target that is waited for.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) target: Target,
    pub(super) goal: Goal,
    /// For how long it has to stay right.
    stable: Duration,
    started: Instant,
    /// The state, and since when.
    state: Option<(Reach, Instant)>,
    /// Since when it has been right.
    right: Option<Instant>,
    /// When it was ready. It is not looked at any more.
    done: Option<Instant>,
    /// How many looks in a row found it as it was, as far as that matters.
    unchanged: u32,
    hinted: bool,
    /// When to look again.
    pub(super) due: Instant,
}

impl Candidate {
    pub(super) fn new(target: Target, goal: Goal, stable: Duration, now: Instant) -> Self {
        let (state, right, done) = (None, None, None);
        Self { target, goal, stable, started: now, state, right, done, unchanged: 0, hinted: false, due: now }
    }

    /// Takes note of a look; whether that is news. `costly`: a look is not to be taken too often.
    pub(super) fn note(&mut self, reach: Reach, costly: bool, now: Instant) -> bool {
        let news = self.state.is_none_or(|(before, _)| before != reach);
        if news {
            self.state = Some((reach, now));
        }
        if news {
            self.unchanged = 0;
        }
        self.right = self.is_right(reach).then(|| self.right.unwrap_or(now));
        if self.done.is_none() && self.right.is_some_and(|since| now.duration_since(since) >= self.stable) {
            self.done = Some(now);
        }
        let short = self.right.is_some()
            || matches!(reach, Reach::Open | Reach::Bound | Reach::Refused | Reach::Busy);
        let pause = match reach {
            // A helper that the kernel does not let go of stays behind: there are to be few of them, however long.
            Reach::Unseen => LONG.max(now.duration_since(self.started) / 4),
            _ if costly => LONG.min(SHORT * (1 << self.unchanged)),
            _ => (FIRST * (1 << self.unchanged)).min(if short { SHORT } else { LONG }),
        };
        self.unchanged = (self.unchanged + 1).min(8);
        self.due = now + self.right.map_or(pause, |since| pause.min((since + self.stable) - now));
        news
    }

    /// Something happened: it is looked at now, and often again for a while.
    pub(super) fn wake(&mut self, now: Instant) {
        (self.due, self.unchanged) = (now, 0);
    }

    fn is_right(&self, reach: Reach) -> bool {
        match self.goal {
            Goal::Exists | Goal::Connect | Goal::Http => reach == Reach::Open,
            Goal::Gone => match reach {
                Reach::Missing | Reach::Stale | Reach::NotASocket(_) => true,
                Reach::Failed(errno) => matches!(errno, nix::libc::ENOTDIR | nix::libc::ELOOP),
                // Bound and silent is somebody's path all the same; an abstract name or a port that refuses is free.
                Reach::Refused => !matches!(self.target, Target::Path(_)),
                _ => false,
            },
        }
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        if self.done.is_some() {
            return Standing::Ready;
        }
        match self.state {
            Some((reach, _)) if self.right.is_none() && is_final(reach) => Standing::Never,
            Some((Reach::Denied, since)) if now.duration_since(since) >= DENIED => Standing::Never,
            _ => Standing::Open,
        }
    }

    /// Whether the time that it has to stay right is about to be over: the look that decides.
    pub(super) fn decides(&self, now: Instant) -> bool {
        self.right.is_none_or(|since| now.duration_since(since) >= self.stable)
    }

    /// Said once: its file is there, and has refused for a while.
    pub(super) fn seems_stale(&mut self, now: Instant) -> bool {
        let refused =
            matches!(self.target, Target::Path(_)) && self.goal != Goal::Exists && self.goal != Goal::Gone;
        let long = matches!(self.state, Some((Reach::Stale | Reach::Refused, since))
            if now.duration_since(since) >= REFUSED);
        let say = refused && long && !self.hinted;
        self.hinted |= say;
        say
    }

    /// The last state; [`Reach::Unseen`] before the first look.
    pub(super) fn reach(&self) -> Reach {
        self.state.map_or(Reach::Unseen, |(reach, _)| reach)
    }

    /// What became of it.
    pub(super) fn waited(&self, now: Instant) -> Waited {
        let after = self.done.unwrap_or(now).duration_since(self.started);
        let (target, goal, reach) = (self.target.clone(), self.goal, self.reach());
        Waited { target, goal, ready: self.done.is_some(), reach, after }
    }
}

/// What no waiting changes.
const fn is_final(reach: Reach) -> bool {
    matches!(reach, Reach::NotASocket(_) | Reach::OtherType | Reach::TooLong | Reach::Failed(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FileKind;

    fn candidate(goal: Goal, stable: u64) -> (Candidate, Instant) {
        let now = Instant::now();
        (Candidate::new(Target::Path(b"/x".to_vec()), goal, Duration::from_millis(stable), now), now)
    }

    fn after(goal: Goal, reach: Reach, milliseconds: u64) -> Standing {
        let (mut candidate, start) = candidate(goal, 0);
        candidate.note(reach, false, start);
        let later = start + Duration::from_millis(milliseconds);
        candidate.note(reach, false, later);
        candidate.standing(later)
    }

    #[test]
    fn what_may_still_come_is_waited_for_and_what_cannot_is_not() {
        for reach in
            [Reach::Missing, Reach::Stale, Reach::Refused, Reach::Busy, Reach::Unseen, Reach::Unresolved]
        {
            assert_eq!(after(Goal::Connect, reach, 60_000), Standing::Open, "{reach:?}");
        }
        for reach in
            [Reach::NotASocket(FileKind::Regular), Reach::OtherType, Reach::TooLong, Reach::Failed(20)]
        {
            assert_eq!(after(Goal::Connect, reach, 0), Standing::Never, "{reach:?}");
        }
        assert_eq!(after(Goal::Connect, Reach::Open, 0), Standing::Ready);
    }

    #[test]
    fn a_denial_is_given_two_seconds() {
        assert_eq!(after(Goal::Connect, Reach::Denied, 1999), Standing::Open);
        assert_eq!(after(Goal::Connect, Reach::Denied, 2000), Standing::Never);
    }

    #[test]
    fn gone_is_a_path_that_nobody_has_bound() {
        for reach in [Reach::Missing, Reach::Stale, Reach::NotASocket(FileKind::Regular)] {
            assert_eq!(after(Goal::Gone, reach, 0), Standing::Ready, "{reach:?}");
        }
        for reach in [Reach::Bound, Reach::Refused, Reach::Unseen] {
            assert_eq!(after(Goal::Gone, reach, 1000), Standing::Open, "{reach:?}");
        }
    }

    #[test]
    fn a_break_begins_the_time_it_has_to_stay_right_anew() {
        let (mut candidate, start) = candidate(Goal::Connect, 1000);
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        for (time, reach) in [(0, Reach::Open), (900, Reach::Open), (950, Reach::Stale), (1000, Reach::Open)]
        {
            candidate.note(reach, false, at(time));
            assert_eq!(candidate.standing(at(time)), Standing::Open, "{time}");
        }
        candidate.note(Reach::Open, false, at(1999));
        assert_eq!(candidate.due, at(2000), "no later than the look that decides");
        candidate.note(Reach::Open, false, at(2000));
        assert_eq!(candidate.standing(at(2000)), Standing::Ready);
        assert_eq!(candidate.waited(at(5000)).after, Duration::from_secs(2));
    }

    #[test]
    fn a_bound_socket_is_asked_often_and_a_missing_one_ever_more_rarely() {
        let pauses = |reach, costly| {
            let (mut candidate, now) = candidate(Goal::Connect, 0);
            let pauses = (0..9).map(|_| {
                candidate.note(reach, costly, now);
                (candidate.due - now).as_millis()
            });
            pauses.collect::<Vec<_>>()
        };
        assert_eq!(pauses(Reach::Refused, false), [1, 2, 4, 8, 10, 10, 10, 10, 10]);
        assert_eq!(pauses(Reach::Missing, false), [1, 2, 4, 8, 16, 32, 64, 128, 250]);
        assert_eq!(pauses(Reach::Refused, true), [10, 20, 40, 80, 160, 250, 250, 250, 250]);
    }

    #[test]
    fn a_mount_that_does_not_answer_is_asked_ever_more_rarely() {
        let (mut candidate, start) = candidate(Goal::Connect, 0);
        let looks = std::iter::successors(Some(start), |now| {
            candidate.note(Reach::Unseen, true, *now);
            Some(candidate.due)
        });
        let looks = looks.take_while(|now| *now < start + Duration::from_secs(3600)).count();
        assert!(looks < 100, "{looks}");
    }

    #[test]
    fn a_file_that_refuses_is_doubted_once() {
        let (mut candidate, start) = candidate(Goal::Connect, 0);
        candidate.note(Reach::Stale, false, start);
        assert!(!candidate.seems_stale(start));
        let later = start + REFUSED;
        assert_eq!([candidate.seems_stale(later), candidate.seems_stale(later)], [true, false]);
    }
}
