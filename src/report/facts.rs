//! What is known about a target, as labelled lines: the part of `inspect` that is no finding.

use std::fmt::Write as _;

use super::style::escape;
use super::text::plural;
use super::{Loudness, access, health, preflight, probe};
use crate::model::{Address, File, FileKind, InspectedTarget, Overall, Report, Sighting};

/// Whether no finding speaks of the target.
pub(super) fn silent(target: &InspectedTarget, report: &Report) -> bool {
    !report.findings.iter().any(|finding| finding.subject == target.case.subject())
}

/// Whether the facts are shown: where nothing is wrong, a log was read, or somebody plans, they are the answer, elsewhere only when
/// asked for.
pub(super) fn wanted(target: &InspectedTarget, report: &Report, loudness: Loudness) -> bool {
    if target.case.preflight.known().is_some() {
        return loudness > Loudness::Quiet;
    }
    let mild = matches!(target.verdict, Overall::Ok | Overall::Info)
        || target.case.health.known().is_some_and(|health| health.log.known().is_some());
    loudness == Loudness::Verbose || (loudness == Loudness::Normal && (mild || silent(target, report)))
}

/// Label and text of each line.
pub(super) fn lines(target: &InspectedTarget, loudness: Loudness) -> Vec<(&'static str, String)> {
    let case = &target.case;
    if case.preflight.known().is_some() {
        return preflight::lines(target);
    }
    let mut lines = Vec::new();
    for (number, sighting) in case.sockets.items.iter().enumerate() {
        lines.push((if number == 0 { "socket" } else { "" }, socket(sighting)));
        if let Some(holders) = sighting.holders.known() {
            lines.push(("holders", holders_line(holders)));
        }
        lines.extend(places(sighting).map(|place| ("seen as", place)));
    }
    if let Some(known) = case.health.known() {
        if loudness == Loudness::Verbose {
            lines.extend(health::lines(known, case.server()));
        }
        lines.extend(health::log_lines(known));
    }
    lines.extend(case.probe.known().map(|probed| ("reply", probe::outcome(probed))));
    match case.file() {
        Ok(Some(file)) => {
            lines.push(("file", file_line(target, file)));
            if let Some(mount) = &file.mount {
                let source = escape(&mount.source);
                let point = escape(&mount.point);
                let read_only = if mount.read_only() { ", read-only" } else { "" };
                lines.push((
                    "mount",
                    format!("{} at {point} from {source}, {}{read_only}", mount.fstype, file.class.word()),
                ));
            }
        }
        Ok(None) => lines.push(("file", "missing".into())),
        Err(_) => {}
    }
    for access in &case.accesses {
        let who = escape(&access.consumer.label());
        lines.push(("access", format!("{}: {}", who, access::in_one_line(access))));
    }
    if case.accesses.is_empty() {
        lines.extend(case.open_to().map(|classes| ("connect", who_may(target, classes))));
    }
    if target.left_out > 0 {
        let findings = plural(target.left_out, "finding");
        lines.push(("not shown", format!("{findings} left out by --only/--ignore")));
    }
    lines
}

/// By the permission bits: which classes get in.
fn who_may(target: &InspectedTarget, classes: [Option<bool>; 3]) -> String {
    let (owner, group) = target.owner.as_ref().map_or_else(Default::default, |(owner, group)| {
        (escape(owner.label().as_bytes()), escape(group.label().as_bytes()))
    });
    let names = [format!("owner {owner}"), format!("group {group}"), "everybody else".to_owned()];
    let those = |wanted: Option<bool>| {
        let fitting = classes.iter().zip(&names).filter(|(class, _)| **class == wanted);
        fitting.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut parts = Vec::new();
    for (wanted, verb) in [(Some(true), "may"), (Some(false), "may not"), (None, "cannot be told")] {
        let those = those(wanted);
        if !those.is_empty() {
            parts.push(format!("{those} {verb}"));
        }
    }
    parts.join("; ")
}

/// Its file in other views: by the path its holder has it under, and by those that lead there from here.
fn places(sighting: &Sighting) -> impl Iterator<Item = String> {
    let there = sighting.seen_elsewhere().map(|(file, pid)| {
        format!("{} in the root of pid {pid}{}", escape(&file.path), container(sighting, pid))
    });
    there.into_iter().chain(sighting.here.iter().map(|path| format!("{} here", escape(path))))
}

fn container(sighting: &Sighting, pid: u32) -> String {
    let mut holders = sighting.holders.known().into_iter().flatten();
    let process = holders.find(|holder| holder.process.pid == pid).map(|holder| &holder.process);
    let name = process.and_then(|process| process.container.as_deref());
    name.map(|name| format!(" (container {})", escape(name.as_bytes()))).unwrap_or_default()
}

fn socket(sighting: &Sighting) -> String {
    let socket = &sighting.socket;
    let mut parts = vec![format!("{} {}", socket.kind.word(), socket.state.word().replace('_', " "))];
    if let Some(queue) = socket.queue() {
        parts.push(format!("queue {}/{}", queue.waiting, queue.backlog));
    }
    parts.push(format!("inode {}", socket.ino.0));
    match &socket.address {
        Address::Path(name) if !sighting.relation.names_path => {
            parts.push(format!("bound as {}", escape(name)));
        }
        Address::Tcp(name) => parts.push(format!("TCP on {}", escape(name))),
        _ => {}
    }
    if let Some(netns) = &sighting.netns_label {
        parts.push(format!("in network namespace {}", escape(netns.as_bytes())));
    }
    if let Some(peer) = socket.peer {
        parts.push(format!("peer inode {}", peer.0));
    }
    parts.join(", ")
}

fn holders_line(holders: &[crate::model::Holder]) -> String {
    if holders.is_empty() {
        return "none visible".into();
    }
    let each = holders.iter().take(8).map(|holder| {
        let process = &holder.process;
        let unit =
            process.unit.as_ref().map(|unit| format!(" ({})", escape(unit.as_bytes()))).unwrap_or_default();
        let container = process.container.as_ref();
        let container =
            container.map(|name| format!(" in container {}", escape(name.as_bytes()))).unwrap_or_default();
        format!("{} pid {}{unit}{container}", escape(&process.command), process.pid)
    });
    let mut line = each.collect::<Vec<_>>().join(", ");
    if holders.len() > 8 {
        let _ = write!(line, " and {} more", holders.len() - 8);
    }
    line
}

fn file_line(target: &InspectedTarget, file: &File) -> String {
    let owner = target.owner.as_ref().map(|(user, group)| format!("{} {}", user.label(), group.label()));
    let owner = escape(owner.unwrap_or_else(|| format!("{} {}", file.uid, file.gid)).as_bytes());
    let mut line = format!("{} {owner}, inode {}", ls_mode(file.kind, file.mode), file.ino);
    if file.path != target.case.path {
        let _ = write!(line, ", really {}", escape(&file.path));
    }
    line
}

/// As `ls -l` writes it.
pub(super) fn ls_mode(kind: FileKind, mode: u32) -> String {
    let mut text = String::with_capacity(10);
    text.push(kind.letter());
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_like_ls() {
        assert_eq!(ls_mode(FileKind::Socket, 0o140_666), "srw-rw-rw-");
        assert_eq!(ls_mode(FileKind::Directory, 0o041_777), "drwxrwxrwt");
        assert_eq!(ls_mode(FileKind::Directory, 0o042_750), "drwxr-s---");
    }
}
