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
use crate::model::{Born, FileKind, Gap, SocketTrial, TrialAct, TrialEnd, TrialStep};

/// Modes that no umask gives: one closes it, one opens it.
const MODES: [RawMode; 2] = [0o600, 0o777];

/// How a step ended, in short.
type End = (TrialEnd, Option<i32>);

const DONE: End = (TrialEnd::Done, None);
const IGNORED: End = (TrialEnd::Ignored, None);

/// Why a step could not be tried: something else than the filesystem stood in its way.
type Unable = Errno;

/// What an error says of the filesystem. Of what is short in this process or this host, or was interrupted, nothing.
fn failed(errno: impl Into<std::io::Error>) -> Result<End, Unable> {
    let errno = errno.into().raw_os_error();
    match Errno::from_raw(errno.unwrap_or(0)) {
        ours @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS | Errno::EINTR) => Err(ours),
        _ => Ok((TrialEnd::Failed, errno)),
    }
}

/// The end that a result comes to; where it is fine, `looked` decides whether it had an effect.
fn ended<E: Into<std::io::Error>>(
    result: Result<(), E>,
    looked: impl FnOnce() -> Result<bool, Unable>,
) -> Result<End, Unable> {
    match result {
        Ok(()) => Ok(if looked()? { DONE } else { IGNORED }),
        Err(errno) => failed(errno),
    }
}

/// Whether what stands at a name is as it should be. A name that cannot be looked at is no proof of anything.
fn is(made: &Made, role: Role, expected: impl FnOnce(&Born) -> bool) -> Result<bool, Unable> {
    match made.look(role) {
        Ok(born) => Ok(expected(&born)),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(errno) => Err(Errno::from_raw(errno.raw_os_error())),
    }
}

/// That nothing does.
fn is_gone(made: &Made, role: Role) -> Result<bool, Unable> {
    is(made, role, |_| true).map(|there| !there)
}

fn gap(act: TrialAct, errno: Unable) -> Gap {
    let why = format!("`{}` could not be tried: {}", act.word(), errno.desc());
    Gap::new("trial", why).helped_by("try again, with more open files (`ulimit -n`) or outside of a sandbox")
}

/// Runs them all. `goes_on` is told of each before, and says whether it is still wanted. `Err`: something else than
/// the filesystem ended it.
pub(super) fn run(request: &Request, goes_on: &mut dyn FnMut(TrialAct) -> bool) -> Result<SocketTrial, Gap> {
    let mut trial = SocketTrial::default();
    if !goes_on(TrialAct::Enter) {
        return Ok(trial);
    }
    let directory = match enter(&request.directory) {
        Ok(directory) => directory,
        Err(errno) => {
            let (end, errno) = failed(errno).map_err(|errno| gap(TrialAct::Enter, errno))?;
            trial.steps.push(TrialStep { act: TrialAct::Enter, end, errno, after: None });
            return Ok(trial);
        }
    };
    umask(NixMode::from_bits_truncate(0o022));
    trial.steps.push(TrialStep { act: TrialAct::Enter, end: TrialEnd::Done, errno: None, after: None });
    remains::remove(&directory, &mut trial);
    let mut steps = Steps { made: Made::new(directory), trial, goes_on };
    let ended = steps.all(request);
    let left = steps.made.clean_up();
    steps.trial.left.extend(left);
    match ended {
        Err(Stop::Unable(act, errno)) => Err(gap(act, errno)),
        Ok(()) | Err(Stop::Enough) => Ok(steps.trial),
    }
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

fn reached(name: &str) -> Result<End, Unable> {
    let client = stream()?;
    ended(UnixAddr::new(name).and_then(|address| connect(client.as_raw_fd(), &address)), || Ok(true))
}

struct Steps<'a> {
    made: Made,
    trial: SocketTrial,
    goes_on: &'a mut dyn FnMut(TrialAct) -> bool,
}

/// Why no more steps are made.
enum Stop {
    /// Those after this one need it, or nobody wants them any more.
    Enough,
    /// This one could not be tried.
    Unable(TrialAct, Unable),
}

/// One step.
type Try<'t> = &'t dyn Fn(&Made) -> Result<End, Unable>;

impl Steps<'_> {
    fn step(&mut self, act: TrialAct, role: Role, run: Try<'_>) -> Result<TrialEnd, Stop> {
        if !(self.goes_on)(act) {
            return Err(Stop::Enough);
        }
        let (end, errno) = run(&self.made).map_err(|errno| Stop::Unable(act, errno))?;
        let after = self.made.look(role).ok();
        self.trial.steps.push(TrialStep { act, end, errno, after });
        Ok(end)
    }

    /// The same of one that the others need.
    fn needed(&mut self, act: TrialAct, role: Role, run: Try<'_>) -> Result<(), Stop> {
        if self.step(act, role, run)? == TrialEnd::Done { Ok(()) } else { Err(Stop::Enough) }
    }

    fn all(&mut self, request: &Request) -> Result<(), Stop> {
        let first = self.made.name(Role::First);
        let server = stream().map_err(|errno| Stop::Unable(TrialAct::Bind, errno))?;
        self.needed(TrialAct::Bind, Role::First, &|_| ended(bound(&server, &first), || Ok(true)))?;
        self.needed(TrialAct::Type, Role::First, &|made| match made.look(Role::First) {
            Ok(born) if born.kind == FileKind::Socket => Ok(DONE),
            Ok(_) => Ok(IGNORED),
            Err(errno) => failed(errno),
        })?;
        if self.step(TrialAct::Chmod, Role::First, &change_mode)? != TrialEnd::Done {
            self.step(TrialAct::ChmodFile, Role::File, &change_mode_of_file)?;
            self.step(TrialAct::ModeBeforeBind, Role::Next, &mode_before_bind)?;
            let _ = self.made.unlink(Role::Next);
            let _ = self.made.unlink(Role::File);
        }
        self.step(TrialAct::Chown, Role::First, &|made| change_owner(made, request.owner))?;
        // listen(2) does not ask the filesystem.
        let listens = Backlog::new(8).and_then(|backlog| listen(&server, backlog));
        self.needed(TrialAct::Listen, Role::First, &|_| listens.map(|()| DONE))?;
        self.step(TrialAct::Connect, Role::First, &|_| reached(&first))?;
        self.step(TrialAct::BindAgain, Role::First, &|_| bound_again(&first))?;
        self.linked(&first)?;
        self.replaced(&first)?;
        self.needed(TrialAct::Unlink, Role::First, &|made| {
            ended(made.unlink(Role::First), || is_gone(made, Role::First))
        })
    }

    fn linked(&mut self, first: &str) -> Result<(), Stop> {
        let link = self.made.name(Role::Link);
        let made = self.step(TrialAct::Link, Role::Link, &|made| {
            let directory = made.directory.as_fd();
            ended(linkat(directory, first, directory, &link, AtFlags::empty()), || {
                is(made, Role::Link, |_| true)
            })
        })?;
        if made == TrialEnd::Done {
            self.step(TrialAct::ConnectLink, Role::Link, &|_| reached(&link))?;
            let _ = self.made.unlink(Role::Link);
        }
        Ok(())
    }

    /// As HAProxy starts: another listener comes under a name of its own, and takes the first one's.
    fn replaced(&mut self, first: &str) -> Result<(), Stop> {
        let next = self.made.name(Role::Next);
        let successor = stream().map_err(|errno| Stop::Unable(TrialAct::Rename, errno))?;
        let made = self.step(TrialAct::Rename, Role::First, &|made| {
            let directory = made.directory.as_fd();
            if let Err(errno) = bound(&successor, &next) {
                return failed(errno);
            }
            listen(&successor, Backlog::new(8)?)?;
            ended(renameat(directory, next.as_str(), directory, first), || {
                Ok(is_gone(made, Role::Next)? && is(made, Role::First, |_| true)?)
            })
        })?;
        if made == TrialEnd::Done {
            self.step(TrialAct::ConnectRenamed, Role::First, &|_| reached(first))?;
        }
        Ok(())
    }
}

/// chmod(2) by a path that leads to the very inode, and to nothing that took its name.
fn change_mode(made: &Made) -> Result<End, Unable> {
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
        Ok(_) => return Ok(IGNORED),
        Err(errno) => return failed(errno),
    }
    let path = format!("/proc/self/fd/{}", pinned.as_raw_fd());
    for mode in MODES {
        let changed = chmodat(CWD, path.as_str(), Mode::from_raw_mode(mode), AtFlags::empty());
        let end = ended(changed, || is(made, Role::First, |born| born.mode & 0o777 == mode))?;
        if end != DONE {
            return Ok(end);
        }
    }
    Ok(DONE)
}

/// Whether chmod fails for all files, or for sockets alone.
fn change_mode_of_file(made: &Made) -> Result<End, Unable> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(made.directory.as_fd(), made.name(Role::File), flags, Mode::from_raw_mode(0o644));
    let changed = file.and_then(|file| fchmod(&file, Mode::from_raw_mode(MODES[0])));
    ended(changed, || is(made, Role::File, |born| born.mode & 0o777 == MODES[0]))
}

/// Whether a server that sets the mode of its socket before bind(2) gets what it wants.
fn mode_before_bind(made: &Made) -> Result<End, Unable> {
    let server = stream()?;
    fchmod(&server, Mode::from_raw_mode(MODES[0])).map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
    ended(bound(&server, &made.name(Role::Next)), || {
        is(made, Role::Next, |born| born.mode & 0o777 == MODES[0])
    })
}

/// To the new owner, and back: what follows is to be seen with its own.
fn change_owner(made: &Made, (uid, gid): (u32, u32)) -> Result<End, Unable> {
    let born = match made.look(Role::First) {
        Ok(born) => born,
        Err(errno) => return failed(errno),
    };
    let change = |uid, gid| {
        let pinned = openat(
            made.directory.as_fd(),
            made.name(Role::First),
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        chownat(pinned, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::EMPTY_PATH)
    };
    let end = ended(change(uid, gid), || is(made, Role::First, |now| (now.uid, now.gid) == (uid, gid)));
    let _ = change(born.uid, born.gid);
    end
}

/// To be refused: a name that two sockets have is no name.
fn bound_again(first: &str) -> Result<End, Unable> {
    match bound(&stream()?, first) {
        Err(Errno::EADDRINUSE) => Ok((TrialEnd::Done, Some(Errno::EADDRINUSE as i32))),
        Err(errno) => failed(errno),
        Ok(()) => Ok(IGNORED),
    }
}
