//! SD213: mode or owner are not what was expected.

use super::owner;
use crate::model::{Case, Certainty, Evidence, FileKind, Fix, IdName, NoVerdict, Sighting, Verdict, Wished};

rule! {
    /// Mode, owner or group of the socket are not what was expected.
    ///
    /// # What it means
    /// The socket was made with another umask, by another user or in another group than whoever asked thinks. A
    /// chmod afterwards lasts until the next bind(2), which makes a new file.
    ///
    /// # How it is known
    /// lstat of the socket, symlinks followed, against `--expect-mode`, `--expect-owner` and `--expect-group`;
    /// each difference is one line. All twelve permission bits are compared.
    ///
    /// # Not to be confused with
    /// A name and a number of the same user: `666`, `0666` and `0o666` are the same too.
    ///
    /// # Fix
    /// Where the file is made: `SocketMode=`, `SocketUser=` and `SocketGroup=` of the unit, `--umask` of gunicorn,
    /// `listen.mode` of php-fpm; then restart what makes it.
    MODE_OR_OWNER_NOT_AS_EXPECTED = "SD213", "mode-or-owner-not-as-expected", Error
}

fn check(case: &Case) -> Verdict {
    if case.wished == Wished::default() {
        return Err(NoVerdict::NotApplicable);
    }
    let Some(file) = case.file()?.filter(|file| file.kind == FileKind::Socket) else { return Ok(vec![]) };
    let mut differences = Vec::new();
    if let Some(mode) = case.wished.mode.filter(|mode| *mode != file.permissions()) {
        differences.push(Evidence::new("mode", format!("{:04o}, expected {mode:04o}", file.permissions())));
    }
    let ids = [("owner", file.uid, &case.wished.owner), ("group", file.gid, &case.wished.group)];
    for (what, id, wished) in ids {
        if let Some(wished) = wished.as_ref().filter(|wished| wished.id != id) {
            differences.push(Evidence::new(what, format!("{id}, expected {}", described(wished))));
        }
    }
    if differences.is_empty() {
        return Ok(vec![]);
    }
    let finding = MODE_OR_OWNER_NOT_AS_EXPECTED
        .finding(case, Certainty::Certain, "Mode or owner of the socket are not what was expected.")
        .proven_by(differences)
        .fixed_by([Fix::advice(
            "set it where the socket is made: a chmod or chown lasts until the next bind",
        )])
        .fixed_by(case.server().filter(|server| Sighting::is_alive(server)).map(owner::restart));
    Ok(vec![finding])
}

fn described(id: &IdName) -> String {
    id.name.as_ref().map_or_else(|| id.id.to_string(), |(name, _)| format!("{} ({name})", id.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap};

    fn wished(mode: u32, owner: u32) -> Case {
        let wished = Wished { mode: Some(mode), owner: Some(IdName::unnamed(owner)), group: None };
        Case { wished, ..Case::sample() }
    }

    #[test]
    fn fires_with_a_line_for_each_difference() {
        let found = &check(&wished(0o660, 33)).unwrap()[0];
        let lines: Vec<&[u8]> = found.evidence.iter().map(|line| line.detail.as_slice()).collect();
        assert_eq!(lines, [&b"0755, expected 0660"[..], b"1000, expected 33"]);
    }

    #[test]
    fn silent_where_all_is_as_expected_or_nothing_was_said() {
        assert_eq!(check(&wished(0o755, 1000)), Ok(vec![]));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = wished(0o660, 33);
        case.walk = Fact::Unknown(Gap::new("nfs mount /srv", "it did not answer in time"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
