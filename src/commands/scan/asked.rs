//! `scan --probe`: one question to each server that configuration sends HTTP to, after all that was only looked at.

use std::time::{Duration, Instant};

use super::super::Context;
use super::super::probe::hints;
use crate::facts::process;
use crate::model::{
    Case, Fact, Gap, Holder, HttpRequest, NotChecked, ProbePlan, Protocol, Severity, SocketType,
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
}

impl<'c> Asker<'c> {
    pub(super) fn of(context: &'c Context<'c>) -> Result<Self, Gap> {
        let prober = Prober::new().map_err(|error| Gap::new("no probe can be made", error.to_string()))?;
        Ok(Self { context, prober })
    }

    /// Asks the server of a case in which nothing was found to be broken, and judges what comes of it. A reply is a
    /// reply, whatever its status: what `/` is there, nobody has said.
    pub(super) fn ask(&self, case: &mut Case, judged: &Judgement) -> Judgement {
        let broken = judged.error_left_out
            || judged.findings.iter().any(|finding| finding.severity == Severity::Error);
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
}

/// A listener that configuration sends HTTP to and that a process accepts on: PID 1 alone would start its service.
fn speaks_http(case: &Case) -> bool {
    let declared = case.configured.clients().any(|client| client.protocol == Some(Protocol::Http));
    let accepts = |holder: &Holder| !holder.process.is_manager();
    declared
        && case.server().is_some_and(|server| {
            server.is_alive()
                && server.socket.kind == SocketType::Stream
                && server.holders.known().is_some_and(|holders| holders.iter().any(accepts))
        })
}

fn untold(case: &Case, why: &str) -> Judgement {
    let gap = Gap::new(format!("probe {}", String::from_utf8_lossy(&case.target.label())), why);
    Judgement { not_checked: vec![NotChecked { code: None, gap }], ..Judgement::default() }
}
