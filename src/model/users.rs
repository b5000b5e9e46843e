//! A numeric id and the name it goes by, with where the name came from.

use std::borrow::Cow;

/// Who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameSource {
    /// `/etc/passwd` or `/etc/group` of the viewed root.
    Files,
    /// `getent`, which asks what nsswitch.conf names.
    Getent,
}

/// A uid or gid and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdName {
    /// The number the kernel goes by.
    pub id: u32,
    /// The name, where one is known.
    pub name: Option<(String, NameSource)>,
}

impl IdName {
    /// An id nobody has a name for.
    pub const fn unnamed(id: u32) -> Self {
        Self { id, name: None }
    }

    /// The name, else the number.
    pub fn label(&self) -> Cow<'_, str> {
        self.name.as_ref().map_or_else(|| self.id.to_string().into(), |(name, _)| name.into())
    }
}
