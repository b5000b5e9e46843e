//! `data` of `guard`.

use serde::Serialize;

use super::target::errno_name;
use super::{Name, rfc3339};
use crate::model::{GuardCause, GuardPass, Probed, Repair};
use crate::report::style::escape;

#[derive(Serialize)]
pub(super) struct Guard {
    target: String,
    target_b64: Option<String>,
    outcome: &'static str,
    tries: Vec<Try>,
    cause: Option<Cause>,
    why: Option<String>,
    repair: Option<Action>,
    repairs: Repairs,
    passes: u64,
    recovered: u64,
}

#[derive(Serialize)]
struct Try {
    outcome: &'static str,
    status: Option<u16>,
    errno: Option<String>,
    total_s: f64,
}

#[derive(Serialize)]
struct Cause {
    code: Option<&'static str>,
    name: Option<&'static str>,
    certainty: &'static str,
    summary: String,
}

#[derive(Serialize)]
struct Action {
    command: Vec<String>,
    exit_status: Option<u8>,
    took_s: f64,
}

#[derive(Serialize)]
struct Repairs {
    made: usize,
    allowed: u32,
    window_s: f64,
    next_at: Option<String>,
}

impl Guard {
    pub(super) fn of(pass: &GuardPass) -> Self {
        let Name { name: target, name_b64: target_b64 } = Name::of(&pass.label);
        let repairs = Repairs {
            made: pass.repairs.made,
            allowed: pass.repairs.allowed,
            window_s: pass.repairs.window.as_secs_f64(),
            next_at: pass.repairs.next.map(rfc3339),
        };
        Self {
            target,
            target_b64,
            outcome: pass.outcome.word(),
            tries: pass.tries.iter().map(Try::of).collect(),
            cause: pass.cause.as_ref().map(Cause::of),
            why: pass.why.clone(),
            repair: pass.repair.as_ref().map(Action::of),
            repairs,
            passes: pass.passes,
            recovered: pass.recovered,
        }
    }
}

impl Try {
    fn of(probed: &Probed) -> Self {
        Self {
            outcome: probed.outcome.word(),
            status: probed.reply.as_ref().and_then(|reply| reply.status),
            errno: probed.errno().map(errno_name),
            total_s: probed.total().as_secs_f64(),
        }
    }
}

impl Cause {
    fn of(cause: &GuardCause) -> Self {
        let (code, name, summary) = (cause.code, cause.name, cause.summary.clone());
        Self { code, name, certainty: cause.certainty.word(), summary }
    }
}

impl Action {
    fn of(repair: &Repair) -> Self {
        let command = repair.command.iter().map(|word| escape(word)).collect();
        Self { command, exit_status: repair.status, took_s: repair.took.as_secs_f64() }
    }
}
