//! `wait`: blocks until each target is as it is to be, then becomes the command. When that does not come, the
//! ordinary passive look says why.

mod candidate;
mod progress;
mod question;
mod vigil;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use super::{Answer, Context, Refusal, complain, consumers, inspect};
use crate::act::replace;
use crate::cli::{WaitArgs, WaitFor};
use crate::exit;
use crate::facts::examine::Examiner;
use crate::facts::glance::Glancer;
use crate::facts::process;
use crate::facts::watch_path::{self, Watch};
use crate::model::{Case, Data, Ending, Fact, Failure, Goal, Probed, Reach, SocketType, Target};
use crate::rules::Judgement;
use candidate::Candidate;
use progress::Progress;
use question::Question;
use vigil::{Asking, Vigil};

/// How long the look at what did not become ready may take where a mount does not answer.
const EXAMINATION: Duration = Duration::from_secs(4);

pub(super) fn run(context: &Context<'_>, args: &WaitArgs) -> Result<Answer, Refusal> {
    let started = Instant::now();
    let goal = match (args.gone, args.goal) {
        (true, _) => Goal::Gone,
        _ if args.http.is_some() || !args.expect.is_empty() => Goal::Http,
        (_, WaitFor::Exists) => Goal::Exists,
        (_, WaitFor::Connect) => Goal::Connect,
        (_, WaitFor::Http) => Goal::Http,
    };
    let cannot = |error: io::Error| Refusal::open(format!("nobody can be asked: {error}"), "try again");
    let question = (goal == Goal::Http).then(|| Question::of(args).map_err(cannot)).transpose()?;
    let urls = args.targets.iter().map(|text| Target::http_path(text.as_bytes())).collect();
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
    let asking = question.map(|question| Asking { question, urls });
    let mut vigil = Vigil::new(candidates, glancer, watch, progress, args.any, end, asking);
    let ending = if args.once { vigil.once() } else { vigil.wait(args.while_pid) };
    let now = Instant::now();
    let waited: Vec<_> = vigil.candidates.iter().map(|candidate| candidate.waited(now)).collect();
    let status = match ending {
        Ending::Ready => exit::ANSWERED,
        Ending::TimedOut => exit::TIMED_OUT,
        Ending::Interrupted(signal) => exit::by_signal(signal),
        Ending::Never | Ending::ProducerGone(_) | Ending::Once => exit::PROBLEM,
    };
    let said = std::mem::take(&mut vigil.said);
    let unmet = waited.iter().zip(said).filter(|(waited, _)| !waited.ready);
    let unmet = unmet.map(|(waited, said)| (waited.target.clone(), said)).collect();
    let judgement = match (goal, ending) {
        (Goal::Gone, _) | (_, Ending::Ready | Ending::Interrupted(_)) => Judgement::default(),
        _ => {
            let denied = waited.iter().any(|waited| waited.reach == Reach::Denied);
            looked_at(context, unmet, goal, denied).judgement
        }
    };
    let (subjects, data) = (waited.len(), Data::Waited { targets: waited, ending });
    Ok(Answer { judgement, data, subjects, status: Some(status), ..Answer::nothing() })
}

/// The ordinary look at targets that are not ready, and what the rules say about them; `denied`: we may not get to one
/// of them.
pub(super) fn looked_at(
    context: &Context<'_>,
    unmet: Vec<(Target, Option<Probed>)>,
    goal: Goal,
    denied: bool,
) -> Answer {
    let (targets, mut said): (Vec<Target>, Vec<Option<Probed>>) = unmet.into_iter().unzip();
    // The waiting had its own time.
    let deadline = Instant::now() + EXAMINATION;
    let context = &Context { deadline, ..*context };
    let mut examiner = Examiner::new(context.machine, deadline, context.global.verbose);
    let here = process::own_directory();
    let found = match (targets.is_empty(), denied) {
        (true, _) => Vec::new(),
        (_, true) => consumers::examine_for_us(context, &mut examiner, &targets, &here),
        (_, false) => examiner.examine(&targets, &here),
    };
    let mut cases = Vec::new();
    for ((case, target), said) in found.into_iter().zip(&targets).zip(&mut said) {
        // What a TCP server said is all that is known of it.
        let Some(mut case) = case.or_else(|| said.as_ref().map(|_| Case::new(target.clone(), Vec::new())))
        else {
            continue;
        };
        case.expects = matches!(goal, Goal::Connect | Goal::Http).then_some(SocketType::Stream);
        case.probe = said.take().map_or(Fact::NotAsked, |said| Fact::Known(Box::new(said)));
        cases.push(case);
    }
    inspect::answer(context, &mut examiner, cases)
}

fn understood(text: &[u8], goal: Goal) -> Result<Target, Refusal> {
    let hint = "see `sockdoctor wait --help`";
    match Target::parse_server(text).map_err(|error| Refusal::usage(error.to_string(), hint))? {
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
