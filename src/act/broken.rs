//! Really broken sockets in a directory of their own: one builder for the demos and for the tests.
//!
//! Each function builds one situation and returns what keeps it alive; dropping that ends it. The directory is
//! the caller's, and goes with everything in it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, UnixAddr, bind, listen, shutdown, socket,
};
use nix::unistd::fchdir;

/// A socket that stays as it was built for as long as this lives.
#[derive(Debug)]
pub struct Broken {
    /// What to look at.
    pub path: PathBuf,
    /// How its user names it: the path, unless that would not show what is wrong.
    pub target: Vec<u8>,
    /// The mode it is expected to have.
    pub expected_mode: Option<u32>,
    /// The uid of a consumer who is to get in.
    pub consumer: Option<u32>,
    /// Keeps the sockets open.
    held: Vec<OwnedFd>,
    /// Goes back to where it was called.
    _home: Option<Home>,
}

impl Broken {
    fn new(path: PathBuf, held: Vec<OwnedFd>) -> Self {
        let target = path.as_os_str().as_bytes().to_vec();
        Self { path, target, expected_mode: None, consumer: None, held, _home: None }
    }
}

/// The working directory of the process, to be returned to.
#[derive(Debug)]
struct Home(OwnedFd);

impl Home {
    /// Leaves for another directory.
    fn leave_for(directory: &Path) -> io::Result<Self> {
        let open = |path: &Path| {
            fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(path)
        };
        let (home, there) = (open(Path::new("."))?, open(directory)?);
        fchdir(&there)?;
        Ok(Self(home.into()))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // It was there when we left, and a directory held open can be gone back to even when removed.
        let _ = fchdir(&self.0);
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

/// A healthy listener at a path of more than 107 bytes, which no client can name (SD108).
pub fn too_long(directory: &Path) -> io::Result<Broken> {
    let deep = directory.join("a-directory-name-that-takes-much-of-what-a-socket-address-can-hold".repeat(2));
    fs::create_dir(&deep)?;
    let open =
        fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(&deep)?;
    let held = vec![listener(Path::new(&format!("/proc/self/fd/{}/app.sock", open.as_raw_fd())))?];
    Ok(Broken::new(deep.join("app.sock"), held))
}

/// A listener whose name ends in a carriage return, as an env file with Windows line ends makes it (SD109).
pub fn carriage_return(directory: &Path) -> io::Result<Broken> {
    let held = vec![listener(&directory.join("app.sock\r"))?];
    Ok(Broken::new(directory.join("app.sock"), held))
}

/// A healthy listener bound under a relative name (SD110). For as long as it lives the whole process works in
/// the directory: that is what gives the name its place.
pub fn relative(directory: &Path) -> io::Result<Broken> {
    let home = Home::leave_for(directory)?;
    let held = fs::File::from(listener(Path::new("app.sock"))?);
    let target = format!("inode:{}", held.metadata()?.ino()).into_bytes();
    let broken = Broken::new(directory.join("app.sock"), vec![held.into()]);
    Ok(Broken { target, _home: Some(home), ..broken })
}

/// A link whose target is missing (SD111).
pub fn dangling_link(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    symlink(directory.join("data/app.sock"), &path)?;
    Ok(Broken::new(path, Vec::new()))
}

/// Two links that lead to each other (SD111).
pub fn link_loop(directory: &Path) -> io::Result<Broken> {
    let path = directory.join("app.sock");
    symlink("other.sock", &path)?;
    symlink("app.sock", directory.join("other.sock"))?;
    Ok(Broken::new(path, Vec::new()))
}

/// A datagram receiver, asked for by a client that speaks HTTP (SD116).
pub fn datagram_for_http(directory: &Path) -> io::Result<Broken> {
    let broken = datagram(directory)?;
    let escaped: Vec<String> = broken.target.iter().map(|byte| format!("%{byte:02X}")).collect();
    let target = format!("http+unix://{}/", escaped.concat()).into_bytes();
    Ok(Broken { target, ..broken })
}

/// Bound under a temporary name and renamed, as HAProxy does (SD113).
pub fn renamed(directory: &Path) -> io::Result<Broken> {
    let (temporary, path) = (directory.join("app.sock.812.tmp"), directory.join("app.sock"));
    let held = vec![listener(&temporary)?];
    fs::rename(&temporary, &path)?;
    Ok(Broken::new(path, held))
}

/// A listener in a directory that is closed to the consumer, who is nobody here (SD202).
pub fn closed_directory(directory: &Path) -> io::Result<Broken> {
    let closed = directory.join("run");
    fs::DirBuilder::new().mode(0o700).create(&closed)?;
    let broken = listening(&closed)?;
    // 65534 is who nobody is mostly; whoever runs this as that user is stopped by no directory of its own.
    let nobody = if fs::metadata(&closed)?.uid() == 65534 { 65533 } else { 65534 };
    Ok(Broken { consumer: Some(nobody), ..broken })
}

/// A listener whose file was given another mode than its users expect (SD213).
pub fn other_mode(directory: &Path) -> io::Result<Broken> {
    let broken = listening(directory)?;
    fs::set_permissions(&broken.path, fs::Permissions::from_mode(0o600))?;
    Ok(Broken { expected_mode: Some(0o660), ..broken })
}

/// A listener whose receiving side is shut down (SD305).
pub fn shut_down(directory: &Path) -> io::Result<Broken> {
    let broken = listening(directory)?;
    for fd in &broken.held {
        shutdown(fd.as_raw_fd(), Shutdown::Read)?;
    }
    Ok(broken)
}
