//! Clients that run as somebody who may not write to the server's socket.

use super::met;
use crate::model::{Certainty, Composition, Declared, Finding, Fix, Protocol, Rule, Service};

pub(in super::super) fn findings(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for pair in met(declared, composition) {
        // These make their sockets for everybody.
        if matches!(pair.server.protocol, Some(Protocol::Postgres | Protocol::Mysql)) {
            continue;
        }
        let services = composition.service(&pair.client.owner).zip(composition.service(&pair.server.owner));
        let finding = services.and_then(|(client, server)| finding(rule, client, server));
        let of_one_pair =
            |known: &Finding, new: &Finding| known.locations.iter().all(|at| new.locations.contains(at));
        found.extend(finding.filter(|new| !found.iter().any(|known| of_one_pair(known, new))));
    }
    found
}

fn finding(rule: &Rule, client: &Service, server: &Service) -> Option<Finding> {
    let ((uid, gid), (owner, group)) = (client.user?, server.user?);
    let group = group.unwrap_or(owner);
    let in_group = gid == Some(group) || client.groups.contains(&group);
    if uid == 0 || owner == 0 || uid == owner || in_group {
        return None;
    }
    let summary = format!(
        "{} runs as uid {uid} and {} as uid {owner}, and they have no group in common.",
        client.name, server.name
    );
    let cause = "a socket is made with the server's uid and, with the usual umask, for others to read only; a \
                 client needs to write";
    let fix = format!(
        "in {}: group_add: [\"{group}\"], and in {} a umask of 007 or a socket mode of 0660",
        client.name, server.name
    );
    let finding = rule.finding_at(&client.written, Certainty::Likely, summary);
    Some(finding.written_at(&server.written).caused_by(cause).fixed_by([Fix::advice(fix)]))
}
