//! fanotify(7) with names: who changes what in one directory.
//!
//! One group for each directory, so that no file handle has to be resolved: what a group tells is about the directory
//! that it marks. Marked is the directory's inode, never a mount or a filesystem, which would deliver every process
//! there. Several events of one process and name may come as one record: its mask is a set, without order.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};

/// `FAN_CLASS_NOTIF`, `FAN_REPORT_DFID_NAME`, `FAN_CLOEXEC`, `FAN_NONBLOCK` (fanotify_init(2)).
const WITH_NAMES: u32 = 0xc03;
/// `FAN_REPORT_PIDFD`: what only who is told pids may ask for. The descriptors themselves are not wanted.
const WITH_PIDFD: u32 = 0x80;

/// `FAN_ATTRIB`, `FAN_MOVED_FROM`, `FAN_MOVED_TO`, `FAN_CREATE`, `FAN_DELETE` (include/uapi/linux/fanotify.h).
pub(super) const ATTRIB: u64 = 0x4;
pub(super) const MOVED_FROM: u64 = 0x40;
pub(super) const MOVED_TO: u64 = 0x80;
pub(super) const CREATE: u64 = 0x100;
pub(super) const DELETE: u64 = 0x200;
const OVERFLOW: u64 = 0x4000;
/// `FAN_EVENT_ON_CHILD`, which chmod of a file in the directory needs, and `FAN_ONDIR`.
const OF_CHILDREN: u64 = 0x0800_0000 | 0x4000_0000;

/// `FAN_EVENT_INFO_TYPE_DFID_NAME`
const NAMED: u8 = 2;
/// `struct fanotify_event_metadata`
const METADATA: usize = 24;
/// `struct fanotify_event_info_header` and the `fsid` behind it.
const BEFORE_HANDLE: usize = 12;

/// What one record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Somebody did these to a name. A pid of 0 is one that we are not told.
    Done { mask: u64, pid: u32, name: Vec<u8> },
    /// The queue overflowed.
    Overflowed,
}

/// Whether pids are told: not to an ordinary user, nor to the root of a user namespace.
pub(super) fn tells_pids() -> Result<(), Errno> {
    let flags = InitFlags::from_bits_retain(WITH_NAMES | WITH_PIDFD);
    Fanotify::init(flags, EventFFlags::O_CLOEXEC).map(drop)
}

/// One marked directory.
#[derive(Debug)]
pub(super) struct Group(Fanotify);

impl Group {
    /// Marks a directory, which has to be open: the path is the one of its descriptor.
    pub(super) fn on(directory: &Path) -> Result<Self, Errno> {
        let group = Fanotify::init(InitFlags::from_bits_retain(WITH_NAMES), EventFFlags::O_CLOEXEC)?;
        let mask = CREATE | DELETE | MOVED_FROM | MOVED_TO | ATTRIB | OF_CHILDREN;
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_ONLYDIR;
        group.mark(flags, MaskFlags::from_bits_retain(mask), rustix::fs::CWD, Some(directory))?;
        Ok(Self(group))
    }

    /// What has happened since it was asked last, one read of it. Empty: nothing.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Vec<Told> {
        let length = nix::unistd::read(&self.0, buffer).unwrap_or(0);
        parse(&buffer[..length])
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The records of one read.
fn parse(mut bytes: &[u8]) -> Vec<Told> {
    let mut told = Vec::new();
    while let Some(length) = word(bytes, 0).and_then(|length| usize::try_from(length).ok()) {
        let Some(record) = bytes.get(..length).filter(|_| length >= METADATA) else { break };
        told.extend(one(record));
        bytes = &bytes[length..];
    }
    told
}

fn one(record: &[u8]) -> Option<Told> {
    let mask = u64::from_ne_bytes(record.get(8..16)?.try_into().ok()?);
    if mask & OVERFLOW != 0 {
        return Some(Told::Overflowed);
    }
    let pid = word(record, 20)?;
    let mut info = record.get(usize::from(short(record, 6)?)..)?;
    loop {
        let length = usize::from(short(info, 2)?);
        let this = info.get(..length).filter(|this| this.len() >= BEFORE_HANDLE)?;
        if this[0] == NAMED {
            // struct file_handle: its length and type, the handle, and behind it the name.
            let handle = usize::try_from(word(this, BEFORE_HANDLE)?).ok()?;
            let name = this.get(BEFORE_HANDLE + 8 + handle..)?;
            let end = name.iter().position(|byte| *byte == 0)?;
            return Some(Told::Done { mask, pid, name: name[..end].to_vec() });
        }
        info = &info[length..];
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record as the kernel lays it out, with a handle of 8 bytes.
    fn record(mask: u64, pid: u32, name: &[u8]) -> Vec<u8> {
        let padded = (name.len() + 1).next_multiple_of(4);
        let info = u16::try_from(BEFORE_HANDLE + 16 + padded).unwrap();
        let all = u32::try_from(METADATA).unwrap() + u32::from(info);
        let mut bytes = all.to_ne_bytes().to_vec();
        bytes.extend([3, 0]);
        bytes.extend(24_u16.to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(pid.to_ne_bytes());
        bytes.extend([NAMED, 0]);
        bytes.extend(info.to_ne_bytes());
        bytes.extend([7; 8]);
        bytes.extend(8_u32.to_ne_bytes());
        bytes.extend([9; 12]);
        bytes.extend(name);
        bytes.resize(all as usize, 0);
        bytes
    }

    #[test]
    fn records_are_read_one_after_the_other() {
        let two = [record(CREATE | DELETE, 7, b"x\n.sock"), record(ATTRIB, 8, b"y")].concat();
        let done = |mask, pid, name: &[u8]| Told::Done { mask, pid, name: name.to_vec() };
        assert_eq!(parse(&two), [done(CREATE | DELETE, 7, b"x\n.sock"), done(ATTRIB, 8, b"y")]);
        assert_eq!(parse(&two[..two.len() - 1]).len(), 1, "half a record is none");
        assert_eq!(parse(&record(OVERFLOW, 0, b"")), [Told::Overflowed]);
    }

    #[test]
    fn the_kernel_tells_what_is_done_in_a_directory_and_nothing_of_those_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let Ok(group) = Group::on(dir.path()) else { return };
        std::fs::create_dir(dir.path().join("d")).unwrap();
        std::fs::write(dir.path().join("d/inside"), "").unwrap();
        std::fs::write(dir.path().join("s"), "").unwrap();
        std::fs::remove_file(dir.path().join("s")).unwrap();
        let told = group.read(&mut [0; 4096]);
        let of_s = |told: &&Told| matches!(told, Told::Done { name, .. } if name == b"s");
        let mask = told.iter().filter(of_s).fold(0, |all, told| match told {
            Told::Done { mask, pid, .. } => {
                assert_eq!(*pid, std::process::id());
                all | mask
            }
            Told::Overflowed => all,
        });
        assert_eq!(mask & (CREATE | DELETE), CREATE | DELETE, "{told:?}");
        assert!(!told.iter().any(|told| matches!(told, Told::Done { name, .. } if name == b"inside")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
        }

        #[test]
        fn no_change_of_a_record_makes_it_panic(at in 0_usize..60, to in any::<u8>()) {
            let mut bytes = record(CREATE, 1, b"name");
            let at = at % bytes.len();
            bytes[at] = to;
            parse(&bytes);
        }
    }
}
