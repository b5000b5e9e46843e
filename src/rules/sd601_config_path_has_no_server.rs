//! SD601: configuration sends clients to a path that nobody serves.

use super::configured::{self, path as text};
use super::evidence;
use crate::model::{Case, Certainty, Fix, NoVerdict, Target, Verdict};

rule! {
    /// Configuration sends to a socket that nobody serves.
    ///
    /// # What it means
    /// nginx answers 502: the server it is told to connect to is not running, or listens under another name.
    ///
    /// # How it is known
    /// The line that names the path; nothing is there, and no socket of any network namespace has the name. With files
    /// alone: no file is at the path, and nothing that was read is to listen there.
    ///
    /// # Not to be confused with
    /// A .socket unit that waits for its first client. A dead server's file (SD104); a listener without one (SD102).
    ///
    /// # Fix
    /// Start the unit that is to listen there, or write the path of the server; the nearest one is shown.
    CONFIG_PATH_HAS_NO_SERVER = "SD601", "config-path-has-no-server", Error
}

const OTHERWISE: &str = "start the server that owns the path, or write its path where the client has this";

fn check(case: &Case) -> Verdict {
    // Of one socket alone SD101 comes first.
    let client = configured::client(case)?;
    if !(case.configured.scanned && matches!(case.target, Target::Path(_))) {
        return Err(NoVerdict::NotApplicable);
    }
    let alive = case.sockets.items.iter().any(|other| other.socket.owns_name() && other.is_alive());
    let server = case.configured.servers().next();
    if case.file()?.is_some() || alive || (case.files_only && server.is_some()) {
        return Ok(vec![]);
    }
    configured::settled(case)?;
    case.settled()?;
    let certainty = if case.files_only { Certainty::Likely } else { case.nobody_else()? };
    // One that is only made of a template for this path has no say before one that is declared.
    let declared = server.filter(|_| case.configured.nearly.is_empty());
    let chain = match (case.configured.instead.first(), declared, configured::near(case)) {
        (Some(owner), ..) => {
            format!("; pid {}, which is told that path, listens on TCP {} instead", owner.pid, owner.address)
        }
        (None, Some(server), _) => format!("; {} is to listen there and does not", server.owner),
        (None, None, near) => near.map_or(String::new(), |near| configured::beside(case, near)),
    };
    let summary =
        format!("{} sends to {}, where nobody listens{chain}.", configured::place(client), text(&case.path));
    let finding = CONFIG_PATH_HAS_NO_SERVER.finding(case, certainty, summary).written_at(&client.written);
    let finding = finding.proven_by(evidence::path(case)).proven_by(configured::instead(case));
    let nearly = case.configured.nearly.iter();
    let finding = nearly.fold(finding, |finding, near| finding.written_at(&near.written));
    let known = configured::start(case, server).into_iter().chain(configured::correct(case, client));
    let known = known.chain(configured::over_tcp(case, client)).chain([Fix::advice(OTHERWISE)]);
    Ok(vec![finding.fixed_by(known)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Declaration, Fact, Gap, Usage, Walk};

    fn missing() -> Case {
        let mut case = Case { walk: Fact::Known(Walk::sample_missing()), ..Case::sample_stale() };
        case.configured.mentions.push(Declaration::sample("/tmp/x.sock"));
        case.configured.scanned = true;
        case
    }

    #[test]
    fn fires_with_the_server_that_is_one_edit_away() {
        let mut case = missing();
        let near = Declaration { usage: Usage::Binds, ..Declaration::sample("/tmp/y.sock") };
        case.configured.nearly.push(near);
        let found = check(&case).unwrap();
        let chain = "nobody listens; app listens on /tmp/y.sock (one edit away).";
        assert!(found[0].summary.ends_with(chain), "{}", found[0].summary);
    }

    #[test]
    fn silent_where_a_socket_unit_waits_or_nobody_connects() {
        let mut case = Case::sample();
        assert_eq!(check(&case), Err(NoVerdict::NotApplicable));
        case.configured.mentions.push(Declaration::sample("/tmp/x.sock"));
        case.configured.scanned = true;
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = missing();
        case.sockets.gaps.push(Gap::new("net:[7]", "Operation not permitted"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
