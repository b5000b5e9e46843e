//! Whether a server takes connections: one connect, closed at once, nothing sent.
#![expect(clippy::disallowed_methods, reason = "probe/ is the one that connects")]

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::model::Reach;

/// How long one address of a host is tried before the next one is.
const PER_ADDRESS: Duration = Duration::from_secs(3);

/// Whether a path fits into the address of a socket at all (sun_path, unix(7)).
pub fn fits(path: &[u8]) -> bool {
    UnixAddr::new(path).is_ok()
}

/// Connects a stream to a path. It does not wait: where the queue is full, it says so.
pub fn path(path: &[u8]) -> Reach {
    unix(UnixAddr::new(path))
}

/// The same for a name in the abstract namespace, without its NUL.
pub fn abstract_name(name: &[u8]) -> Reach {
    unix(UnixAddr::new_abstract(name))
}

fn unix(address: nix::Result<UnixAddr>) -> Reach {
    match address.and_then(|address| stream(&address)) {
        Ok(_) => Reach::Open,
        Err(Errno::ENOENT) => Reach::Missing,
        Err(Errno::ECONNREFUSED) => Reach::Refused,
        Err(Errno::EAGAIN) => Reach::Busy,
        Err(Errno::EACCES) => Reach::Denied,
        Err(Errno::EPROTOTYPE) => Reach::OtherType,
        Err(Errno::ENAMETOOLONG) => Reach::TooLong,
        Err(errno) => Reach::Failed(errno as i32),
    }
}

/// A connected stream, without blocking: a full queue then is EAGAIN at once (`unix(7)`), where a blocking connect would
/// wait for ever.
pub(super) fn stream(address: &UnixAddr) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let client = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(client.as_raw_fd(), address)?;
    Ok(client)
}

/// Connects to `HOST:PORT`, each address of the host in turn, until one takes it or the deadline comes.
pub fn tcp(address: &str, deadline: Instant) -> Reach {
    let Some(addresses) = resolve(address, deadline) else { return Reach::Unresolved };
    let mut last = Reach::Unresolved;
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now()).min(PER_ADDRESS);
        if left.is_zero() {
            break;
        }
        last = match TcpStream::connect_timeout(&address, left) {
            Ok(_) => return Reach::Open,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Reach::Refused,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Reach::Unreached(Errno::ETIMEDOUT as i32)
            }
            Err(error) => Reach::Unreached(error.raw_os_error().unwrap_or(Errno::EIO as i32)),
        };
    }
    last
}

/// On a thread of its own, since a name server that does not answer is waited for inside the library; the thread ends
/// with the process.
fn resolve(address: &str, deadline: Instant) -> Option<Vec<SocketAddr>> {
    if let Ok(address) = address.parse() {
        return Some(vec![address]);
    }
    let (sender, receiver) = mpsc::channel();
    let address = address.to_owned();
    let look_up = move || sender.send(address.to_socket_addrs().map(Iterator::collect));
    std::thread::Builder::new().spawn(look_up).ok()?;
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    #[test]
    fn a_listener_is_open_and_each_other_socket_says_why_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| path(dir.path().join(name).as_os_str().as_bytes());
        assert_eq!(at("s"), Reach::Missing);
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        assert_eq!(at("s"), Reach::Open);
        drop(listener);
        assert_eq!(at("s"), Reach::Refused);
        let _receiver = UnixDatagram::bind(dir.path().join("d")).unwrap();
        assert_eq!(at("d"), Reach::OtherType);
        assert_eq!(at(&"n".repeat(200)), Reach::TooLong);
        assert!(fits(&[b'a'; 107]) && !fits(&[b'a'; 200]));
    }

    #[test]
    fn a_tcp_port_is_open_or_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let soon = Instant::now() + Duration::from_secs(20);
        assert_eq!(tcp(&address, soon), Reach::Open);
        drop(listener);
        assert_eq!(tcp(&address, soon), Reach::Refused);
        assert_eq!(tcp("no-such-host.invalid:1", soon), Reach::Unresolved);
    }
}
