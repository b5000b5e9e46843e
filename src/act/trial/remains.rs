//! What trials left behind that were killed: known by name, and proven dead before it is removed.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, openat, statat, unlinkat};

use super::made::{DIGITS, PREFIX, Role};
use crate::model::{FileKind, SocketTrial};

/// How many entries of a directory are read: what is left elsewhere is left.
const MAX_ENTRIES: usize = 100_000;
/// How often a socket has to refuse, and how long lies in between: another trial may be at work.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(150);

/// Whether a name is one that only a trial makes.
pub(super) fn is_ours(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX.as_bytes()) else { return false };
    let Some((number, ending)) = rest.split_at_checked(DIGITS) else { return false };
    let hexadecimal = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    number.iter().all(hexadecimal) && Role::ALL.iter().any(|role| role.ending().as_bytes() == ending)
}

/// Removes them from the directory, which is the working directory too, and notes what came of each.
pub(super) fn remove(directory: &OwnedFd, trial: &mut SocketTrial) {
    let mut dead: Vec<(Vec<u8>, OwnedFd)> = found(directory.as_fd())
        .into_iter()
        .filter_map(|name| Some((pinned(directory.as_fd(), &name)?, name)))
        .map(|(pin, name)| (name, pin))
        .collect();
    for tries in 0..TRIES {
        if tries > 0 && !dead.is_empty() {
            std::thread::sleep(PAUSE);
        }
        dead.retain(|(name, pin)| is_dead(directory.as_fd(), name, pin));
    }
    for (name, _pin) in dead {
        match unlinkat(directory, name.as_slice(), AtFlags::empty()) {
            Ok(()) => trial.removed.push(name),
            Err(rustix::io::Errno::NOENT) => {}
            Err(errno) => trial.left.push((name, errno.raw_os_error())),
        }
    }
}

fn found(directory: BorrowedFd<'_>) -> Vec<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(entries) = openat(directory, c".", flags, Mode::empty()).and_then(Dir::new) else {
        return Vec::new();
    };
    let names =
        entries.take(MAX_ENTRIES).map_while(Result::ok).map(|entry| entry.file_name().to_bytes().to_vec());
    names.filter(|name| is_ours(name)).collect()
}

fn pinned(directory: BorrowedFd<'_>, name: &[u8]) -> Option<OwnedFd> {
    openat(directory, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Still the same file, and either a socket that nobody has bound or the empty file that some filesystems make of one.
fn is_dead(directory: BorrowedFd<'_>, name: &[u8], pin: &OwnedFd) -> bool {
    let (Ok(held), Ok(now)) = (fstat(pin), statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)) else {
        return false;
    };
    (held.st_dev, held.st_ino) == (now.st_dev, now.st_ino)
        && match FileKind::of_mode(now.st_mode) {
            FileKind::Socket => refuses(name),
            FileKind::Regular => now.st_size == 0,
            _ => false,
        }
}

/// Asked with another type, so that a trial at work does not notice (`unix_find_bsd`, net/unix/af_unix.c).
fn refuses(name: &[u8]) -> bool {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let asked = socket(AddressFamily::Unix, SockType::Datagram, flags, None)
        .and_then(|client| connect(client.as_raw_fd(), &UnixAddr::new(name)?));
    asked == Err(Errno::ECONNREFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_trials_are_ours() {
        for ours in ["0123456789abcdef", "0123456789abcdef-link", "ffffffffffffffff-file"] {
            assert!(is_ours(format!("{PREFIX}{ours}").as_bytes()), "{ours}");
        }
        for other in
            ["", "x", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdef-other", "0123456789abcdef0"]
        {
            assert!(!is_ours(format!("{PREFIX}{other}").as_bytes()), "{other}");
        }
        assert!(!is_ours(b"app.sock"));
    }
}
