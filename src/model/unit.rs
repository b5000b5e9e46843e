//! Units of systemd as their files declare them, and as systemd says they are.

use super::{Declaration, Fact, Sandbox, Written};

/// A setting with the place that has the last word on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What it says.
    pub value: T,
    /// Where.
    pub written: Written,
}

/// A .socket or .service unit: what of it has to do with sockets, drop-ins included (systemd.unit(5)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// `app.socket`
    pub name: String,
    /// Its unit file.
    pub file: Vec<u8>,
    /// Names PID 1 listens on for it; of a service what its command line binds or connects to.
    pub sockets: Vec<Declaration>,
    /// The service that a .socket unit starts; none where it starts one a connection (`Accept=`).
    pub service: Option<String>,
    /// Units it stops with: `Requires=`, `BindsTo=`, `PartOf=`, `Sockets=`.
    pub stops_with: Vec<String>,
    /// `DirectoryMode=`
    pub directory_mode: Option<Setting<u32>>,
    /// `SocketMode=`
    pub socket_mode: Option<Setting<u32>>,
    /// `SocketUser=`
    pub socket_user: Option<Setting<String>>,
    /// `SocketGroup=`
    pub socket_group: Option<Setting<String>>,
    /// `Backlog=`, or `--backlog` of a service's command line.
    pub backlog: Option<Setting<u32>>,
    /// Directories below the runtime directory that it makes and removes (`RuntimeDirectory=`).
    pub runtime_directories: Vec<Setting<Vec<u8>>>,
    /// They outlive it, or at least its restart (`RuntimeDirectoryPreserve=`).
    pub preserves: Preserve,
    /// `RestrictAddressFamilies=` that leaves out AF_UNIX.
    pub without_unix: Option<Setting<Vec<u8>>>,
    /// What its service has other than the machine.
    pub sandbox: Sandbox,
    /// What the file of its socket will be like, where its program tells.
    pub makes: Option<Makes>,
    /// `RuntimeDirectoryMode=`
    pub runtime_mode: Option<Setting<u32>>,
    /// `User=`; none where it says nothing, or where the user exists only while it runs.
    pub user: Option<Setting<String>>,
    /// `DynamicUser=`
    pub dynamic: bool,
    /// `Group=`
    pub group: Option<Setting<String>>,
    /// `SupplementaryGroups=`
    pub groups: Vec<String>,
    /// Commands before its start, as they are written (`ExecStartPre=`).
    pub before: Vec<Setting<Vec<u8>>>,
    /// Socket files that a command before its start removes.
    pub deletes: Vec<Setting<Vec<u8>>>,
    /// Names that it may serve on: a zero byte stands for what its files do not tell.
    pub open: Vec<Setting<Vec<u8>>>,
    /// Instances of templates that it names.
    pub instances: Vec<String>,
    /// `Accept=yes`: a service for each connection.
    pub accept: Option<Setting<bool>>,
    /// uvicorn in a form that removes its own socket when it fails to start (0.30 and later).
    pub fragile: Option<Setting<String>>,
}

/// What a server makes of the file of its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Makes {
    /// Its mode.
    pub mode: u32,
    /// Its owner, where that is not the user of the service.
    pub user: Option<String>,
    /// Its group, where that is not the group of the service.
    pub group: Option<String>,
    /// The line that starts it.
    pub written: Written,
}

/// `RuntimeDirectoryPreserve=`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preserve {
    /// They go when the unit stops, and when it restarts.
    #[default]
    No,
    /// They go when it stops.
    Restart,
    /// They stay.
    Yes,
}

impl Unit {
    /// It is a .socket unit.
    pub fn is_socket(&self) -> bool {
        self.name.ends_with(".socket")
    }
}

/// A unit as systemd says it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitState {
    /// `app.socket`
    pub name: String,
    /// `active`, `inactive`, `failed`, `activating` …
    pub active: String,
    /// Why it ended: `success`, `exit-code`, `service-start-limit-hit` …
    pub result: String,
    /// Its main process.
    pub main_pid: Option<u32>,
    /// Its files were changed since systemd read them.
    pub outdated: bool,
    /// What its main process was passed; asked only of one that runs without its listener.
    pub passed: Fact<Passed>,
}

/// Descriptors that systemd passes to a process (sd_listen_fds(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// `LISTEN_FDS`: how many.
    pub fds: Option<u32>,
    /// `LISTEN_PID`: to whom.
    pub pid: Option<u32>,
    /// The process's own number, where it is.
    pub own: u32,
}

#[cfg(test)]
impl Unit {
    pub(crate) fn sample() -> Self {
        let mut listens = Declaration::sample("/tmp/x.sock");
        (listens.owner, listens.usage) = ("app.socket".into(), super::Usage::Binds);
        Self {
            name: "app.socket".into(),
            file: b"/etc/systemd/system/app.socket".to_vec(),
            sockets: vec![listens],
            service: Some("app.service".into()),
            ..Self::default()
        }
    }

    pub(crate) fn sample_service() -> Self {
        Self {
            name: "app.service".into(),
            file: b"/etc/systemd/system/app.service".to_vec(),
            ..Self::default()
        }
    }
}
