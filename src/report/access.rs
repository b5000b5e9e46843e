//! The walk of a consumer as a small table: who, component by component, and the one that stops it.

use std::io::{self, Write};

use colored::Colorize;

use super::facts::ls_mode;
use super::style::{Style, escape};
use super::text;
use crate::model::{Access, Asked, Class, Fact, FileKind, Gate, InspectedTarget, KernelVerdict, Overall};

/// One row: what it is for the eye, before any padding.
pub(super) struct Row {
    /// `Some(true)` passes, `Some(false)` stops, `None` cannot be told.
    pub(super) passes: Option<bool>,
    /// The component alone where it is in the directory of the row above, else its whole path.
    pub(super) name: String,
    /// Its whole path, mode, owner and group, and why it passes or not.
    pub(super) cells: [String; 4],
}

/// Writes one line for each consumer of a target.
pub(super) fn headlines(target: &InspectedTarget, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    target.case.accesses.iter().try_for_each(|access| headline(target, access, style, out))
}

fn headline(target: &InspectedTarget, access: &Access, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (verdict, word) = verdict(access);
    let path = escape(&target.case.target.label());
    writeln!(out, "{}  {}  for {}", style.sign(verdict, word), path.bold(), escape(&access.consumer.label()))
}

/// Writes every consumer of a target with its walk.
pub(super) fn render(target: &InspectedTarget, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for access in &target.case.accesses {
        headline(target, access, style, out)?;
        let rows = rows(access);
        let shown = |row: &Row| {
            let [_, mode, owner, why] = row.cells.clone();
            [row.name.clone(), mode, owner, why]
        };
        let width =
            |column: usize| rows.iter().map(|row| shown(row)[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        for row in rows {
            let [name, mode, owner, why] = shown(&row);
            let line = format!("{name:<0$}  {mode:<1$}  {owner:<2$}  {why}", widths[0], widths[1], widths[2]);
            let sign = match row.passes {
                Some(true) => style.sign(Overall::Ok, ""),
                Some(false) => style.sign(Overall::Error, ""),
                None => style.sign(Overall::Unknown, ""),
            };
            let line = if row.passes == Some(false) { line.bold() } else { line.normal() };
            writeln!(out, "    {sign}{line}")?;
        }
        for (label, text) in notes(access) {
            text::labelled(style, label, &text, out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// `verdict target consumer`, and a line for each component.
pub(super) fn render_plain(targets: &[InspectedTarget], out: &mut dyn Write) -> io::Result<()> {
    for target in targets {
        for access in &target.case.accesses {
            let (path, who) = (escape(&target.case.target.label()), escape(&access.consumer.label()));
            writeln!(out, "{}\t{path}\t{who}", verdict(access).1)?;
            for row in rows(access) {
                let passes = row.passes.map_or("unknown", |passes| if passes { "passes" } else { "stops" });
                writeln!(out, "{passes}\t{}", row.cells.join("\t"))?;
            }
        }
    }
    Ok(())
}

/// Whether it gets in, in one word.
pub(super) fn verdict(access: &Access) -> (Overall, &'static str) {
    match access.allowed() {
        Some(true) => (Overall::Ok, "allowed"),
        Some(false) => (Overall::Error, "denied"),
        None => (Overall::Unknown, "unknown"),
    }
}

/// How far it gets.
pub(super) fn in_one_line(access: &Access) -> String {
    match access.stopped() {
        Ok(None) if access.arrives => "may connect".to_owned(),
        Ok(None) => "finds nothing at the path".to_owned(),
        Ok(Some(gate)) => format!("stops at {}: {}", escape(&gate.step.path), why(gate)),
        Err(gap) => escape(format!("cannot be told: {}: {}", gap.source, gap.why).as_bytes()),
    }
}

/// The components, in the order the kernel asks them.
pub(super) fn rows(access: &Access) -> Vec<Row> {
    let mut stopped = false;
    let mut rows = Vec::new();
    let mut above: &[u8] = b"";
    for gate in &access.gates {
        let path = gate.step.path.as_slice();
        let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        let within = if slash == 0 { &b"/"[..] } else { &path[..slash] };
        let name = if within == above { &path[slash + 1..] } else { path };
        above = path;
        let passes = gate.answer.as_ref().ok().map(|answer| answer.allowed).filter(|_| !stopped);
        let why = if stopped { "not asked".to_owned() } else { why(gate) };
        stopped |= passes != Some(true);
        let permissions = &gate.step.permissions;
        let acl = if matches!(permissions.acl, Fact::Known(Some(_))) { "+" } else { "" };
        let owner = format!("{}:{}", gate.owner.label(), gate.group.label());
        rows.push(Row {
            passes,
            name: escape(name),
            cells: [
                escape(&gate.step.path),
                format!("{}{acl}", ls_mode(gate.step.kind, permissions.mode)),
                escape(owner.as_bytes()),
                why,
            ],
        });
    }
    rows
}

/// `x: group, r-x`
fn why(gate: &Gate) -> String {
    let answer = match &gate.answer {
        Ok(answer) => answer,
        Err(gap) => return escape(format!("{}: {}", gap.source, gap.why).as_bytes()),
    };
    let what = match gate.asked {
        Asked::Search => "x",
        Asked::Write => "w",
        Asked::Follow if answer.allowed => return "a link, followed".to_owned(),
        Asked::Follow => return "a link that the kernel does not follow".to_owned(),
    };
    let Some(decision) = answer.decision else { return String::new() };
    let class = match decision.class {
        Class::Owner => "as owner".to_owned(),
        Class::Group => "as group".to_owned(),
        Class::Other => "as other".to_owned(),
        Class::AclUser(_) => "by ACL entry of the user".to_owned(),
        Class::AclGroup(gid) => format!("by ACL entry of group {gid}"),
        Class::Capability => return format!("{what} by a capability of root"),
    };
    let kind = if gate.asked == Asked::Write && gate.step.kind != FileKind::Socket {
        format!("; {}", gate.step.kind.phrase())
    } else {
        String::new()
    };
    let verb = if answer.allowed { what.to_owned() } else { format!("no {what}") };
    let masked = if decision.masked.contains(gate.asked.bits()) && !answer.allowed { ", masked" } else { "" };
    format!("{verb} {class} ({}{masked}){kind}", decision.granted)
}

/// What stands below the walk.
pub(super) fn notes(access: &Access) -> Vec<(&'static str, String)> {
    let mut notes = vec![("who", escape(access.consumer.identity().as_bytes()))];
    if let Fact::Unknown(gap) = &access.consumer.our_view {
        notes.push(("view", escape(format!("{}: {}", gap.source, gap.why).as_bytes())));
    }
    if access.gates.is_empty() && access.arrives {
        notes.push((
            "walk",
            "an abstract name has no permissions: whoever is in its network namespace may".into(),
        ));
    }
    if !access.gates.is_empty() && !access.arrives && access.stopped() == Ok(None) {
        notes.push(("walk", "nothing is at the end of the path for this consumer".into()));
    }
    match &access.kernel {
        Fact::Known(verdict) => notes.push(("kernel", kernel(access, *verdict))),
        Fact::Unknown(gap) => notes.push(("kernel", escape(format!("not asked: {}", gap.why).as_bytes()))),
        Fact::NotAsked => {}
    }
    let mac = match access.mac.word() {
        "none" => None,
        "denied_by_record" => Some("a record in the audit log denies it".to_owned()),
        _ => Some("SELinux or AppArmor is active and was not evaluated".to_owned()),
    };
    notes.extend(mac.map(|mac| ("mac", mac)));
    notes
}

fn kernel(access: &Access, verdict: KernelVerdict) -> String {
    let said = match verdict {
        KernelVerdict::Allowed => Some(true),
        KernelVerdict::Denied => Some(false),
        KernelVerdict::NotReached(_) => None,
    };
    match (said, access.allowed()) {
        (Some(said), Some(model)) if said != model => format!(
            "asked as this identity it says {}: it DISAGREES with the permission bits above",
            if said { "allowed" } else { "EACCES" }
        ),
        (Some(true), _) => "asked as this identity, it lets it through".to_owned(),
        (Some(false), _) => "asked as this identity, it says EACCES".to_owned(),
        (None, _) => "asked as this identity, it did not come as far as the file".to_owned(),
    }
}
