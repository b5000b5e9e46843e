//! HAProxy's own checks, made by `scan --probe` as `probe --like` makes each of them: every question once, few at most,
//! and none to a server that was found to stall.

use std::time::{Duration, Instant};

use super::super::Context;
use super::super::probe::{self, like::Like};
use super::super::site::Front;
use super::asked::untold;
use crate::commands::jail;
use crate::model::{
    Asks, Case, CheckVerdict, Checked, Fact, Outcome, ProbePlan, Probed, Setting, Target, Unfinished,
};
use crate::probe::Prober;
use crate::rules::{self, Judgement};

/// How many questions are asked.
const MOST: usize = 100;
/// How long one answer is waited for, whatever HAProxy has patience for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The checks of all that were read.
pub(super) struct Replays<'c> {
    context: &'c Context<'c>,
    left: Vec<Check>,
    answers: Vec<(ProbePlan, Probed)>,
    made: Vec<Checked>,
}

struct Check {
    like: Like,
    chroot: Option<Setting<Vec<u8>>>,
    /// HAProxy sees other files, or other networks, than we do.
    apart: bool,
}

impl<'c> Replays<'c> {
    pub(super) fn of(context: &'c Context<'c>, fronts: &[Front]) -> Self {
        let each = fronts.iter().flat_map(|front| {
            let chroot = front.chroot.as_ref();
            let own = front.checks.iter().filter(|check| check.asks != Asks::Nothing).cloned();
            own.map(move |check| Check {
                like: Like::new(check, front.user.clone(), chroot.map(|chroot| chroot.value.as_slice())),
                chroot: chroot.cloned(),
                apart: front.apart,
            })
        });
        Self { context, left: each.collect(), answers: Vec::new(), made: Vec::new() }
    }

    /// Makes those of the server that a case is about, if there are any; where it is broken that is known already, and
    /// where nobody accepts the first question would start its service.
    pub(super) fn of_case(
        &mut self,
        prober: &Prober,
        case: &mut Case,
        broken: bool,
        asleep: bool,
    ) -> Option<Judgement> {
        let (own, left) = std::mem::take(&mut self.left).into_iter().partition(|check| is_of(check, case));
        self.left = left;
        let own: Vec<Check> = own;
        if own.is_empty() || broken {
            return (!own.is_empty()).then(Judgement::default);
        }
        if asleep {
            return Some(untold(case, "systemd holds it: a connection would start its service"));
        }
        let mut all = Judgement::default();
        for check in own {
            all.absorb(self.make(prober, &check, Some(case)));
        }
        Some(all)
    }

    /// Makes all that are left.
    pub(super) fn rest(&mut self, prober: &Prober) -> Judgement {
        let mut all = Judgement::default();
        for check in std::mem::take(&mut self.left) {
            all.absorb(self.make(prober, &check, None));
        }
        all
    }

    pub(super) fn made(self) -> Vec<Checked> {
        self.made
    }

    fn make(&mut self, prober: &Prober, check: &Check, case: Option<&mut Case>) -> Judgement {
        let answer = plan(check).and_then(|plan| self.answer(prober, plan));
        match answer {
            Ok((plan, reply)) => self.judged(&check.like, &plan, reply, case),
            Err(why) => untold(&Case::new(Target::Tcp(check.like.check.label()), Vec::new()), &why),
        }
    }

    /// What came of the question, now or before.
    fn answer(&mut self, prober: &Prober, plan: ProbePlan) -> Result<(ProbePlan, Probed), String> {
        let before = || self.answers.iter().filter(|(asked, _)| asked.target == plan.target);
        if before().any(|(_, reply)| is_stalled(reply)) {
            return Err("its server stalled at the first question, and is not asked another".into());
        }
        let same = |asked: &ProbePlan| (&asked.request, asked.depth) == (&plan.request, plan.depth);
        if let Some((_, reply)) = before().find(|(asked, _)| same(asked)) {
            return Ok((plan, reply.clone()));
        }
        let left = self.context.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("the time was up: --timeout".into());
        }
        if self.answers.len() >= MOST {
            return Err(format!("no more than {MOST} questions are asked"));
        }
        let patience = plan.timeout;
        let plan = ProbePlan { timeout: patience.min(left).min(PATIENCE), ..plan };
        let hung = probe::is_hung(self.context, &plan);
        let reply = if hung { crate::probe::hung(&plan) } else { prober.probe(&plan, &|_| None) };
        self.answers.push((plan.clone(), reply.clone()));
        if is_stalled(&reply) && plan.timeout < patience {
            let waited = plan.timeout.as_secs_f64();
            return Err(format!("no answer in {waited:.1} s; HAProxy waits {} s", patience.as_secs_f64()));
        }
        Ok((plan, reply))
    }

    fn judged(&mut self, like: &Like, plan: &ProbePlan, reply: Probed, case: Option<&mut Case>) -> Judgement {
        let probed = like.checked(reply);
        let checked = like.told(&probed);
        self.made.extend(checked.as_deref().cloned());
        let up = probed.check.as_ref().is_some_and(CheckVerdict::is_up);
        // What was only looked at has been judged; of what nobody has looked at, all counts once it fails.
        let rules = if case.is_some() || up { rules::ON_THE_WIRE } else { rules::ALL };
        let mut looked = None;
        let case = case.unwrap_or_else(|| looked.insert(probe::case(self.context, plan, &probed)));
        case.configured.scanned = true;
        case.configured.checked = checked;
        case.probe = Fact::Known(Box::new(probed));
        rules::judge(case, rules, |rule| self.context.chosen(rule))
    }
}

/// What is to be asked, or why nothing is.
fn plan(check: &Check) -> Result<ProbePlan, String> {
    if check.apart {
        return Err("HAProxy sees other files or networks than we do: it runs in a container".into());
    }
    let plan = check.like.plan().map_err(|refusal| refusal.failure.message)?;
    if matches!(&plan.target, Target::Path(path) if !path.starts_with(b"/")) {
        return Err("a relative path: it means a file below the directory that HAProxy is started in".into());
    }
    Ok(plan)
}

/// Whether a check goes to the socket that a case is about, as the same HAProxy sees it.
fn is_of(check: &Check, case: &Case) -> bool {
    let (Some(Target::Path(wanted)), Target::Path(named)) = (&check.like.check.target, &case.target) else {
        return check.like.check.target.as_ref() == Some(&case.target);
    };
    let jail = case.configured.jail.as_ref();
    let root = |chroot: Option<&Setting<Vec<u8>>>| chroot.map(|chroot| chroot.value.clone());
    root(jail.map(|jail| &jail.chroot)) == root(check.chroot.as_ref()) && jail::told(jail, named) == wanted
}

/// The server takes connections, or lets them wait, and does not answer.
fn is_stalled(probed: &Probed) -> bool {
    const EAGAIN: i32 = nix::libc::EAGAIN;
    let silent = matches!(
        probed.outcome,
        Outcome::NoReply | Outcome::Unfinished(Unfinished::Silent | Unfinished::Dripping)
    );
    silent || (probed.outcome == Outcome::NotConnected && probed.errno().is_none_or(|errno| errno == EAGAIN))
}
