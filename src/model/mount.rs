//! Mounts as mountinfo names them, and the one class each belongs to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Device;

/// What a refused socket on a mount can mean, and how the mount may be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MountClass {
    /// One kernel, one inode for one file: a refusal there is final.
    Local,
    /// The merged view of layers, or what lies below an upper layer: the listener may sit on another inode.
    Layered,
    /// A user-space filesystem: may hang, may show another inode.
    Fuse,
    /// A network share, another kernel's files, or an unknown type: may hang, the listener may be elsewhere.
    Foreign,
}

impl MountClass {
    /// By the filesystem type of mountinfo; anything not known to be local counts as foreign.
    pub fn of_fstype(fstype: &str) -> Self {
        match fstype {
            "ext2" | "ext3" | "ext4" | "xfs" | "btrfs" | "tmpfs" | "ramfs" | "rootfs" | "devtmpfs"
            | "hugetlbfs" | "minix" | "f2fs" | "jfs" | "zfs" | "bcachefs" => Self::Local,
            "overlay" | "aufs" => Self::Layered,
            "fuse" | "fuseblk" => Self::Fuse,
            _ if fstype.starts_with("fuse.") => Self::Fuse,
            _ => Self::Foreign,
        }
    }

    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Layered => "layered",
            Self::Fuse => "fuse",
            Self::Foreign => "foreign",
        }
    }

    /// Whether a touch may hang, so that it belongs in the abandonable helper.
    pub const fn may_hang(self) -> bool {
        matches!(self, Self::Fuse | Self::Foreign)
    }
}

/// One row of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Mount ID, what `STATX_MNT_ID` reports.
    pub id: u64,
    /// ID of the mount it is mounted on.
    pub parent: u64,
    /// The superblock's device.
    pub device: Device,
    /// Which directory (or file) of the filesystem is mounted here.
    pub root: Vec<u8>,
    /// Where, relative to the viewer's root.
    pub point: Vec<u8>,
    /// Per-mount options.
    pub options: String,
    /// Filesystem type; the only reliable name of it (statfs(2) reports the server's on 9p).
    pub fstype: String,
    /// Mount source.
    pub source: Vec<u8>,
    /// Per-superblock options.
    pub super_options: Vec<u8>,
}

impl Mount {
    /// The class of its filesystem type.
    pub fn class(&self) -> MountClass {
        MountClass::of_fstype(&self.fstype)
    }

    /// Where a path of this mount's view lies in its filesystem; `None`: it is not below the mount point.
    pub fn inside(&self, path: &[u8]) -> Option<Vec<u8>> {
        let rest = below(path, &self.point)?;
        Some(joined(&self.root, rest))
    }

    /// The path in this mount's view of what lies there in its filesystem; `None`: the mount does not show it.
    pub fn outside(&self, inside: &[u8]) -> Option<Vec<u8>> {
        let rest = below(inside, &self.root)?;
        Some(joined(&self.point, rest))
    }

    /// Whether it shows a whole filesystem: of btrfs a subvolume is one (btrfs(5), `subvol=`).
    pub fn is_whole(&self) -> bool {
        let mut options = self.super_options.split(|byte| *byte == b',');
        self.root == b"/"
            || self.fstype == "btrfs"
                && options.any(|option| option.strip_prefix(b"subvol=").is_some_and(|name| name == self.root))
    }

    /// Whether writing through this mount fails with EROFS.
    pub fn read_only(&self) -> bool {
        self.options.split(',').any(|option| option == "ro")
            || self.super_options.split(|byte| *byte == b',').any(|option| option == b"ro")
    }
}

/// What follows a directory in a path below it, or nothing where it is that directory itself.
fn below<'p>(path: &'p [u8], directory: &[u8]) -> Option<&'p [u8]> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    let rest = path.strip_prefix(directory)?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

fn joined(directory: &[u8], rest: &[u8]) -> Vec<u8> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    let path = [directory, rest].concat();
    if path.is_empty() { b"/".to_vec() } else { path }
}

/// All mounts of one mount namespace, in mountinfo's order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MountTable {
    /// The rows, shared with every file that is reached through them.
    pub mounts: Vec<Arc<Mount>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(root: &str, point: &str) -> Mount {
        let file = super::super::File::sample();
        let mount = file.mount.as_deref().unwrap().clone();
        Mount { root: root.into(), point: point.into(), ..mount }
    }

    #[test]
    fn one_file_has_a_path_in_each_view() {
        let volume = mounted("/srv/vol", "/run/app");
        assert_eq!(volume.inside(b"/run/app/x"), Some(b"/srv/vol/x".to_vec()));
        assert_eq!(volume.inside(b"/run/app"), Some(b"/srv/vol".to_vec()));
        assert_eq!(volume.inside(b"/run/apple"), None);
        let host = mounted("/", "/");
        assert_eq!(host.outside(b"/srv/vol/x"), Some(b"/srv/vol/x".to_vec()));
        assert_eq!(host.inside(b"/"), Some(b"/".to_vec()));
        assert_eq!(mounted("/srv/vol", "/mnt").outside(b"/srv/vol"), Some(b"/mnt".to_vec()));
        assert_eq!(volume.outside(b"/srv/other/x"), None);
    }

    #[test]
    fn a_subvolume_is_whole_and_a_directory_of_it_is_not() {
        let on_btrfs = |root: &str| Mount {
            fstype: "btrfs".into(),
            super_options: b"rw,subvolid=256,subvol=/@".to_vec(),
            ..mounted(root, "/")
        };
        assert!(on_btrfs("/@").is_whole() && mounted("/", "/").is_whole());
        assert!(!on_btrfs("/@/var/lib/volumes/x").is_whole() && !mounted("/@", "/").is_whole());
    }

    #[test]
    fn only_known_local_types_count_as_local() {
        assert_eq!(MountClass::of_fstype("ext4"), MountClass::Local);
        assert_eq!(MountClass::of_fstype("overlay"), MountClass::Layered);
        assert_eq!(MountClass::of_fstype("fuse.sshfs"), MountClass::Fuse);
        assert_eq!(MountClass::of_fstype("virtiofs"), MountClass::Foreign);
        assert_eq!(MountClass::of_fstype("something-new"), MountClass::Foreign);
    }
}
