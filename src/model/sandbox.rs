//! What a unit has its service see of the files of the machine (systemd.exec(5), "Sandboxing").

use super::Written;

/// The places that are other for it than for the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sandbox {
    /// Each with what becomes of it.
    pub places: Vec<Altered>,
    /// Units whose /tmp it shares (`JoinsNamespaceOf=`).
    pub joins: Vec<String>,
}

/// A directory, and what of it a service has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// The directory.
    pub directory: Vec<u8>,
    /// What it is there.
    pub shown: Shown,
    /// The line that says so.
    pub written: Written,
}

/// What a directory is for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Another one, of its own: `PrivateTmp=`, `TemporaryFileSystem=`.
    Own,
    /// Nothing: `InaccessiblePaths=`, `ProtectHome=yes`.
    Hidden,
    /// It cannot make files there: `ProtectSystem=`, `ReadOnlyPaths=`.
    ReadOnly,
    /// As on the machine, or made for it: `ReadWritePaths=`, `RuntimeDirectory=`.
    Same,
    /// Something that is mounted there: `BindPaths=`.
    Bound,
}

impl Sandbox {
    /// What has the last word on a path; `None`: it is there as on the machine.
    pub fn at(&self, path: &[u8]) -> Option<&Altered> {
        let holds = |place: &&Altered| {
            let directory = place.directory.strip_suffix(b"/").unwrap_or(&place.directory);
            path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let length = |place: &&Altered| (place.directory.len(), place.shown == Shown::Same);
        self.places.iter().filter(holds).max_by_key(length)
    }
}
