//! `guard`: asks a server, and where it has certainly failed repairs it, sees that it answers again, and remembers
//! that. What is not certain is never acted on.

mod decision;
mod mend;
mod record;

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;

use super::{Answer, Context, Refusal, wait};
use crate::cli::GuardArgs;
use crate::exit;
use crate::facts::glance::Glancer;
use crate::facts::interrupt::Interrupts;
use crate::facts::unit_states;
use crate::model::{
    Data, Expectations, Goal, GuardOutcome, GuardPass, HttpRequest, Outcome, ProbePlan, Probed, Reach,
    RepairCount, Statuses, Target,
};
use crate::probe::{self, Prober};
use crate::report::style::escape;
use crate::rules::Judgement;
use decision::Decision;
use mend::Mending;
use record::Record;

/// Between two tries: a server that is only busy gets the time to catch up.
const PAUSE: Duration = Duration::from_secs(1);
/// No body is longer than a status page.
const MAX_BODY: u64 = 1 << 20;
/// What systemd says of a unit that it is about to change by itself.
const IN_MOTION: [&str; 3] = ["activating", "deactivating", "reloading"];

pub(super) fn run(context: &Context<'_>, args: &GuardArgs) -> Result<Answer, Refusal> {
    let target = understood(args.target.as_bytes())?;
    let repair = repair(args)?;
    let unasked = |error: io::Error| Refusal::open(format!("nobody can be asked: {error}"), "try again");
    let prober = Prober::new().map_err(unasked)?;
    let record = Record::open(args, &target)?;
    let url_path = Target::http_path(args.target.as_bytes());
    let path = args.http.clone().or(url_path).unwrap_or_else(|| "/".into());
    let request = HttpRequest::get(&target, path);
    let plan = ProbePlan::http(target, request, context.timeout, MAX_BODY);
    probe::check(&plan).map_err(|why| Refusal::usage(why, HELP))?;
    let statuses = if args.expect.is_empty() { vec![Statuses::USUAL] } else { args.expect.clone() };
    let expected = Expectations { statuses, ..Expectations::default() };
    // Between a repair and its record nothing may end us.
    let interrupts = Interrupts::of(&[Signal::SIGTERM, Signal::SIGINT]);
    let mut guard = Guard {
        context,
        args,
        repair,
        prober,
        plan,
        expected,
        record,
        interrupts,
        told_to_end: Cell::new(None),
        mended: Vec::new(),
    };
    let (mut passes, mut recovered) = (0, 0);
    loop {
        let (mut pass, judgement) = guard.pass()?;
        passes += 1;
        recovered += u64::from(pass.outcome == GuardOutcome::Recovered);
        (pass.passes, pass.recovered) = (passes, recovered);
        let over = match args.every {
            None => true,
            Some(_) if pass.outcome == GuardOutcome::Interrupted => true,
            Some(pause) => {
                guard.say(&pass);
                guard.interrupted(pause)
            }
        };
        if over {
            let status = match pass.outcome {
                // To be ended is what a repeated one waits for.
                _ if args.every.is_some() => exit::ANSWERED,
                GuardOutcome::Interrupted => {
                    guard.told_to_end.get().map_or(exit::PROBLEM, |signal| exit::by_signal(signal as i32))
                }
                outcome if outcome.is_fine() => exit::ANSWERED,
                _ => exit::PROBLEM,
            };
            // What is repaired is no finding any more; the pass has the cause.
            let judgement = if pass.outcome.is_fine() { Judgement::default() } else { judgement };
            let data = Data::Guard(Box::new(pass));
            return Ok(Answer { judgement, data, subjects: 1, status: Some(status), ..Answer::nothing() });
        }
    }
}

const HELP: &str = "see `sockdoctor guard --help`";

/// All that passes share.
struct Guard<'g> {
    context: &'g Context<'g>,
    args: &'g GuardArgs,
    /// The program and its arguments; empty: none, as with `--dry-run`.
    repair: Vec<OsString>,
    prober: Prober,
    plan: ProbePlan,
    expected: Expectations,
    record: Record,
    interrupts: Option<Interrupts>,
    /// A signal to end has come.
    told_to_end: Cell<Option<Signal>>,
    /// Repairs that run on, as a server that was started in the foreground does.
    mended: Vec<Mending>,
}

impl Guard<'_> {
    fn pass(&mut self) -> Result<(GuardPass, Judgement), Refusal> {
        self.mended.retain_mut(Mending::runs);
        let mut tries = Vec::new();
        for number in 0..self.args.failures {
            if self.interrupted(if number > 0 { PAUSE } else { Duration::ZERO }) {
                return Ok((self.ended(GuardOutcome::Interrupted, tries), Judgement::default()));
            }
            let probed = self.ask();
            let fine = probed.is_fine();
            tries.push(probed);
            if fine {
                self.record.answered()?;
                return Ok((self.ended(GuardOutcome::Healthy, tries), Judgement::default()));
            }
        }
        let denied = tries.iter().any(|probed| probed.errno() == Some(nix::libc::EACCES));
        let unmet = vec![(self.plan.target.clone(), tries.last().cloned())];
        let looked = wait::looked_at(self.context, unmet, Goal::Http, denied);
        let case = match &looked.data {
            Data::Inspect(targets) => targets.first().map(|target| &target.case),
            _ => None,
        };
        let decision = match self.in_motion() {
            Some(why) => Decision::Undecided(why),
            None => decision::decide(&self.plan.target, &tries, case, &looked.judgement.findings),
        };
        let mut pass = self.ended(GuardOutcome::Undecided, tries);
        match decision {
            Decision::Undecided(why) => pass.why = Some(why),
            Decision::Certain(failure) => {
                pass.cause = Some(failure);
                self.act(&mut pass)?;
            }
        }
        Ok((pass, looked.judgement))
    }

    /// Repairs what has certainly failed, as far as the record allows it.
    fn act(&mut self, pass: &mut GuardPass) -> Result<(), Refusal> {
        let max = self.args.max_repairs;
        let now = SystemTime::now();
        pass.repair = mend::planned(&self.repair);
        if self.record.within(now, max.window) >= max.count as usize {
            pass.outcome = GuardOutcome::LimitReached;
            pass.why = Some(format!("{} repairs in this time are enough: somebody has to look", max.count));
        } else if self.record.next(now).is_some() {
            pass.outcome = GuardOutcome::BackingOff;
            pass.why = Some("an earlier repair did not help: the next one waits".into());
        } else if self.args.dry_run || self.repair.is_empty() {
            pass.outcome = GuardOutcome::WouldRepair;
        } else {
            let code = pass.cause.as_ref().and_then(|cause| cause.code);
            // Before it: a repair that ends us counts.
            self.record.begin(now, code)?;
            self.mend(pass);
            let recovered = pass.outcome == GuardOutcome::Recovered;
            if recovered || self.told_to_end.get().is_none() {
                self.record.end(recovered)?;
            }
        }
        pass.repairs = self.count();
        Ok(())
    }

    /// One try. A path that leads through a mount which does not answer is not touched.
    fn ask(&self) -> Probed {
        if let Target::Path(path) = &self.plan.target {
            let deadline = Instant::now() + self.plan.timeout.mul_f64(0.8);
            let glance = Glancer::new(self.context.machine).at(path, false, deadline);
            if glance.hazard.is_some() && glance.reach == Reach::Unseen {
                return probe::hung(&self.plan);
            }
        }
        let mut probed = self.prober.probe(&self.plan, &|_| None);
        if let (Outcome::Answered, Some(reply)) = (&probed.outcome, &probed.reply) {
            probed.misses.extend(self.expected.misses(reply));
        }
        if let Some(reply) = &mut probed.reply {
            (reply.body, reply.headers) = (Vec::new(), Vec::new());
        }
        probed
    }

    /// Why a unit that is to be restarted is not: systemd is about to, or somebody has stopped it.
    fn in_motion(&self) -> Option<String> {
        let name = full_name(self.args.restart_unit.as_deref()?);
        let state = unit_states(&[name.as_str()]).items.into_iter().next()?;
        match state.active.as_str() {
            moving if IN_MOTION.contains(&moving) => {
                Some(format!("systemd has {name} {moving} at this moment"))
            }
            "inactive" if state.result == "success" => Some(format!(
                "{name} is inactive without a failure: it was stopped in order, or never started"
            )),
            _ => None,
        }
    }

    /// Whether a signal to end came within this time.
    fn interrupted(&self, time: Duration) -> bool {
        let Some(interrupts) = &self.interrupts else {
            self.prober.pause(time);
            return false;
        };
        if self.told_to_end.get().is_none() {
            self.told_to_end.set(interrupts.within(time));
        }
        self.told_to_end.get().is_some()
    }

    fn ended(&self, outcome: GuardOutcome, tries: Vec<Probed>) -> GuardPass {
        GuardPass {
            label: self.plan.target.label(),
            outcome,
            tries,
            cause: None,
            why: None,
            repair: None,
            repairs: self.count(),
            passes: 0,
            recovered: 0,
        }
    }

    fn count(&self) -> RepairCount {
        let (max, now) = (self.args.max_repairs, SystemTime::now());
        let (made, next) = (self.record.within(now, max.window), self.record.next(now));
        RepairCount { made, allowed: max.count, window: max.window, next }
    }

    /// One line about a pass of many, where it is worth one.
    fn say(&self, pass: &GuardPass) {
        let global = self.context.global;
        let fine = pass.outcome == GuardOutcome::Healthy;
        if global.quiet || (fine && !global.verbose) {
            return;
        }
        let cause = pass.cause.as_ref().map(|cause| cause.summary.as_str());
        let parts = [cause, pass.why.as_deref()].into_iter().flatten().map(|text| escape(text.as_bytes()));
        let said: Vec<String> = std::iter::once(pass.outcome.word().replace('_', " ")).chain(parts).collect();
        let _ = writeln!(io::stderr(), "sockdoctor: {}: {}", escape(&pass.label), said.join(": "));
    }
}

fn understood(text: &[u8]) -> Result<Target, Refusal> {
    match Target::parse_server(text).map_err(|error| Refusal::usage(error.to_string(), HELP))? {
        Target::Inode(ino) => Err(Refusal::usage(
            format!("inode:{ino} is gone when its server is repaired"),
            "give the path, the abstract name or the address of a server",
        )),
        target => Ok(target),
    }
}

/// The command that repairs.
fn repair(args: &GuardArgs) -> Result<Vec<OsString>, Refusal> {
    match &args.restart_unit {
        Some(name) if name.is_empty() || name.starts_with('-') || name.contains(['/', '\0']) => {
            Err(Refusal::usage(format!("`{name}` is no name of a unit"), "such as app.service"))
        }
        Some(name) => Ok(["systemctl", "restart", "--", &full_name(name)].map(OsString::from).to_vec()),
        None if args.command.is_empty() && !args.dry_run => {
            let hint = "give --restart-unit NAME, or a command behind --, or --dry-run";
            Err(Refusal::usage("there is no repair to make", hint))
        }
        None => Ok(args.command.clone()),
    }
}

/// systemctl(1) takes a name without an ending for a service.
fn full_name(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{name}.service") }
}
