//! `data` of `clean`.

use serde::Serialize;

use super::target::errno_name;
use super::{Evidence, Name};
use crate::model::{self, CleanState};
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Clean {
    applied: bool,
    candidates: Vec<Candidate>,
}

#[derive(Serialize)]
struct Candidate {
    path: String,
    path_b64: Option<String>,
    state: &'static str,
    leftover: bool,
    aside: Option<String>,
    aside_b64: Option<String>,
    errno: Option<String>,
    proof: Vec<Evidence>,
    why: Option<String>,
    command: Option<String>,
}

impl Clean {
    pub(super) fn of(applied: bool, candidates: &[model::Candidate]) -> Self {
        Self { applied, candidates: candidates.iter().map(Candidate::of).collect() }
    }
}

impl Candidate {
    fn of(candidate: &model::Candidate) -> Self {
        let Name { name: path, name_b64: path_b64 } = Name::of(&candidate.path);
        let aside =
            if let CleanState::Aside(aside) = &candidate.state { Some(Name::of(aside)) } else { None };
        let (aside, aside_b64) = aside.map_or((None, None), |aside| (Some(aside.name), aside.name_b64));
        let errno =
            if let CleanState::Failed(errno) = candidate.state { Some(errno_name(errno)) } else { None };
        let proof = candidate
            .proof
            .iter()
            .map(|one| Evidence { source: escape(&one.source), detail: escape(&one.detail) });
        Self {
            path,
            path_b64,
            state: candidate.state.word(),
            leftover: candidate.leftover,
            aside,
            aside_b64,
            errno,
            proof: proof.collect(),
            why: candidate.why.clone(),
            command: candidate.command.as_deref().map(escape),
        }
    }
}
