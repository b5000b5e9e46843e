//! The consumers somebody asks about: found, and with the identity and the view they really have.

use std::sync::Arc;

use super::examine::Examiner;
use super::machine::{Machine, Scope};
use super::systemctl;
use super::{credentials, process};
use crate::model::{Consumer, Credentials, Fact, Gap, IdName, Origin};

/// Whose access is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever runs this.
    Caller,
    /// `USER[:GROUP,…]`: a user, and groups instead of its own.
    User(String, Vec<String>),
    /// A uid and groups, the primary one first.
    Ids(u32, Vec<u32>),
    /// A running process.
    Pid(u32),
    /// A systemd unit.
    Unit(String),
    /// A container.
    Container(String),
}

/// Why there is no consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoConsumer {
    /// There is none of that name: the message and what to do.
    Unknown(String, String),
    /// It may exist, but nothing is to be seen of it.
    Unseen(String, String),
}

impl From<Gap> for NoConsumer {
    fn from(gap: Gap) -> Self {
        let help = gap.would_help.unwrap_or_else(|| "name the consumer by --uid and --gid instead".into());
        Self::Unseen(format!("{}: {}", gap.source, gap.why), help)
    }
}

/// Finds them. A unit or container gives each identity that runs in it once: a server's workers seldom are who
/// their master is.
pub fn find(machine: &Machine, examiner: &mut Examiner<'_>, who: &Who) -> Result<Vec<Consumer>, NoConsumer> {
    match who {
        Who::Caller => Ok(vec![caller(machine, examiner)?]),
        Who::User(user, groups) => Ok(vec![of_user(machine, examiner, user, groups)?]),
        Who::Ids(uid, groups) => Ok(vec![of_ids(machine, examiner, *uid, groups, Fact::NotAsked)]),
        Who::Pid(pid) => Ok(vec![running(machine, examiner, *pid, Origin::Process)?]),
        Who::Unit(name) => of_unit(machine, examiner, name),
        Who::Container(name) => of_container(machine, examiner, name),
    }
}

/// Those among running processes, each identity once; processes that ended meanwhile are left out.
pub fn distinct(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    pids: impl IntoIterator<Item = u32>,
    origin: &Origin,
) -> Vec<Consumer> {
    let mut found: Vec<Consumer> = Vec::new();
    for pid in pids {
        let Ok(consumer) = running(machine, examiner, pid, origin.clone()) else { continue };
        let same = |known: &Consumer| {
            let namespace =
                |consumer: &Consumer| consumer.process.as_ref().and_then(|process| process.mount_namespace);
            known.credentials == consumer.credentials
                && (&known.our_view, known.netns) == (&consumer.our_view, consumer.netns)
                && namespace(known) == namespace(&consumer)
        };
        if !found.iter().any(same) {
            found.push(consumer);
        }
    }
    found
}

/// We ourselves, whose identity is meant before another machine's files too.
fn caller(machine: &Machine, examiner: &mut Examiner<'_>) -> Result<Consumer, NoConsumer> {
    let consumer = of_process(&Machine::default(), examiner, std::process::id(), Origin::Caller)?;
    if machine.scope == Scope::Running {
        return Ok(consumer);
    }
    Ok(Consumer { our_view: Fact::Known(true), ..consumer })
}

fn running(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    pid: u32,
    origin: Origin,
) -> Result<Consumer, NoConsumer> {
    if !process::exists(machine, pid) {
        let hint = "`ps -e` lists those that are";
        return Err(NoConsumer::Unseen(format!("there is no process {pid}"), hint.into()));
    }
    of_process(machine, examiner, pid, origin)
}

fn of_process(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    pid: u32,
    origin: Origin,
) -> Result<Consumer, NoConsumer> {
    let credentials = credentials::of_process(machine, pid)?;
    let process = process::read(machine, &mut examiner.users, pid)
        .ok_or_else(|| Gap::new(format!("/proc/{pid}"), "the process ended meanwhile"))?;
    let our_view = match process::same_view(machine, pid, None) {
        Some(same) => Fact::Known(same),
        None => Fact::Unknown(
            Gap::new(format!("/proc/{pid}/root"), "what the path means to that process is not visible")
                .helped_by(Gap::AS_ROOT),
        ),
    };
    let user = examiner.users.user(credentials.uid);
    let listed = user.name.as_ref().map(|(name, _)| examiner.users.groups_of(name));
    let listed_groups = match listed {
        Some(Ok(groups)) => Fact::Known(groups),
        Some(Err(gap)) => Fact::Unknown(gap),
        None => Fact::NotAsked,
    };
    let process = (origin != Origin::Caller).then(|| Arc::new(process));
    let netns = process::network_namespace(machine, pid).filter(|theirs| {
        process::network_namespace(machine, std::process::id()).is_some_and(|ours| ours != *theirs)
    });
    // Of a process in another mount namespace the link reads as seen from there.
    let chroot = process::root_link(machine, pid).filter(|root| root != b"/");
    Ok(Consumer {
        process,
        netns,
        chroot,
        our_view,
        ..described(examiner, origin, user, credentials, listed_groups)
    })
}

fn described(
    examiner: &mut Examiner<'_>,
    origin: Origin,
    user: IdName,
    credentials: Credentials,
    listed_groups: Fact<Vec<u32>>,
) -> Consumer {
    let group = examiner.users.group(credentials.gid);
    let others = credentials.groups.iter().filter(|gid| **gid != credentials.gid);
    let groups = others.map(|gid| examiner.users.group(*gid)).collect();
    Consumer {
        origin,
        user,
        group,
        groups,
        credentials,
        process: None,
        netns: None,
        chroot: None,
        listed_groups,
        our_view: Fact::Known(true),
    }
}

fn of_user(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    user: &str,
    groups: &[String],
) -> Result<Consumer, NoConsumer> {
    let uid = examiner.users.uid_of(user)?.ok_or_else(|| {
        NoConsumer::Unknown(format!("there is no user {user}"), "`getent passwd` lists those that are".into())
    })?;
    let given = groups
        .iter()
        .map(|group| {
            examiner.users.gid_of(group)?.ok_or_else(|| {
                let hint = "`getent group` lists those that are";
                NoConsumer::Unknown(format!("there is no group {group}"), hint.into())
            })
        })
        .collect::<Result<Vec<u32>, NoConsumer>>()?;
    let groups = if given.is_empty() { groups_at_login(examiner, uid)? } else { given };
    let listed = Fact::Known(groups[1..].to_vec());
    Ok(of_ids(machine, examiner, uid, &groups, listed))
}

/// The primary group first.
fn groups_at_login(examiner: &mut Examiner<'_>, uid: u32) -> Result<Vec<u32>, Gap> {
    let mut groups = vec![examiner.users.primary_group(uid)?.unwrap_or(uid)];
    if let Some((name, _)) = examiner.users.user(uid).name {
        groups.extend(examiner.users.groups_of(&name)?);
    }
    Ok(groups)
}

fn of_ids(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    uid: u32,
    groups: &[u32],
    listed: Fact<Vec<u32>>,
) -> Consumer {
    let (primary, others) = groups.split_first().map_or((uid, &[][..]), |(first, others)| (*first, others));
    let credentials = credentials::fresh(machine, uid, primary, others.to_vec());
    let user = examiner.users.user(uid);
    described(examiner, Origin::User, user, credentials, listed)
}

fn of_unit(machine: &Machine, examiner: &mut Examiner<'_>, name: &str) -> Result<Vec<Consumer>, NoConsumer> {
    let full = systemctl::full_name(name);
    let origin = Origin::Unit(full.clone());
    let in_unit = members(machine, examiner, |process| process.unit.as_deref() == Some(&full))?;
    // It would answer for the system that we are part of.
    let answer = if machine.scope == Scope::Running {
        systemctl::show(&full)
    } else {
        Err(Gap::new(full.clone(), "no process of this unit is visible"))
    };
    let unit = match answer {
        Ok(None) if in_unit.is_empty() => {
            let hint = "`systemctl list-units --all` lists those that are";
            return Err(NoConsumer::Unknown(format!("there is no unit {full}"), hint.into()));
        }
        Ok(unit) => unit,
        Err(_) if !in_unit.is_empty() => None,
        Err(gap) => return Err(gap.into()),
    };
    let main = unit.as_ref().and_then(|unit| unit.main_pid);
    let found = distinct(machine, examiner, main.into_iter().chain(in_unit), &origin);
    let Some(unit) = unit.filter(|_| found.is_empty()) else { return Ok(found) };
    if unit.dynamic_user {
        let hint = "start it, then ask again";
        return Err(NoConsumer::Unseen(
            format!("{full} has a user only while it runs (DynamicUser=)"),
            hint.into(),
        ));
    }
    let user = if unit.user.is_empty() { "root" } else { &unit.user };
    let mut consumer = of_user(machine, examiner, user, &[])?;
    if !unit.group.is_empty() || !unit.groups.is_empty() {
        let own = if unit.group.is_empty() { consumer.group.id.to_string() } else { unit.group };
        let others = consumer.credentials.groups.iter().map(u32::to_string);
        let groups: Vec<String> = std::iter::once(own).chain(unit.groups).chain(others).collect();
        consumer = of_user(machine, examiner, user, &groups)?;
    }
    Ok(vec![Consumer { origin, ..consumer }])
}

fn of_container(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    name: &str,
) -> Result<Vec<Consumer>, NoConsumer> {
    // The digits of an ID that are kept are fewer than those people may paste.
    let is_it = |container: &str| {
        container == name || (name.len() >= 4 && (container.starts_with(name) || name.starts_with(container)))
    };
    let pids = members(machine, examiner, |process| process.container.as_deref().is_some_and(is_it))?;
    if pids.is_empty() {
        let message = format!("no running process belongs to a container {name}");
        let hint = "give its ID as `docker ps` or `podman ps` prints it, or a pid of it with --pid";
        return Err(NoConsumer::Unknown(message, hint.into()));
    }
    Ok(distinct(machine, examiner, pids, &Origin::Container(name.to_owned())))
}

/// Pids of the processes that fit, ascending.
fn members(
    machine: &Machine,
    examiner: &mut Examiner<'_>,
    fits: impl Fn(&crate::model::Process) -> bool,
) -> Result<Vec<u32>, Gap> {
    let mut pids = process::pids(machine)?;
    pids.retain(|pid| {
        process::read(machine, &mut examiner.users, *pid).is_some_and(|process| fits(&process))
    });
    Ok(pids)
}
