//! `scan`: every socket of the host, and what configuration says of sockets against what is there.

use std::collections::HashSet;

use super::site::{Front, Site};
use super::socket_unit::Units;
use super::{Answer, Context, Refusal, consumers, jail, list, over_tcp, silence};
use crate::cli::{ListArgs, ScanArgs};
use crate::facts::examine::Examiner;
use crate::facts::machine::{Machine, Scope};
use crate::facts::{consumers as identities, unit_states};
use crate::model::{
    Case, Consumer, Data, Fact, Gap, IdName, NotChecked, Origin, Setting, Target, Unit, UnitState, Wished,
};
use crate::rules::{self, Judgement};

pub(super) fn run(context: &Context<'_>, args: &ScanArgs) -> Result<Answer, Refusal> {
    if args.config.is_empty() {
        let site = Site::of_machine(context);
        return Ok(judged(context, site));
    }
    // Declarations alone: of the machine only its files count, and those only as what may stand at a path.
    let files = match context.machine.scope {
        Scope::Running => Machine::image(std::path::Path::new("/")).unwrap_or_default(),
        _ => context.machine.clone(),
    };
    let context = &Context { machine: &files, ..*context };
    let site = Site::of_files(context, &args.config)?;
    Ok(judged(context, site))
}

fn judged(context: &Context<'_>, site: Site) -> Answer {
    let machine = context.machine;
    let mut answer = Answer::nothing();
    let mut gaps = site.gaps.clone();
    let mut examiner = Examiner::new(machine, context.deadline, false);
    let mut cases = examined(context, &mut examiner, &site, &mut gaps);
    let units = Units::known(machine, &site.units, vec![]);
    let states = states(machine, &site, &mut gaps);
    cases.retain_mut(|case| {
        units.name(case);
        let jail = case.configured.jail.take();
        case.configured = match &case.target {
            Target::Path(named) => site.about(jail::told(jail.as_ref(), named)),
            _ => return false,
        };
        case.configured.jail = jail;
        case.configured.states = states.clone();
        case.configured.wished = wished(&mut examiner, case);
        is_in_question(case)
    });
    over_tcp::find(machine, cases.iter_mut().filter(|case| case.configured.clients().next().is_some()));
    let named: HashSet<&[u8]> = cases.iter().map(|case| case.path.as_slice()).collect();
    let mut sockets = 0;
    if machine.has_kernel()
        && let Ok(listed) = list::run(context, &ListArgs::default())
    {
        sockets = listed.subjects;
        let mut judgement = listed.judgement;
        // Those are judged with what configuration says of them.
        judgement.findings.retain(|finding| !named.contains(finding.subject.name.as_slice()));
        answer.judgement.absorb(judgement);
    }
    for case in &cases {
        answer.judgement.absorb(rules::judge(case, rules::ALL, |rule| context.chosen(rule)));
    }
    silence::findings(&mut answer.judgement, |file| site.texts.get(file).map(Vec::as_slice));
    answer.judgement.absorb(Judgement {
        not_checked: gaps.into_iter().map(|gap| NotChecked { code: None, gap }).collect(),
        ..Judgement::default()
    });
    answer.subjects = cases.len();
    answer.data = Data::Scan { declarations: site.mentions, files: site.texts.len(), sockets };
    answer
}

/// Every path that is named, as those see it who connect to it, else as we do.
fn examined(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    site: &Site,
    gaps: &mut Vec<Gap>,
) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut left: Vec<Vec<u8>> = site.paths();
    for front in &site.fronts {
        let targets = targets(&front.paths);
        if targets.is_empty() {
            continue;
        }
        left.retain(|path| !front.paths.contains(path));
        let who = clients(context, examiner, front, gaps);
        let targets = match &front.chroot {
            Some(chroot) => jail::seen_from_here(examiner, chroot, targets, &who),
            None => targets,
        };
        let found = consumers::examine(context, examiner, &targets, b"/", &who);
        let mut found: Vec<Case> = found.into_iter().flatten().flatten().collect();
        if let Some(chroot) = &front.chroot {
            for case in &mut found {
                case.configured.jail = Some(jail::of(examiner, case, chroot, &front.paths));
            }
        }
        cases.extend(found);
    }
    left.retain(|path| path.starts_with(b"/"));
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

/// How systemd has the units that name sockets, asked once.
fn states(machine: &Machine, site: &Site, gaps: &mut Vec<Gap>) -> Fact<Vec<UnitState>> {
    if machine.scope != Scope::Running || !is_systemd(machine) {
        return Fact::NotAsked;
    }
    let mut names: Vec<&str> = Vec::new();
    for unit in site.units.iter().filter(|unit| !unit.sockets.is_empty()) {
        names.extend(std::iter::once(unit.name.as_str()).chain(unit.service.as_deref()));
    }
    match unit_states(&names) {
        Ok(states) => Fact::Known(states),
        Err(gap) => {
            gaps.push(gap.clone());
            Fact::Unknown(gap)
        }
    }
}

/// Whether systemd is the init here (sd_booted(3)).
fn is_systemd(machine: &Machine) -> bool {
    crate::facts::process::command(machine, 1).is_some_and(|command| command == b"systemd")
}

/// What the .socket unit gives its file: root, 0666 where it says nothing (systemd.socket(5)).
fn wished(examiner: &mut Examiner<'_>, case: &Case) -> Wished {
    let Some(unit) = case.configured.socket_unit() else { return Wished::default() };
    let mode = unit.socket_mode.as_ref().map_or(0o666, |mode| mode.value);
    let owner = match &unit.socket_user {
        Some(Setting { value, .. }) => examiner.users.uid_of(value).ok().flatten(),
        None => Some(0),
    };
    let group = match (&unit.socket_group, owner) {
        (Some(Setting { value, .. }), _) => examiner.users.gid_of(value).ok().flatten(),
        (None, Some(owner)) => examiner.users.primary_group(owner).ok().flatten(),
        (None, None) => None,
    };
    let owner: Option<IdName> = owner.map(|uid| examiner.users.user(uid));
    Wished { mode: Some(mode), owner, group: group.map(|gid| examiner.users.group(gid)) }
}

/// A server that is declared and does not run is nobody's concern until somebody wants to connect.
fn is_in_question(case: &Case) -> bool {
    let runs = |unit: &&std::sync::Arc<Unit>| {
        let state = case.configured.state(&unit.name);
        case.configured.binds(unit) && state.is_some_and(|state| state.active != "inactive")
    };
    case.configured.clients().next().is_some()
        || !matches!(case.file(), Ok(None))
        || !case.sockets.items.is_empty()
        || case.configured.units.iter().any(|unit| runs(&unit))
        || case.files_only
}
