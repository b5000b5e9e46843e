//! SD108: the path does not fit into a socket address.

use super::quote;
use crate::model::{Case, Certainty, Declared, Evidence, Fix, NoVerdict, Target, TargetOs, Verdict};

rule! {
    /// The path is longer than a socket address can hold.
    ///
    /// # What it means
    /// `sun_path` has 108 bytes, one of them for the NUL (unix(7)): bind(2) and connect(2) take at most 107.
    /// Python says "AF_UNIX path too long", Go "bind: invalid argument" (EINVAL), curl exits with 6.
    ///
    /// # How it is known
    /// The path as it was given, or as a configuration file has it, has more than 107 bytes; 103 where that is meant
    /// for macOS (`--target-os`); of a directory, with the name that is meant there.
    ///
    /// # Not to be confused with
    /// A long real path that is reached through a short symlink or from a working directory: only the bytes
    /// given to the call count. HAProxy takes 97, since it adds a suffix: it does not start with a longer one.
    ///
    /// # Fix
    /// A short directory below /run, or a short symlink to the long one.
    PATH_TOO_LONG = "SD108", "path-too-long", Error; check, declared
}

/// Bytes of `sun_path` without the NUL (unix(7)).
const USABLE: usize = 107;
const LINK: &[u8] = b"/run/short";
const SHORT: &str = "use a short directory, such as /run/app, and a short file name";

fn check(case: &Case) -> Verdict {
    let Target::Path(_) = &case.target else { return Err(NoVerdict::NotApplicable) };
    let given = case.address();
    if let Some((told, usable)) = case.configured.too_long_for_haproxy() {
        let length = told.value.len();
        let summary = format!("The path has {length} bytes; HAProxy takes {usable}, and does not start.");
        let finding = PATH_TOO_LONG.finding(case, Certainty::Certain, summary).fixed_by([Fix::advice(SHORT)]);
        return Ok(vec![finding.written_at(&told.written)]);
    }
    if given.len() <= USABLE {
        return Ok(vec![]);
    }
    let summary = format!("The path has {} bytes; a socket address holds {USABLE}.", given.len());
    let room = Evidence::new("unix(7)", "sun_path has 108 bytes, one of them for the NUL");
    let finding = PATH_TOO_LONG.finding(case, Certainty::Certain, summary).proven_by([room]);
    let mut finding = finding.fixed_by([Fix::advice(SHORT)]);
    // A link to the directory leaves the file's own name as long as it is.
    let fits = |slash: &usize| *slash > 0 && LINK.len() + given.len() - slash <= USABLE;
    if let Some(slash) = given.iter().rposition(|byte| *byte == b'/').filter(fits) {
        let link = [&quote::command("ln -s", &given[..slash])[..], b" ", LINK].concat();
        let text = "or reach its directory through a short link, and give that path to server and client";
        finding.fixes.push(Fix::change(link, text));
    }
    Ok(vec![finding])
}

/// Two mentions of one path are two places to change.
fn declared(declared: &Declared) -> Verdict {
    let usable = if declared.target == Some(TargetOs::Macos) { 103 } else { USABLE };
    let lengths =
        declared.sockets.iter().map(|socket| (socket, socket.socket().map_or(0, |path| path.len())));
    let mut findings = Vec::new();
    for (socket, length) in lengths.filter(|(_, length)| *length > usable) {
        let summary = format!("The path has {length} bytes; a socket address holds {usable}.");
        let finding = PATH_TOO_LONG.finding_at(&socket.written, Certainty::Certain, summary);
        findings.push(finding.fixed_by([Fix::advice(SHORT)]));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Setting, Written};

    fn of_length(length: usize, haproxy: bool) -> Case {
        let value = [b"/".to_vec(), vec![b'x'; length - 1]].concat();
        let mut case = Case { target: Target::Path(value.clone()), ..Case::sample() };
        case.configured.of_haproxy.extend(haproxy.then(|| Setting { value, written: Written::sample() }));
        case
    }

    #[test]
    fn fires_on_108_bytes_and_on_98_of_haproxy() {
        let found = &check(&of_length(108, false)).unwrap()[0];
        assert_eq!((found.code, found.fixes.len()), ("SD108", 1), "a link would not help");
        assert_eq!(check(&of_length(98, true)).unwrap()[0].locations.len(), 1);
    }

    #[test]
    fn silent_on_exactly_107_and_on_97_of_haproxy() {
        assert_eq!((check(&of_length(107, false)), check(&of_length(97, true))), (Ok(vec![]), Ok(vec![])));
    }

    #[test]
    fn not_applicable_to_what_is_no_path() {
        let inode = Case { target: Target::Inode(7), ..Case::sample() };
        assert_eq!(check(&inode), Err(NoVerdict::NotApplicable));
    }
}
