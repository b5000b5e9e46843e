//! `probe`: each probe, and what several of one target amount to.

use std::time::Duration;

use serde::Serialize;

use super::Name;
use super::health_check::HealthCheck;
use super::target::errno_name;
use crate::model::{self, Outcome, ReplyShown, StepName, percentile};
use crate::report::style::escape;

/// One probe, of a document or a line of its own.
#[derive(Serialize)]
pub(in crate::report) struct Probe<'r> {
    target: String,
    target_b64: Option<String>,
    ok: bool,
    outcome: &'static str,
    protocol: Option<&'static str>,
    known_by: Option<&'static str>,
    asked: Option<&'r str>,
    connect_s: Option<f64>,
    first_byte_s: Option<f64>,
    total_s: f64,
    status: Option<u16>,
    errno: Option<String>,
    steps: Vec<Step>,
    unfinished: Option<&'static str>,
    server: Option<String>,
    version: Option<String>,
    message: Option<String>,
    received_bytes: u64,
    body_bytes: Option<u64>,
    first_bytes: String,
    misses: Vec<Miss<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<HealthCheck<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<Header>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_b64: Option<String>,
}

#[derive(Serialize)]
struct Step {
    #[serde(rename = "step")]
    name: &'static str,
    seconds: f64,
    done: bool,
    errno: Option<String>,
}

#[derive(Serialize)]
struct Miss<'r> {
    expected: &'r str,
    got: String,
}

#[derive(Serialize)]
struct Header {
    name: String,
    value: String,
}

/// Several probes of one target.
#[derive(Serialize)]
pub(super) struct Series {
    target: String,
    count: usize,
    failed: usize,
    min_s: Option<f64>,
    p50_s: Option<f64>,
    p90_s: Option<f64>,
    p99_s: Option<f64>,
    max_s: Option<f64>,
    stopped: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct NotProbed<'r> {
    target: String,
    target_b64: Option<String>,
    reason: &'r str,
}

impl<'r> Probe<'r> {
    /// Every probe of these targets, in order.
    pub(in crate::report) fn all(
        targets: &'r [model::ProbedTarget],
        shown: ReplyShown,
    ) -> impl Iterator<Item = Self> {
        targets
            .iter()
            .flat_map(move |target| target.probes.iter().map(move |probed| Self::of(target, probed, shown)))
    }

    fn of(target: &'r model::ProbedTarget, probed: &'r model::Probed, shown: ReplyShown) -> Self {
        let Name { name, name_b64 } = Name::of(&target.label);
        let reply = probed.reply.as_ref();
        let text = |bytes: Option<&Vec<u8>>| bytes.map(|bytes| escape(bytes));
        let whole = reply.filter(|_| shown != ReplyShown::Line);
        let body = whole.map(|reply| Name::of(&reply.body));
        let step = |step: &model::ProbeStep| Step {
            name: step.name.word(),
            seconds: step.took.as_secs_f64(),
            done: step.done,
            errno: step.errno.map(errno_name),
        };
        let headers = |reply: &model::Reply| {
            let each = reply.headers.iter();
            each.map(|(name, value)| Header { name: escape(name), value: escape(value) }).collect()
        };
        Self {
            target: name,
            target_b64: name_b64,
            ok: probed.is_fine(),
            outcome: probed.outcome.word(),
            protocol: probed.protocol.map(model::Protocol::word),
            known_by: probed.known_by.map(model::KnownBy::word),
            asked: probed.asked.as_deref(),
            connect_s: probed.until(StepName::Connect).as_ref().map(Duration::as_secs_f64),
            first_byte_s: probed.until(StepName::FirstByte).as_ref().map(Duration::as_secs_f64),
            total_s: probed.total().as_secs_f64(),
            status: reply.and_then(|reply| reply.status),
            errno: probed.errno().map(errno_name),
            steps: probed.steps.iter().map(step).collect(),
            unfinished: match &probed.outcome {
                Outcome::Unfinished(why) => Some(why.word()),
                _ => None,
            },
            server: text(reply.and_then(|reply| reply.server.as_ref())),
            version: text(reply.and_then(|reply| reply.version.as_ref())),
            message: text(reply.and_then(|reply| reply.message.as_ref())),
            received_bytes: probed.received,
            body_bytes: reply.filter(|reply| reply.status.is_some()).map(|reply| reply.body_bytes),
            first_bytes: escape(&probed.first_bytes),
            misses: probed
                .misses
                .iter()
                .map(|miss| Miss { expected: &miss.expected, got: escape(&miss.got) })
                .collect(),
            check: target
                .checked
                .as_ref()
                .zip(probed.check.as_ref())
                .map(|(checked, verdict)| HealthCheck::of(&checked.check, verdict)),
            headers: whole.map(headers),
            body_b64: body.as_ref().and_then(|body| body.name_b64.clone()),
            body: body.map(|body| body.name),
        }
    }
}

impl Series {
    pub(super) fn of(target: &model::ProbedTarget) -> Self {
        let times = target.times();
        let at = |percent| percentile(&times, percent).as_ref().map(Duration::as_secs_f64);
        Self {
            target: Name::of(&target.label).name,
            count: target.probes.len(),
            failed: target.probes.iter().filter(|probed| !probed.is_fine()).count(),
            min_s: times.first().map(Duration::as_secs_f64),
            p50_s: at(50),
            p90_s: at(90),
            p99_s: at(99),
            max_s: times.last().map(Duration::as_secs_f64),
            stopped: target.cut_short,
        }
    }
}

impl<'r> NotProbed<'r> {
    pub(super) fn of(left: &'r model::NotProbed) -> Self {
        let Name { name: target, name_b64: target_b64 } = Name::of(&left.label);
        Self { target, target_b64, reason: &left.why }
    }
}
