//! The signals that end a process, taken as values: blocked in every thread, and waited for by one.
//!
//! No handler, so nothing has to be safe inside of one.

use std::fs;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

/// What ends a process that is told to go.
const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// Blocks them, and runs `clean_up` on a thread of its own when one comes; it is given the death to end with. To be
/// called while the process has one thread: later ones inherit the blocked signals, earlier ones would take them
/// from us.
pub(super) fn clean_up_on_death(clean_up: impl FnOnce(&dyn Fn()) + Send + 'static) -> std::io::Result<()> {
    let awaited = awaited();
    awaited.thread_block()?;
    // sigwait(3) would do, but nix takes its errors for signals.
    let came = SignalFd::with_flags(&awaited, SfdFlags::SFD_CLOEXEC)?;
    let end = move || {
        let Some(signal) = came.read_signal().ok().flatten().and_then(|came| named(&came)) else { return };
        clean_up(&|| {
            let _ = SigSet::from(signal).thread_unblock();
            let _ = raise(signal);
        });
    };
    std::thread::Builder::new().name("signals".into()).spawn(end)?;
    Ok(())
}

fn named(came: &siginfo) -> Option<Signal> {
    Signal::try_from(i32::try_from(came.ssi_signo).ok()?).ok()
}

/// Blocks them for the rest of this process, which is to end by itself soon.
pub(super) fn ignore() -> nix::Result<()> {
    SIGNALS.into_iter().collect::<SigSet>().thread_block()
}

/// All signals, held back while something is done that none may interrupt.
#[derive(Debug)]
pub struct Held {
    before: SigSet,
    awaited: SignalFd,
}

/// Holds all of them back for as long as the result lives. To be called while the process has one thread: later ones
/// inherit it.
pub fn hold() -> nix::Result<Held> {
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    let awaited = SignalFd::with_flags(&awaited(), flags)?;
    Ok(Held { before: SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?, awaited })
}

impl Held {
    /// The one that came and would have ended us; it is asked for where it may.
    pub fn came(&self) -> Option<i32> {
        i32::try_from(self.awaited.read_signal().ok()??.ssi_signo).ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}

/// The signals that would end us: what our parent had us ignore, as nohup(1) does, stays ignored.
fn awaited() -> SigSet {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    SIGNALS.into_iter().filter(|signal| ignored & (1 << (*signal as i32 - 1)) == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_process_is_awaited() {
        let awaited = awaited();
        assert!(awaited.contains(Signal::SIGTERM));
        assert!(!awaited.contains(Signal::SIGCHLD));
    }

    #[test]
    fn what_is_held_back_is_told_and_ends_nobody() {
        let held = hold().unwrap();
        assert_eq!(held.came(), None);
        raise(Signal::SIGTERM).unwrap();
        assert_eq!(held.came(), Some(Signal::SIGTERM as i32));
        drop(held);
        assert!(!SigSet::thread_get_mask().unwrap().contains(Signal::SIGTERM));
    }
}
