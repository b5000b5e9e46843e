//! The steps, in their order. Each looks at the name afterwards: some filesystems answer 0 and do nothing.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket};
use nix::sys::stat::{Mode as NixMode, umask};
use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, RawMode, Uid, chmodat, chownat, fchmod, linkat, open, openat, renameat,
};

use super::made::{Made, Role};
use super::{Request, remains};
use crate::model::{FileKind, SocketTrial, TrialAct, TrialEnd, TrialStep};

/// Modes that no umask gives: one closes it, one opens it.
const MODES: [RawMode; 2] = [0o600, 0o777];

/// How a step ended, in short.
type End = (TrialEnd, Option<i32>);

const DONE: End = (TrialEnd::Done, None);
const IGNORED: End = (TrialEnd::Ignored, None);

fn failed(errno: impl Into<std::io::Error>) -> End {
    (TrialEnd::Failed, errno.into().raw_os_error())
}

/// The end that a result comes to; where it is fine, `looked` decides whether it had an effect.
fn ended<E: Into<std::io::Error>>(result: Result<(), E>, looked: impl FnOnce() -> bool) -> End {
    match result {
        Ok(()) if looked() => DONE,
        Ok(()) => IGNORED,
        Err(errno) => failed(errno),
    }
}

/// Runs them all. `goes_on` is told of each before, and says whether it is still wanted.
pub(super) fn run(request: &Request, goes_on: &mut dyn FnMut(TrialAct) -> bool) -> SocketTrial {
    let mut trial = SocketTrial::default();
    if !goes_on(TrialAct::Enter) {
        return trial;
    }
    let directory = match enter(&request.directory) {
        Ok(directory) => directory,
        Err(errno) => {
            let (end, errno) = failed(errno);
            trial.steps.push(TrialStep { act: TrialAct::Enter, end, errno, after: None });
            return trial;
        }
    };
    umask(NixMode::from_bits_truncate(0o022));
    trial.steps.push(TrialStep { act: TrialAct::Enter, end: TrialEnd::Done, errno: None, after: None });
    remains::remove(&directory, &mut trial);
    let mut steps = Steps { made: Made::new(directory), trial, goes_on };
    let _ = steps.all(request);
    let left = steps.made.clean_up();
    steps.trial.left.extend(left);
    steps.trial
}

/// Bare names are relative to it from now on: a path to it may be longer than an address holds.
fn enter(path: &[u8]) -> Result<OwnedFd, rustix::io::Errno> {
    let directory = open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::process::fchdir(&directory)?;
    Ok(directory)
}

/// A new stream socket. A client never waits: what does not answer at once is no answer.
fn stream() -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, SockType::Stream, flags, None)
}

fn bound(socket: &OwnedFd, name: &str) -> Result<(), Errno> {
    bind(socket.as_raw_fd(), &UnixAddr::new(name)?)
}

fn reached(name: &str) -> Result<(), Errno> {
    connect(stream()?.as_raw_fd(), &UnixAddr::new(name)?)
}

struct Steps<'a> {
    made: Made,
    trial: SocketTrial,
    goes_on: &'a mut dyn FnMut(TrialAct) -> bool,
}

/// The steps after this one need it.
struct Stop;

impl Steps<'_> {
    fn step(&mut self, act: TrialAct, role: Role, run: impl FnOnce(&Made) -> End) -> Result<TrialEnd, Stop> {
        if !(self.goes_on)(act) {
            return Err(Stop);
        }
        let (end, errno) = run(&self.made);
        let after = self.made.look(role).ok();
        self.trial.steps.push(TrialStep { act, end, errno, after });
        Ok(end)
    }

    /// The same of one that the others need.
    fn needed(&mut self, act: TrialAct, role: Role, run: impl FnOnce(&Made) -> End) -> Result<(), Stop> {
        if self.step(act, role, run)? == TrialEnd::Done { Ok(()) } else { Err(Stop) }
    }

    fn all(&mut self, request: &Request) -> Result<(), Stop> {
        let first = self.made.name(Role::First);
        let server = stream();
        self.needed(TrialAct::Bind, Role::First, |_| match &server {
            Ok(server) => ended(bound(server, &first), || true),
            Err(errno) => failed(*errno),
        })?;
        let Ok(server) = server else { return Err(Stop) };
        self.needed(TrialAct::Type, Role::First, |made| match made.look(Role::First) {
            Ok(born) if born.kind == FileKind::Socket => DONE,
            Ok(_) => IGNORED,
            Err(errno) => failed(errno),
        })?;
        if self.step(TrialAct::Chmod, Role::First, change_mode)? != TrialEnd::Done {
            self.step(TrialAct::ChmodFile, Role::File, change_mode_of_file)?;
            self.step(TrialAct::ModeBeforeBind, Role::Next, mode_before_bind)?;
            let _ = self.made.unlink(Role::Next);
            let _ = self.made.unlink(Role::File);
        }
        self.step(TrialAct::Chown, Role::First, |made| change_owner(made, request.owner))?;
        self.needed(TrialAct::Listen, Role::First, |_| {
            ended(Backlog::new(8).and_then(|backlog| listen(&server, backlog)), || true)
        })?;
        self.step(TrialAct::Connect, Role::First, |_| ended(reached(&first), || true))?;
        self.step(TrialAct::BindAgain, Role::First, |_| bound_again(&first))?;
        self.linked(&first)?;
        self.replaced(&first)?;
        self.needed(TrialAct::Unlink, Role::First, |made| {
            ended(made.unlink(Role::First), || made.look(Role::First).is_err())
        })
    }

    fn linked(&mut self, first: &str) -> Result<(), Stop> {
        let link = self.made.name(Role::Link);
        let made = self.step(TrialAct::Link, Role::Link, |made| {
            let directory = made.directory.as_fd();
            ended(linkat(directory, first, directory, &link, AtFlags::empty()), || {
                made.look(Role::Link).is_ok()
            })
        })?;
        if made == TrialEnd::Done {
            self.step(TrialAct::ConnectLink, Role::Link, |_| ended(reached(&link), || true))?;
            let _ = self.made.unlink(Role::Link);
        }
        Ok(())
    }

    /// As HAProxy starts: another listener comes under a name of its own, and takes the first one's.
    fn replaced(&mut self, first: &str) -> Result<(), Stop> {
        let next = self.made.name(Role::Next);
        let Ok(successor) = stream() else { return Ok(()) };
        let made = self.step(TrialAct::Rename, Role::First, |made| {
            let directory = made.directory.as_fd();
            let listens = bound(&successor, &next)
                .and_then(|()| Backlog::new(8))
                .and_then(|backlog| listen(&successor, backlog));
            match listens {
                Err(errno) => failed(errno),
                Ok(()) => ended(renameat(directory, next.as_str(), directory, first), || {
                    made.look(Role::Next).is_err() && made.look(Role::First).is_ok()
                }),
            }
        })?;
        if made == TrialEnd::Done {
            self.step(TrialAct::ConnectRenamed, Role::First, |_| ended(reached(first), || true))?;
        }
        Ok(())
    }
}

/// chmod(2) by a path that leads to the very inode, and to nothing that took its name.
fn change_mode(made: &Made) -> End {
    let pin = openat(
        made.directory.as_fd(),
        made.name(Role::First),
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let pinned = match pin {
        Ok(pinned) => pinned,
        Err(errno) => return failed(errno),
    };
    match rustix::fs::fstat(&pinned) {
        Ok(found) if FileKind::of_mode(found.st_mode) == FileKind::Socket => {}
        Ok(_) => return IGNORED,
        Err(errno) => return failed(errno),
    }
    let path = format!("/proc/self/fd/{}", pinned.as_raw_fd());
    for mode in MODES {
        let changed = chmodat(CWD, path.as_str(), Mode::from_raw_mode(mode), AtFlags::empty());
        let end = ended(changed, || made.look(Role::First).is_ok_and(|born| born.mode & 0o777 == mode));
        if end != DONE {
            return end;
        }
    }
    DONE
}

/// Whether chmod fails for all files, or for sockets alone.
fn change_mode_of_file(made: &Made) -> End {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(made.directory.as_fd(), made.name(Role::File), flags, Mode::from_raw_mode(0o644));
    let changed = file.and_then(|file| fchmod(&file, Mode::from_raw_mode(MODES[0])));
    ended(changed, || made.look(Role::File).is_ok_and(|born| born.mode & 0o777 == MODES[0]))
}

/// Whether a server that sets the mode of its socket before bind(2) gets what it wants.
fn mode_before_bind(made: &Made) -> End {
    let bound = stream().map_err(std::io::Error::from).and_then(|server| {
        fchmod(&server, Mode::from_raw_mode(MODES[0]))?;
        Ok(bound(&server, &made.name(Role::Next))?)
    });
    ended(bound, || made.look(Role::Next).is_ok_and(|born| born.mode & 0o777 == MODES[0]))
}

/// To the new owner, and back: what follows is to be seen with its own.
fn change_owner(made: &Made, (uid, gid): (u32, u32)) -> End {
    let Ok(born) = made.look(Role::First) else { return failed(Errno::ENOENT) };
    let change = |uid, gid| {
        let pinned = openat(
            made.directory.as_fd(),
            made.name(Role::First),
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        chownat(pinned, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::EMPTY_PATH)
    };
    let end =
        ended(change(uid, gid), || made.look(Role::First).is_ok_and(|now| (now.uid, now.gid) == (uid, gid)));
    let _ = change(born.uid, born.gid);
    end
}

/// To be refused: a name that two sockets have is no name.
fn bound_again(first: &str) -> End {
    match stream().and_then(|second| bound(&second, first)) {
        Err(Errno::EADDRINUSE) => (TrialEnd::Done, Some(Errno::EADDRINUSE as i32)),
        Err(errno) => failed(errno),
        Ok(()) => IGNORED,
    }
}
