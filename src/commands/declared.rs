//! What configuration says of a target that somebody looks at. It is read when the first case calls for it, and only
//! one that is not well does.

mod planned;
mod server;

use std::cell::OnceCell;
use std::time::Instant;

use super::Context;
use super::site::Site;
use crate::config::{self, tmpfiles::Line};
use crate::facts::examine::Examiner;
use crate::facts::mounts;
use crate::model::{
    AgedLine, AtBoot, Case, Configured, Fact, Gap, IdName, Setting, Severity, Target, Walk, Wished,
};
use crate::rules::Judgement;

/// The declarations of this machine.
pub(super) struct Declarations<'c> {
    context: &'c Context<'c>,
    site: OnceCell<Site>,
}

impl<'c> Declarations<'c> {
    pub(super) const fn of(context: &'c Context<'c>) -> Self {
        Self { context, site: OnceCell::new() }
    }

    /// Puts what is declared of the target of a case that is not well where the rules look for it, and tells whether
    /// there is anything.
    pub(super) fn name(&self, examiner: &mut Examiner<'_>, case: &mut Case, judged: &Judgement) -> bool {
        let is_bad = judged.findings.iter().any(|finding| finding.severity >= Severity::Warning);
        // What our files declare is not what a container's do.
        let contained = case.accesses.iter().any(|access| access.consumer.is_contained());
        let is_path = matches!(case.target, Target::Path(_)) && case.path.starts_with(b"/");
        if !(is_bad || judged.error_left_out) || contained || !is_path {
            return false;
        }
        if self.site.get().is_none() && Instant::now() >= self.context.deadline {
            return false;
        }
        let site = self.site.get_or_init(|| Site::of_machine(self.context));
        let mut configured = site.about(&case.path);
        if configured.mentions.is_empty()
            && let Some(leads_to) = case.walk.known().map(Walk::destination).filter(|end| *end != case.path)
        {
            configured = site.about(&leads_to);
        }
        if configured == Configured::default() {
            return false;
        }
        configured.instead = std::mem::take(&mut case.configured.instead);
        configured.jail = case.configured.jail.take();
        case.configured = configured;
        complete(self.context, examiner, site, case);
        true
    }
}

/// Adds to what is declared of a case what the machine says of that.
pub(super) fn complete(context: &Context<'_>, examiner: &mut Examiner<'_>, site: &Site, case: &mut Case) {
    case.configured.wished = wished(examiner, case);
    case.configured.planned = planned::of(examiner, case);
    case.configured.at_boot = at_boot(context, site, case);
    if case.binder == Fact::NotAsked {
        case.binder = server::identity(context.machine, examiner, case);
    }
    if !case.configured.backlogs.is_empty() && context.machine.has_kernel() {
        case.configured.somaxconn = somaxconn(examiner, case);
    }
}

/// The line by which the target's file is removed when it is old, if the target is a path.
pub(super) fn aged(case: &Case, lines: &[Line], gap: Option<&Gap>) -> Fact<Option<AgedLine>> {
    let (Target::Path(_), Some(walk)) = (&case.target, case.walk.known()) else { return Fact::NotAsked };
    match (config::tmpfiles::aged(lines, &walk.destination()), gap) {
        (None, Some(gap)) => Fact::Unknown(gap.clone()),
        (line, _) => Fact::Known(line),
    }
}

/// What becomes of the directory of a socket that a service is to make: asked where paths mean ours.
fn at_boot(context: &Context<'_>, site: &Site, case: &Case) -> Fact<AtBoot> {
    if !case.configured.servers().any(|server| server.owner.ends_with(".service")) {
        return Fact::NotAsked;
    }
    let Some(walk) = case.walk.known().filter(|_| !case.files_only && case.client.is_none()) else {
        return Fact::NotAsked;
    };
    let whole = walk.destination();
    let Some(slash) = whole.iter().rposition(|byte| *byte == b'/').filter(|slash| *slash > 0) else {
        return Fact::NotAsked;
    };
    let directory = &whole[..slash];
    let table = match mounts::of(context.machine, None) {
        Ok(table) => table,
        Err(gap) => return Fact::Unknown(gap),
    };
    let mount = mounts::showing(&table, directory);
    let goes = mount.is_some_and(|mount| mount.fstype == "tmpfs" && mount.point != directory);
    match &site.tmpfiles.gap {
        _ if !goes => Fact::Known(AtBoot::Stays),
        _ if site.makes(directory) => Fact::Known(AtBoot::Made),
        Some(gap) => Fact::Unknown(gap.clone()),
        None => Fact::Known(AtBoot::Goes),
    }
}

fn somaxconn(examiner: &mut Examiner<'_>, case: &Case) -> Fact<u64> {
    let Some(server) = case.server() else { return Fact::NotAsked };
    let limit = examiner.sysctl_in(server.socket.netns, "net/core/somaxconn");
    limit.map_or_else(Fact::Unknown, Fact::Known)
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
