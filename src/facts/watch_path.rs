//! Sleeping until something may have changed on the way to a path: inotify(7) on the deepest directory that exists,
//! the table of mounts, the end of a process; and the time at which to look in any case.
//!
//! bind(2) is one event; listen(2), connect(2) and close(2) are none, and there are mounts without events. So a wake
//! says "look again" and silence says nothing.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::signal::Signal;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::interrupt::Interrupts;
use super::machine::Machine;

/// How long is slept after events that were about other names: a busy directory costs no more than this allows.
const LULL: Duration = Duration::from_millis(1);

/// How many times the kernel's queue of events is read at one wake. What is left wakes again.
const READS: usize = 64;

/// What a wake was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// The time.
    Time,
    /// A name that is watched, or its directory.
    Name,
    /// The table of mounts.
    Mounts,
    /// The process has ended.
    Ended,
    /// This process was asked to end.
    Interrupted(Signal),
}

/// One name that is watched.
#[derive(Debug)]
struct Watched {
    descriptor: WatchDescriptor,
    name: Vec<u8>,
}

/// Watches one name for each of several paths, and a process.
#[derive(Debug)]
pub struct Watch {
    /// `None`: there is none to be had (fs.inotify.max_user_instances); the time alone wakes then.
    inotify: Option<Inotify>,
    names: Vec<Option<Watched>>,
    mounts: Option<File>,
    process: Option<OwnedFd>,
    interrupts: Option<Interrupts>,
}

impl Watch {
    /// A watch for so many paths, none of them watched yet.
    pub fn new(machine: &Machine, paths: usize, process: Option<OwnedFd>) -> Self {
        Self {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok(),
            names: (0..paths).map(|_| None).collect(),
            mounts: File::open(machine.proc("self/mountinfo")).ok(),
            process,
            interrupts: Interrupts::of_an_init(),
        }
    }

    /// Watches `name` in `directory` for one of the paths, or nothing. Whether that is new: what happened before was
    /// not seen then, and the path is to be looked at once more.
    pub fn follow(&mut self, path: usize, edge: Option<(&[u8], &[u8])>) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        let mask = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        // Asked each time: another directory under the same name has another descriptor. That none is to be had, as
        // of a directory that may not be read, leaves it to the time.
        let now = edge.and_then(|(directory, name)| {
            let descriptor = inotify.add_watch(directory, mask).ok()?;
            Some(Watched { descriptor, name: name.to_vec() })
        });
        let same =
            |one: &Watched, other: &Watched| one.descriptor == other.descriptor && one.name == other.name;
        let is_new = match (&self.names[path], &now) {
            (Some(before), Some(now)) => !same(before, now),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let before = std::mem::replace(&mut self.names[path], now);
        if let Some(before) = before
            && !self.names.iter().flatten().any(|watched| watched.descriptor == before.descriptor)
            && let Some(inotify) = &self.inotify
        {
            // It may have gone by itself.
            let _ = inotify.rm_watch(before.descriptor);
        }
        is_new
    }

    /// Whether the process has ended, if there is one to watch.
    pub fn ended(&self) -> bool {
        self.process.as_ref().is_some_and(|process| ready(process.as_fd(), PollFlags::POLLIN, 0))
    }

    /// Sleeps until something happens, or until then.
    pub fn sleep(&mut self, until: Instant) -> Wake {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wake::Time;
            }
            let mut fds = Vec::new();
            fds.extend(self.inotify.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
            // proc_pid_mountinfo(5): a change of the table is POLLPRI and POLLERR.
            fds.extend(self.mounts.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLPRI)));
            fds.extend(self.process.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
            fds.extend(self.interrupts.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
            // In whole milliseconds, and not none for a part of one.
            let left = PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
            match poll(&mut fds, left) {
                Ok(0) | Err(Errno::EINTR) => continue,
                // No poll, no events: the time is all there is.
                Err(_) => {
                    sleep(until.saturating_duration_since(Instant::now()));
                    return Wake::Time;
                }
                Ok(_) => {}
            }
            let mut fired = fds.iter().map(|fd| fd.any().unwrap_or(false));
            let events = self.inotify.is_some() && fired.next() == Some(true);
            let mounts = self.mounts.is_some() && fired.next() == Some(true);
            let ended = self.process.is_some() && fired.next() == Some(true);
            drop(fired);
            drop(fds);
            if let Some(signal) = self.interrupts.as_ref().and_then(|fd| fd.within(Duration::ZERO)) {
                return Wake::Interrupted(signal);
            }
            if ended {
                return Wake::Ended;
            }
            if mounts {
                return Wake::Mounts;
            }
            if events {
                if self.drain() {
                    return Wake::Name;
                }
                sleep(LULL);
            }
        }
    }

    /// Reads the events; whether any is about what is watched.
    fn drain(&mut self) -> bool {
        let mut ours = false;
        for _ in 0..READS {
            let Some(Ok(events)) = self.inotify.as_ref().map(Inotify::read_events) else { break };
            ours |= events.iter().any(|event| self.is_about_ours(event));
        }
        ours
    }

    fn is_about_ours(&self, event: &InotifyEvent) -> bool {
        // The directory itself, or a queue that overflowed, has no name.
        let Some(name) = &event.name else { return true };
        let watched = |watched: &Watched| watched.descriptor == event.wd && watched.name == name.as_bytes();
        self.names.iter().flatten().any(watched)
    }
}

/// A process to watch for its end. `Ok(None)`: there is none with that pid.
pub fn process(pid: u32) -> std::io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        // A zombie has ended too, and is there until its parent asks.
        Ok(process) => Ok((!ready(process.as_fd(), PollFlags::POLLIN, 0)).then_some(process)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn ready(fd: BorrowedFd<'_>, events: PollFlags, milliseconds: u8) -> bool {
    poll(&mut [PollFd::new(fd, events)], milliseconds).is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const SOON: Duration = Duration::from_secs(20);

    fn follow(watch: &mut Watch, directory: &Path, name: &str) -> bool {
        watch.follow(0, Some((directory.as_os_str().as_bytes(), name.as_bytes())))
    }

    /// What wakes next, the time left out.
    fn woken(watch: &mut Watch) -> Wake {
        watch.sleep(Instant::now() + SOON)
    }

    #[test]
    fn the_name_wakes_and_another_name_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(&Machine::default(), 1, None);
        watch.mounts = None;
        assert!(follow(&mut watch, dir.path(), "s"));
        assert!(!follow(&mut watch, dir.path(), "s"), "the same again is nothing new");
        std::fs::write(dir.path().join("other"), "").unwrap();
        assert_eq!(watch.sleep(Instant::now() + Duration::from_millis(20)), Wake::Time);
        std::fs::write(dir.path().join("s"), "").unwrap();
        assert_eq!(woken(&mut watch), Wake::Name);
    }

    #[test]
    fn a_directory_that_was_removed_and_made_again_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("d");
        std::fs::create_dir(&below).unwrap();
        let mut watch = Watch::new(&Machine::default(), 1, None);
        watch.mounts = None;
        follow(&mut watch, &below, "s");
        std::fs::remove_dir(&below).unwrap();
        assert_eq!(woken(&mut watch), Wake::Name);
        assert!(!follow(&mut watch, &below, "s"), "nothing to watch");
        std::fs::create_dir(&below).unwrap();
        assert!(follow(&mut watch, &below, "s"));
    }

    #[test]
    fn a_process_that_ends_wakes_and_one_that_has_ended_is_none() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = process(child.id()).unwrap().unwrap();
        let mut watch = Watch::new(&Machine::default(), 1, Some(process));
        watch.mounts = None;
        assert!(!watch.ended());
        child.kill().unwrap();
        assert_eq!(woken(&mut watch), Wake::Ended);
        assert!(watch.ended() && super::process(child.id()).unwrap().is_none(), "it is a zombie now");
        child.wait().unwrap();
        assert!(super::process(0).unwrap().is_none());
    }
}
