//! SD115: a boot empties the directory of the socket's directory, and nothing makes that anew.

use super::configured;
use crate::model::{AtBoot, Case, Certainty, Declaration, Evidence, Fix, NoVerdict, Severity, Unit, Verdict};

rule! {
    /// The directory of the socket is on a tmpfs, and nothing that is declared makes it at boot.
    ///
    /// # What it means
    /// /run is empty after every boot. A server that does not run as root cannot make a directory there, and gunicorn
    /// and uvicorn never make one: its bind fails with "No such file or directory".
    ///
    /// # How it is known
    /// From the mount table; no RuntimeDirectory= of a unit, no line of tmpfiles.d, no .socket unit and no ExecStartPre=
    /// makes it. Likely: a script may. A warning while the directory is there still.
    ///
    /// # Not to be confused with
    /// A directory that the ListenStream= of a .socket unit has made.
    ///
    /// # Fix
    /// `RuntimeDirectory=NAME` in the service, or a line `d /run/NAME 0755 USER GROUP` in /etc/tmpfiles.d.
    RUNTIME_DIR_NOT_RECREATED = "SD115", "runtime-dir-not-recreated", Error
}

const OTHERWISE: &str = "or a line `d DIRECTORY 0755 USER GROUP` in a file of /etc/tmpfiles.d";

fn check(case: &Case) -> Verdict {
    let configured = &case.configured;
    let unit = |server: &Declaration| configured.unit(&server.owner).filter(|unit| !unit.is_socket());
    let service = configured.servers().find_map(|server| Some((server, unit(server)?)));
    let Some((server, unit)) = service else { return Err(NoVerdict::NotApplicable) };
    let file = case.file()?;
    let directory = server.place();
    let prepared = unit
        .before
        .iter()
        .any(|line| line.value.windows(directory.len().max(1)).any(|part| part == directory));
    if *configured.at_boot.get()? != AtBoot::Goes || prepared {
        return Ok(vec![]);
    }
    let is_gone = case.walk.get()?.steps.last().is_none_or(|step| step.path != directory);
    // That the directory of a listener went is another story.
    let (what, severity) = match file {
        Some(_) => ("goes at the next boot", Severity::Warning),
        None if is_gone && case.sockets.items.is_empty() => ("is not there", Severity::Error),
        None => return Ok(vec![]),
    };
    let name = configured::path(directory);
    let summary =
        format!("{name}, in which {} is to listen, {what}, and nothing declared makes it.", unit.name);
    let finding = RUNTIME_DIR_NOT_RECREATED.finding(case, Certainty::Likely, summary).as_severe_as(severity);
    let proof = Evidence::new("mountinfo", format!("{name} is on a tmpfs"));
    let finding = finding.written_at(&server.written).proven_by([proof]);
    Ok(vec![finding.fixed_by(declare(unit, directory)).fixed_by([Fix::advice(OTHERWISE)])])
}

/// Has systemd make the directory for the service's user.
fn declare(unit: &Unit, directory: &[u8]) -> Option<Fix> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let below = directory.strip_prefix(b"/run/").filter(|below| below.iter().all(plain))?;
    let lines = [b"[Service]\\nRuntimeDirectory=", below, b"\\n"].concat();
    let edit = configured::drop_in(&unit.name, "directory", &lines);
    let command = [edit, configured::systemctl("restart", &unit.name)].join(&b" && "[..]);
    Some(Fix::change(command, "have systemd make it whenever the service starts"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    fn on_a_tmpfs(mut case: Case) -> Case {
        let mut service = Unit { sockets: Unit::sample().sockets, ..Unit::sample_service() };
        service.sockets[0].owner.clone_from(&service.name);
        case.configured.mentions.clone_from(&service.sockets);
        case.configured.units = vec![service.into()];
        case.configured.at_boot = Fact::Known(AtBoot::Goes);
        case
    }

    #[test]
    fn fires_as_a_warning_while_it_is_there() {
        assert_eq!(check(&on_a_tmpfs(Case::sample())).unwrap()[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_where_something_makes_it() {
        let mut case = on_a_tmpfs(Case::sample());
        case.configured.at_boot = Fact::Known(AtBoot::Made);
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = on_a_tmpfs(Case::sample());
        case.configured.at_boot = Fact::Unknown(Gap::new("/etc/tmpfiles.d", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
