//! A socket of another process, borrowed for an instant (`pidfd_getfd(2)`), and what the kernel tells of it that
//! stands in no file: two ioctls that answer with a descriptor.
//!
//! Nothing is sent, and the borrowed descriptor is closed at once. Needs ptrace access to the process, and
//! CAP_NET_ADMIN in the socket's network namespace.
#![expect(unsafe_code, reason = "the ioctls return descriptors, which no safe crate wraps")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// include/uapi/linux/un.h
const SIOCUNIXFILE: u16 = 0x89e0;
/// include/uapi/linux/sockios.h
const SIOCGSKNS: u16 = 0x894c;

nix::ioctl_none_bad!(
    /// Opens the file a Unix socket is bound to, as `O_PATH` (net/unix/af_unix.c, unix_open_file).
    open_bound_file,
    SIOCUNIXFILE
);

nix::ioctl_none_bad!(
    /// Opens the network namespace of a socket (net/socket.c, sock_ioctl).
    open_network_namespace,
    SIOCGSKNS
);

/// Descriptor `fd` of a process of our own pid namespace.
pub(super) fn descriptor(pid: u32, fd: u32) -> Result<OwnedFd, Errno> {
    let number = |number: u32| i32::try_from(number).map_err(|_| Errno::INVAL);
    let pid = Pid::from_raw(number(pid)?).ok_or(Errno::SRCH)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    pidfd_getfd(&process, number(fd)?, PidfdGetfdFlags::empty())
}

/// The file that a Unix socket is bound to.
pub(super) fn bound_file(socket: &OwnedFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the descriptor is open for the length of the call, and the request takes no argument.
    made(unsafe { open_bound_file(socket.as_raw_fd()) })
}

/// The network namespace that a socket was made in, which its process may have left.
pub(super) fn network_namespace(socket: &OwnedFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the descriptor is open for the length of the call, and the request takes no argument.
    made(unsafe { open_network_namespace(socket.as_raw_fd()) })
}

fn made(opened: nix::Result<RawFd>) -> Result<OwnedFd, Errno> {
    let opened = opened.map_err(|errno| Errno::from_raw_os_error(errno as i32))?;
    // SAFETY: the kernel just made this descriptor for us, and nobody else has its number.
    Ok(unsafe { OwnedFd::from_raw_fd(opened) })
}
