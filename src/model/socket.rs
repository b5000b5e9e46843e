//! One AF_UNIX socket as the kernel reports it, with its two kinds of inode kept apart.

use serde::{Deserialize, Serialize};

use super::Address;

/// Inode of the socket itself, in sockfs: what `/proc/PID/fd` shows as `socket:[N]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SocketIno(pub u32);

/// Inode of the file a socket is bound to, cut to 32 bits (`UNIX_DIAG_VFS`, linux/unix_diag.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileIno(pub u32);

impl FileIno {
    /// What `UNIX_DIAG_VFS` would report for a file whose `st_ino` this is.
    #[expect(clippy::cast_possible_truncation, reason = "the kernel cuts i_ino to 32 bits in unix_diag_vfs")]
    pub const fn from_stat(ino: u64) -> Self {
        Self(ino as u32)
    }
}

/// A superblock's device number, as mountinfo writes it. Not `st_dev`: btrfs and overlayfs differ there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Device {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl Device {
    /// From the kernel's own `dev_t` (20 bits of minor, include/linux/kdev_t.h), as `UNIX_DIAG_VFS` has it.
    pub const fn from_kernel(dev: u32) -> Self {
        Self { major: dev >> 20, minor: dev & 0xf_ffff }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// Which file: the superblock it lives on and its inode there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// The superblock.
    pub dev: Device,
    /// The inode on it, 32 bits.
    pub ino: FileIno,
}

/// A network namespace, by its inode in nsfs (`net:[N]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NetnsId(pub u64);

/// socket(2) type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SocketType {
    /// `SOCK_STREAM`
    Stream,
    /// `SOCK_DGRAM`
    Dgram,
    /// `SOCK_SEQPACKET`
    Seqpacket,
}

impl SocketType {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Dgram => "dgram",
            Self::Seqpacket => "seqpacket",
        }
    }
}

/// What a socket is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SocketState {
    /// listen(2) was called and connects are queued.
    Listening,
    /// Has a name and does not listen; the normal state of a datagram receiver.
    Bound,
    /// One end of a connection.
    Connected,
    /// Neither named nor connected.
    Unconnected,
    /// Listens, but its receiving side is shut down: every connect is refused.
    ShutDown,
}

impl SocketState {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Bound => "bound",
            Self::Connected => "connected",
            Self::Unconnected => "unconnected",
            Self::ShutDown => "shut_down",
        }
    }
}

/// The accept queue of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Connections waiting to be accepted.
    pub waiting: u32,
    /// The backlog in force, after the clamp to somaxconn. The queue admits one more than this.
    pub backlog: u32,
}

/// Socket memory, bytes (`SK_MEMINFO_*`, linux/sock_diag.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes in the receive queue.
    pub receive_alloc: u32,
    /// Receive buffer limit.
    pub receive_limit: u32,
    /// Bytes in the send queue.
    pub send_alloc: u32,
    /// Send buffer limit.
    pub send_limit: u32,
    /// Packets dropped.
    pub drops: u32,
}

/// What a socket is to the path under examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It is bound to this very file.
    ServesPath,
    /// Its file is gone.
    Unlinked,
    /// Another file stands under its name.
    Replaced,
    /// Its file exists in another mount view only.
    OtherView,
}

impl Role {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ServesPath => "serves_path",
            Self::Unlinked => "unlinked",
            Self::Replaced => "replaced",
            Self::OtherView => "other_view",
        }
    }
}

/// One AF_UNIX socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Its own inode, in sockfs.
    pub ino: SocketIno,
    /// Kernel cookie; with `ino` the identity of a row within one dump. 0 from `/proc/net/unix`.
    pub cookie: u64,
    /// socket(2) type.
    pub kind: SocketType,
    /// What it is doing.
    pub state: SocketState,
    /// What it is bound to. Accepted connections carry their listener's.
    pub address: Address,
    /// The file it is bound to, still reported after unlink and rename. `None`: not a path, or not reported.
    pub file: Option<FileId>,
    /// The other end; `None` when it has none, has closed, or was not reported.
    pub peer: Option<SocketIno>,
    /// `UNIX_DIAG_RQLEN`: for a listener (waiting, backlog), else bytes (in, out). `None`: not reported.
    pub rqlen: Option<(u32, u32)>,
    /// Creator's uid (Linux 5.3). `None`: not reported.
    pub uid: Option<u32>,
    /// `RCV_SHUTDOWN` = 1, `SEND_SHUTDOWN` = 2.
    pub shutdown: u8,
    /// Asked for only when shown.
    pub memory: Option<Box<Memory>>,
    /// The network namespace it was seen in.
    pub netns: NetnsId,
}

impl Socket {
    /// The accept queue; listeners only.
    pub const fn queue(&self) -> Option<Queue> {
        match (self.state, self.rqlen) {
            (SocketState::Listening | SocketState::ShutDown, Some((waiting, backlog))) => {
                Some(Queue { waiting, backlog })
            }
            _ => None,
        }
    }

    /// Whether it is the end that owns the name: a listener, a bound socket, a datagram receiver. Accepted
    /// connections carry their listener's name and file too, and outlive it.
    pub const fn owns_name(&self) -> bool {
        match self.state {
            SocketState::Listening | SocketState::ShutDown | SocketState::Bound => true,
            SocketState::Connected => {
                matches!(self.kind, SocketType::Dgram) && !matches!(self.address, Address::Unnamed)
            }
            SocketState::Unconnected => false,
        }
    }
}

#[cfg(test)]
impl Socket {
    /// A healthy stream listener for tests.
    pub(crate) fn sample(name: &str) -> Self {
        Self {
            ino: SocketIno(2_407_874),
            cookie: 1,
            kind: SocketType::Stream,
            state: SocketState::Listening,
            address: Address::Path(name.as_bytes().into()),
            file: Some(FileId { dev: Device { major: 254, minor: 0 }, ino: FileIno(1831) }),
            peer: None,
            rqlen: Some((0, 128)),
            uid: Some(1000),
            shutdown: 0,
            memory: None,
            netns: NetnsId(4_026_531_840),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_disks_device_number_is_the_one_of_mountinfo() {
        // 254:0 as measured on a virtio disk; `ss -e` prints it as 0/65024.
        assert_eq!(Device::from_kernel(266_338_304), Device { major: 254, minor: 0 });
        assert_eq!(Device::from_kernel(0x0000_0039), Device { major: 0, minor: 57 });
    }

    #[test]
    fn a_64_bit_inode_is_compared_as_the_kernel_reports_it() {
        assert_eq!(FileIno::from_stat(8_589_934_600), FileIno(8));
    }
}
