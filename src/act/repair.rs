//! Running the command that repairs a server: argv and never a shell, in a process group of its own, with the signals
//! as a new program expects them.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, killpg};
use nix::unistd::Pid;

/// A repair that runs.
#[derive(Debug)]
pub struct Running(Child);

/// Starts it with these variables beside the environment. What it prints goes to our standard error: standard output
/// is the report's.
pub fn start(command: &[OsString], variables: &[(&str, OsString)]) -> io::Result<Running> {
    let [program, arguments @ ..] = command else { return Err(io::ErrorKind::InvalidInput.into()) };
    let err = io::stderr().as_fd().try_clone_to_owned()?;
    let mut child = Command::new(program);
    child.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    child.stdin(Stdio::null()).stdout(err).stderr(Stdio::inherit()).process_group(0);
    // A child inherits the blocked signals: a server that is started so could not be stopped.
    let before = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let started = child.spawn();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    started.map(Running)
}

impl Running {
    /// Its exit status, or 128 + the signal that ended it; `None`: it runs on.
    pub fn ended(&mut self) -> Option<u8> {
        let status = self.0.try_wait().ok()??;
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        Some(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
    }

    /// Ends it and what it started, as far as that is still of its process group.
    pub fn end(&mut self) {
        let Ok(group) = i32::try_from(self.0.id()) else { return };
        if self.ended().is_none() {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            let _ = self.0.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        let words = ["sh", "-c", script].map(OsString::from);
        start(&words, &[("SOCKDOCTOR_TEST", "a b".into())]).unwrap()
    }

    fn status(mut running: Running) -> u8 {
        loop {
            if let Some(status) = running.ended() {
                return status;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    #[test]
    fn it_ends_with_its_own_status_and_has_its_variables() {
        assert_eq!(status(shell("exit 7")), 7);
        assert_eq!(status(shell("test \"$SOCKDOCTOR_TEST\" = 'a b'")), 0);
        assert_eq!(status(shell("kill -9 $$")), 137);
        assert!(start(&["/no/such/program".into()], &[]).is_err());
    }

    #[test]
    fn signals_that_we_hold_back_are_not_held_back_in_it() {
        let held = super::super::signals::hold().unwrap();
        assert_eq!(status(shell("grep -q '^SigBlk:[[:space:]]*0*$' /proc/self/status")), 0);
        drop(held);
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let mut running = shell("sleep 60");
        assert_eq!(running.ended(), None);
        running.end();
        assert_eq!(running.ended(), Some(137));
    }
}
