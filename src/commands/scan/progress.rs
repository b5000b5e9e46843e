//! What `scan` says on standard error while it works: one live line, on a terminal, where it takes longer.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long nothing is said, and how often the line is drawn anew.
const TICK: Duration = Duration::from_secs(1);
/// Back to the beginning of the line, which is erased (ECMA-48, EL).
const ERASE: &str = "\r\x1b[K";

/// The live line; dropped, it is taken away.
pub(super) struct Progress(Option<(Sender<&'static str>, JoinHandle<()>)>);

impl Progress {
    /// On standard error where that is a terminal, and nobody asked for silence.
    pub(super) fn start(quiet: bool) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self(None);
        }
        Self::on(io::stderr(), TICK)
    }

    fn on(out: impl Write + Send + 'static, tick: Duration) -> Self {
        let (sender, steps) = channel();
        let thread = std::thread::Builder::new().spawn(move || draw(out, &steps, tick));
        Self(thread.ok().map(|thread| (sender, thread)))
    }

    /// What is done from now on.
    pub(super) fn step(&self, what: &'static str) {
        if let Some((steps, _)) = &self.0 {
            let _ = steps.send(what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((steps, thread)) = self.0.take() {
            drop(steps);
            let _ = thread.join();
        }
    }
}

/// Draws until nobody sends any more. Nothing that is said here may fail the scan.
fn draw(mut out: impl Write, steps: &Receiver<&'static str>, tick: Duration) {
    let started = Instant::now();
    let (mut what, mut drawn) = ("scanning", false);
    let mut next = started + tick;
    loop {
        match steps.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(step) => what = step,
            Err(RecvTimeoutError::Timeout) => {
                let _ = write!(out, "{ERASE}{what}, {} s", started.elapsed().as_secs());
                let _ = out.flush();
                (drawn, next) = (true, Instant::now() + tick);
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if drawn {
        let _ = write!(out, "{ERASE}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(screen: &Screen) -> String {
        String::from_utf8(screen.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_long_step_is_told_and_the_line_is_taken_away() {
        let screen = Screen::default();
        let progress = Progress::on(screen.clone(), Duration::from_millis(1));
        progress.step("reading files");
        while !shown(&screen).contains("reading files") {
            std::thread::yield_now();
        }
        drop(progress);
        assert!(shown(&screen).ends_with(ERASE));
    }

    #[test]
    fn a_short_one_is_not() {
        let screen = Screen::default();
        let progress = Progress::on(screen.clone(), Duration::from_secs(3600));
        progress.step("reading files");
        drop(progress);
        assert_eq!(shown(&screen), "");
    }
}
