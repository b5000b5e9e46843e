//! What `self-check` answers.

use serde::Serialize;

use crate::model;
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Check<'r> {
    name: &'static str,
    state: &'static str,
    detail: String,
    lets: &'static str,
    would_help: Option<&'r str>,
}

impl<'r> Check<'r> {
    pub(super) fn of(check: &'r model::Check) -> Self {
        Self {
            name: check.name,
            state: check.state.word(),
            detail: escape(check.detail.as_bytes()),
            lets: check.lets,
            would_help: check.would_help.as_deref(),
        }
    }
}
