//! Getting connected, and the errno where that fails.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use nix::errno::Errno;
use nix::sys::socket::{UnixAddr, getsockopt, sockopt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::connectable;
use super::wire::{self, Shared, Wire};
use crate::model::Target;

/// A connection, and who listened where the kernel tells. On failure the log has the errno.
pub(super) async fn to(target: &Target, deadline: Instant, log: &Shared) -> Result<(Wire, Option<u32>), ()> {
    let connected = match target {
        Target::Path(path) => unix(UnixAddr::new(path.as_slice()), log),
        Target::Abstract(name) => unix(UnixAddr::new_abstract(name), log),
        Target::Tcp(address) => tcp(address, deadline, log).await.map(|wire| (wire, None)),
        Target::Inode(_) => Err(Errno::EDESTADDRREQ),
    };
    let mut log = wire::lock(log);
    match connected {
        Ok(connected) => {
            log.connected = Some(std::time::Instant::now());
            Ok(connected)
        }
        Err(errno) => {
            log.errno = Some(errno as i32);
            Err(())
        }
    }
}

fn unix(address: Result<UnixAddr, Errno>, log: &Shared) -> Result<(Wire, Option<u32>), Errno> {
    let fd = connectable::stream(&address?)?;
    let listener = getsockopt(&fd, sockopt::PeerCredentials).ok().map(|peer| peer.pid());
    let stream = std::os::unix::net::UnixStream::from(fd);
    let stream = UnixStream::from_std(stream).map_err(|error| errno_of(&error))?;
    Ok((Wire::new(stream, log), listener.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0)))
}

/// The first address that takes a connection; else the errno of the last one tried.
async fn tcp(address: &str, deadline: Instant, log: &Shared) -> Result<Wire, Errno> {
    let attempt = async {
        let mut failure = Errno::EADDRNOTAVAIL;
        for address in addresses(address).await {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(Wire::new(stream, log));
                }
                Err(error) => failure = errno_of(&error),
            }
        }
        Err(failure)
    };
    timeout_at(deadline, attempt).await.unwrap_or(Err(Errno::ETIMEDOUT))
}

/// Numbers mean themselves and `localhost` both loopbacks. A name is looked up on a thread that may be left behind:
/// the resolver knows no deadline.
async fn addresses(text: &str) -> Vec<SocketAddr> {
    if let Ok(address) = text.parse() {
        return vec![address];
    }
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok()) {
        return vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    }
    let (answer, found) = oneshot::channel();
    let text = text.to_owned();
    let asked = std::thread::Builder::new().spawn(move || {
        let _ = answer.send(text.to_socket_addrs().map(Iterator::collect).unwrap_or_default());
    });
    if asked.is_ok() { found.await.unwrap_or_default() } else { Vec::new() }
}

fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
