//! Volumes whose driver is none for sockets.

use super::is_for_sockets;
use crate::model::{Certainty, Composition, Declared, Finding, Fix, MountSource, Rule, Volume};

/// Filesystems that lie on another kernel, or in a process (`driver_opts`, `type`).
const REMOTE: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph"];

pub(in super::super) fn findings(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
) -> Vec<Finding> {
    let holds_sockets = |volume: &Volume| {
        composition.services.iter().any(|service| {
            let of_it =
                |mount: &&crate::model::BoundMount| mount.source == MountSource::Volume(volume.key.clone());
            service
                .mounts
                .iter()
                .filter(of_it)
                .any(|mount| is_for_sockets(declared, service, mount).is_some())
        })
    };
    let finding = |volume: &Volume| {
        let remote =
            volume.fstype.as_deref().filter(|fstype| REMOTE.contains(fstype) || fstype.starts_with("fuse"));
        let (certainty, what) = match (remote, volume.driver.as_str()) {
            (Some(fstype), _) => (Certainty::Certain, format!("a filesystem of the network ({fstype})")),
            (None, "local") => return None,
            (None, driver) => (Certainty::Likely, format!("what the driver {driver} makes")),
        };
        let summary = format!("The volume {} is for a socket, and is {what}.", volume.key);
        let cause = "a socket has two ends on one kernel; many such filesystems refuse to make its file, or to \
                     change its mode";
        let fix = Fix::advice("a volume of its own for the socket, with the driver `local` and no options");
        Some(rule.finding_at(&volume.written, certainty, summary).caused_by(cause).fixed_by([fix]))
    };
    composition.volumes.iter().filter(|volume| holds_sockets(volume)).filter_map(finding).collect()
}
