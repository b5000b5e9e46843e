//! The POSIX ACL of a file, from its extended attribute (include/uapi/linux/posix_acl_xattr.h).
//!
//! Read by hand: the crates for it link the C library libacl, which no static build has.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use crate::model::{Acl, AclEntry, AclTag, Bits, Fact, Gap};

/// Where the kernel keeps who may use a file.
const ACCESS: &str = "system.posix_acl_access";
/// Where it keeps what new files in a directory get.
const DEFAULT: &str = "system.posix_acl_default";
/// More than any filesystem stores: XATTR_SIZE_MAX (include/uapi/linux/limits.h).
const LIMIT: usize = 64 << 10;
const VERSION: u32 = 2;

/// The ACL of what a descriptor, be it an `O_PATH` one, stands for. `Known(None)`: it has none, or its filesystem
/// knows none.
pub(super) fn of(fd: BorrowedFd<'_>) -> Fact<Option<Acl>> {
    attribute(fd, ACCESS)
}

/// The same of the ACL that new files in a directory get.
pub(super) fn default_of(fd: BorrowedFd<'_>) -> Fact<Option<Acl>> {
    attribute(fd, DEFAULT)
}

fn attribute(fd: BorrowedFd<'_>, name: &str) -> Fact<Option<Acl>> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let mut value = vec![0_u8; 1024];
    let length = match rustix::fs::getxattr(&path, name, value.as_mut_slice()) {
        Err(Errno::RANGE) => {
            value.resize(LIMIT, 0);
            rustix::fs::getxattr(&path, name, value.as_mut_slice())
        }
        other => other,
    };
    let unreadable = |why: String| Fact::Unknown(Gap::new(format!("getxattr {name}"), why));
    match length {
        Ok(length) => match decode(&value[..length]) {
            Some(acl) => Fact::Known(Some(acl)),
            None => unreadable("not in the form the kernel writes".into()),
        },
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Fact::Known(None),
        Err(errno) => unreadable(super::proc_file::why(&errno.into())),
    }
}

pub(super) fn decode(value: &[u8]) -> Option<Acl> {
    let (version, entries) = value.split_first_chunk::<4>()?;
    let (chunks, rest) = entries.as_chunks::<8>();
    if u32::from_le_bytes(*version) != VERSION || !rest.is_empty() {
        return None;
    }
    let entries = chunks.iter().map(|[tag, tag_high, bits, _, id @ ..]| {
        let id = u32::from_le_bytes(*id);
        let tag = match u16::from_le_bytes([*tag, *tag_high]) {
            0x01 => AclTag::Owner,
            0x02 => AclTag::User(id),
            0x04 => AclTag::OwningGroup,
            0x08 => AclTag::Group(id),
            0x10 => AclTag::Mask,
            0x20 => AclTag::Other,
            _ => return None,
        };
        Some(AclEntry { tag, bits: Bits(bits & 7) })
    });
    Some(Acl { entries: entries.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use proptest::prelude::*;

    use super::*;

    /// `setfacl -m u:33:rw,m::r` on a 0644 file, as `getfattr -e hex` shows it on Linux 6.18.
    const NAMED: &str =
        "02000000010006000000000002000600210000000400040000000000100004000000000020000400000000 00";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.as_chunks::<2>().0.iter().map(byte).collect()
    }

    #[test]
    fn a_list_of_any_length_is_read_and_none_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(directory.path().join("file")).unwrap();
        assert_eq!(of(file.as_fd()), Fact::Known(None));
        let entry =
            |tag: u16, id: u32| [&tag.to_le_bytes()[..], &6_u16.to_le_bytes(), &id.to_le_bytes()].concat();
        let rest = [0x04, 0x10, 0x20].map(|tag| entry(tag, u32::MAX)).concat();
        for users in [1, 300] {
            let users: Vec<u8> = (0..users).flat_map(|uid| entry(0x02, 1000 + uid)).collect();
            let value = [&VERSION.to_le_bytes()[..], &entry(0x01, u32::MAX), &users, &rest].concat();
            if rustix::fs::fsetxattr(&file, ACCESS, &value, rustix::fs::XattrFlags::empty())
                == Err(Errno::OPNOTSUPP)
            {
                // A filesystem without them has nothing to be read.
                return;
            }
            let read = of(file.as_fd());
            assert_eq!(
                read.known().and_then(Option::as_ref),
                decode(&value).as_ref(),
                "{} bytes",
                value.len()
            );
            assert!(decode(&value).is_some_and(|acl| acl.entries.len() == value.len() / 8));
        }
        assert_eq!(default_of(file.as_fd()), Fact::Known(None), "a file has none for what is in it");
    }

    #[test]
    fn what_setfacl_wrote_is_understood() {
        let mut value = bytes(NAMED);
        for chunk in value[4..].chunks_mut(8).filter(|chunk| chunk[0] != 2) {
            chunk[4..].fill(0xff);
        }
        let acl = decode(&value).unwrap();
        let entry = |tag, bits| AclEntry { tag, bits: Bits(bits) };
        let wanted = [
            entry(AclTag::Owner, 6),
            entry(AclTag::User(33), 6),
            entry(AclTag::OwningGroup, 4),
            entry(AclTag::Mask, 4),
            entry(AclTag::Other, 4),
        ];
        assert_eq!(acl.entries, wanted);
        assert_eq!(acl.mask(), Bits(4));
    }

    #[test]
    fn a_file_without_one_has_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = std::fs::File::open(directory.path()).unwrap();
        assert_eq!(of(file.as_fd()), Fact::Known(None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(value in prop::collection::vec(any::<u8>(), 0..100)) {
            decode(&value);
        }
    }
}
