//! The kernel's own permission verdict: a helper takes on a consumer's identity and view, and connects with the
//! wrong socket type.
//!
//! The kernel asks for search permission on every directory and write permission on the inode before it compares
//! types (`unix_find_bsd`, net/unix/af_unix.c), so the server notices nothing. The security hooks of connect(2) come
//! later than the answer: mandatory access control is not evaluated.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::unistd::{chdir, chroot, fchdir};
use serde::{Deserialize, Serialize};

use super::helper::{Request, send};
use super::identity::{self, Failed};
use super::liveness::connect_mismatched;
use super::look::Root;
use super::machine::{Machine, Scope};
use super::process;
use super::walk::split;
use crate::model::{Consumer, Credentials, Fact, Gap, KernelVerdict, SocketType};

const SOURCE: &str = "connect as the consumer";
/// What `sun_path` holds beside its NUL (unix(7)).
const LONGEST: usize = 107;

/// What a helper is to be, and where it is to knock.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Errand {
    machine: Machine,
    /// The identity to take on; `None`: it is ours already.
    credentials: Option<Credentials>,
    /// Whose root and mount namespace.
    view: Option<u32>,
    /// Whose user namespace: only capabilities depend on it.
    powers: Option<u32>,
    path: Vec<u8>,
    kind: Option<SocketType>,
}

/// What the kernel says to a process with the consumer's identity, in its view, on this path.
pub fn of(
    machine: &Machine,
    consumer: &Consumer,
    root: Root,
    path: &[u8],
    kind: Option<SocketType>,
    deadline: Instant,
) -> Fact<KernelVerdict> {
    let own = super::credentials::of_process(&Machine::default(), std::process::id());
    let ours = own.is_ok_and(|own| own == consumer.credentials);
    // The view of a host is that of its first process.
    let view = match root {
        Root::Process(pid) => Some(pid),
        Root::Ours => (machine.scope == Scope::Host).then_some(1),
    };
    let as_we_are = ours && view.is_none();
    if !as_we_are && !nix::unistd::geteuid().is_root() {
        let why = "only root can take on another identity";
        return Fact::Unknown(Gap::new(SOURCE, why).helped_by(Gap::AS_ROOT));
    }
    let pid = consumer.process.as_ref().map(|process| process.pid);
    let foreign = |pid: &u32| {
        process::link(&machine.process(*pid, "ns/user")) != process::link(&machine.proc("self/ns/user"))
    };
    let errand = Errand {
        machine: machine.clone(),
        credentials: (!ours).then(|| consumer.credentials.clone()),
        view,
        powers: pid.filter(|pid| consumer.credentials.capabilities != 0 && foreign(pid)),
        path: path.to_vec(),
        kind,
    };
    let late = Gap::new(SOURCE, "it did not answer in time");
    match send(&Request::Errand(errand), SOURCE, late, deadline) {
        Ok(verdict) => Fact::Known(verdict),
        Err(gap) => Fact::Unknown(gap),
    }
}

impl Errand {
    /// The helper's side.
    pub(super) fn run(&self) -> Result<KernelVerdict, Gap> {
        let failed = |step: &str, why: String| Gap::new(SOURCE, format!("{step}: {why}"));
        self.enter().map_err(|(step, errno)| failed(step, errno.desc().to_owned()))?;
        Ok(match self.knock() {
            // The answers of a socket, live or dead, that could be written to; of a datagram socket too.
            Ok(()) | Err(Errno::EPROTOTYPE | Errno::ECONNREFUSED | Errno::EPERM) => KernelVerdict::Allowed,
            Err(Errno::EACCES) => KernelVerdict::Denied,
            Err(errno) => KernelVerdict::NotReached(errno as i32),
        })
    }

    fn enter(&self) -> Result<(), Failed> {
        let open = |pid: u32, name: &str| -> Result<OwnedFd, Failed> {
            let file = File::open(self.machine.process(pid, name));
            file.map(OwnedFd::from)
                .map_err(|error| ("open", Errno::from_raw(error.raw_os_error().unwrap_or(0))))
        };
        let view = self.view.map(|pid| Ok((open(pid, "ns/mnt")?, open(pid, "root")?))).transpose()?;
        let powers = self.powers.map(|pid| open(pid, "ns/user")).transpose()?;
        if let Some((namespace, root)) = view {
            setns(namespace, CloneFlags::CLONE_NEWNS).map_err(|errno| ("setns", errno))?;
            fchdir(root).and_then(|()| chroot(".")).map_err(|errno| ("chroot", errno))?;
        }
        self.credentials.as_ref().map_or(Ok(()), |credentials| identity::within(credentials, powers))
    }

    fn knock(&self) -> nix::Result<()> {
        match split(&self.path) {
            // Longer than an address holds: from its own directory.
            Some((directory, name)) if self.path.len() > LONGEST => {
                chdir(directory)?;
                connect_mismatched(name, self.kind)
            }
            _ => connect_mismatched(&self.path, self.kind),
        }
    }
}
