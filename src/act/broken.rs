//! Really broken sockets in a directory of their own: one builder for the demos and for the tests.
//!
//! Each function builds one situation and returns what keeps it alive; dropping that ends it. The directory is
//! the caller's, and goes with everything in it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, UnixAddr, bind, listen, shutdown, socket,
};

/// A socket that stays as it was built for as long as this lives.
#[derive(Debug)]
pub struct Broken {
    /// What to look at.
    pub path: PathBuf,
    /// Keeps the sockets open.
    held: Vec<OwnedFd>,
}

impl Broken {
    fn new(path: PathBuf, held: Vec<OwnedFd>) -> Self {
        Self { path, held }
    }
}

fn listener(path: &Path) -> io::Result<OwnedFd> {
    Ok(UnixListener::bind(path)?.into())
}

fn bound(path: &Path, kind: SockType) -> io::Result<OwnedFd> {
    let fd = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)?;
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}

/// A healthy listener.
pub fn listening(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    let held = vec![listener(&path)?];
    Ok(Broken::new(path, held))
}

/// A healthy datagram receiver.
pub fn datagram(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("log.sock");
    let held = vec![UnixDatagram::bind(&path)?.into()];
    Ok(Broken::new(path, held))
}

/// A healthy seqpacket listener.
pub fn seqpacket(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("seq.sock");
    let fd = bound(&path, SockType::SeqPacket)?;
    listen(&fd.as_fd(), Backlog::new(5)?)?;
    Ok(Broken::new(path, vec![fd]))
}

/// Nothing at the path and nobody with the name (SD101).
pub fn missing(directory: &Path) -> io::Result<Broken> {
    Ok(Broken::new(directory.join("app.sock"), Vec::new()))
}

/// A listener whose file is gone (SD102).
pub fn unlinked(directory: &Path) -> io::Result<Broken> {
    let broken = listening(directory)?;
    fs::remove_file(&broken.path)?;
    Ok(broken)
}

/// Two listeners with one name; the second has the file (SD103).
pub fn replaced(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    let older = listener(&path)?;
    fs::remove_file(&path)?;
    let newer = listener(&path)?;
    Ok(Broken::new(path, vec![older, newer]))
}

/// A file whose listener died without unlinking it (SD104).
pub fn stale(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    drop(listener(&path)?);
    Ok(Broken::new(path, Vec::new()))
}

/// Bound, and never listened (SD105).
pub fn bound_only(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    let held = vec![bound(&path, SockType::Stream)?];
    Ok(Broken::new(path, held))
}

/// A regular file where the socket should be (SD106).
pub fn regular_file(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    fs::write(&path, "")?;
    Ok(Broken::new(path, Vec::new()))
}

/// An empty directory where the socket should be, as a container runtime leaves it (SD107 when root builds it).
pub fn empty_directory(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    fs::create_dir(&path)?;
    Ok(Broken::new(path, Vec::new()))
}

/// Bound under a temporary name and renamed, as HAProxy does (SD113).
pub fn renamed(directory: &Path) -> io::Result<Broken> {
    let (temporary, path) = (directory.join("app.sock.812.tmp"), directory.join("app.sock"));
    let held = vec![listener(&temporary)?];
    fs::rename(&temporary, &path)?;
    Ok(Broken::new(path, held))
}

/// A listener whose receiving side is shut down (SD305).
pub fn shut_down(directory: &Path) -> io::Result<Broken> {
    let broken = listening(directory)?;
    for fd in &broken.held {
        shutdown(fd.as_raw_fd(), Shutdown::Read)?;
    }
    Ok(broken)
}
