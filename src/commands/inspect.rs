//! `inspect`: everything known about each target, all rules, the verdict.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::asking::Asker;
use super::declared::{Declarations, aged};
use super::socket_unit::Units;
use super::{Answer, Context, Refusal, consumers, logs, open_question, over_tcp, overall, rerooted};
use crate::cli::{HealthArgs, InspectArgs};
use crate::config::{self, tmpfiles::Line};
use crate::facts::examine::Examiner;
use crate::facts::sampler::Plan;
use crate::facts::tmpfiles;
use crate::model::{Case, Data, Gap, InspectedTarget, NotChecked, Severity, Sighting, Target, Wished};
use crate::rules::{self, Judgement};

/// Of an inode: what it is short of, and why that may be.
pub(super) const NOBODY_HAS: &str = "no socket of any visible network namespace has";
pub(super) const IT_MAY_BE_GONE: &str = "it may be gone by now: `sockdoctor list --all --fields inode,name`";

pub(super) fn run(context: &Context<'_>, args: &InspectArgs) -> Result<Answer, Refusal> {
    let (targets, health) = parted(args)?;
    let given =
        targets.iter().map(|text| Ok((understood(text.as_bytes())?, Target::expected_type(text.as_bytes()))));
    let given = given.collect::<Result<Vec<_>, Refusal>>()?;
    given.iter().try_for_each(|(target, _)| rerooted::check_target(context.machine, target))?;
    let mut examiner = Examiner::new(context.machine, context.deadline, context.global.verbose);
    let here = context.machine.working_directory();
    let mut targets = Vec::new();
    let mut expected = Vec::new();
    for (target, kind) in &given {
        targets.extend(examiner.expand(target, &here));
        expected.resize(targets.len(), *kind);
    }
    let tmpfiles = tmpfiles::in_force(context.machine);
    let lines: Vec<Line> =
        tmpfiles.items.iter().flat_map(|(file, text)| config::tmpfiles::lines(file, text)).collect();
    let wished = wished(args, &mut examiner)?;
    let named = consumers::named(context, &mut examiner, &args.consumer, &targets, &here)?;
    let units = Units::of(context.machine);
    let mut cases = Vec::new();
    let mut gone = Vec::new();
    for found in consumers::examine(context, &mut examiner, &targets, &here, &named.unwrap_or_default()) {
        for ((target, expects), case) in targets.iter().zip(&expected).zip(found) {
            let Some(mut case) = case else {
                gone.push(target);
                continue;
            };
            case.expects = *expects;
            case.aged = aged(&case, &lines, tmpfiles.gaps.first());
            case.wished = wished.clone();
            units.name(&mut case);
            cases.push(case);
        }
    }
    if let ([first, ..], true) = (gone.as_slice(), cases.is_empty()) {
        return Err(Refusal::open(format!("{NOBODY_HAS} {first}"), IT_MAY_BE_GONE));
    }
    examiner.health(&mut cases, args.health.sample.map(|duration| Plan::over(duration, true)));
    logs::read(context, &mut cases, &health)?;
    over_tcp::find(context.machine, cases.iter_mut());
    let unasked = if health.probe { asked(context, &mut cases) } else { Vec::new() };
    let mut answer = answer(context, &mut examiner, cases);
    answer.judgement.not_checked.extend(unasked.into_iter().map(|gap| NotChecked { code: None, gap }));
    answer.open |= !gone.is_empty();
    answer.judgement.not_checked.extend(gone.into_iter().map(|target| {
        let gap = Gap::new(target.to_string(), format!("{NOBODY_HAS} it")).helped_by(IT_MAY_BE_GONE);
        NotChecked { code: None, gap }
    }));
    Ok(answer)
}

/// Asks the servers of cases; why some were not asked.
fn asked(context: &Context<'_>, cases: &mut [Case]) -> Vec<Gap> {
    match Asker::of(context) {
        Ok(asker) => cases.iter_mut().filter_map(|case| asker.ask(case).err()).collect(),
        Err(gap) => vec![gap],
    }
}

/// `--log FILE TARGET`: the flag takes many files, and of those the last is the target where there is no other.
fn parted(args: &InspectArgs) -> Result<(Vec<OsString>, HealthArgs), Refusal> {
    let (mut targets, mut health) = (args.targets.clone(), args.health.clone());
    if targets.is_empty() {
        targets.extend(health.log.pop().map(PathBuf::into_os_string));
        if health.log.is_empty() {
            return Err(Refusal::usage("there is no target", "sockdoctor inspect TARGET --log FILE"));
        }
    }
    Ok((targets, health))
}

/// What mode, owner and group should be.
fn wished(args: &InspectArgs, examiner: &mut Examiner<'_>) -> Result<Wished, Refusal> {
    let unknown = |what: &str, name: &str| {
        Refusal::usage(format!("there is no {what} {name}"), "a number is taken too")
    };
    let unseen = |gap: Gap| Refusal::open(format!("{}: {}", gap.source, gap.why), "give the number instead");
    let users = &mut examiner.users;
    let owner = match &args.expect_owner {
        Some(name) => {
            let uid = users.uid_of(name).map_err(unseen)?.ok_or_else(|| unknown("user", name))?;
            Some(users.user(uid))
        }
        None => None,
    };
    let group = match &args.expect_group {
        Some(name) => {
            let gid = users.gid_of(name).map_err(unseen)?.ok_or_else(|| unknown("group", name))?;
            Some(users.group(gid))
        }
        None => None,
    };
    Ok(Wished { mode: args.expect_mode, owner, group })
}

/// Judges cases and says what each amounts to.
pub(super) fn answer(context: &Context<'_>, examiner: &mut Examiner<'_>, cases: Vec<Case>) -> Answer {
    let mut judgement = Judgement::default();
    let mut inspected = Vec::new();
    let mut any_open = false;
    let declarations = Declarations::of(context);
    for mut case in cases {
        let mut judged = rules::judge(&case, rules::ALL, |rule| context.chosen(rule));
        if declarations.name(examiner, &mut case, &judged) {
            judged = rules::judge(&case, rules::ALL, |rule| context.chosen(rule));
        }
        let open = !judged.broken && !leads_somewhere(&case);
        let worst: Option<Severity> = judged.findings.iter().map(|finding| finding.severity).max();
        let owner = case.file().ok().flatten().map(|file| (file.uid, file.gid));
        let owner = owner.map(|(uid, gid)| (examiner.users.user(uid), examiner.users.group(gid)));
        if open && judged.not_checked.is_empty() {
            let gap = open_question::gap(&case).map(|gap| NotChecked { code: None, gap });
            judged.not_checked.extend(gap);
        }
        let verdict = overall(worst, open || judged.error_left_out);
        inspected.push(InspectedTarget { case, verdict, owner, left_out: judged.left_out });
        any_open |= open;
        judgement.absorb(judged);
    }
    Answer {
        judgement,
        subjects: inspected.len(),
        data: Data::Inspect(inspected),
        open: any_open,
        ..Answer::nothing()
    }
}

/// Whether it is known that a connect to the target reaches a live socket.
pub(super) fn leads_somewhere(case: &Case) -> bool {
    match case.target {
        Target::Inode(_) => !case.sockets.items.is_empty(),
        _ => case.server().is_some_and(Sighting::is_alive),
    }
}

pub(super) fn understood(text: &[u8]) -> Result<Target, Refusal> {
    match Target::parse(text) {
        Ok(target) => Ok(target),
        Err(error) => Err(Refusal::usage(error.to_string(), "see `sockdoctor inspect --help`")),
    }
}
