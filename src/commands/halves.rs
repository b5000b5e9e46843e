//! Two jobs, or two halves of one, at the same time where another thread can be had.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// What the work makes of both. That a thread cannot be had is no loss: this one does both halves then.
pub(super) fn both<T: Send, R: Send>(
    here: T,
    there: Option<T>,
    work: impl Fn(T) -> R + Sync,
) -> (R, Option<R>) {
    let two = there.is_some();
    let waiting = Mutex::new(there);
    let other = || {
        let half = waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        half.map(&work)
    };
    thread::scope(|scope| {
        let thread = two.then(|| Builder::new().spawn_scoped(scope, other).ok()).flatten();
        let one = work(here);
        match thread {
            Some(thread) => (one, thread.join().unwrap_or_else(|panic| resume_unwind(panic))),
            None => (one, other()),
        }
    })
}

/// What two jobs make. That a thread cannot be had is no loss: this one does both then.
pub(super) fn together<A, B: Send>(here: impl FnOnce() -> A, there: impl Fn() -> B + Sync) -> (A, B) {
    thread::scope(|scope| {
        let thread = Builder::new().spawn_scoped(scope, &there).ok();
        let one = here();
        let two = match thread {
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => there(),
        };
        (one, two)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_done() {
        assert_eq!(both(1, Some(2), |number| number * 10), (10, Some(20)));
        assert_eq!(both(1, None, |number| number * 10), (10, None));
        assert_eq!(together(|| "one", || 2), ("one", 2));
    }
}
