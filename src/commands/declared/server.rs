//! The identity that a service which does not run is declared to have: it will make the socket.

use crate::facts::consumers::{self, Who};
use crate::facts::examine::Examiner;
use crate::facts::machine::Machine;
use crate::model::{Case, Credentials, Fact, FileKind, Unit};

/// Whom the service runs as that is to make its socket in a directory which is there and stays as it is. Of one that
/// starts as root nothing is known: it may become somebody else when it has bound.
pub(super) fn identity(machine: &Machine, examiner: &mut Examiner<'_>, case: &Case) -> Fact<Credentials> {
    let Some(unit) = service(case) else { return Fact::NotAsked };
    let Some(user) = &unit.user else { return Fact::NotAsked };
    let who = Who::User(user.value.clone(), vec![]);
    let found = consumers::find(machine, examiner, &who).ok().and_then(|found| found.into_iter().next());
    let Some(mut credentials) = found.map(|consumer| consumer.credentials).filter(|found| found.uid != 0)
    else {
        return Fact::NotAsked;
    };
    let mut gid = |name: &str| examiner.users.gid_of(name).ok().flatten();
    if let Some(group) = unit.group.as_ref() {
        let Some(group) = gid(&group.value) else { return Fact::NotAsked };
        credentials.gid = group;
    }
    credentials.groups.extend(unit.groups.iter().filter_map(|name| gid(name)));
    Fact::Known(credentials)
}

/// The service that is to bind the path, where nobody has it and the service does nothing for its directory.
fn service(case: &Case) -> Option<&Unit> {
    let walk = case.walk.known().filter(|_| !case.files_only && case.client.is_none())?;
    let whole = walk.destination();
    let slash = whole.iter().rposition(|byte| *byte == b'/')?;
    let directory = &whole[..slash];
    let is_there =
        walk.steps.last().is_some_and(|step| step.path == directory && step.kind == FileKind::Directory);
    if !is_there
        || walk.file().is_some()
        || !case.sockets.items.is_empty()
        || case.configured.socket_unit().is_some()
    {
        return None;
    }
    let unit = |owner: &str| case.configured.unit(owner).filter(|unit| !unit.is_socket());
    let unit = case.configured.servers().find_map(|server| unit(&server.owner))?;
    let holds = |made: &[u8]| {
        directory.strip_prefix(made).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let makes = unit.runtime_directories.iter().any(|made| holds(&made.value));
    let names = |line: &[u8]| line.windows(directory.len().max(1)).any(|part| part == directory);
    let prepared = unit.before.iter().any(|line| names(&line.value));
    Some(unit.as_ref()).filter(|_| !makes && !prepared)
}
