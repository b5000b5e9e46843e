//! A mount of a socket file, not of its directory.

use super::{edits, is_socket_file};
use crate::model::{Certainty, Composition, Declared, Finding, Fix, MountSource, Rule, Severity, TargetOs};

/// Sockets of container engines: nobody mounts their directory, and the engine's restart ends the container too.
const ENGINES: [&str; 4] = ["docker.sock", "podman.sock", "containerd.sock", "finch.sock"];
/// Directories with more in them than sockets of one server.
const COMMON: [&str; 7] = ["", "/run", "/var/run", "/tmp", "/var/tmp", ".", "~"];

pub(in super::super) fn findings(
    rule: &Rule,
    declared: &Declared,
    composition: &Composition,
) -> Vec<Finding> {
    let mounts = composition
        .services
        .iter()
        .flat_map(|service| service.mounts.iter().map(move |mount| (service, mount)));
    let found = mounts.filter(|(_, mount)| is_socket_file(mount)).filter_map(|(service, mount)| {
        let MountSource::Host(source) = &mount.source else { return None };
        let engine = ENGINES.iter().any(|name| source.ends_with(name));
        let foreign = matches!(declared.target, Some(TargetOs::Macos | TargetOs::Windows));
        let severity = match (engine, foreign) {
            (true, _) => Severity::Info,
            (false, true) => Severity::Error,
            (false, false) => Severity::Warning,
        };
        let summary =
            format!("{} mounts the socket file {source} itself: it dies there with the server's next start.", service.name);
        let cause = if foreign && !engine {
            "the file of a socket of the host leads nowhere from the virtual machine that containers run in"
        } else {
            "a mount holds one inode; a server that restarts binds another. Where the file is missing at the start, \
             the engine makes a directory of its name"
        };
        let finding = rule.finding_at(&mount.written, Certainty::Certain, summary).as_severe_as(severity);
        let directory = |path: &str| path.rsplit_once('/').map(|(directory, _)| directory.to_owned());
        let own = |path: &str| directory(path).filter(|directory| !COMMON.contains(&directory.as_str()));
        let text = match (engine, foreign) {
            (true, _) => "start this service anew whenever the engine was; a proxy in between can let less through",
            (false, true) => "its server as a service of this project with a named volume for the socket, or TCP",
            (false, false) => "mount the directory of the socket",
        };
        let edit = own(source).zip(own(&mount.target)).and_then(|(from, to)| {
            let source = edits::replaced(mount.source_written.as_ref(), &from)?;
            Some([source, edits::replaced(mount.target_written.as_ref(), &to)?])
        });
        let fix = edit.filter(|_| !engine && !foreign).map_or_else(|| Fix::advice(text), |both| Fix::edit(text, both));
        Some(finding.caused_by(cause).fixed_by([fix]))
    });
    found.collect()
}
