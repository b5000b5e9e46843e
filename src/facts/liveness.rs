//! The passive liveness test: connect(2) with the wrong socket type.
//!
//! `unix_find_bsd` (net/unix/af_unix.c) finds the socket by its inode, checks write permission, and only then
//! compares types. So EPROTOTYPE means "a socket of some network namespace is bound to this very inode" and
//! ECONNREFUSED means "none is", while nothing is queued, no `accept` wakes and no service is activated.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::model::{Liveness, SocketType};

/// How often a refusal is asked again, and how long in between: together 300 ms. Inside bind(2) lies an
/// instant between the making of the inode and its binding in which a new socket refuses too.
const TRIES: u8 = 3;
const PAUSE: Duration = Duration::from_millis(150);

/// Asks once about the socket file pinned by an `O_PATH` descriptor. `known` is its type where the kernel's
/// dump told it: a datagram receiver is asked as a stream, since a datagram connect to it would succeed.
pub(super) fn ask(pinned: BorrowedFd<'_>, known: Option<SocketType>) -> Liveness {
    let wrong_type = if known == Some(SocketType::Dgram) { SockType::Stream } else { SockType::Datagram };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let outcome = socket(AddressFamily::Unix, wrong_type, flags, None).and_then(|probe| {
        let address = UnixAddr::new(format!("/proc/self/fd/{}", pinned.as_fd().as_raw_fd()).as_str())?;
        connect(probe.as_raw_fd(), &address)
    });
    match outcome {
        // EPERM: a datagram receiver that is connected to somebody else (unix_dgram_connect).
        Ok(()) | Err(Errno::EPROTOTYPE | Errno::EPERM) => Liveness::Bound,
        Err(Errno::ECONNREFUSED) => Liveness::Refused { tries: 1 },
        Err(Errno::EACCES) => Liveness::Denied,
        Err(errno) => Liveness::Failed(errno as i32),
    }
}

/// Asks until something is bound, or three refusals over 300 ms say that nothing is. The pinned inode cannot
/// be reused meanwhile, and bind(2) always makes a new one: what stays dead this long stays dead.
pub(super) fn settle(pinned: BorrowedFd<'_>, known: Option<SocketType>) -> Liveness {
    for tries in 1..=TRIES {
        match ask(pinned, known) {
            Liveness::Refused { .. } if tries < TRIES => sleep(PAUSE),
            Liveness::Refused { .. } => return Liveness::Refused { tries },
            other => return other,
        }
    }
    Liveness::Refused { tries: TRIES }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::OpenOptionsExt;
    use std::os::unix::net::{UnixDatagram, UnixListener};
    use std::path::Path;

    fn pin(path: &Path) -> File {
        let flags = nix::libc::O_PATH | nix::libc::O_NOFOLLOW;
        std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).unwrap()
    }

    #[test]
    fn a_listener_is_bound_and_queues_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(settle(pin(&path).as_fd(), None), Liveness::Bound);
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_file_without_a_socket_refuses_three_times() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(settle(pin(&path).as_fd(), None), Liveness::Refused { tries: 3 });
    }

    #[test]
    fn a_datagram_receiver_is_bound_however_it_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _receiver = UnixDatagram::bind(&path).unwrap();
        assert_eq!(ask(pin(&path).as_fd(), Some(SocketType::Dgram)), Liveness::Bound);
        assert_eq!(ask(pin(&path).as_fd(), None), Liveness::Bound);
    }
}
