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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Acl, AclEntry, AclTag, Bits, Case, Consumer, Gap, Mac, MacModule};

    fn before(consumer: Consumer, directory: u32, socket: u32) -> Access {
        Case::sample_before(consumer, directory, socket).accesses.remove(0)
    }

    fn said(access: &Access) -> Vec<(Option<bool>, String)> {
        rows(access).into_iter().map(|Row { passes, cells: [.., why], .. }| (passes, why)).collect()
    }

    #[test]
    fn who_stops_somebody_is_the_last_that_was_asked() {
        let stranger = || Consumer::sample(1000, &[]);
        let allowed = before(stranger(), 0o755, 0o666);
        assert_eq!(verdict(&allowed), (Overall::Ok, "allowed"));
        assert_eq!(said(&allowed)[2], (Some(true), "w as other (rw-)".into()));
        assert_eq!(in_one_line(&allowed), "may connect");

        let stopped = before(stranger(), 0o700, 0o666);
        assert_eq!(verdict(&stopped), (Overall::Error, "denied"));
        let rows = said(&stopped);
        assert_eq!(rows[0], (Some(true), "x as other (r-x)".into()));
        assert_eq!(rows[1], (Some(false), "no x as other (---)".into()));
        assert_eq!(rows[2], (None, "not asked".into()));
        assert_eq!(in_one_line(&stopped), "stops at /tmp: no x as other (---)");

        let grouped = before(Consumer::sample(1000, &[50]), 0o755, 0o640);
        assert_eq!(said(&grouped)[2], (Some(false), "no w as group (r--)".into()));
        let owner = before(Consumer::sample(0, &[]), 0o755, 0o466);
        assert_eq!(said(&owner)[2], (Some(false), "no w as owner (r--)".into()));
    }

    #[test]
    fn what_could_not_be_asked_is_neither_yes_nor_no() {
        let mut access = before(Consumer::sample(1000, &[]), 0o755, 0o666);
        access.gates[1].answer = Err(Gap::new("getxattr /tmp", "a\x1b[31m"));
        assert_eq!(verdict(&access), (Overall::Unknown, "unknown"));
        let rows = said(&access);
        assert_eq!(rows[1], (None, "getxattr /tmp: a\\x1b[31m".into()));
        assert_eq!(rows[2], (None, "not asked".into()));
        assert_eq!(in_one_line(&access), "cannot be told: getxattr /tmp: a\\x1b[31m");
    }

    #[test]
    fn entries_of_an_acl_and_capabilities_are_named() {
        let mut case = Case::sample_before(Consumer::sample(33, &[7]), 0o755, 0o650);
        let entry = |tag, bits| AclEntry { tag, bits: Bits(bits) };
        let mut with = |tag| {
            let Fact::Known(walk) = &mut case.walk else { panic!("a sample is walked") };
            let entries = vec![entry(tag, 6), entry(AclTag::Mask, 5)];
            walk.steps[2].permissions.acl = Fact::Known(Some(Acl { entries }));
            Access::of(Consumer::sample(33, &[7]), walk, &Fact::Known(true))
        };
        let user = with(AclTag::User(33));
        assert_eq!(said(&user)[2].1, "no w by ACL entry of the user (r--, masked)");
        assert_eq!(rows(&user)[2].cells[1], "srw-r-x---+");
        assert_eq!(said(&with(AclTag::Group(7)))[2].1, "no w by ACL entry of group 7 (r--, masked)");

        let mut root = Consumer::sample(0, &[]);
        // CAP_DAC_OVERRIDE
        root.credentials.capabilities = 1 << 1;
        assert_eq!(said(&before(root, 0o755, 0o000))[2].1, "w by a capability of root");
    }

    #[test]
    fn notes_say_what_the_kernel_said_and_where_it_disagrees() {
        let note = |access: &Access, label| {
            let found = notes(access).into_iter().find(|note| note.0 == label);
            found.map(|(_, text)| text).unwrap_or_default()
        };
        let mut access = before(Consumer::sample(1000, &[]), 0o755, 0o666);
        assert_eq!(note(&access, "kernel"), "", "not asked for");
        let mut kernel = |said| {
            access.kernel = said;
            note(&access, "kernel")
        };
        assert!(kernel(Fact::Known(KernelVerdict::Allowed)).ends_with("it lets it through"));
        assert!(kernel(Fact::Known(KernelVerdict::Denied)).contains("EACCES: it DISAGREES"));
        assert!(
            kernel(Fact::Known(KernelVerdict::NotReached(2))).ends_with("did not come as far as the file")
        );
        assert_eq!(kernel(Fact::Unknown(Gap::new("connect", "no \x1b"))), "not asked: no \\x1b");

        access.mac = Mac { modules: Fact::Known(vec![MacModule::Selinux]), ..Mac::default() };
        assert!(note(&access, "mac").contains("was not evaluated"));
        access.arrives = false;
        assert!(note(&access, "walk").starts_with("nothing is at the end"));
        assert_eq!(in_one_line(&access), "finds nothing at the path");
        let gap = Gap::new("/proc/7/root", "Permission denied");
        let unseen = Access::without_path(Consumer::sample(1000, &[]), true, Some(&gap));
        assert!(note(&unseen, "walk").starts_with("an abstract name has no permissions"));
        assert_eq!(note(&unseen, "view"), "/proc/7/root: Permission denied");
    }
}
