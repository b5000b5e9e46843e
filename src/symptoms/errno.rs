//! Every errno of connect(2), bind(2) and what surrounds them, with the causes of each call apart.

use super::{Cause, Symptom, bind, connect, serve, unseen};
use crate::model::Call::{Bind, Connect, Serve};

const fn means(errno: i32, says: &'static str, causes: &'static [Cause]) -> Symptom {
    Symptom { errno: Some(errno), says, causes, ..Symptom::NONE }
}

const fn noted(errno: i32, says: &'static str, causes: &'static [Cause], note: &'static str) -> Symptom {
    Symptom { note: Some(note), ..means(errno, says, causes) }
}

/// What stands in the table for an errno.
pub(super) fn find(errno: i32) -> Option<&'static Symptom> {
    TABLE.iter().find(|symptom| symptom.errno == Some(errno))
}

pub(super) static TABLE: &[Symptom] = &[
    means(1, "The kernel forbids the call itself, whatever the mode of the file says.", EPERM),
    means(2, "Nothing stands at that path, as the program that asked sees it.", ENOENT),
    noted(
        5,
        "The filesystem failed while it made the socket file.",
        &[bind(
            "SD501",
            "the directory is on FUSE, which made a node of another type: `sockdoctor preflight DIR`",
        )],
        "A regular file may have been left at the path.",
    ),
    means(6, "The filesystem makes no sockets, or a program opened a socket as if it were a file.", ENXIO),
    noted(
        9,
        "A process used a descriptor that is already closed.",
        &[
            serve(
                "SD314",
                "the server's log has it: a handler or library closes a descriptor twice; read its traceback",
            ),
            serve(
                "SD307",
                "`ss -x` shows connections whose clients are gone: the server does not close them",
            ),
            serve("SD306", "\"Too many open files\" stands in the same log"),
        ],
        "The fault is inside that process; from outside only its descriptors, queue and log show it.",
    ),
    noted(
        11,
        "The other side is there, but its queue is full.",
        &[
            connect("SD301", "a listener's queue holds more than its backlog: `ss -xl`, Recv-Q above Send-Q"),
            connect("SD304", "the queue does not move: its server is stopped, or every worker is busy"),
            unseen(Connect, "a datagram receiver does not read; it has no listen queue to look at"),
        ],
        "It is not a permission and not a missing server: the listener is alive.",
    ),
    noted(
        13,
        "A permission is missing: connect needs w on the socket and x on every directory above it, bind w and x on the directory.",
        EACCES,
        "Never chmod 666 or 777: a group does. A chmod of the socket lasts only until the next bind.",
    ),
    means(
        16,
        "The file is in use as a mount point.",
        &[bind("SD504", "the socket file itself was bind-mounted: it can be neither removed nor replaced")],
    ),
    means(20, "A part of the path that must be a directory is none.", ENOTDIR),
    means(21, "A directory stands where a socket file belongs.", EISDIR),
    means(
        22,
        "The kernel refuses an argument: an address that is too long, or a chmod the filesystem cannot do.",
        EINVAL,
    ),
    means(23, "The whole machine has no open file left.", ENFILE),
    noted(
        24,
        "The process has no descriptor left, so it accepts nobody.",
        &[
            serve("SD306", "every number below `Max open files` in /proc/PID/limits stands in /proc/PID/fd"),
            serve("SD307", "most of these descriptors are connections whose clients are gone: a leak"),
            serve("SD301", "clients still connect at first, then the queue fills"),
        ],
        "A higher LimitNOFILE= only delays a leak.",
    ),
    means(28, "The filesystem has no room for one more file.", NO_ROOM),
    means(
        30,
        "The filesystem is read-only: no file is made there, but a socket that exists still connects.",
        EROFS,
    ),
    means(
        32,
        "The peer closed the connection before everything was written.",
        &[
            serve("SD314", "in a server's log: the client left first, mostly at its own timeout"),
            connect("SD402", "in a client or proxy: the server closed without a reply; read its log"),
        ],
    ),
    means(
        36,
        "A name in the path is longer than a file name may be.",
        &[
            connect("SD108", "255 bytes a name, 107 the whole socket path"),
            bind("SD108", "the same limits hold here"),
        ],
    ),
    means(
        38,
        "The filesystem cannot make socket files at all.",
        &[bind("SD501", "the directory is on a FUSE filesystem without mknod: `sockdoctor preflight DIR`")],
    ),
    means(
        40,
        "The symbolic links of the path lead in a circle.",
        &[
            connect("SD111", "`namei -l PATH` shows the link"),
            bind("SD111", "`namei -l PATH` shows the link"),
        ],
    ),
    means(75, "The filesystem cannot store the owner of the new file.", EOVERFLOW),
    means(
        88,
        "The descriptor is no socket.",
        &[serve(
            "SD608",
            "the server expects a socket of systemd in descriptor 3 and was not started by its .socket",
        )],
    ),
    means(
        90,
        "The message is larger than the socket takes at once.",
        &[unseen(Serve, "a datagram must fit the sender's SO_SNDBUF (`sysctl net.core.wmem_default`)")],
    ),
    means(
        91,
        "The socket is alive, but of another type than the client wants.",
        &[connect(
            "SD116",
            "`ss -xa` says u_str, u_dgr or u_seq: the client has the wrong path or the wrong type",
        )],
    ),
    means(95, "The filesystem or the socket cannot do what was asked.", UNSUPPORTED),
    means(
        97,
        "This process may not make Unix sockets.",
        &[
            connect(
                "SD610",
                "RestrictAddressFamilies= of its unit lacks AF_UNIX: `systemctl show -p RestrictAddressFamilies UNIT`",
            ),
            bind("SD610", "the same: socket(2) fails before bind is reached"),
        ],
    ),
    noted(
        98,
        "Something already stands at that path, and bind replaces nothing.",
        EADDRINUSE,
        "Do not `rm` it first: a live server loses its file that way. `sockdoctor inspect` says who is behind it.",
    ),
    means(
        104,
        "The connection was made, then the other side dropped it.",
        &[
            connect("SD402", "the server accepted and closed without a reply; its log says why"),
            connect("SD606", "the listener closed while the request waited: a .socket whose service crashed"),
            serve("SD314", "in a server's log: the client left first, mostly at its own timeout"),
        ],
    ),
    means(107, "The socket is not, or no longer, connected.", ENOTCONN),
    noted(
        110,
        "The other side took the connection and then said nothing in time.",
        &[
            connect("SD304", "the queue does not move: the server is stopped, or every worker is busy"),
            connect("SD306", "the server has no free descriptor and cannot accept"),
            connect("SD401", "the server accepts, but its handler takes longer than the timeout"),
        ],
        "For a Unix socket it is always a program's own timer; the kernel has none.",
    ),
    noted(
        111,
        "The address is there, but no listener is behind it.",
        ECONNREFUSED,
        "One refusal proves nothing (a restart refuses for a moment), and `rm` cures nothing: restart the owner.",
    ),
    means(
        116,
        "The file was on a share and is gone there.",
        &[connect("SD502", "the path is on NFS: its sockets work within one machine only")],
    ),
    means(122, "The user's quota is used up.", NO_ROOM),
];

const ENOTCONN: &[Cause] =
    &[unseen(Serve, "the peer left between accept and the reply; alone it is harmless")];

const EOVERFLOW: &[Cause] =
    &[bind("SD704", "a tmpfs of another user namespace, in which this user has no number")];

const ENFILE: &[Cause] =
    &[unseen(Serve, "`cat /proc/sys/fs/file-nr`: the first number has reached the last")];

const EISDIR: &[Cause] = &[
    bind("SD107", "it is empty and root's: a container was started before the socket existed"),
    bind("SD106", "it holds files: the path names the directory of the socket, not the socket"),
];

const EPERM: &[Cause] = &[
    unseen(Connect, "a datagram receiver that is connected to somebody else: `ss -xa`"),
    unseen(Connect, "SystemCallFilter= or another seccomp filter of the client forbids connect"),
    bind("SD501", "the filesystem makes no sockets (vfat, exfat, sshfs, 9p) or refuses their chmod"),
    bind("SD208", "in a sticky directory the old file is another user's and cannot be removed"),
    unseen(Bind, "the directory is immutable: `lsattr -d DIR`"),
];

const ENOENT: &[Cause] = &[
    connect(
        "SD101",
        "no listener anywhere has the name: the server is not running, or the client has another path",
    ),
    connect("SD102", "`ss -xl` still shows a listener of this name: its file was removed; restart the owner"),
    connect(
        "SD701",
        "the server sees the file, you do not: PrivateTmp=, ProtectHome=, a container, a chroot",
    ),
    connect("SD703", "client and server are containers with different volumes at the same directory"),
    connect("SD605", "the directory is gone too: a service that ended had it as RuntimeDirectory="),
    connect("SD111", "a symbolic link on the way leads nowhere: `namei -l PATH`"),
    connect("SD709", "the client runs chrooted, and the path is outside"),
    bind("SD115", "the directory does not exist: bind makes none, and /run is empty after every boot"),
    bind("SD111", "a symbolic link on the way leads nowhere: `namei -l PATH`"),
    unseen(Bind, "the path ends in a slash, or the server's working directory was removed"),
];

const ENXIO: &[Cause] = &[
    bind("SD501", "the directory is a 9p share that passes nodes through: `sockdoctor preflight DIR`"),
    unseen(Connect, "`cat`, `echo >` and open(2) always fail so on a socket: use curl, nc -U or socat"),
];

const EACCES: &[Cause] = &[
    connect("SD201", "the client's class (owner, group or other) has no w on the socket: `ls -l PATH`"),
    connect("SD202", "a directory on the way has no x for the client: `namei -l PATH`"),
    connect("SD203", "the user is in the group, but the running client was started before: restart it"),
    connect("SD204", "`getfacl PATH` shows an entry with w that the mask takes away"),
    connect("SD106", "no socket but a directory or a file stands at the path"),
    connect("SD205", "the client is root without CAP_DAC_OVERRIDE: a container or a user namespace"),
    connect("SD704", "the owner shows as 65534 (nobody): a user namespace in which nobody is root to it"),
    connect("SD211", "it fails only through a symbolic link in /tmp: use the real path"),
    connect("SD209", "the modes allow it, and `ausearch -m avc` has a denial of SELinux"),
    connect("SD210", "the modes allow it, and `dmesg` has apparmor=\"DENIED\""),
    bind("SD208", "the server's user has no w and x on the directory: `ls -ld DIR`"),
    bind("SD209", "the modes allow it, and `ausearch -m avc` has a denial of SELinux"),
];

const ENOTDIR: &[Cause] = &[
    connect("SD602", "nginx: `unix:/x.sock/uri` lacks the colon before /uri"),
    connect("SD609", "PostgreSQL: `host=` is the directory of the socket, not the socket"),
    unseen(Connect, "`namei -l PATH` shows the file that stands where a directory should"),
    unseen(Bind, "the directory of the socket is a regular file: `namei -l PATH`"),
];

const EINVAL: &[Cause] = &[
    connect("SD108", "the path has more than 107 bytes: `printf %s PATH | wc -c`"),
    bind("SD108", "the path has more than 107 bytes: `printf %s PATH | wc -c`"),
    bind("SD501", "it was the chmod after bind: a directory shared from macOS or Windows refuses it"),
];

const EROFS: &[Cause] = &[
    connect("SD106", "a regular file, not a socket, stands at the path"),
    bind("SD506", "the server's own mount is read-only: `findmnt -T DIR` in its view"),
];

const NO_ROOM: &[Cause] =
    &[bind("SD507", "`df -h DIR` or `df -i DIR` shows nothing free: blocks or inodes have run out")];

const UNSUPPORTED: &[Cause] = &[
    bind("SD501", "the filesystem has no sockets: a Windows drive in WSL, an NFS server without mknod"),
    unseen(Connect, "listen or accept on a datagram socket: the two sides want different types"),
];

const EADDRINUSE: &[Cause] = &[
    bind("SD104", "a connect is refused: a server that was killed left its file"),
    bind("SD604", "a connect succeeds: a server is alive there, or systemd holds the path for one"),
    bind("SD308", "a connect succeeds and the service is stopped: its workers outlived it"),
    bind("SD106", "no socket stands there but a file or directory: `ls -l PATH`"),
    bind("SD208", "the server removes the old file first, and it is another user's in a sticky directory"),
    bind("SD111", "a symbolic link stands there; bind does not follow it, even into nothing"),
];

const ECONNREFUSED: &[Cause] = &[
    connect("SD104", "a socket file, and no process has it bound: its server died"),
    connect("SD105", "bound, but not listening: it is still starting, or its start failed halfway"),
    connect("SD606", "systemd made the file, and its .socket unit has failed: `systemctl status X.socket`"),
    connect("SD505", "in a container: the socket file was bind-mounted and has been replaced outside"),
    connect("SD503", "a server listens, but through another layer or mount of the same directory"),
    connect("SD502", "the file is on a share of another kernel: a VM, a host, NFS"),
    connect("SD305", "a listener that was shut down but not closed"),
    connect("SD106", "no socket stands there but a file or directory: `ls -l PATH`"),
    connect("SD702", "an abstract name (@…) of another network namespace"),
    connect("SD117", "a TCP address: nothing listens on that port (`ss -tln`)"),
];
