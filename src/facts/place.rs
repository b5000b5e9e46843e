//! What a filesystem says about one of its directories: space, inodes, attributes, default ACL.

use std::os::fd::AsFd;
use std::time::Instant;

use rustix::fs::{AtFlags, Mode, OFlags, StatxAttributes, StatxFlags, fstatvfs, open, statx};

use super::{acl, helper};
use crate::model::{Fact, File, Gap, Place, Ratio};

/// Looks at a directory by its canonical path; in a helper that is given up on at the deadline, where its mount may
/// hang.
pub fn of(directory: &File, deadline: Instant) -> Fact<Place> {
    let found = match &directory.mount {
        Some(mount) if directory.class.may_hang() => helper::ask_place(&directory.path, mount, deadline),
        _ => look(&directory.path),
    };
    found.map_or_else(Fact::Unknown, Fact::Known)
}

/// Looks, whatever it may take.
pub(super) fn look(path: &[u8]) -> Result<Place, Gap> {
    let source = || format!("statvfs {}", String::from_utf8_lossy(path));
    let failed = |errno: rustix::io::Errno| Gap::new(source(), super::proc_file::why(&errno.into()));
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = open(path, flags, Mode::empty()).map_err(failed)?;
    let space = fstatvfs(&directory).map_err(failed)?;
    let attributes = statx(&directory, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
        .map_or(StatxAttributes::empty(), |found| found.stx_attributes);
    Ok(Place {
        space: Ratio {
            free: space.f_bavail.saturating_mul(space.f_frsize),
            total: space.f_blocks.saturating_mul(space.f_frsize),
        },
        inodes: Ratio { free: space.f_favail, total: space.f_files },
        immutable: attributes.contains(StatxAttributes::IMMUTABLE),
        append_only: attributes.contains(StatxAttributes::APPEND),
        default_acl: acl::default_of(directory.as_fd()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_plain_directory_has_room_and_no_attributes() {
        let directory = tempfile::tempdir().unwrap();
        let place = look(directory.path().as_os_str().as_bytes()).unwrap();
        assert!(place.space.total >= place.space.free && place.space.total > 0);
        assert!(!place.immutable && !place.append_only);
        assert_eq!(place.default_acl, Fact::Known(None));
        assert!(look(b"/no/such/directory").is_err());
    }
}
