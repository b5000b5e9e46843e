//! SD605: a service takes the socket of another unit away with its runtime directory.

use super::configured;
use crate::model::{Case, Certainty, Fix, NoVerdict, Preserve, Unit, Verdict};

rule! {
    /// A service removes the directory of a socket that is not its own, whenever it stops.
    ///
    /// # What it means
    /// RuntimeDirectory= of a service is removed with all that is in it when the service stops or restarts. A socket of
    /// another unit in there is gone then: its listener lives on and nobody can connect.
    ///
    /// # How it is known
    /// From the unit files: the directory of the service holds a path that another unit listens on, and
    /// RuntimeDirectoryPreserve= does not keep it.
    ///
    /// # Not to be confused with
    /// RuntimeDirectory= in the .socket unit itself, which is right; RuntimeDirectoryPreserve=yes or restart.
    ///
    /// # Fix
    /// Take RuntimeDirectory= out of the service, or have it preserved; then restart the unit that listens.
    RUNTIME_DIR_ERASES_SOCKET = "SD605", "runtime-dir-erases-socket", Error
}

fn check(case: &Case) -> Verdict {
    let configured = &case.configured;
    if configured.units.is_empty() {
        return Err(NoVerdict::NotApplicable);
    }
    let mut findings = Vec::new();
    for unit in configured.units.iter().filter(|unit| !unit.is_socket() && unit.preserves == Preserve::No) {
        let holds =
            |directory: &[u8]| case.path.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"));
        let Some(made) = unit.runtime_directories.iter().find(|made| holds(&made.value)) else { continue };
        let other = |other: &&std::sync::Arc<Unit>| other.name != unit.name && configured.binds(other);
        let Some(owner) = configured.units.iter().find(other) else { continue };
        let (directory, name) = (configured::path(&made.value), &unit.name);
        let summary = format!(
            "{name} removes {directory} when it stops, and with it the socket that {} listens on.",
            owner.name
        );
        let mut finding = RUNTIME_DIR_ERASES_SOCKET.finding(case, Certainty::Certain, summary);
        finding = finding.written_at(&made.written);
        let setting = "RuntimeDirectoryPreserve=yes";
        let lines = format!("[Service]\\n{setting}\\n");
        let edit = configured::drop_in(name, "preserve", lines.as_bytes());
        let keep = Fix::change(edit, format!("let the directory stay ({setting}), or take it out of {name}"));
        let again = configured::remake(case, owner, "have the socket made again, if it is gone by now");
        findings.push(finding.fixed_by([keep, again]));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Setting, Written};

    fn shared(preserves: Preserve) -> Case {
        let mut case = Case::sample();
        let made = Setting { value: b"/tmp".to_vec(), written: Written::sample() };
        let service = Unit { runtime_directories: vec![made], preserves, ..Unit::sample_service() };
        let socket = Unit::sample();
        case.configured.mentions.clone_from(&socket.sockets);
        case.configured.units = vec![socket.into(), service.into()];
        case
    }

    #[test]
    fn fires_where_a_service_owns_the_directory() {
        let found = check(&shared(Preserve::No)).unwrap();
        assert_eq!((found[0].code, found[0].locations.len()), ("SD605", 1));
    }

    #[test]
    fn silent_where_it_is_preserved_or_is_the_sockets_own() {
        assert_eq!(check(&shared(Preserve::Yes)), Ok(vec![]));
        assert_eq!(check(&shared(Preserve::Restart)), Ok(vec![]));
        let mut own = shared(Preserve::No);
        own.configured.units.remove(0);
        assert_eq!(check(&own), Ok(vec![]));
    }

    #[test]
    fn not_applicable_without_units() {
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }
}
