//! What `scan` answers beside its findings.

use serde::Serialize;

use super::Name;
use crate::model::{Declaration, Usage};
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Scan {
    declarations: Vec<Declared>,
    files: usize,
    sockets: usize,
}

#[derive(Serialize)]
struct Declared {
    #[serde(flatten)]
    name: Name,
    owner: String,
    /// What the owner does there.
    usage: &'static str,
    file: String,
    line: u32,
    column: u32,
}

impl Scan {
    pub(super) fn of(declarations: &[Declaration], files: usize, sockets: usize) -> Self {
        let declared = |declaration: &Declaration| Declared {
            name: Name::of(&declaration.path),
            owner: escape(declaration.owner.as_bytes()),
            usage: match declaration.usage {
                Usage::Binds => "binds",
                Usage::Connects => "connects",
                Usage::Either => "either",
            },
            file: escape(&declaration.written.location.file),
            line: declaration.written.location.line,
            column: declaration.written.location.column,
        };
        Self { declarations: declarations.iter().map(declared).collect(), files, sockets }
    }
}
