//! What configuration files say about sockets.

use std::ops::Range;

use super::{Composition, Location, Protocol};

/// Everything a set of configuration files that belong together says about sockets: what rules about declarations
/// judge, as others judge a [`Case`](super::Case).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    /// Every socket they speak of, in the order of the files.
    pub sockets: Vec<Declaration>,
    /// The services and volumes of Compose files.
    pub composition: Option<Composition>,
    /// Where it is to run; `None`: here.
    pub target: Option<TargetOs>,
}

/// The operating system that configuration is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetOs {
    /// Linux, where containers and files have one kernel.
    Linux,
    /// macOS, where containers run in a virtual machine.
    Macos,
    /// Windows, where they do too.
    Windows,
}

impl TargetOs {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Macos => "macOS",
            Self::Windows => "Windows",
        }
    }
}

/// One mention of a socket in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Whose it is: a service, a unit, a backend.
    pub owner: String,
    /// What the owner does there.
    pub usage: Usage,
    /// As it is written and as the owner sees it; of PostgreSQL the directory (libpq, `host`), of MySQL [`LOCALHOST`]
    /// too.
    pub path: Vec<u8>,
    /// The path is that of the directory.
    pub directory: bool,
    /// What is spoken there, where that is known.
    pub protocol: Option<Protocol>,
    /// The port that is part of the socket's name (PostgreSQL).
    pub port: Option<u16>,
    /// Where it says so.
    pub written: Written,
}

impl Declaration {
    /// The directory of the socket.
    pub fn place(&self) -> &[u8] {
        let named_file = self.protocol == Some(Protocol::Postgres) && postgres_file(&self.path).is_some();
        if self.directory && !named_file {
            return &self.path;
        }
        let end = self.path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        &self.path[..end]
    }

    /// The whole path of the socket, where it is known.
    pub fn socket(&self) -> Option<Vec<u8>> {
        match (self.directory, self.protocol) {
            (false, _) => Some(self.path.clone()),
            (true, Some(Protocol::Postgres)) => {
                let name = format!("/.s.PGSQL.{}", self.port.unwrap_or(5432));
                Some([self.place(), name.as_bytes()].concat())
            }
            (true, _) => None,
        }
    }
}

/// What MySQL's own clients take for the socket that they were built with, and never for TCP.
pub const LOCALHOST: &str = "localhost";

/// The port in the name of a socket file of PostgreSQL.
pub fn postgres_file(path: &[u8]) -> Option<u16> {
    let name = path.rsplit(|byte| *byte == b'/').next()?.strip_prefix(b".s.PGSQL.")?;
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// Whether a path is that of a socket file, by its name.
pub fn names_a_socket(path: &[u8]) -> bool {
    [&b".sock"[..], b".socket"].iter().any(|ending| path.ends_with(ending)) || postgres_file(path).is_some()
}

/// What an owner does with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Usage {
    /// It is the server.
    Binds,
    /// It is a client.
    Connects,
    /// It is one of them: what is written does not tell which.
    Either,
}

/// A piece of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it begins.
    pub location: Location,
    /// The line it stands in, without blanks around it.
    pub text: Vec<u8>,
    /// Its bytes in the file; `None` where it is not written out there, as with a variable.
    pub bytes: Option<Range<usize>>,
}

/// A place between two lines where something can be written without touching either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The file.
    pub file: Vec<u8>,
    /// Before this byte; beyond the end of the file: behind its last line.
    pub at: usize,
    /// How many blanks stand before what begins there.
    pub indent: usize,
}

/// A line of tmpfiles.d(5) that has the contents of a directory removed when they are old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgedLine {
    /// Where its age is written.
    pub location: Location,
    /// The line as it is written.
    pub text: Vec<u8>,
    /// The directory it cleans; for a line with a glob, the one that matched.
    pub directory: Vec<u8>,
    /// The age as it is written: `10d`.
    pub age: String,
}

#[cfg(test)]
impl AgedLine {
    /// What upstream systemd ships for /tmp.
    pub(crate) fn sample() -> Self {
        Self {
            location: Location { file: b"/usr/lib/tmpfiles.d/tmp.conf".to_vec(), line: 11, column: 28 },
            text: b"q /tmp 1777 root root 10d".to_vec(),
            directory: b"/tmp".to_vec(),
            age: "10d".into(),
        }
    }
}

#[cfg(test)]
impl Written {
    pub(crate) fn sample() -> Self {
        let location = Location { file: b"compose.yml".to_vec(), line: 3, column: 5 };
        Self { location, text: b"a line".to_vec(), bytes: None }
    }
}

#[cfg(test)]
impl Declaration {
    /// A client.
    pub(crate) fn sample(path: &str) -> Self {
        Self {
            owner: "app".into(),
            usage: Usage::Connects,
            path: path.into(),
            directory: false,
            protocol: None,
            port: None,
            written: Written::sample(),
        }
    }
}
