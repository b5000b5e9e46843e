//! The file that a socket of another process is bound to, from the kernel itself: the proof that it is gone.

use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use rustix::fs::{AtFlags, StatxFlags, readlinkat, statx};

use super::borrowed;
use super::errno::words;
use super::machine::Machine;
use crate::model::Gap;

/// What a socket is bound to, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BoundFile {
    /// Hard links; 0 is the proof that it stands nowhere.
    pub(super) links: u32,
    /// Its name as seen from our root. Only a hint: it may be a name in another mount namespace.
    pub(super) path: Vec<u8>,
}

/// The file behind descriptor `fd` of a process, which must be a bound Unix socket.
pub(super) fn of(machine: &Machine, pid: u32, fd: u32) -> Result<BoundFile, Gap> {
    if !machine.shares_pids() {
        return Err(Gap::new("SIOCUNIXFILE", "not asked: the processes are in another pid namespace"));
    }
    let failed = |error: rustix::io::Errno| {
        let gap = Gap::new(format!("SIOCUNIXFILE of pid {pid}"), words(error));
        if matches!(error, rustix::io::Errno::PERM | rustix::io::Errno::ACCESS) {
            return gap.helped_by(Gap::AS_ROOT);
        }
        gap
    };
    let borrow = || -> Result<BoundFile, rustix::io::Errno> {
        let file = borrowed::bound_file(&borrowed::descriptor(pid, fd)?)?;
        // What is cached must do: the file may be on a mount that hangs.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let status = statx(&file, c"", flags, StatxFlags::NLINK)?;
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        let path = readlinkat(rustix::fs::CWD, link, Vec::new())?;
        Ok(BoundFile { links: status.stx_nlink, path: path.into_bytes() })
    };
    borrow().map_err(failed)
}

/// Whether this kernel and these rights allow it at all, on a socket of our own that is bound to nothing.
pub(super) fn tried() -> Result<(), rustix::io::Errno> {
    let raw = |errno: nix::errno::Errno| rustix::io::Errno::from_raw_os_error(errno as i32);
    let kind = (AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC);
    let own = socket(kind.0, kind.1, kind.2, None).map_err(raw)?;
    let number = own.as_raw_fd().unsigned_abs();
    match borrowed::descriptor(std::process::id(), number).and_then(|socket| borrowed::bound_file(&socket)) {
        // The right was checked before it was found to have no file.
        Ok(_) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_bound_file_is_followed_until_it_is_unlinked() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("s"), dir.path().join("moved"));
        let listener = UnixListener::bind(&path).unwrap();
        let fd = u32::try_from(listener.as_raw_fd()).unwrap();
        let look = || of(&Machine::default(), std::process::id(), fd);
        if !nix::unistd::geteuid().is_root() {
            assert_eq!(look().unwrap_err().would_help.as_deref(), Some(Gap::AS_ROOT));
            return;
        }
        std::fs::rename(&path, &moved).unwrap();
        assert_eq!(look(), Ok(BoundFile { links: 1, path: moved.as_os_str().as_bytes().to_vec() }));
        std::fs::remove_file(&moved).unwrap();
        assert_eq!(look().unwrap().links, 0);
    }

    #[test]
    fn a_socket_that_is_bound_to_no_file_has_none() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(
            of(&Machine::default(), std::process::id(), u32::try_from(one.as_raw_fd()).unwrap()).is_err()
        );
    }
}
