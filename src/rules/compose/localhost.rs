//! A client of MySQL that is told `localhost`, which is a socket to it.

use super::{files, is_meant, place, seen};
use crate::model::{Certainty, Declaration, Declared, Finding, Fix, Rule, Usage};

/// Nothing where the client has the files of the server's socket, wherever: it may be told where.
pub(in super::super) fn finding(rule: &Rule, declared: &Declared, client: &Declaration) -> Option<Finding> {
    let composition = declared.composition.as_ref()?;
    let service = composition.service(&client.owner)?;
    let is_server = |other: &&Declaration| other.usage == Usage::Binds && is_meant(client, other);
    let mut servers = declared.sockets.iter().filter(is_server).peekable();
    let (first, who) = (*servers.peek()?, &client.owner);
    let has_it = |server: &Declaration| {
        let theirs = place(composition, server).1;
        let mut mine = service.mounts.iter().map(|mount| files(composition, mount, &seen(&mount.target)));
        server.owner == *who || (theirs.is_some() && mine.any(|mine| mine == theirs))
    };
    if servers.any(has_it) {
        return None;
    }
    let (whom, socket) = (&first.owner, String::from_utf8_lossy(&first.path));
    let summary =
        format!("{who} looks for MySQL on localhost, which is {who} itself and has no socket of {whom}.");
    let cause = format!(
        "MySQL's own clients take localhost for a socket ({socket}), others for TCP in the same container"
    );
    let fixes = [
        Fix::advice(format!("{whom} in place of localhost: TCP")),
        Fix::advice(format!("or a volume for {socket} in both services, and its path for the client")),
    ];
    let finding = rule.finding_at(&client.written, Certainty::Likely, summary).written_at(&first.written);
    Some(finding.caused_by(&cause).fixed_by(fixes))
}
