//! SD303: the kernel gave less backlog than was asked for.

use super::{evidence, owner};
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Sighting, SocketState, Verdict};

rule! {
    /// The backlog is smaller than configured: net.core.somaxconn clamps it.
    ///
    /// # What it means
    /// listen(2) silently takes no more than net.core.somaxconn of the network namespace the server is in (4096; 128
    /// before Linux 5.4). Under load clients get EAGAIN long before the configured number waits.
    ///
    /// # How it is known
    /// The kernel's backlog of the listener (UNIX_DIAG_RQLEN) equals the sysctl, and a line of configuration asks
    /// for more.
    ///
    /// # Not to be confused with
    /// A smaller backlog that the server set itself, as one that listens again on what systemd passed.
    ///
    /// # Fix
    /// Raise the sysctl in that network namespace, then restart the server: only a new listen(2) reads it.
    BACKLOG_CLAMPED = "SD303", "backlog-clamped", Warning
}

fn check(case: &Case) -> Verdict {
    let largest = case.configured.backlogs.iter().max_by_key(|setting| setting.value);
    let wanted = largest.ok_or(NoVerdict::NotApplicable)?;
    let Some(server) = case.server().filter(|server| server.socket.state == SocketState::Listening) else {
        return Ok(vec![]);
    };
    let Some(queue) = server.socket.queue() else { return Err(NoVerdict::NotApplicable) };
    if wanted.value <= queue.backlog {
        return Ok(vec![]);
    }
    let limit = *case.configured.somaxconn.get()?;
    if u64::from(queue.backlog) != limit {
        return Ok(vec![]);
    }
    let summary = format!("A backlog of {} is configured, and the kernel gave {limit}.", wanted.value);
    let finding = BACKLOG_CLAMPED.finding(case, Certainty::Certain, summary).written_at(&wanted.written);
    let proof = [evidence::socket(server), Evidence::new("net.core.somaxconn", limit.to_string())];
    Ok(vec![finding.proven_by(proof).fixed_by([raise(case, server, wanted.value), owner::restart(server)])])
}

/// The setting is one of the server's network namespace.
fn raise(case: &Case, server: &Sighting, wanted: u32) -> Fix {
    let command = format!("sysctl -w net.core.somaxconn={wanted}");
    if server.socket.netns == case.netns && server.netns_label.is_none() {
        return Fix::change(command, "until the next boot; for good in a file of /etc/sysctl.d");
    }
    let good = "for good where that network namespace is made: `docker run --sysctl`, `sysctls:` of Compose";
    match owner::of(server) {
        Some(holder) => Fix::change(format!("nsenter -t {} -n {command}", holder.process.pid), good),
        None => Fix::advice(format!("net.core.somaxconn={wanted}, {good}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, Setting, Written};

    fn asked_for(value: u32, given: u32) -> Case {
        let mut case = Case::sample();
        case.sockets.items[0].socket.rqlen = Some((0, given));
        case.configured.backlogs.push(Setting { value, written: Written::sample() });
        case.configured.somaxconn = Fact::Known(4096);
        case
    }

    #[test]
    fn fires_where_more_was_asked_for_than_the_kernel_gives() {
        let found = check(&asked_for(100_000, 4096)).unwrap();
        assert_eq!((found[0].code, found[0].locations.len()), ("SD303", 1));
    }

    #[test]
    fn the_setting_is_one_of_the_servers_own_network_namespace() {
        let mut case = asked_for(100_000, 4096);
        case.sockets.items[0].socket.netns.0 += 1;
        let found = check(&case).unwrap();
        let pid = case.sockets.items[0].holders.known().unwrap()[0].process.pid;
        let command = format!("nsenter -t {pid} -n sysctl -w net.core.somaxconn=100000");
        assert_eq!(found[0].fixes[0].command.as_deref(), Some(command.as_bytes()));
    }

    #[test]
    fn silent_within_the_limit_and_where_the_server_asked_for_less() {
        assert_eq!(check(&asked_for(4096, 4096)), Ok(vec![]));
        assert_eq!(check(&asked_for(100_000, 2048)), Ok(vec![]));
        assert_eq!(check(&Case::sample()), Err(NoVerdict::NotApplicable));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = asked_for(100_000, 4096);
        case.configured.somaxconn = Fact::Unknown(Gap::new("net.core.somaxconn", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
