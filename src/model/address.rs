//! What a socket is bound to: bytes, never a C string.

/// The name given to `bind(2)`, byte for byte (unix(7), "Address format").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A file name as it was given: maybe relative, maybe through a symlink, not updated by rename.
    Path(Box<[u8]>),
    /// A name in the abstract namespace, without its leading NUL; may be empty and may hold NULs.
    Abstract(Box<[u8]>),
    /// Of TCP, as ss(8) writes it: `127.0.0.1:80`, `*:80` for both families.
    Tcp(Box<[u8]>),
    /// Never bound.
    Unnamed,
}

impl Address {
    /// The path, where it is one.
    pub const fn path(&self) -> Option<&[u8]> {
        match self {
            Self::Path(path) => Some(path),
            Self::Abstract(_) | Self::Tcp(_) | Self::Unnamed => None,
        }
    }

    /// Whether it is a file name whose place depends on the directory of whoever bound it.
    pub fn is_relative(&self) -> bool {
        self.path().is_some_and(|path| !path.starts_with(b"/"))
    }

    /// The bytes of the name without its kind; empty for an unnamed socket.
    pub const fn bytes(&self) -> &[u8] {
        match self {
            Self::Path(name) | Self::Abstract(name) | Self::Tcp(name) => name,
            Self::Unnamed => &[],
        }
    }
}
