//! What a socket's file and directory will be like as units declare them.

use super::{Permissions, Written};

/// What is declared of a socket that nobody has made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The unit that makes it.
    pub server: String,
    /// Who may do what with its file.
    pub file: Option<Permissions>,
    /// The directory that is made for it, and who may do what there.
    pub directory: Option<(Vec<u8>, Permissions)>,
    /// The lines that say so.
    pub lines: Vec<Written>,
}
