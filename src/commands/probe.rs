//! `probe`: talk to servers, and where that fails look at their sockets too.

mod everything;
pub(super) mod hints;
pub(super) mod like;
mod plan;

use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use nix::sys::signal::Signal;

use super::{Answer, Context, Refusal, consumers, overall};
use crate::cli::ProbeArgs;
use crate::facts::examine::Examiner;
use crate::facts::glance::Glancer;
use crate::facts::interrupt::Interrupts;
use crate::facts::process;
use crate::model::{
    Case, Data, Expectations, Fact, HttpRequest, KnownBy, Outcome, Overall, ProbePlan, Probed, ProbedTarget,
    Protocol, Reach, ReplyShown, SocketType, Target,
};
use crate::probe::{self, Prober};
use crate::rules::{self, Judgement};
use like::Like;

/// EAGAIN: the queue is full, and another probe would find it no emptier.
const EAGAIN: i32 = 11;
/// EACCES: we may not connect.
const EACCES: i32 = 13;

pub(super) fn run(context: &Context<'_>, args: &ProbeArgs) -> Result<Answer, Refusal> {
    let expected = plan::expectations(args)?;
    let timeout = context.timeout;
    let given = args.targets.iter().map(|text| plan::of(args, text.as_bytes(), timeout));
    let mut plans = given.collect::<Result<Vec<_>, _>>()?;
    let mut not_probed = Vec::new();
    let like = args.like.as_deref().map(Like::of).transpose()?;
    if let Some(like) = &like {
        plans.push(like.plan()?);
    }
    if plans.is_empty() {
        if args.http.is_none() {
            let message = "there is no target";
            return Err(Refusal::usage(
                message,
                "name one, or let --http / ask every listener known to speak HTTP",
            ));
        }
        let found = everything::listeners(context.machine, args.all);
        not_probed = found.not_probed;
        for target in found.targets {
            plans.push(plan::plan(args, target, None, timeout)?);
        }
    }
    let cannot = |error: std::io::Error| Refusal::open(format!("no probe can be made: {error}"), "try again");
    let prober = Prober::new().map_err(cannot)?;
    let shown = match (args.include, args.body_only) {
        (_, true) => ReplyShown::BodyOnly,
        (true, _) => ReplyShown::Whole,
        _ => ReplyShown::Line,
    };
    let session = Session { context, args, shown, expected, prober, like };
    let mut judgement = Judgement::default();
    let mut targets = Vec::new();
    let mut failed = false;
    for plan in plans {
        let (target, judged) = session.target(&plan);
        failed |= target.verdict == Overall::Error || target.probes.iter().any(|probed| !probed.is_fine());
        judgement.absorb(judged);
        targets.push(target);
    }
    let (subjects, open) = (targets.len(), targets.is_empty());
    let data = Data::Probe { targets, not_probed, shown };
    Ok(Answer { judgement, data, subjects, open, failed, ..Answer::nothing() })
}

/// What all targets share.
struct Session<'s> {
    context: &'s Context<'s>,
    args: &'s ProbeArgs,
    shown: ReplyShown,
    expected: Expectations,
    prober: Prober,
    like: Option<Like>,
}

impl Session<'_> {
    /// Probes one target as often as asked for, and judges the first probe that failed, else the last.
    fn target(&self, plan: &ProbePlan) -> (ProbedTarget, Judgement) {
        let mut made: Vec<Probed> = Vec::new();
        let mut cut_short = None;
        let denied = self.like.as_ref().and_then(|like| like.denied(self.context, &plan.target));
        if is_hung(self.context, plan) {
            made.push(self.checked(probe::hung(plan)));
        } else if denied.is_some() {
            made.push(self.checked(probe::denied(plan)));
        }
        let count = if made.is_empty() { self.args.count } else { 0 };
        // What a series has so far is worth telling.
        let interrupts = if count > 1 { Interrupts::of(&[Signal::SIGINT]) } else { None };
        for number in 0..count {
            if number > 0 && self.is_interrupted(interrupts.as_ref()) {
                cut_short = Some("interrupted");
                break;
            }
            let mut probed = self.once(plan);
            // A thousand bodies would be a thousand times one limit.
            let unseen = self.shown == ReplyShown::Line;
            if let Some(reply) = probed.reply.as_mut().filter(|_| unseen) {
                (reply.body, reply.headers) = (Vec::new(), Vec::new());
            }
            let stalled = probed.outcome == Outcome::NoReply || probed.errno() == Some(EAGAIN);
            made.push(probed);
            if stalled && number + 1 < self.args.count {
                cut_short =
                    Some("the server is stalled: another probe would only take one more place in its queue");
                break;
            }
        }
        let worst = made.iter().position(|probed| !probed.is_fine()).unwrap_or(made.len() - 1);
        let mut case = denied.unwrap_or_else(|| case(self.context, plan, &made[worst]));
        let checked = self.like.as_ref().and_then(|like| like.told(&made[worst]));
        case.configured.checked.clone_from(&checked);
        // No rule reads the body; to have it twice would be dear.
        let body = made[worst].reply.as_mut().map(|reply| std::mem::take(&mut reply.body));
        let probed = Box::new(made[worst].clone());
        if let (Some(reply), Some(body)) = (made[worst].reply.as_mut(), body) {
            reply.body = body;
        }
        let failed = !probed.is_fine();
        case.probe = Fact::Known(probed);
        let rules = if failed { rules::ALL } else { rules::ON_THE_WIRE };
        let judged = rules::judge(&case, rules, |rule| self.context.chosen(rule));
        let severity = judged.findings.iter().map(|finding| finding.severity).max();
        let verdict = if failed { Overall::Error } else { overall(severity, judged.error_left_out) };
        let label = plan.target.label();
        let subject = case.subject();
        (ProbedTarget { label, verdict, subject, probes: made, cut_short, checked }, judged)
    }

    /// Pauses between two probes of a series, and tells whether it is to end there.
    fn is_interrupted(&self, interrupts: Option<&Interrupts>) -> bool {
        let Some(interrupts) = interrupts else {
            self.prober.pause(self.args.interval);
            return false;
        };
        interrupts.within(self.args.interval).is_some()
    }

    fn once(&self, plan: &ProbePlan) -> Probed {
        let command = |pid: Option<u32>| process::command(self.context.machine, pid?);
        let mut probed = self.prober.probe(plan, &|pid| hints::protocol(&plan.target, || command(pid)));
        if self.like.is_some() {
            return self.checked(probed);
        }
        // HTTP/2 says so in its first frame: nothing is wrong with the server, only with the question.
        if plan.protocol == Some(Protocol::Http) && probed.outcome == Outcome::Foreign(Some(Protocol::Http2))
        {
            let plan = ProbePlan { protocol: Some(Protocol::Http2), ..plan.clone() };
            probed = Probed { known_by: Some(KnownBy::FirstBytes), ..self.prober.probe(&plan, &|_| None) };
        }
        if probed.outcome == Outcome::Answered
            && let Some(reply) = &probed.reply
        {
            let mut expected = self.expected.clone();
            if expected.statuses.is_empty() {
                expected.statuses.extend(plan::usual(plan.protocol));
            }
            probed.misses.extend(expected.misses(reply));
        }
        if !probed.is_fine() {
            probed.usually = hints::protocol(&plan.target, || command(probed.peer_pid));
            probed.other_host = self.other_host(plan, &probed);
        }
        probed
    }

    /// With what HAProxy would make of it.
    fn checked(&self, probed: Probed) -> Probed {
        match &self.like {
            Some(like) => like.checked(probed),
            None => probed,
        }
    }

    /// A 400 that another Host header turns into something else is about the Host header.
    fn other_host(&self, plan: &ProbePlan, probed: &Probed) -> Option<(String, u16)> {
        let status = |probed: &Probed| probed.reply.as_ref().and_then(|reply| reply.status);
        let bodyless = plan.request.body.is_empty() && matches!(plan.request.method.as_str(), "GET" | "HEAD");
        let http = plan.protocol.is_some_and(Protocol::is_http);
        if !(bodyless && http && self.args.count == 1 && status(probed) == Some(400)) {
            return None;
        }
        let host = if plan.request.host == "localhost" { "127.0.0.1" } else { "localhost" };
        let request = HttpRequest { host: host.into(), ..plan.request.clone() };
        let again = self.prober.probe(&ProbePlan { request, ..plan.clone() }, &|_| None);
        status(&again).filter(|status| *status != 400).map(|status| (host.to_owned(), status))
    }
}

/// Whether the path leads through a mount that does not answer.
pub(super) fn is_hung(context: &Context<'_>, plan: &ProbePlan) -> bool {
    let Target::Path(path) = &plan.target else { return false };
    let deadline = Instant::now() + plan.timeout.mul_f64(0.8);
    let glance = Glancer::new(context.machine).at(path, false, deadline);
    glance.hazard.is_some() && glance.reach == Reach::Unseen
}

/// What a probe that failed has to do with is looked at whole; one that was fine has shown that it works.
pub(super) fn case(context: &Context<'_>, plan: &ProbePlan, probed: &Probed) -> Case {
    let here = process::own_directory();
    if !probed.is_fine() && is_here(&plan.target) {
        // The probe had its own time.
        let deadline = Instant::now() + context.timeout.mul_f64(0.8);
        let context = Context { deadline, ..*context };
        let mut examiner = Examiner::new(context.machine, deadline, false);
        let target = std::slice::from_ref(&plan.target);
        let found = if probed.errno() == Some(EACCES) {
            consumers::examine_for_us(&context, &mut examiner, target, &here)
        } else {
            examiner.examine(target, &here)
        };
        // Of another machine nothing is seen here, and nothing of it is in question.
        let is_ours = |case: &Case| {
            !matches!(case.target, Target::Tcp(_)) || case.server().is_some() || case.sockets.gaps.is_empty()
        };
        if let Some(case) = found.into_iter().next().flatten().filter(is_ours) {
            let mut case = Case { expects: Some(SocketType::Stream), ..case };
            examiner.health(std::slice::from_mut(&mut case), None);
            return case;
        }
    }
    let path = match &plan.target {
        Target::Path(path) if path.starts_with(b"/") => path.clone(),
        Target::Path(path) => [here.as_slice(), b"/", path].concat(),
        _ => Vec::new(),
    };
    Case::new(plan.target.clone(), path)
}

/// Whether a target is surely of this machine: an address of TCP is where it is the loopback's.
fn is_here(target: &Target) -> bool {
    let Target::Tcp(address) = target else { return true };
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    let numeric = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    numeric.map_or(host == "localhost", |host| host.is_loopback())
}
