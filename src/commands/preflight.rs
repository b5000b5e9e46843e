//! `preflight`: will a socket work in this directory? What it is, and a trial that makes one and takes it back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{Answer, Context, Refusal, consumers, overall};
use crate::act::trial::apart::Trials;
use crate::act::trial::{Request, new_owner};
use crate::cli::PreflightArgs;
use crate::config::tmpfiles::{self as aging, Line};
use crate::facts::consumers::Who;
use crate::facts::examine::Examiner;
use crate::facts::look::{Question, Root};
use crate::facts::walk::{Acls, join};
use crate::facts::{place, process, tmpfiles};
use crate::model::{
    Case, Consumer, Data, Fact, File, FileKind, Gap, InspectedTarget, NotChecked, Preflight, Seen,
    SocketTrial, Target, Walk,
};
use crate::rules::{self, Judgement};

pub(super) fn run(context: &Context<'_>, args: &PreflightArgs) -> Result<Answer, Refusal> {
    // First of all: signals are taken before there is a second thread.
    let trials = (!args.no_trial).then(|| Trials::new(context.timeout / 8)).transpose();
    let trials = trials.map_err(|error| no_trials(&error))?;
    let here = process::own_directory();
    let targets = args.directories.iter().map(|text| directory(text)).collect::<Result<Vec<_>, _>>()?;
    if args.name.as_ref().is_some_and(|name| !is_a_file_name(name.as_bytes())) {
        return Err(Refusal::usage("--name takes the name of a file", "its directory is given by itself"));
    }
    let mut examiner = Examiner::new(context.machine, context.deadline, false);
    let who = args.server.as_deref().map_or(Who::Caller, consumers::user_and_groups);
    let server = consumers::find(context, &mut examiner, &who)?.into_iter().next();
    let server =
        server.ok_or_else(|| Refusal::open("the server's identity was not found", "name its user"))?;
    // Those who are connected now are connected to what is there already.
    let connected = targets.iter().filter(|_| args.consumer.connected);
    let sockets: Vec<Target> = connected.flat_map(|target| examiner.expand(target, &here)).collect();
    let named = consumers::named(context, &mut examiner, &args.consumer, &sockets, &here)?;
    let aged = tmpfiles::in_force(context.machine);
    let lines = Seen {
        items: aged.items.iter().flat_map(|(file, text)| aging::lines(file, text)).collect::<Vec<Line>>(),
        gaps: aged.gaps,
    };
    let mut desk = Desk { context, examiner, trials, server, lines, args };
    let (mut judgement, mut directories, mut open) = (Judgement::default(), Vec::new(), false);
    for target in targets {
        let case = desk.case(target, &here, named.as_deref().unwrap_or_default());
        let (directory, judged, unanswered) = desk.judged(case);
        judgement.absorb(judged);
        directories.push(directory);
        open |= unanswered;
    }
    directories.sort_by_key(|directory| directory.verdict);
    Ok(Answer {
        judgement,
        subjects: directories.len(),
        data: Data::Preflight(directories),
        open,
        ..Answer::nothing()
    })
}

fn is_a_file_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/')
}

fn no_trials(error: &std::io::Error) -> Refusal {
    Refusal::open(format!("no trial can be made: {error}"), "`--no-trial` only looks")
}

fn directory(text: &OsStr) -> Result<Target, Refusal> {
    match Target::parse(text.as_bytes()) {
        Ok(Target::Path(path)) => Ok(Target::Path(path)),
        Ok(other) => Err(Refusal::usage(format!("{other} is no directory"), "give the path of a directory")),
        Err(error) => Err(Refusal::usage(error.to_string(), "give the path of a directory")),
    }
}

/// What every directory is looked at with.
struct Desk<'d> {
    context: &'d Context<'d>,
    examiner: Examiner<'d>,
    /// `None`: it is only looked.
    trials: Option<Trials>,
    server: Consumer,
    lines: Seen<Vec<Line>>,
    args: &'d PreflightArgs,
}

impl Desk<'_> {
    fn case(&mut self, target: Target, here: &[u8], consumers: &[Consumer]) -> Case {
        let given = if let Target::Path(given) = &target { given.clone() } else { Vec::new() };
        let path = if given.starts_with(b"/") { given } else { join(here, &given) };
        let mut case = Case::new(target, path.clone());
        case.asked_for = true;
        case.walk = self.walk(Root::Ours, &path);
        let Some(directory) = case.file().ok().flatten().cloned() else { return case };
        if directory.kind != FileKind::Directory {
            return case;
        }
        // Of a directory alone: of what is missing, the directory above says nothing about the server's socket.
        case.binder = Fact::Known(self.server.credentials.clone());
        let name = self.args.name.as_ref().map(|name| name.as_bytes().to_vec());
        let socket = join(&directory.path, name.as_deref().unwrap_or(b"s.sock"));
        case.aged = match (aging::aged(&self.lines.items, &socket), self.lines.gaps.first()) {
            (None, Some(gap)) => Fact::Unknown(gap.clone()),
            (line, _) => Fact::Known(line),
        };
        case.accesses = consumers
            .iter()
            .map(|consumer| consumers::before_directory(&mut self.examiner, &path, consumer))
            .collect();
        let existing =
            name.as_ref().and_then(|_| self.walk(Root::Ours, &socket).known().and_then(Walk::file).cloned());
        let place = place::of(&directory, self.context.deadline);
        let trial = self.trial(&path, &place);
        case.preflight =
            Fact::Known(Box::new(Preflight { name, existing, server: self.server.clone(), place, trial }));
        case
    }

    fn walk(&mut self, root: Root, path: &[u8]) -> Fact<Walk> {
        let question = Question { acls: Acls::Read, ..Question::walk(root, path) };
        self.examiner.look(&question).map_or_else(Fact::Unknown, |look| Fact::Known(look.walk))
    }

    fn trial(&self, path: &[u8], place: &Fact<crate::model::Place>) -> Fact<SocketTrial> {
        let Some(trials) = &self.trials else { return Fact::NotAsked };
        let unknown = |why: &str| Gap::new("trial", why);
        if place.known().is_some_and(|place| place.append_only) {
            let why = "nothing that is made there can be removed again (chattr +a)";
            return Fact::Unknown(unknown(why).helped_by("chattr -a DIR, then look again"));
        }
        let named = self.args.server.is_some();
        let ours = crate::facts::host::host(self.context.machine).uid;
        if named && ours != 0 && ours != self.server.credentials.uid {
            let why = "only root can make it as another user";
            return Fact::Unknown(unknown(why).helped_by(Gap::AS_ROOT));
        }
        let request = Request {
            directory: path.to_vec(),
            credentials: (named && ours == 0).then(|| self.server.credentials.clone()),
            owner: new_owner(&self.server.credentials),
        };
        trials.run(&request, self.context.deadline).map_or_else(Fact::Unknown, Fact::Known)
    }

    /// The directory with its verdict, and whether the question stays open.
    fn judged(&mut self, case: Case) -> (InspectedTarget, Judgement, bool) {
        let mut judged = rules::judge(&case, rules::OF_A_DIRECTORY, |rule| self.context.chosen(rule));
        let unanswered = unanswered(&case).filter(|_| !judged.broken);
        let open = unanswered.is_some();
        // A rule may have said why already.
        let said = |gap: &Gap| judged.not_checked.iter().any(|known| known.gap == *gap);
        let unsaid = unanswered.filter(|gap| !said(gap));
        judged.not_checked.extend(unsaid.map(|gap| NotChecked { code: None, gap }));
        let worst = judged.findings.iter().map(|finding| finding.severity).max();
        let verdict = overall(worst, open || judged.error_left_out);
        let file = case.file().ok().flatten();
        let owner = file
            .map(|File { uid, gid, .. }| (self.examiner.users.user(*uid), self.examiner.users.group(*gid)));
        (InspectedTarget { verdict, owner, left_out: judged.left_out, case }, judged, open)
    }
}

/// Why it is not known whether a socket works there.
fn unanswered(case: &Case) -> Option<Gap> {
    let gap = |why: &str, help: &str| Gap::new(case.target.to_string(), why).helped_by(help);
    match (case.file(), case.preflight.known()) {
        (_, Some(preflight)) => preflight.trial.gap().cloned(),
        (Ok(None), None) => {
            Some(gap("there is no such directory", "make it first, as the server's unit would"))
        }
        (Ok(Some(_)), None) => {
            Some(gap("it is no directory", "give the directory that is to hold the socket"))
        }
        (Err(crate::model::NoVerdict::Unknown(gap)), None) => Some(gap),
        (Err(crate::model::NoVerdict::NotApplicable), None) => case.walk.gap().cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_file_in_the_directory() {
        let names: [&[u8]; 6] = [b"app.sock", b"..x", b"", b".", b"..", b"a/b"];
        assert_eq!(names.map(is_a_file_name), [true, true, false, false, false, false]);
    }
}
