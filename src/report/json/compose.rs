//! What `preflight --compose` answers.

use serde::Serialize;

use super::Name;
use crate::model::CheckedFile;
use crate::report::style::escape_lines;

#[derive(Serialize)]
pub(super) struct Compose {
    files: Vec<File>,
    /// Its fixes, as diff(1) would show them; null: not asked for.
    patch: Option<String>,
}

#[derive(Serialize)]
struct File {
    #[serde(flatten)]
    name: Name,
    verdict: &'static str,
    services: usize,
    sockets: usize,
}

impl Compose {
    pub(super) fn of(files: &[CheckedFile], patch: Option<&[u8]>) -> Self {
        let file = |file: &CheckedFile| File {
            name: Name::of(&file.file),
            verdict: file.verdict.word(),
            services: file.services,
            sockets: file.sockets,
        };
        Self { files: files.iter().map(file).collect(), patch: patch.map(escape_lines) }
    }
}
