//! What configuration files say about sockets.

use super::Location;

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

/// A .socket unit of systemd, by which PID 1 listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketUnit {
    /// `app.socket`
    pub name: String,
    /// Its unit file.
    pub file: Vec<u8>,
}

#[cfg(test)]
impl SocketUnit {
    pub(crate) fn sample() -> Self {
        Self { name: "app.socket".into(), file: b"/etc/systemd/system/app.socket".to_vec() }
    }
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
