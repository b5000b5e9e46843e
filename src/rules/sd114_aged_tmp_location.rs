//! SD114: the socket lies where old files are removed.

use super::quote;
use crate::model::{Case, Certainty, Evidence, FileKind, Fix, NoVerdict, Target, Verdict, Walk};

rule! {
    /// The path lies in a directory whose old files systemd-tmpfiles removes.
    ///
    /// # What it means
    /// A socket file is not touched by use, so it grows old while it is served. The cleaner spares a live socket
    /// only in its own network namespace and by its absolute name; others lose their file (SD102).
    ///
    /// # How it is known
    /// A line of tmpfiles.d that is in force, with an age, is the nearest to cover the path, and none excludes
    /// it. Likely: whether and where the cleaner runs was not looked at.
    ///
    /// # Not to be confused with
    /// A line without an age, as Debian ships for /tmp; a line that is read at boot alone; /run, which nothing
    /// ages unless told to.
    ///
    /// # Fix
    /// `RuntimeDirectory=` in the service, and the socket below /run; or an `x` line in /etc/tmpfiles.d.
    AGED_TMP_LOCATION = "SD114", "aged-tmp-location", Warning
}

fn check(case: &Case) -> Verdict {
    let Target::Path(_) = case.target else { return Err(NoVerdict::NotApplicable) };
    let Some(line) = case.aged.get()? else { return Ok(vec![]) };
    let file = case.file()?;
    let meant = if case.preflight.known().is_some() { FileKind::Directory } else { FileKind::Socket };
    let other = file.is_some_and(|file| file.kind != meant);
    // The cleaner stays on the filesystem it starts on.
    let mount = file.and_then(|file| file.mount.as_ref()).map(|mount| mount.point.as_slice());
    if other || mount.is_some_and(|point| point != line.directory && point.starts_with(&line.directory)) {
        return Ok(vec![]);
    }
    let place = format!("{}:{}", String::from_utf8_lossy(&line.location.file), line.location.line);
    let spared = "spares only what listens in the cleaner's own network namespace, by an absolute name";
    let mut finding = AGED_TMP_LOCATION
        .finding(case, Certainty::Likely, "The path lies where systemd-tmpfiles removes what is old.")
        .proven_by([
            Evidence::new(place, line.text.as_slice()),
            Evidence::new("systemd-tmpfiles --clean", spared),
        ])
        .fixed_by([
            Fix::advice("RuntimeDirectory=NAME in the service, and the socket in /run/NAME"),
            exclusion(case),
        ]);
    finding.locations.push(line.location.clone());
    Ok(vec![finding])
}

/// A line that keeps the path, where it can be written without escapes.
fn exclusion(case: &Case) -> Fix {
    let path = case.walk.known().map_or_else(|| case.path.clone(), Walk::destination);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:=@,".contains(byte);
    if !path.iter().all(plain) {
        return Fix::advice("or a line `x PATH` in a file of /etc/tmpfiles.d, which keeps the path");
    }
    let name: Vec<u8> = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
    let line = quote::command("echo", &[b"x ", &path[..]].concat());
    let file = quote::command(" >>", &[b"/etc/tmpfiles.d/", &name[..], b".conf"].concat());
    Fix::change([line, file].concat(), "or keep the path, from the next cleaning on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgedLine, Fact, Gap, Mount};

    #[test]
    fn fires_when_a_line_with_an_age_covers_the_path() {
        let mut case = Case::sample();
        case.aged = Fact::Known(Some(AgedLine::sample()));
        let findings = check(&case).unwrap();
        assert_eq!((findings[0].code, findings[0].certainty), ("SD114", Certainty::Likely));
        let command = findings[0].fixes[1].command.as_deref();
        assert_eq!(command, Some(&b"echo 'x /tmp/x.sock' >> /etc/tmpfiles.d/x.sock.conf"[..]));
    }

    #[test]
    fn silent_without_such_a_line_and_on_another_filesystem() {
        let mut case = Case::sample();
        case.aged = Fact::Known(None);
        assert_eq!(check(&case), Ok(vec![]));
        case.aged = Fact::Known(Some(AgedLine::sample()));
        let file = case.file_mut();
        file.mount =
            file.mount.as_deref().cloned().map(|mount| Mount { point: b"/tmp/vol".to_vec(), ..mount }.into());
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample();
        case.aged = Fact::Unknown(Gap::new("/etc/tmpfiles.d", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
