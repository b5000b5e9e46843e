//! `scan --probe`: one question to each server that configuration sends HTTP to, after all that was only looked at:
//! that of HAProxy's own check where it makes one, else a plain request.

use std::time::{Duration, Instant};

use super::super::Context;
use super::super::probe::hints;
use super::super::site::Front;
use super::replayed::Replays;
use crate::facts::process;
use crate::model::{
    Case, Checked, Fact, Gap, Holder, HttpRequest, NotChecked, ProbePlan, Protocol, Severity, Sighting,
    SocketType,
};
use crate::probe::Prober;
use crate::rules::{self, Judgement};

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// A longer body is not waited for.
const MAX_BODY: u64 = 1 << 20;

/// Who asks.
pub(super) struct Asker<'c> {
    context: &'c Context<'c>,
    prober: Prober,
    replays: Replays<'c>,
}

impl<'c> Asker<'c> {
    pub(super) fn of(context: &'c Context<'c>, fronts: &[Front]) -> Result<Self, Gap> {
        let prober = Prober::new().map_err(|error| Gap::new("no probe can be made", error.to_string()))?;
        Ok(Self { context, prober, replays: Replays::of(context, fronts) })
    }

    /// Asks the server of a case in which nothing was found to be broken, and judges what comes of it. A reply is a
    /// reply, whatever its status: what `/` is there, nobody has said.
    pub(super) fn ask(&mut self, case: &mut Case, judged: &Judgement) -> Judgement {
        let broken = judged.error_left_out
            || judged.findings.iter().any(|finding| finding.severity == Severity::Error);
        let asleep = !accepts(case) && case.server().is_some();
        if let Some(judged) = self.replays.of_case(&self.prober, case, broken, asleep) {
            return judged;
        }
        if broken || !speaks_http(case) {
            return Judgement::default();
        }
        let left = self.context.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return untold(case, "the time was up: --timeout");
        }
        if case.client.is_some() {
            return untold(case, "its client sees other files than we do");
        }
        let request = HttpRequest::get(&case.target, "/".into());
        let plan = ProbePlan::http(case.target.clone(), request, left.min(PATIENCE), MAX_BODY);
        let mut probed = self.prober.probe(&plan, &|_| None);
        if !probed.is_fine() {
            let command = || process::command(self.context.machine, probed.peer_pid?);
            probed.usually = hints::protocol(&case.target, command);
        }
        case.probe = Fact::Known(Box::new(probed));
        rules::judge(case, rules::ON_THE_WIRE, |rule| self.context.chosen(rule))
    }

    /// Makes the checks of servers that no case was about: those behind TCP. Gives all that were made.
    pub(super) fn rest(mut self) -> (Judgement, Vec<Checked>) {
        let judged = self.replays.rest(&self.prober);
        (judged, self.replays.made())
    }
}

/// A listener that configuration sends HTTP to and that a process accepts on.
fn speaks_http(case: &Case) -> bool {
    let declared = case.configured.clients().any(|client| client.protocol == Some(Protocol::Http));
    let listens = |server: &Sighting| server.is_alive() && server.socket.kind == SocketType::Stream;
    declared && case.server().is_some_and(listens) && accepts(case)
}

/// A process accepts: PID 1 alone would start its service.
fn accepts(case: &Case) -> bool {
    let accepts = |holder: &Holder| !holder.process.is_manager();
    let holders = case.server().and_then(|server| server.holders.known());
    holders.is_some_and(|holders| holders.iter().any(accepts))
}

pub(super) fn untold(case: &Case, why: &str) -> Judgement {
    let gap = Gap::new(format!("probe {}", String::from_utf8_lossy(&case.target.label())), why);
    Judgement { not_checked: vec![NotChecked { code: None, gap }], ..Judgement::default() }
}
