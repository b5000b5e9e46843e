//! How much of the machine can be seen: what was tried and read, and the lines `self-check` makes of it.

use super::Fact;

/// What came of trying something of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It works here.
    Works,
    /// It is there, and not for us: the kernel's words.
    Denied(String),
    /// This kernel has no such thing: the kernel's words.
    Absent(String),
}

/// The LSMs that can forbid what mode bits allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// Their names, in the kernel's order; the built-in `capability` among them.
    pub modules: Fact<Vec<String>>,
    /// Whether SELinux denies (`false`: it only logs). `None`: no SELinux.
    pub enforcing: Option<bool>,
    /// How this process is confined, without the name of a profile. `None`: nothing says.
    pub confinement: Option<String>,
}

/// Whether new user namespaces may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserNamespaces {
    /// `user.max_user_namespaces`
    pub most: Fact<u64>,
    /// `kernel.unprivileged_userns_clone`, of Debian's kernels.
    pub unprivileged: Option<bool>,
    /// `kernel.apparmor_restrict_unprivileged_userns`
    pub restricted: Option<bool>,
}

/// All that `self-check` looks at. Counts and words of the kernel only: nothing that names a user, a path of
/// one, or a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Release and machine, as uname(2) has them.
    pub kernel: (String, String),
    /// Whether the effective uid is 0, here.
    pub root: bool,
    /// A dump of our own network namespace.
    pub unix_diag: Trial,
    /// Network namespaces found, and those whose sockets were dumped.
    pub namespaces: (usize, usize),
    /// Whether there may be network namespaces that were not found.
    pub namespaces_hidden: bool,
    /// Processes whose descriptors could be read, of those seen.
    pub processes: Fact<(usize, usize)>,
    /// Whether processes of others are not even listed.
    pub processes_hidden: bool,
    /// The `hidepid=` of `/proc`; `None`: it has none.
    pub hidepid: Fact<Option<String>>,
    /// `CapEff`
    pub capabilities: Fact<u64>,
    /// Whether our user namespace is the first one, whose capabilities count everywhere.
    pub first_user_namespace: Fact<bool>,
    /// How many uids our user namespace knows.
    pub mapped_uids: Fact<u64>,
    /// New ones.
    pub user_namespaces: UserNamespaces,
    /// `SIOCUNIXFILE` on a socket of our own, through `pidfd_getfd(2)`.
    pub bound_file: Trial,
    /// `kernel.yama.ptrace_scope`; `None`: no Yama.
    pub ptrace_scope: Option<u64>,
    /// fanotify(7) with names.
    pub file_events: Trial,
    /// The same with the pid of who did it.
    pub file_events_with_pid: Trial,
    /// openat2(2), and statx(2) with the ID of the mount.
    pub path_walk: Trial,
    /// getent(1)
    pub getent: Fact<bool>,
    /// LSMs.
    pub security: Security,
    /// Whether our pid namespace is the first one.
    pub first_pid_namespace: Fact<bool>,
    /// Whether our cgroup is a container's.
    pub container_cgroup: Fact<bool>,
}

/// How well something can be seen. Ordered: the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CheckState {
    /// All of it.
    Ok,
    /// A part of it.
    Limited,
    /// Nothing of it.
    Missing,
    /// It could not be told.
    Unknown,
}

impl CheckState {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Limited, Self::Missing, Self::Unknown];

    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited => "limited",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

/// A line of `self-check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `network-namespaces`
    pub name: &'static str,
    /// How well.
    pub state: CheckState,
    /// What was found.
    pub detail: String,
    /// What it lets the tool see.
    pub lets: &'static str,
    /// What would help; the exact command where there is one.
    pub would_help: Option<String>,
}
