//! `data.waited` of `wait`.

use serde::Serialize;

use super::Name;
use super::target::errno_name;
use crate::model;

#[derive(Serialize)]
pub(super) struct Entry {
    target: String,
    target_b64: Option<String>,
    goal: &'static str,
    ready: bool,
    state: &'static str,
    errno: Option<String>,
    waited_s: f64,
}

impl Entry {
    pub(super) fn of(waited: &model::Waited) -> Self {
        let Name { name: target, name_b64: target_b64 } = Name::of(&waited.target.label());
        Self {
            target,
            target_b64,
            goal: waited.goal.word(),
            ready: waited.ready,
            state: waited.reach.word(),
            errno: waited.reach.errno().map(errno_name),
            waited_s: waited.after.as_secs_f64(),
        }
    }
}
