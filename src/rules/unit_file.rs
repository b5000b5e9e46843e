//! What a .socket unit gives its file and its directory, against what they are.

use super::quote;
use crate::model::{Case, File, FileKind, Fix, NoVerdict, Setting, Step, Unit, Written};

/// In what the file is not as the unit says, and the lines that say so.
pub(super) fn differences<'c>(
    case: &'c Case,
    unit: &'c Unit,
    file: &File,
) -> (Vec<String>, Vec<&'c Written>) {
    let wished = &case.configured.wished;
    let (mut differences, mut settings) = (Vec::new(), Vec::new());
    if let Some(mode) = wished.mode.filter(|mode| *mode != file.permissions()) {
        differences.push(format!("mode {:04o} instead of {mode:04o}", file.permissions()));
        settings.extend(unit.socket_mode.as_ref().map(|setting| &setting.written));
    }
    let owner = (&wished.owner, "owner", file.uid, &unit.socket_user);
    for (wanted, what, id, setting) in [owner, (&wished.group, "group", file.gid, &unit.socket_group)] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.id != id) {
            differences.push(format!("{what} {id} instead of {}", wanted.label()));
            settings.extend(setting.as_ref().map(|setting| &setting.written));
        }
    }
    (differences, settings)
}

/// The directory of the socket, where its mode is another than the unit says.
pub(super) fn other_directory<'c>(
    case: &'c Case,
    unit: &'c Unit,
) -> Result<Option<(&'c Setting<u32>, &'c Step)>, NoVerdict> {
    let Some(wanted) = &unit.directory_mode else { return Ok(None) };
    let place = case.walk.get()?.steps.iter().rev().find(|step| step.kind == FileKind::Directory);
    Ok(place.filter(|place| place.permissions.mode & 0o7777 != wanted.value).map(|place| (wanted, place)))
}

/// Gives a directory a mode.
pub(super) fn chmod(case: &Case, mode: u32, place: &Step) -> Fix {
    let command = quote::command(&format!("chmod {mode:04o}"), &case.from_here(&place.path));
    Fix::change(command, "systemd gives its mode only to a directory that it makes itself")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Permissions, Reached, Walk};

    #[test]
    fn a_directory_of_another_mode_is_found_and_only_where_the_unit_says_one() {
        let mut case = Case::sample();
        let file = case.file_mut().clone();
        let permissions = Permissions { mode: 0o755, uid: 0, gid: 0, acl: Fact::NotAsked };
        let kind = FileKind::Directory;
        let step = Step { path: b"/tmp".to_vec(), kind, permissions, link: None, last: false };
        case.walk = Fact::Known(Walk { steps: vec![step], reached: Reached::File(Box::new(file)) });
        let mut unit = Unit::sample();
        assert_eq!(other_directory(&case, &unit), Ok(None));
        for (mode, differs) in [(0o755, false), (0o700, true)] {
            unit.directory_mode = Some(Setting { value: mode, written: Written::sample() });
            assert_eq!(other_directory(&case, &unit).unwrap().is_some(), differs);
        }
        let fix = chmod(&case, 0o700, &case.walk.known().unwrap().steps[0]);
        assert_eq!(fix.command.as_deref(), Some(&b"chmod 0700 /tmp"[..]));
    }
}
