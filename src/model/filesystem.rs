//! What is known of filesystems by their name in mountinfo. A hint, never a verdict: what a share does with sockets
//! depends on its server, and only a trial tells.

/// What is known of a filesystem type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFilesystem {
    /// Its files are shared with another kernel, across which no socket connects.
    pub crosses_kernels: bool,
    /// Which step is known to fail there, and why.
    pub trouble: &'static str,
    /// What works instead.
    pub instead: &'static str,
}

const IN_VM: &str = "a named volume or a directory of the virtual machine's own disk";
const LOCAL: &str = "a directory on a local disk or tmpfs, such as one below /run";

const fn share(trouble: &'static str, instead: &'static str) -> KnownFilesystem {
    KnownFilesystem { crosses_kernels: true, trouble, instead }
}

const fn local(trouble: &'static str) -> KnownFilesystem {
    KnownFilesystem { crosses_kernels: false, trouble, instead: LOCAL }
}

/// By the filesystem type of mountinfo; `None`: no trouble with it is known.
pub fn known_filesystem(fstype: &str) -> Option<KnownFilesystem> {
    Some(match fstype {
        "9p" => share(
            "bind may fail with ENXIO (QEMU with the CVE-2023-2861 fix, passthrough), EPERM (no privilege on the \
             host) or EOPNOTSUPP (WSL)",
            IN_VM,
        ),
        "virtiofs" | "fakeowner" => share(
            "Apple's server refuses chmod of sockets with EINVAL; one without privilege refuses chown with EPERM or \
             EINVAL",
            IN_VM,
        ),
        "fuse.grpcfuse" | "grpcfuse" => share("chmod of sockets may fail with EINVAL, bind with EIO", IN_VM),
        "osxfs" | "fuse.osxfs" => share("short paths only, and nothing connects across", IN_VM),
        "prl_fs" | "fuse.prl_fsd" | "vmhgfs" | "fuse.vmhgfs-fuse" => {
            share("ownership is known to be wrong there", IN_VM)
        }
        "cifs" | "smb3" => share("bind fails with EPERM", LOCAL),
        "nfs" | "nfs4" => share(
            "chown fails with EPERM under root_squash, bind with EOPNOTSUPP on a server without MKNOD",
            LOCAL,
        ),
        "fuse.sshfs" | "vboxsf" => share("bind fails with EPERM", IN_VM),
        "fuse.gcsfuse" => share("bind fails with EOPNOTSUPP, or EIO in old versions", LOCAL),
        "vfat" | "msdos" | "exfat" => local("bind fails with EPERM: it has no socket files"),
        "fuseblk" => local(
            "ntfs-3g ignores chmod and chown in silence; exfat-fuse fails bind with EIO and leaves a file",
        ),
        "fuse.bindfs" => local("chmod and chown may be denied or ignored; hard links do not connect"),
        "fuse.unionfs" | "fuse.unionfs-fuse" => local("a hard link to a socket does not connect"),
        "squashfs" | "erofs" | "iso9660" | "cramfs" => {
            local("it cannot be written to: bind fails with EROFS")
        }
        "proc" | "sysfs" | "devpts" | "mqueue" | "debugfs" | "bpf" | "cgroup" | "cgroup2" => {
            local("it holds no files of others")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cross_kernels_and_disks_are_not_known_for_trouble() {
        for shared in ["9p", "virtiofs", "fakeowner", "fuse.sshfs", "nfs4", "cifs", "fuse.grpcfuse"] {
            assert!(known_filesystem(shared).is_some_and(|known| known.crosses_kernels), "{shared}");
        }
        assert!(known_filesystem("vfat").is_some_and(|known| !known.crosses_kernels));
        for plain in ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuse.gocryptfs"] {
            assert_eq!(known_filesystem(plain), None);
        }
    }
}
