//! A trial that is interrupted takes back what it made.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::binary::sockdoctor;
use crate::fuse::{Fault, Fuse};
use crate::preflight::names;
use crate::process::{Process, until};
use crate::world::{World, isolated_root, skip};

/// A trial that has made its socket, in a file system that takes its time.
fn in_the_middle(world: &World) -> Option<(Fuse, PathBuf, Process)> {
    let dir = world.path("slow");
    std::fs::create_dir(&dir).unwrap();
    let fuse = Fuse::mount(&dir, "test", Fault::Slow(60))?;
    let mut command = sockdoctor();
    command.args(["preflight", "--timeout", "20s"]).arg(&dir);
    let trial = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
    assert!(until(Duration::from_secs(10), || !names(&dir).is_empty()), "it makes something");
    Some((fuse, dir, trial))
}

fn leaves_nothing(name: &str, signal: Signal) {
    isolated_root(name, |world| {
        let Some((fuse, dir, mut trial)) = in_the_middle(world) else { return skip(name, "no /dev/fuse") };
        trial.signal(signal);
        let status = trial.ended(Duration::from_secs(10)).unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal as i32));
        fuse.set(Fault::None);
        if signal == Signal::SIGKILL {
            assert!(until(Duration::from_secs(10), || trial.group().is_empty()), "the trial ends by itself");
        }
        assert_eq!(names(&dir), [""; 0]);
    });
}

#[test]
fn sigint_leaves_nothing() {
    leaves_nothing("preflight_signals::sigint_leaves_nothing", Signal::SIGINT);
}

#[test]
fn sigterm_leaves_nothing() {
    leaves_nothing("preflight_signals::sigterm_leaves_nothing", Signal::SIGTERM);
}

#[test]
fn sigkill_of_the_command_leaves_nothing_either() {
    leaves_nothing("preflight_signals::sigkill_of_the_command_leaves_nothing_either", Signal::SIGKILL);
}

#[test]
fn a_terminal_that_interrupts_all_of_the_group_leaves_nothing() {
    let name = "preflight_signals::a_terminal_that_interrupts_all_of_the_group_leaves_nothing";
    isolated_root(name, |world| {
        let Some((fuse, dir, mut trial)) = in_the_middle(world) else { return skip(name, "no /dev/fuse") };
        nix::sys::signal::killpg(trial.pid(), Signal::SIGINT).unwrap();
        assert!(trial.ended(Duration::from_secs(10)).is_some());
        fuse.set(Fault::None);
        assert_eq!(names(&dir), [""; 0]);
    });
}

#[test]
fn what_a_killed_trial_left_goes_next_time() {
    let name = "preflight_signals::what_a_killed_trial_left_goes_next_time";
    isolated_root(name, |world| {
        let Some((fuse, dir, trial)) = in_the_middle(world) else { return skip(name, "no /dev/fuse") };
        nix::sys::signal::killpg(trial.pid(), Signal::SIGKILL).unwrap();
        drop(trial);
        fuse.set(Fault::None);
        assert!(!names(&dir).is_empty(), "it is left");
        let seen = crate::preflight::preflight(&dir, &[]);
        seen.is_fine();
        assert_eq!(names(&dir), [""; 0]);
    });
}
