//! A health check that was replayed, as `probe --like` and `scan --probe` show it.

use serde::Serialize;

use crate::model::{self, CheckVerdict};
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct HealthCheck<'r> {
    backend: &'r str,
    server: &'r str,
    file: String,
    line: u32,
    verdict: &'static str,
    up: bool,
}

impl<'r> HealthCheck<'r> {
    pub(super) fn of(check: &'r model::HealthCheck, verdict: &CheckVerdict) -> Self {
        Self {
            backend: &check.backend,
            server: &check.server,
            file: escape(&check.written.location.file),
            line: check.written.location.line,
            verdict: verdict.word,
            up: verdict.is_up(),
        }
    }
}
