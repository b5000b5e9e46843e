//! SD314: the server's log tells of errors at descriptors.

use super::{logged, owner};
use crate::model::{Case, Certainty, Fix, LogFamily, LogReading, LoggedFamily, Verdict};

rule! {
    /// The server's log has errors at descriptors and connections.
    ///
    /// # What it means
    /// EMFILE (24): no descriptor was left. EBADF (9): the server used one that it had closed. EPIPE (32) and
    /// ECONNRESET (104): the other side had left. None of them is cured by deleting or re-creating the socket.
    ///
    /// # How it is known
    /// The lines of each family in the log (`--log FILE`), or in the journal of its unit since it began (`--logs`),
    /// are counted. Words in quotes, in requests, and what a proxy says of its clients do not count.
    ///
    /// # Not to be confused with
    /// Lines older than the process, which are counted and said to be; the state now (SD306, SD307).
    ///
    /// # Fix
    /// EMFILE: see SD306. EBADF: the handler that closes a descriptor twice, by its traceback. EPIPE and ECONNRESET
    /// alone: the timeout of the client or proxy.
    DESCRIPTOR_ERRORS_IN_LOG = "SD314", "descriptor-errors-in-log", Warning
}

fn check(case: &Case) -> Verdict {
    let health = case.health.get()?;
    let logs = health.log.get()?;
    let of_descriptors = |family: &&LoggedFamily| family.family.is_of_descriptors();
    let found: Vec<(&LogReading, &LoggedFamily)> = logs
        .iter()
        .flat_map(|log| log.families.iter().filter(of_descriptors).map(move |family| (log, family)))
        .collect();
    if found.is_empty() {
        return Ok(vec![]);
    }
    let older = found.iter().all(|(_, family)| family.older == family.count);
    let when = if older { ", all of them older than the process that serves now" } else { "" };
    let summary = format!("The server's log has errors at descriptors and connections{when}.");
    let mut finding = DESCRIPTOR_ERRORS_IN_LOG.finding(case, Certainty::Certain, &summary);
    finding.evidence.extend(found.iter().map(|(log, family)| logged::counted(log, family)));
    let has = |wanted| found.iter().any(|(_, family)| family.family == wanted);
    if has(LogFamily::Emfile) {
        finding.fixes.push(Fix::look("sockdoctor explain SD306", "EMFILE: find what leaks descriptors"));
    }
    if has(LogFamily::Ebadf) {
        let text = "EBADF: mend the handler that closes a descriptor twice, by the traceback before the line";
        finding.fixes.push(Fix::advice(text));
    }
    if finding.fixes.is_empty() {
        let text = "compare the timeouts of the client or proxy with how long the server takes";
        finding.fixes.push(Fix::advice(text));
    }
    finding.fixes.extend(case.server().map(|server| owner::log(server, "read the lines around them")));
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Health, NoVerdict};

    fn with(family: LogFamily) -> Verdict {
        let family = LoggedFamily {
            family,
            count: 2,
            first: Some(0),
            last: Some(60),
            older: 0,
            example: b"x".to_vec(),
            from: None,
        };
        let reading =
            LogReading { name: b"app.log".to_vec(), families: vec![family], ..LogReading::default() };
        check(&Health { log: Fact::Known(vec![reading]), ..Health::sample() }.case())
    }

    #[test]
    fn fires_on_errors_at_descriptors() {
        assert_eq!(with(LogFamily::Ebadf).unwrap()[0].code, "SD314");
    }

    #[test]
    fn silent_on_what_others_tell_of() {
        assert_eq!(with(LogFamily::Nginx(111)), Ok(vec![]));
        assert_eq!(check(&Health::sample().case()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let log = Fact::Unknown(Gap::new("journalctl", "there is no journalctl here"));
        assert!(matches!(check(&Health { log, ..Health::sample() }.case()), Err(NoVerdict::Unknown(_))));
    }
}
