//! What the socket's file and its directory will be like, where files alone are judged.

use crate::facts::examine::Examiner;
use crate::model::{Case, Fact, Permissions, Planned, Setting, Unit, Written};

/// As the one unit has it that is to make the socket. Nothing, where a user is not known, or exists only while the
/// service runs.
pub(super) fn of(examiner: &mut Examiner<'_>, case: &Case) -> Option<Planned> {
    if !case.files_only || !matches!(case.file(), Ok(None)) {
        return None;
    }
    let configured = &case.configured;
    let server = configured.servers().next()?;
    // What passes a listener made it.
    let unit = configured.socket_unit().or_else(|| configured.unit(&server.owner))?;
    let alone = configured.servers().all(|other| other.owner == server.owner || other.owner == unit.name);
    let unit = Some(unit).filter(|_| alone)?;
    let mut lines = Vec::new();
    let mut planned = if unit.is_socket() {
        of_socket(examiner, unit, &mut lines)?
    } else {
        of_service(examiner, unit, case, &mut lines)?
    };
    planned.lines = lines;
    Some(planned)
}

fn of_socket(examiner: &mut Examiner<'_>, unit: &Unit, lines: &mut Vec<Written>) -> Option<Planned> {
    let (uid, gid) = ids(examiner, unit.socket_user.as_ref(), unit.socket_group.as_ref())?;
    let mode = unit.socket_mode.as_ref().map_or(0o666, |mode| mode.value);
    lines.extend(unit.socket_mode.iter().map(|mode| mode.written.clone()));
    lines.extend(
        [&unit.socket_user, &unit.socket_group].into_iter().flatten().map(|named| named.written.clone()),
    );
    let file = Some(Permissions { mode, uid, gid, acl: Fact::Known(None) });
    Some(Planned { server: unit.name.clone(), file, directory: None, lines: vec![] })
}

fn of_service(
    examiner: &mut Examiner<'_>,
    unit: &Unit,
    case: &Case,
    lines: &mut Vec<Written>,
) -> Option<Planned> {
    if unit.dynamic {
        return None;
    }
    let (uid, gid) = ids(examiner, unit.user.as_ref(), unit.group.as_ref())?;
    let below = |made: &&Setting<Vec<u8>>| {
        case.path.strip_prefix(made.value.as_slice()).is_some_and(|rest| rest.starts_with(b"/"))
    };
    let directory = unit.runtime_directories.iter().find(below).map(|made| {
        let mode = unit.runtime_mode.as_ref();
        lines.extend(mode.map(|mode| mode.written.clone()).or_else(|| Some(made.written.clone())));
        let mode = mode.map_or(0o755, |mode| mode.value);
        (made.value.clone(), Permissions { mode, uid, gid, acl: Fact::Known(None) })
    });
    lines.extend([&unit.user, &unit.group].into_iter().flatten().map(|named| named.written.clone()));
    let file = match &unit.makes {
        None => None,
        Some(makes) => {
            lines.push(makes.written.clone());
            let users = &mut examiner.users;
            let uid = match &makes.user {
                Some(user) => users.uid_of(user).ok()??,
                None => uid,
            };
            let gid = match &makes.group {
                Some(group) => users.gid_of(group).ok()??,
                None => gid,
            };
            Some(Permissions { mode: makes.mode, uid, gid, acl: Fact::Known(None) })
        }
    };
    Some(Planned { server: unit.name.clone(), file, directory, lines: vec![] })
}

/// A user and a group by their names; root where nothing is said, and the user's own group.
fn ids(
    examiner: &mut Examiner<'_>,
    user: Option<&Setting<String>>,
    group: Option<&Setting<String>>,
) -> Option<(u32, u32)> {
    let users = &mut examiner.users;
    let uid = match user {
        Some(user) => users.uid_of(&user.value).ok()??,
        None => 0,
    };
    let gid = match group {
        Some(group) => users.gid_of(&group.value).ok()??,
        None => users.primary_group(uid).ok().flatten().unwrap_or(0),
    };
    Some((uid, gid))
}
