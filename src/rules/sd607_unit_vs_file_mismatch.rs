//! SD607: the socket's file is not what its unit says.

use super::{configured, evidence, unit_file};
use crate::model::{Case, Certainty, FileKind, Finding, NoVerdict, Verdict};

rule! {
    /// Mode, owner or group of the socket are not those its .socket unit gives it.
    ///
    /// # What it means
    /// Somebody changed the file by hand, which lasts until systemd makes it again, or the unit was edited and the
    /// socket was not restarted: the file is still the one of before.
    ///
    /// # How it is known
    /// SocketMode=, SocketUser= and SocketGroup= of the unit files, drop-ins included (0666 and root where they say
    /// nothing), against the file that PID 1 has bound; DirectoryMode=, where it is set, against the directory.
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
    if !server.holders.get()?.iter().any(|holder| holder.process.is_manager()) {
        return Ok(vec![]);
    }
    let (mut differences, mut settings) = unit_file::differences(case, unit, file);
    let remade = !differences.is_empty();
    let directory = unit_file::other_directory(case, unit)?;
    if let Some((wanted, place)) = directory {
        let mode = place.permissions.mode & 0o7777;
        differences.push(format!("its directory has mode {mode:04o} instead of {:04o}", wanted.value));
        settings.push(&wanted.written);
    }
    if differences.is_empty() {
        return Ok(vec![]);
    }
    let summary = format!("The socket is not as {} gives it: {}.", unit.name, differences.join(", "));
    let mut finding = UNIT_VS_FILE_MISMATCH.finding(case, Certainty::Certain, summary);
    finding = settings.into_iter().fold(finding, Finding::written_at);
    finding = finding.proven_by(evidence::path(case));
    finding = finding.proven_by(case.configured.state(&unit.name).map(configured::state));
    let text = "have the file made as the unit says; edit the unit first where the file is right";
    let again = remade.then(|| configured::remake(case, unit, text));
    let give = directory.map(|(wanted, place)| unit_file::chmod(case, wanted.value, place));
    Ok(vec![finding.fixed_by(again.into_iter().chain(give))])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Fact, Gap, Holder, Unit, Wished};

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
