//! `scan`: every socket of the host, and what configuration says of sockets against what is there.

mod activation;
mod asked;
mod folded;
mod host;
mod progress;
mod replayed;
mod states;
mod worth;

use std::collections::HashSet;
use std::sync::Arc;

use super::declared;
use super::site::{Front, Site};
use super::socket_unit::Units;
use super::{Answer, Context, Refusal, consumers, halves, jail, over_tcp, silence};
use crate::cli::ScanArgs;
use crate::facts::consumers as identities;
use crate::facts::examine::Examiner;
use crate::facts::machine::{Machine, Scope};
use crate::model::{Case, Consumer, Data, Gap, NotChecked, Origin, Served, Socket, Target, Unit, Walk};
use crate::rules::{self, Judgement};
use asked::Asker;
use host::Host;
use progress::Progress;
use states::Awake;

pub(super) fn run(context: &Context<'_>, args: &ScanArgs) -> Result<Answer, Refusal> {
    let progress = Progress::start(context.global.quiet);
    if args.config.is_empty() {
        progress.step("reading configuration and listing sockets");
        let (site, host) = halves::together(|| Site::of_machine(context), || Host::of(context));
        return Ok(judged(context, site, host, args.probe, &progress));
    }
    // Declarations alone: of the machine only its files count, and those only as what may stand at a path.
    let files = match context.machine.scope {
        Scope::Running => Machine { scope: Scope::Image, ..Machine::default() },
        _ => context.machine.clone(),
    };
    let context = &Context { machine: &files, ..*context };
    let site = Site::of_files(context, &args.config)?;
    Ok(judged(context, site, Host::of(context), false, &progress))
}

fn judged(
    context: &Context<'_>,
    mut site: Site,
    Host { awake, mut listed, mut examiner, gaps }: Host<'_>,
    probe: bool,
    progress: &Progress,
) -> Answer {
    let machine = context.machine;
    let mut answer = Answer::nothing();
    let mut gaps = [site.gaps.clone(), gaps].concat();
    site.add_awake_instances(&machine.root, awake.instances());
    progress.step("looking at the paths it names");
    let mut cases = examined(context, &mut examiner, &site, (&awake, listed.sockets.as_deref()), &mut gaps);
    let units = Units::known(machine, &site.units, vec![]);
    cases.retain_mut(|case| {
        units.name(case);
        let jail = case.configured.jail.take();
        case.configured = match &case.target {
            Target::Path(named) => site.about(jail::told(jail.as_ref(), named)),
            Target::Abstract(name) => site.about_name(name),
            _ => return false,
        };
        case.configured.scanned = true;
        if matches!(case.target, Target::Path(_)) {
            let root = jail.as_ref().map(|jail| jail.chroot.value.as_slice());
            site.leave_out_other_roots(&mut case.configured, root);
        }
        case.configured.jail = jail;
        case.configured.states = awake.of_units(&case.configured.units);
        declared::complete(context, &mut examiner, &site, case);
        case.aged = declared::aged(case, &site.tmpfiles.aging, site.tmpfiles.gap.as_ref());
        is_in_question(case)
    });
    states::complete(&mut cases, &mut gaps);
    activation::look_closer(machine, &mut examiner, &mut cases);
    over_tcp::find(machine, cases.iter_mut().filter(|case| case.configured.clients().next().is_some()));
    let destination = |case: &Case| case.walk.known().map(Walk::destination);
    let named: HashSet<Vec<u8>> =
        cases.iter().flat_map(|case| [Some(case.path.clone()), destination(case)]).flatten().collect();
    // Those are judged with what configuration says of them.
    listed.judgement.findings.retain(|finding| !named.contains(finding.subject.name.as_slice()));
    answer.judgement.absorb(listed.judgement);
    let mut served = listed.served;
    let asker = if probe { Some(Asker::of(context, &site.fronts)) } else { None };
    let mut asker = asker.transpose().unwrap_or_else(|gap| {
        gaps.push(gap);
        None
    });
    for case in &mut cases {
        let mut judged = rules::judge(case, rules::ALL, |rule| context.chosen(rule));
        if let Some(asker) = &mut asker {
            progress.step("asking servers");
            answer.judgement.absorb(asker.ask(case, &judged));
        }
        // Two who send to one path come upon the same.
        judged.findings.retain(|finding| !answer.judgement.findings.contains(finding));
        answer.judgement.absorb(judged);
    }
    let mut checks = Vec::new();
    if let Some(asker) = asker {
        let (judgement, made) = asker.rest();
        answer.judgement.absorb(judgement);
        checks = made;
    }
    answer.judgement.findings = folded::same(std::mem::take(&mut answer.judgement.findings));
    // Of a client in another view the path is another one.
    served.extend(cases.iter().filter(|case| case.client.is_none()).filter_map(Served::of_case));
    silence::findings(&mut answer.judgement, |file| site.texts.get(file).map(Vec::as_slice));
    answer.judgement.absorb(Judgement {
        not_checked: gaps.into_iter().map(|gap| NotChecked { code: None, gap }).collect(),
        ..Judgement::default()
    });
    answer.subjects = cases.len();
    answer.data = Data::Scan {
        declarations: std::mem::take(&mut site.mentions),
        files: site.texts.len(),
        sockets: listed.subjects,
        checks,
        served,
    };
    // The process ends soon: to give back, piece by piece, what was read of thousands of files takes longer than that.
    std::mem::forget((site, cases, examiner));
    answer
}

/// Every path that is named, as those see it who connect to it, else as we do.
fn examined(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    site: &Site,
    (awake, listed): (&Awake, Option<&[Socket]>),
    gaps: &mut Vec<Gap>,
) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut left: Vec<Vec<u8>> = site.paths();
    for front in &site.fronts {
        let mut targets = targets(&front.paths);
        // Without a kernel there is nobody to have a name.
        targets.extend(front.names.iter().filter(|_| context.machine.has_kernel()).cloned());
        if targets.is_empty() {
            continue;
        }
        let sent_to: HashSet<&Vec<u8>> = front.paths.iter().collect();
        left.retain(|path| !sent_to.contains(path));
        let who = clients(context, examiner, front, gaps);
        let targets = match &front.chroot {
            Some(chroot) => jail::seen_from_here(examiner, chroot, targets, &who),
            None => targets,
        };
        let found = consumers::examine(context, examiner, &targets, b"/", &who);
        let mut found: Vec<Case> = found.into_iter().flatten().flatten().collect();
        if let Some(chroot) = &front.chroot {
            for case in found.iter_mut().filter(|case| matches!(case.target, Target::Path(_))) {
                case.configured.jail = Some(jail::of(examiner, case, chroot, &front.paths));
            }
        }
        cases.extend(found);
    }
    left.retain(|path| path.starts_with(b"/"));
    let left = worth::looking_at(context, examiner, site, (awake, listed), left);
    let found = consumers::examine(context, examiner, &targets(&left), b"/", &[]);
    cases.extend(found.into_iter().flatten().flatten());
    cases
}

fn targets(paths: &[Vec<u8>]) -> Vec<Target> {
    let mut seen = HashSet::new();
    paths.iter().filter(|path| seen.insert(*path)).map(|path| Target::Path(path.clone())).collect()
}

/// Who connects: the workers that run, else whom they are to run as.
fn clients(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    front: &Front,
    gaps: &mut Vec<Gap>,
) -> Vec<Consumer> {
    let workers = front.workers.iter().copied();
    let running = identities::distinct(context.machine, examiner, workers, &Origin::Process);
    if !running.is_empty() || !front.workers.is_empty() {
        return running;
    }
    let Some(user) = &front.user else { return vec![] };
    identities::find(context.machine, examiner, &consumers::user_and_groups(user)).unwrap_or_else(|_| {
        gaps.push(Gap::new(format!("the user {user}"), "is not known here: access was not judged"));
        vec![]
    })
}

/// A server that is declared and does not run is nobody's concern until somebody wants to connect.
fn is_in_question(case: &Case) -> bool {
    let runs = |unit: &&Arc<Unit>| {
        let state = case.configured.state(&unit.name);
        case.configured.binds(unit) && state.is_some_and(|state| state.active != "inactive")
    };
    case.configured.clients().next().is_some()
        || !matches!(case.file(), Ok(None))
        || !case.sockets.items.is_empty()
        || case.configured.units.iter().any(|unit| runs(&unit))
        || case.files_only
}
