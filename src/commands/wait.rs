//! `wait`: blocks until each target is as it is to be, then becomes the command. When that does not come, the
//! ordinary passive look says why.

mod candidate;
mod progress;
mod vigil;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use super::{Answer, Context, Refusal, complain, inspect};
use crate::act::replace;
use crate::cli::{WaitArgs, WaitFor};
use crate::exit;
use crate::facts::examine::Examiner;
use crate::facts::glance::Glancer;
use crate::facts::process;
use crate::facts::watch_path::{self, Watch};
use crate::model::{Data, Ending, Failure, Goal, SocketType, Target};
use crate::rules::Judgement;
use candidate::Candidate;
use progress::Progress;
use vigil::Vigil;

/// How long the look at what did not become ready may take where a mount does not answer.
const EXAMINATION: Duration = Duration::from_secs(4);

pub(super) fn run(context: &Context<'_>, args: &WaitArgs) -> Result<Answer, Refusal> {
    let started = Instant::now();
    let goal = match (args.gone, args.goal) {
        (true, _) => Goal::Gone,
        (_, WaitFor::Exists) => Goal::Exists,
        (_, WaitFor::Connect) => Goal::Connect,
    };
    let targets = args.targets.iter().map(|text| understood(text.as_bytes(), goal));
    let targets = targets.collect::<Result<Vec<_>, Refusal>>()?;
    let producer = args.while_pid.map(producer).transpose()?;
    let stable = args.stable.unwrap_or_default();
    let candidates: Vec<Candidate> =
        targets.into_iter().map(|target| Candidate::new(target, goal, stable, started)).collect();
    let watch = Watch::new(context.machine, candidates.len(), producer);
    let progress = Progress::new(context.global.quiet || args.once, started);
    let glancer = Glancer::new(context.machine);
    let end = started + context.timeout;
    let mut vigil = Vigil::new(candidates, glancer, watch, progress, args.any, end);
    let ending = if args.once { vigil.once() } else { vigil.wait(args.while_pid) };
    let now = Instant::now();
    let waited: Vec<_> = vigil.candidates.iter().map(|candidate| candidate.waited(now)).collect();
    let status = match ending {
        Ending::Ready => exit::ANSWERED,
        Ending::TimedOut => exit::TIMED_OUT,
        Ending::Never | Ending::ProducerGone(_) | Ending::Once => exit::PROBLEM,
    };
    let unmet = waited.iter().filter(|waited| !waited.ready && goal != Goal::Gone && ending != Ending::Ready);
    let judgement = judged(context, unmet.map(|waited| waited.target.clone()).collect(), goal);
    let (subjects, data) = (waited.len(), Data::Waited { targets: waited, ending });
    Ok(Answer { judgement, data, subjects, status: Some(status), ..Answer::nothing() })
}

/// What the rules say about targets that are not ready.
fn judged(context: &Context<'_>, mut targets: Vec<Target>, goal: Goal) -> Judgement {
    targets.retain(|target| !matches!(target, Target::Tcp(_)));
    if targets.is_empty() {
        return Judgement::default();
    }
    let mut examiner = Examiner::new(context.machine, Instant::now() + EXAMINATION, context.global.verbose);
    let here = process::own_directory();
    let mut cases: Vec<_> = examiner.examine(&targets, &here).into_iter().flatten().collect();
    for case in &mut cases {
        case.expects = (goal == Goal::Connect).then_some(SocketType::Stream);
    }
    inspect::answer(context, &mut examiner, cases).judgement
}

fn understood(text: &[u8], goal: Goal) -> Result<Target, Refusal> {
    let hint = "see `sockdoctor wait --help`";
    match Target::parse(text).map_err(|error| Refusal::usage(error.to_string(), hint))? {
        Target::Inode(ino) => {
            let message = format!("inode:{ino} is a socket that is there already");
            Err(Refusal::usage(message, "give the path, the abstract name or the address of a server"))
        }
        target @ (Target::Abstract(_) | Target::Tcp(_)) if goal == Goal::Exists => {
            let message = format!("{target} has no file that could exist");
            Err(Refusal::usage(message, "--for connect waits until it takes connections"))
        }
        target => Ok(target),
    }
}

fn producer(pid: u32) -> Result<std::os::fd::OwnedFd, Refusal> {
    match watch_path::process(pid) {
        Ok(Some(process)) => Ok(process),
        Ok(None) => Err(Refusal::open(format!("there is no process {pid}"), "it may have ended by now")),
        Err(error) => Err(Refusal::open(
            format!("process {pid} cannot be watched: {error}"),
            "wait without --while-pid",
        )),
    }
}

/// What shows the same targets again, as somebody who sees more: the command behind `--` is not to be run by them.
pub(super) fn look_again(args: &WaitArgs) -> Vec<OsString> {
    ["sockdoctor", "inspect"].map(OsString::from).into_iter().chain(args.targets.iter().cloned()).collect()
}

/// Becomes the command. The result is the exit status where that is not possible.
pub(super) fn become_command(command: &[OsString]) -> u8 {
    let [program, arguments @ ..] = command else { return exit::ANSWERED };
    let error = replace::with(program, arguments);
    complain(&Failure { message: format!("{}: {error}", program.display()), hint: None });
    if error.kind() == io::ErrorKind::NotFound { exit::NOT_FOUND } else { exit::NOT_RUN }
}
