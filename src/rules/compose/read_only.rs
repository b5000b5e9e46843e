//! A directory in which a server is to bind and cannot write.

use super::{edits, files, place};
use crate::model::{Certainty, Composition, Declaration, Declared, Finding, Fix, Rule, Severity, Usage};

pub(in super::super) fn findings(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for socket in declared.sockets.iter().filter(|socket| socket.usage != Usage::Connects) {
        let finding = finding(rule, composition, socket);
        found.extend(
            finding.filter(|new| !found.iter().any(|known| known.locations.first() == new.locations.first())),
        );
    }
    found
}

fn finding(rule: &Rule, composition: &Composition, socket: &Declaration) -> Option<Finding> {
    let service = composition.service(&socket.owner)?;
    let path = String::from_utf8_lossy(&socket.path);
    let binds = socket.usage == Usage::Binds;
    let (certainty, severity) =
        if binds { (Certainty::Certain, Severity::Error) } else { (Certainty::Likely, Severity::Warning) };
    match place(composition, socket) {
        (Some(mount), files)
            if mount.read_only && (binds || !somebody_writes(composition, files.as_ref())) =>
        {
            let summary = format!("{} is to bind {path}, in a mount that is read-only for it.", socket.owner);
            let finding = rule.finding_at(&mount.written, certainty, summary).as_severe_as(severity);
            let text = "the mount without `ro`: the server writes, and clients need not";
            let fix =
                edits::writable(mount).map_or_else(|| Fix::advice(text), |edit| Fix::edit(text, [edit]));
            Some(finding.written_at(&socket.written).fixed_by([fix]))
        }
        (None, _) if binds => {
            let root = service.read_only.as_ref()?;
            let summary = format!("{} is to bind {path}, and its root is read-only.", socket.owner);
            let finding = rule.finding_at(root, certainty, summary).as_severe_as(severity);
            let text = "a volume or `tmpfs:` at the directory of the socket";
            Some(finding.written_at(&socket.written).fixed_by([Fix::advice(text)]))
        }
        _ => None,
    }
}

/// Whether another service has the same files, and may write.
fn somebody_writes(composition: &Composition, there: Option<&super::Files>) -> bool {
    composition.services.iter().flat_map(|service| &service.mounts).any(|mount| {
        let here = files(composition, mount, &super::seen(&mount.target));
        !mount.read_only && here.is_some() && here.as_ref() == there
    })
}
