//! What the kernel offers, tried on ourselves.

use nix::errno::Errno;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags, openat2, statx};

use crate::model::Trial;

/// `FAN_CLASS_NOTIF`, `FAN_REPORT_DFID_NAME`, `FAN_CLOEXEC`, `FAN_NONBLOCK` (fanotify_init(2)).
const WITH_NAMES: u32 = 0xc03;
/// `FAN_REPORT_PIDFD`
const WITH_PIDFD: u32 = 0x80;

/// What a refusal says about the thing tried.
pub(super) fn trial(outcome: Result<(), Errno>) -> Trial {
    match outcome {
        Ok(()) => Trial::Works,
        Err(errno @ (Errno::EPERM | Errno::EACCES | Errno::EMFILE | Errno::ENFILE)) => {
            Trial::Denied(errno.desc().into())
        }
        Err(errno) => Trial::Absent(errno.desc().into()),
    }
}

/// A fanotify group that reports names, closed at once: nothing is marked.
pub(super) fn file_events(with_pid: bool) -> Trial {
    let flags = if with_pid { WITH_NAMES | WITH_PIDFD } else { WITH_NAMES };
    trial(Fanotify::init(InitFlags::from_bits_retain(flags), EventFFlags::O_CLOEXEC).map(drop))
}

/// What a walk along a path takes (openat2(2) since Linux 5.6, `STATX_MNT_ID` since 5.8), on `/`.
pub(super) fn path_walk() -> Trial {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let outcome = openat2(CWD, "/", flags, Mode::empty(), ResolveFlags::IN_ROOT)
        .and_then(|root| statx(root, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID));
    match outcome {
        Ok(file) if StatxFlags::from_bits_retain(file.stx_mask).contains(StatxFlags::MNT_ID) => Trial::Works,
        Ok(_) => Trial::Absent("statx tells no mount".into()),
        Err(errno) => trial(Err(Errno::from_raw(errno.raw_os_error()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_there() {
        assert_eq!(trial(Ok(())), Trial::Works);
        assert_eq!(trial(Err(Errno::EPERM)), Trial::Denied("Operation not permitted".into()));
        assert_eq!(trial(Err(Errno::ENOSYS)), Trial::Absent("Function not implemented".into()));
    }

    #[test]
    fn who_gets_pids_gets_names() {
        assert!(file_events(true) != Trial::Works || file_events(false) == Trial::Works);
    }
}
