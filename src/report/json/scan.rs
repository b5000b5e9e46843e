//! What `scan` answers beside its findings.

use serde::Serialize;

use super::Name;
use super::health_check::HealthCheck;
use crate::model::{Checked, Declaration, Usage};
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Scan<'r> {
    declarations: Vec<Declared>,
    files: usize,
    sockets: usize,
    checks: Vec<HealthCheck<'r>>,
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

impl<'r> Scan<'r> {
    pub(super) fn of(
        declarations: &[Declaration],
        files: usize,
        sockets: usize,
        checks: &'r [Checked],
    ) -> Self {
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
        let checks = checks.iter().map(|checked| HealthCheck::of(&checked.check, &checked.verdict));
        Self {
            declarations: declarations.iter().map(declared).collect(),
            files,
            sockets,
            checks: checks.collect(),
        }
    }
}
