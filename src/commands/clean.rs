//! `clean`: which socket files are stale, by which proof; with `--apply` those that are proven are removed, and
//! nothing else is.

mod removal;

use std::os::unix::ffi::OsStrExt;

use super::{Answer, Context, Refusal};
use crate::act::signals;
use crate::cli::CleanArgs;
use crate::exit;
use crate::facts::examine::Examiner;
use crate::facts::look::Question;
use crate::facts::netns_keepers::Keepers;
use crate::facts::sockets::{self, Ask};
use crate::model::{
    Candidate, Case, Certainty, CleanState, Data, FileKind, Finding, Fix, Gap, Liveness, NoVerdict,
    NotChecked, Severity, Target,
};
use crate::rules::{self, Judgement, shell_word};

/// The rule that says what is stale.
const STALE: &str = "SD104";

pub(super) fn run(context: &Context<'_>, args: &CleanArgs) -> Result<Answer, Refusal> {
    let given = args.paths.iter().map(|text| understood(text.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let unheld = |errno: nix::errno::Errno| {
        Refusal::open(format!("signals cannot be held back: {errno}"), "without --apply nothing is changed")
    };
    // Before anything that may start a thread: see `act::clean`.
    let held = args.apply.then(signals::hold).transpose().map_err(unheld)?;
    let mut examiner = Examiner::new(context.machine, context.deadline, false);
    let here = context.machine.working_directory();
    let (named, searched, gaps) = candidates(context, &mut examiner, &given, &here);
    let targets: Vec<Target> = named.iter().chain(&searched).cloned().map(Target::Path).collect();
    let cases = examiner.examine(&targets, &here);
    let mut plan: Vec<Planned> = Vec::new();
    for (number, case) in cases.into_iter().enumerate().filter_map(|(number, case)| Some((number, case?))) {
        let mut planned = Planned::of(case, number < named.len());
        if planned.candidate.state == CleanState::Stale
            && let Err(why) = examiner.hold(&planned.case)
        {
            removal::not_held(&mut planned, why);
        }
        // What was found by looking around is of interest where it is, or may be, stale.
        if planned.named || planned.is_of_interest() {
            plan.push(planned);
        }
    }
    let signal = held.as_ref().and_then(|held| removal::apply(&mut examiner, &mut plan, held));
    drop(held);
    Ok(answer(context, plan, gaps, args.apply, signal))
}

/// Paths that were named, paths that were found below named directories or everywhere, and what was left out.
fn candidates(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    given: &[Vec<u8>],
    here: &[u8],
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<Gap>) {
    let absolute = |path: &Vec<u8>| {
        if path.starts_with(b"/") { path.clone() } else { [here, b"/", path].concat() }
    };
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for path in given.iter().map(absolute) {
        let (root, below) = examiner.rooted(&path);
        let look = examiner.look(&Question::walk(root, below)).ok();
        let kind = look.as_ref().and_then(|look| look.walk.file()).map(|file| file.kind);
        if kind == Some(FileKind::Directory) { &mut directories } else { &mut files }.push(path);
    }
    let searches = given.is_empty() || !directories.is_empty();
    let dump = searches
        .then(|| sockets::all(context.machine, Ask { owners_only: true, memory: false }, &Keepers::new()));
    let (found, gaps) = match dump {
        Some(dump) if given.is_empty() => examiner.unbound_files(&dump.rows),
        Some(dump) => examiner.unbound_files_below(&directories, &dump.rows),
        None => Default::default(),
    };
    let found = found.into_iter().filter(|path| !files.contains(path)).collect();
    (files, found, gaps)
}

/// A candidate, and what it was judged by.
pub(super) struct Planned {
    pub(super) candidate: Candidate,
    case: Case,
    /// By the command line, not by the search.
    named: bool,
    finding: Option<Finding>,
    gap: Option<Gap>,
}

impl Planned {
    fn of(case: Case, named: bool) -> Self {
        let judged = rules::judge(&case, rules::ALL, |_| true);
        let file = case.file();
        let kind = file.as_ref().ok().and_then(|file| file.map(|file| file.kind));
        let path = match &file {
            Ok(Some(file)) => case.from_here(&file.path),
            _ => case.path.clone(),
        };
        let alive = case.serving().next().is_some() || case.liveness.known() == Some(&Liveness::Bound);
        let mut findings = judged.findings.into_iter();
        let stale = findings.clone().find(|finding| finding.code == STALE);
        let mut candidate = Candidate::new(path, CleanState::Unproven);
        let mut gap = None;
        match (kind, &stale) {
            (None, _) if file.is_ok() => candidate.state = CleanState::Missing,
            (Some(FileKind::Socket), _) if alive => {
                candidate.state = CleanState::Alive;
                candidate.why = Some("a socket is bound to it".into());
                if candidate.leftover {
                    bound_leftover(&mut candidate, &case);
                }
            }
            (Some(FileKind::Socket), Some(finding)) => {
                candidate.proof.clone_from(&finding.evidence);
                if finding.certainty == Certainty::Certain {
                    candidate.state = CleanState::Stale;
                } else {
                    candidate.why = Some(finding.summary.clone());
                    candidate.command = Some(instead(&finding.fixes, &candidate.path));
                }
            }
            (Some(kind), _) if kind != FileKind::Socket => {
                candidate.state = CleanState::NotASocket;
                candidate.why = Some(format!("{} is no socket", kind.phrase()));
            }
            // Something else is behind it, and has a cure of its own; or it cannot be told.
            _ => {
                let other = findings.find(|finding| finding.severity == Severity::Error);
                gap = unproven(&mut candidate, &case, other.as_ref(), &judged.not_checked);
            }
        }
        let finding = stale.filter(|_| !alive);
        Self { candidate, case, named, finding, gap }
    }

    fn is_of_interest(&self) -> bool {
        match self.candidate.state {
            CleanState::Missing | CleanState::NotASocket => false,
            CleanState::Alive => self.candidate.leftover,
            _ => true,
        }
    }
}

/// Why it is neither alive nor proven stale: another error's doing, or what could not be seen, which is the result.
fn unproven(
    candidate: &mut Candidate,
    case: &Case,
    other: Option<&Finding>,
    not_checked: &[NotChecked],
) -> Option<Gap> {
    candidate.command = Some(instead(other.map_or(&[], |other| &other.fixes), &candidate.path));
    if let Some(other) = other {
        candidate.why = Some(format!("{} {}: {}", other.code, other.name, other.summary));
        return None;
    }
    let unseen = match case.file() {
        Err(NoVerdict::Unknown(gap)) => Some(gap),
        _ => not_checked.iter().find(|gap| gap.code == Some(STALE)).map(|unseen| unseen.gap.clone()),
    };
    let unseen = unseen.or_else(|| case.unsettled.clone());
    let why = unseen.as_ref().map(|gap| format!("{}: {}", gap.source, gap.why));
    candidate.why = Some(why.unwrap_or_else(|| "whether anything is bound to it is not known".into()));
    unseen
}

/// The first command that the fixes of a finding have, else the look that says more.
fn instead(fixes: &[Fix], path: &[u8]) -> Vec<u8> {
    let told = fixes.iter().find_map(|fix| fix.command.clone());
    told.unwrap_or_else(|| [b"sockdoctor inspect ", &shell_word(path)[..]].concat())
}

/// What an interrupted removal moved aside, and a socket is bound to: the kernel knows the name it had.
fn bound_leftover(candidate: &mut Candidate, case: &Case) {
    candidate.why = Some("a removal that was cut short left it here, and a socket is bound to it".into());
    let name = case.serving().find_map(|sighting| sighting.socket.address.path());
    candidate.command = name
        .filter(|name| name.starts_with(b"/"))
        .map(|name| [b"mv -nT ", &shell_word(&candidate.path)[..], b" ", &shell_word(name)].concat());
}

fn answer(
    context: &Context<'_>,
    plan: Vec<Planned>,
    gaps: Vec<Gap>,
    applied: bool,
    signal: Option<i32>,
) -> Answer {
    let mut judgement = Judgement { checks: plan.len(), ..Judgement::default() };
    judgement.not_checked.extend(gaps.into_iter().map(|gap| NotChecked { code: None, gap }));
    let chosen = rules::find(STALE).is_some_and(|rule| context.chosen(rule));
    let (mut open, mut failed, mut candidates) = (false, false, Vec::new());
    for planned in plan {
        let state = &planned.candidate.state;
        open |= planned.named && *state == CleanState::Unproven;
        failed |= matches!(state, CleanState::Aside(_) | CleanState::Failed(_))
            || planned.candidate.leftover && *state == CleanState::Alive;
        // What came to life, as a new file with the number of the old one does, is not stale any more.
        let still = matches!(state, CleanState::Stale | CleanState::Unproven | CleanState::Failed(_));
        match planned.finding.filter(|_| still) {
            Some(finding) if chosen => judgement.findings.push(finding),
            Some(_) => judgement.left_out += 1,
            None => {}
        }
        judgement.not_checked.extend(planned.gap.map(|gap| NotChecked { code: Some(STALE), gap }));
        candidates.push(planned.candidate);
    }
    let (subjects, status) = (candidates.len(), signal.map(exit::by_signal));
    let data = Data::Clean { applied, candidates };
    Answer { judgement, data, subjects, open, status, failed, ..Answer::nothing() }
}

fn understood(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    let hint = "give the path of a socket file, or of a directory";
    match Target::parse(text).map_err(|error| Refusal::usage(error.to_string(), hint))? {
        Target::Path(path) => Ok(path),
        target => Err(Refusal::usage(format!("{target} is no file that could be stale"), hint)),
    }
}
