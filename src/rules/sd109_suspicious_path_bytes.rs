//! SD109: bytes in the path that nobody meant.

use super::{evidence, quote};
use crate::model::{
    Case, Certainty, Evidence, Fix, NoVerdict, Target, Verdict, stray_bytes, without_stray_bytes,
};

rule! {
    /// The path, or the name a socket is bound under, holds bytes that nobody meant.
    ///
    /// # What it means
    /// A line ending, a blank, a quote or an unreplaced variable became part of a file name. Server and client
    /// that read it from different places then mean different files, though both print the same.
    ///
    /// # How it is known
    /// A carriage return or line feed anywhere, a blank at an end of a name, a quote at an end of the path, `$NAME`
    /// or `${` stands in the path that was asked for, in the file's own name, or in the name of a socket that
    /// serves it or that differs from it by nothing else.
    ///
    /// # Not to be confused with
    /// Spaces inside a name, and bytes that are not UTF-8: unusual, and what somebody meant.
    ///
    /// # Fix
    /// Correct the file the name comes from: systemd, Docker and shells treat quotes, blanks and `\r` in env files
    /// differently. `ls -b` shows such names.
    SUSPICIOUS_PATH_BYTES = "SD109", "suspicious-path-bytes", Error
}

fn check(case: &Case) -> Verdict {
    let (Target::Path(_) | Target::Inode(_)) = case.target else { return Err(NoVerdict::NotApplicable) };
    let given = if let Target::Path(given) = &case.target { given.as_slice() } else { &[] };
    let entry = case.walk.known().and_then(|walk| walk.file()).map_or(&[][..], |file| &file.path);
    let owners = case.sockets.items.iter().filter(|sighting| sighting.socket.owns_name());
    let bound = owners.filter_map(|sighting| sighting.socket.address.path());
    let same =
        case.nearest.iter().filter(|name| without_stray_bytes(name) == without_stray_bytes(&case.path));
    let names = [given, entry].into_iter().chain(bound).chain(same.clone().map(Vec::as_slice));
    let plain = stray_bytes(given).is_empty().then_some(given);
    let is_strange = |name: &&[u8]| Some(*name) != plain && !stray_bytes(name).is_empty();
    let mut strange: Vec<&[u8]> = names.filter(is_strange).collect();
    strange.dedup();
    if strange.is_empty() {
        case.file()?;
        return Ok(vec![]);
    }
    let summary = if same.clone().any(|name| name == strange[0]) {
        "Nothing is at the path, but a live socket has this name with bytes in it that nobody meant."
    } else {
        "The name holds bytes that nobody meant: who spells it without them means another file."
    };
    let proof = |name: &&[u8]| Evidence::new(stray_bytes(name).join(", "), quote::word(name));
    let inspect = |name: &Vec<u8>| {
        Fix::look(quote::command("sockdoctor inspect", name), "the live socket of the other spelling")
    };
    Ok(vec![
        SUSPICIOUS_PATH_BYTES
            .finding(case, Certainty::Certain, summary)
            .proven_by(evidence::path(case))
            .proven_by(strange.iter().map(proof))
            .caused_by(
                "an env file with Windows line ends, quotes or blanks, or a template that was not filled in",
            )
            .fixed_by(same.map(inspect))
            .fixed_by([Fix::advice(
                "correct the file the name comes from, then restart what read it (`ls -b` shows such names)",
            )]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Walk};

    #[test]
    fn fires_when_a_live_socket_has_the_name_with_a_carriage_return() {
        let mut case = Case::sample_stale();
        case.walk = Fact::Known(Walk::sample_missing());
        case.nearest = vec![b"/tmp/x.sock\r".to_vec()];
        assert_eq!(check(&case).unwrap()[0].code, "SD109");
        case.nearest = vec![b"/tmp/y.sock\r".to_vec()];
        assert_eq!(check(&case), Ok(vec![]), "another name");
    }

    #[test]
    fn silent_on_inner_spaces() {
        let mut case = Case::sample();
        case.target = Target::Path(b"/tmp/my x.sock".to_vec());
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample();
        case.walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
        case.target = Target::Path(b"/tmp/x.sock ".to_vec());
        assert_eq!(check(&case).unwrap().len(), 1, "the spelling needs no look");
    }
}
