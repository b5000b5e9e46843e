//! SD607: the socket's file is not what its unit says.

use super::{configured, evidence};
use crate::model::{Case, Certainty, FileKind, Finding, Holder, NoVerdict, Verdict};

rule! {
    /// Mode, owner or group of the socket are not those its .socket unit gives it.
    ///
    /// # What it means
    /// Somebody changed the file by hand, which lasts until systemd makes it again, or the unit was edited and the
    /// socket was not restarted: the file is still the one of before.
    ///
    /// # How it is known
    /// SocketMode=, SocketUser= and SocketGroup= of the unit files, drop-ins included (0666 and root where they say
    /// nothing), against the file that PID 1 has bound.
    ///
    /// # Not to be confused with
    /// A file that another server made in its place (SD103, SD604).
    ///
    /// # Fix
    /// Write what is meant into the unit, then `systemctl daemon-reload` and restart the .socket unit.
    UNIT_VS_FILE_MISMATCH = "SD607", "unit-vs-file-mismatch", Warning
}

fn check(case: &Case) -> Verdict {
    let unit = case.configured.socket_unit().ok_or(NoVerdict::NotApplicable)?;
    let Some(file) = case.file()?.filter(|file| file.kind == FileKind::Socket) else { return Ok(vec![]) };
    let Some(server) = case.server() else { return Ok(vec![]) };
    let manager = |holder: &Holder| holder.process.is_manager();
    if !server.holders.get()?.iter().any(manager) {
        return Ok(vec![]);
    }
    let wished = &case.configured.wished;
    let mut differences = Vec::new();
    let mut settings = Vec::new();
    if let Some(mode) = wished.mode.filter(|mode| *mode != file.permissions()) {
        differences.push(format!("mode {:04o} instead of {mode:04o}", file.permissions()));
        settings.extend(unit.socket_mode.as_ref().map(|setting| &setting.written));
    }
    if let Some(owner) = wished.owner.as_ref().filter(|owner| owner.id != file.uid) {
        differences.push(format!("owner {} instead of {}", file.uid, owner.label()));
        settings.extend(unit.socket_user.as_ref().map(|setting| &setting.written));
    }
    if let Some(group) = wished.group.as_ref().filter(|group| group.id != file.gid) {
        differences.push(format!("group {} instead of {}", file.gid, group.label()));
        settings.extend(unit.socket_group.as_ref().map(|setting| &setting.written));
    }
    if differences.is_empty() {
        return Ok(vec![]);
    }
    let summary = format!("The socket is not as {} gives it: {}.", unit.name, differences.join(", "));
    let mut finding = UNIT_VS_FILE_MISMATCH.finding(case, Certainty::Certain, summary);
    finding = settings.into_iter().fold(finding, Finding::written_at);
    let state = case.configured.state(&unit.name).map(configured::state);
    finding = finding.proven_by(evidence::path(case).into_iter().chain(state));
    let text = "have the file made as the unit says; edit the unit first where the file is right";
    Ok(vec![finding.fixed_by([configured::remake(case, unit, text)])])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Fact, Gap, Unit, Wished};

    fn with(mode: u32) -> Case {
        let mut case = Case::sample();
        let mut pid_1 = Holder::sample(1);
        Arc::make_mut(&mut pid_1.process).command = b"systemd".to_vec();
        case.sockets.items[0].holders = Fact::Known(vec![pid_1]);
        case.file_mut().mode = 0o140_660;
        let unit = Unit::sample();
        case.configured.mentions.clone_from(&unit.sockets);
        case.configured.units = vec![unit.into()];
        case.configured.wished = Wished { mode: Some(mode), ..Wished::default() };
        case
    }

    #[test]
    fn fires_on_another_mode() {
        let found = check(&with(0o600)).unwrap();
        assert!(found[0].summary.contains("mode 0660 instead of 0600"), "{}", found[0].summary);
    }

    #[test]
    fn silent_on_equal_ones_and_on_the_file_of_another_server() {
        assert_eq!(check(&with(0o660)), Ok(vec![]));
        let mut other = with(0o600);
        other.sockets.items[0].holders = Fact::Known(vec![Holder::sample(7)]);
        assert_eq!(check(&other), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = with(0o600);
        case.sockets.items[0].holders = Fact::Unknown(Gap::new("/proc/1/fd", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
