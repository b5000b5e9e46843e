//! Who would be stopped by what units declare of a socket and its directory.

use super::configured;
use crate::model::{
    Bits, Case, Certainty, Evidence, Finding, Fix, Obstacle, Permissions, Planned, Rule, Verdict,
};

/// With those whom the declared permissions stop, where nothing is there yet that would show it.
pub(super) fn or(case: &Case, rule: &'static Rule, obstacle: Obstacle, verdict: Verdict) -> Verdict {
    let Some(planned) = case.configured.planned.as_ref() else { return verdict };
    let directory = planned.directory.as_ref();
    let mut found = Vec::new();
    for access in &case.accesses {
        let credentials = &access.consumer.credentials;
        let stops = |permissions: &Permissions, wanted, directory| {
            credentials.decide(permissions, wanted, directory).is_ok_and(|decision| !decision.allowed)
        };
        let barred = directory.filter(|(_, permissions)| stops(permissions, Bits::SEARCH, true));
        let who = String::from_utf8_lossy(&access.consumer.label()).into_owned();
        found.extend(match (obstacle, barred, &planned.file) {
            (Obstacle::Search, Some((directory, permissions)), _) => {
                let directory = configured::path(directory);
                let summary =
                    format!("{} gives {directory} a mode that does not let {who} through.", planned.server);
                Some(finding(case, rule, planned, permissions, summary))
            }
            (Obstacle::Write, None, Some(permissions)) if stops(permissions, Bits::WRITE, false) => {
                let path = configured::path(&case.path);
                let summary = format!("{} makes {path} so that {who} may not write to it.", planned.server);
                Some(finding(case, rule, planned, permissions, summary))
            }
            _ => None,
        });
    }
    if found.is_empty() { verdict } else { Ok(found) }
}

fn finding(
    case: &Case,
    rule: &'static Rule,
    planned: &Planned,
    permissions: &Permissions,
    summary: String,
) -> Finding {
    let Permissions { mode, uid, gid, .. } = permissions;
    let detail = format!("mode {mode:04o}, owner {uid}, group {gid}, as its lines have it");
    let finding = rule.finding(case, Certainty::Likely, summary);
    let finding = planned.lines.iter().fold(finding, Finding::written_at);
    let advice = if planned.server.ends_with(".socket") {
        "SocketGroup= with the client's group and SocketMode=0660, then restart the .socket unit"
    } else {
        "Group= with the client's group, and a mode of socket and directory that lets the group in; or a .socket unit"
    };
    finding.proven_by([Evidence::new(planned.server.as_str(), detail)]).fixed_by([Fix::advice(advice)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Consumer, Fact, Walk};
    use crate::rules::ALL;

    fn declared(file: u32, directory: u32, groups: &[u32]) -> [usize; 2] {
        let mut case = Case::sample_before(Consumer::sample(33, groups), 0o755, 0o666);
        case.walk = Fact::Known(Walk::sample_missing());
        let permissions = |mode| Permissions { mode, uid: 900, gid: 50, acl: Fact::Known(None) };
        case.configured.planned = Some(Planned {
            server: "app.service".into(),
            file: Some(permissions(file)),
            directory: Some((b"/run/app".to_vec(), permissions(directory))),
            lines: vec![],
        });
        let found = |obstacle| or(&case, ALL[0], obstacle, Ok(vec![])).map_or(0, |found| found.len());
        [found(Obstacle::Search), found(Obstacle::Write)]
    }

    #[test]
    fn the_first_that_stops_a_client_is_named() {
        assert_eq!(declared(0o660, 0o750, &[]), [1, 0]);
        assert_eq!(declared(0o660, 0o755, &[]), [0, 1]);
        assert_eq!(declared(0o660, 0o750, &[50]), [0, 0]);
        assert_eq!(declared(0o666, 0o711, &[]), [0, 0]);
    }
}
