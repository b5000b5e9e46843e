//! Being asked to end where there is something to say first, or where nobody else would hear it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Holds back signals for as long as it lives; they are read from it instead.
#[derive(Debug)]
pub struct Interrupts {
    before: SigSet,
    signals: SignalFd,
}

impl Interrupts {
    /// Holds these back. `None`: it cannot be done, and they do what they do otherwise.
    pub fn of(signals: &[Signal]) -> Option<Self> {
        let set: SigSet = signals.iter().copied().collect();
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).ok()?;
        let before = set.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
        Some(Self { before, signals })
    }

    /// What asks a service or a container to end, where this process is the init of its pid namespace: the kernel
    /// drops what an init has no handler for (pid_namespaces(7)), so that `docker stop` would wait and then kill.
    pub fn of_an_init() -> Option<Self> {
        let is_init = nix::unistd::getpid().as_raw() == 1;
        is_init.then(|| Self::of(&[Signal::SIGTERM, Signal::SIGINT])).flatten()
    }

    /// The signal that came, if one came within this time.
    pub fn within(&self, time: Duration) -> Option<Signal> {
        // In whole milliseconds, and not none for a part of one.
        let time = PollTimeout::try_from(time + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, time).ok().filter(|count| *count > 0)?;
        let came = self.signals.read_signal().ok()??;
        Signal::try_from(i32::try_from(came.ssi_signo).ok()?).ok()
    }
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        // What runs after, or is run, has its signals as they were.
        let _ = self.before.thread_set_mask();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_held_back_is_read_and_later_ones_are_not() {
        let interrupts = Interrupts::of(&[Signal::SIGWINCH]).unwrap();
        assert_eq!(interrupts.within(Duration::ZERO), None);
        nix::sys::signal::raise(Signal::SIGWINCH).unwrap();
        assert_eq!(interrupts.within(Duration::from_secs(20)), Some(Signal::SIGWINCH));
        drop(interrupts);
        assert!(!SigSet::thread_get_mask().unwrap().contains(Signal::SIGWINCH));
    }

    #[test]
    fn a_process_that_is_no_init_is_left_as_it_is() {
        assert!(Interrupts::of_an_init().is_none());
    }
}
