//! The passive liveness test: connect(2) with the wrong socket type.
//!
//! `unix_find_bsd` (net/unix/af_unix.c) finds the socket by its inode, checks write permission, and only then
//! compares types. So EPROTOTYPE means "a socket of some network namespace is bound to this very inode" and
//! ECONNREFUSED means "none is", while nothing is queued, no `accept` wakes and no service is activated.

use std::os::fd::{AsRawFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::model::{Liveness, SocketType};

/// How often a refusal is asked again, and how long in between: together 300 ms. Inside bind(2) lies an
/// instant between the making of the inode and its binding in which a new socket refuses too.
const TRIES: u8 = 3;
const PAUSE: Duration = Duration::from_millis(150);

/// Asks once about the socket file pinned by an `O_PATH` descriptor. `known` is its type where a dump told it: a
/// datagram receiver is asked as a seqpacket socket, since a datagram connect to it would succeed and leave it
/// connected.
pub(super) fn ask(pinned: &OwnedFd, known: Option<SocketType>) -> Liveness {
    let path = format!("/proc/self/fd/{}", pinned.as_raw_fd());
    match connect_mismatched(path.as_bytes(), known) {
        Ok(()) | Err(Errno::EPROTOTYPE) => Liveness::Bound,
        // A datagram receiver that is connected to somebody else (unix_dgram_connect), which is of another type than
        // the one asked with now; or a sandbox that lets us ask nothing.
        Err(Errno::EPERM) => match connect_mismatched(path.as_bytes(), Some(SocketType::Dgram)) {
            Err(Errno::EPROTOTYPE) => Liveness::Bound,
            _ => Liveness::Failed(Errno::EPERM as i32),
        },
        Err(Errno::ECONNREFUSED) => Liveness::Refused { tries: 1 },
        Err(Errno::EACCES) => Liveness::Denied,
        Err(errno) => Liveness::Failed(errno as i32),
    }
}

/// Connects with a type the socket has not.
pub(super) fn connect_mismatched(path: &[u8], known: Option<SocketType>) -> nix::Result<()> {
    let wrong_type = if known == Some(SocketType::Dgram) { SockType::SeqPacket } else { SockType::Datagram };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe = socket(AddressFamily::Unix, wrong_type, flags, None)?;
    connect(probe.as_raw_fd(), &UnixAddr::new(path)?)
}

/// Asks all until something is bound, or three refusals over 300 ms say that nothing is. A pinned inode cannot
/// be reused meanwhile, and bind(2) always makes a new one: what stays dead this long stays dead.
pub(super) fn settle(files: &[(&OwnedFd, Option<SocketType>)]) -> Vec<Liveness> {
    let mut answers: Vec<Liveness> = files.iter().map(|(file, kind)| ask(file, *kind)).collect();
    for tries in 2..=TRIES {
        if !answers.iter().any(|answer| matches!(answer, Liveness::Refused { .. })) {
            break;
        }
        sleep(PAUSE);
        for (answer, (file, kind)) in answers.iter_mut().zip(files) {
            if matches!(answer, Liveness::Refused { .. }) {
                *answer = match ask(file, *kind) {
                    Liveness::Refused { .. } => Liveness::Refused { tries },
                    other => other,
                };
            }
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::OpenOptionsExt;
    use std::os::unix::net::{UnixDatagram, UnixListener};
    use std::path::Path;

    fn pin(path: &Path) -> OwnedFd {
        let flags = nix::libc::O_PATH | nix::libc::O_NOFOLLOW;
        std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).unwrap().into()
    }

    #[test]
    fn a_listener_is_bound_and_queues_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(settle(&[(&pin(&path), None)]), [Liveness::Bound]);
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_file_without_a_socket_refuses_three_times() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(settle(&[(&pin(&path), None)]), [Liveness::Refused { tries: 3 }]);
    }

    #[test]
    fn a_datagram_receiver_is_bound_however_it_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _receiver = UnixDatagram::bind(&path).unwrap();
        assert_eq!(ask(&pin(&path), Some(SocketType::Dgram)), Liveness::Bound);
        assert_eq!(ask(&pin(&path), None), Liveness::Bound);
    }
}
