//! A directory that is to hold a socket: what it is, and the trial step by step.

use std::io::{self, Write};

use super::facts::ls_mode;
use super::json::errno_name;
use super::style::escape;
use super::{access, text};
use crate::model::{
    Acl, AclTag, Case, Fact, File, IdName, InspectedTarget, Preflight, Ratio, SocketTrial, TrialAct,
    TrialEnd, TrialStep, known_filesystem,
};

/// Bytes of an address that programs take: all, those of macOS, those that HAProxy binds (it adds a suffix).
const LONGEST: [(usize, &str); 3] = [(107, "Linux"), (103, "macOS"), (97, "HAProxy")];

/// Label and text of each line.
pub(super) fn lines(target: &InspectedTarget) -> Vec<(&'static str, String)> {
    let case = &target.case;
    let (Ok(Some(directory)), Some(preflight)) = (case.file(), case.preflight.known()) else {
        return Vec::new();
    };
    let mut lines = vec![("directory", directory_line(target, directory))];
    lines.extend(mount(directory));
    lines.extend(preflight.place.known().map(|place| ("space", space(place.space, place.inodes))));
    lines.push(("path", length(case, preflight)));
    lines.extend(effects(directory, preflight).into_iter().map(|line| ("effect", line)));
    lines.extend(
        preflight
            .existing
            .as_ref()
            .map(|file| ("exists", format!("{} is there: {}", file.kind.phrase(), look(file)))),
    );
    lines.extend(trial_lines(preflight));
    for each in &case.accesses {
        let who = escape(&each.consumer.label());
        let way = match each.stopped() {
            Ok(None) if each.arrives => {
                "gets in; of the socket it takes w, by its group or mode 0666".to_owned()
            }
            _ => access::in_one_line(each),
        };
        lines.push(("consumer", format!("{who}: {way}")));
    }
    if target.left_out > 0 {
        lines.push((
            "not shown",
            format!("{} left out by --only/--ignore", text::plural(target.left_out, "finding")),
        ));
    }
    lines
}

/// `trial path step outcome errno`, a line each.
pub(super) fn render_plain(targets: &[InspectedTarget], out: &mut dyn Write) -> io::Result<()> {
    for target in targets {
        let trial = target.case.preflight.known().and_then(|preflight| preflight.trial.known());
        for step in trial.map_or(&[][..], |trial| &trial.steps) {
            let path = escape(&target.case.target.label());
            let errno = step.errno.map_or_else(|| "-".into(), errno_name);
            let end = match step.end {
                TrialEnd::Done => "ok",
                TrialEnd::Failed => "failed",
                TrialEnd::Ignored => "ignored",
            };
            writeln!(out, "trial\t{path}\t{}\t{end}\t{errno}", step.act.word())?;
        }
    }
    Ok(())
}

/// Label and text of the lines about the trial: one where all is well, else one a step.
fn trial_lines(preflight: &Preflight) -> Vec<(&'static str, String)> {
    let mut who = escape(preflight.server.identity().as_bytes());
    if !preflight.server_is_named() {
        who.push_str("; as another: --server USER");
    }
    let trial = match &preflight.trial {
        Fact::Known(trial) => trial,
        Fact::NotAsked => return vec![("trial", "not made (--no-trial)".into())],
        Fact::Unknown(gap) => return vec![("trial", escape(format!("not made: {}", gap.why).as_bytes()))],
    };
    let mut lines = Vec::new();
    if trial.faults().next().is_none() {
        let words: Vec<&str> = trial.steps.iter().map(|step| step.act.word()).collect();
        lines.push(("trial", format!("all {} steps pass: {}", words.len(), words.join(", "))));
    } else {
        let each = trial.steps.iter().map(|step| format!("{:<16} {}", step.act.word(), outcome(step)));
        lines.extend(each.enumerate().map(|(number, line)| (if number == 0 { "trial" } else { "" }, line)));
    }
    lines.push(("as", who));
    lines.extend(trial.born().map(|born| {
        let mode = ls_mode(born.kind, born.mode);
        ("socket", format!("{mode} {}:{} under umask 022", born.uid, born.gid))
    }));
    lines.extend(remains(trial));
    lines
}

fn remains(trial: &SocketTrial) -> impl Iterator<Item = (&'static str, String)> {
    let removed =
        trial.removed.iter().map(|name| ("removed", format!("{}, left by an earlier trial", escape(name))));
    let left =
        trial.left.iter().map(|(name, errno)| ("left", format!("{}: {}", escape(name), errno_name(*errno))));
    removed.chain(left)
}

/// What a step came to, in a few words.
pub(super) fn outcome(step: &TrialStep) -> String {
    let after = step
        .after
        .filter(|_| step.act == TrialAct::Chmod)
        .map(|born| format!(", mode stays {:04o}", born.mode));
    match (step.end, step.errno) {
        (TrialEnd::Done, None) => "ok".into(),
        (TrialEnd::Done, Some(errno)) => format!("ok, {} as it should", errno_name(errno)),
        (TrialEnd::Failed, Some(errno)) => format!("{}{}", errno_name(errno), after.unwrap_or_default()),
        (TrialEnd::Failed, None) => "failed".into(),
        (TrialEnd::Ignored, _) => format!("no error and no effect{}", after.unwrap_or_default()),
    }
}

fn directory_line(target: &InspectedTarget, directory: &File) -> String {
    let label = |id: &IdName| escape(id.label().as_bytes());
    let owner = target.owner.as_ref().map(|(user, group)| format!(" {} {}", label(user), label(group)));
    let really = if directory.path == target.case.path {
        String::new()
    } else {
        format!(", really {}", escape(&directory.path))
    };
    format!("{}{}{really}", ls_mode(directory.kind, directory.mode), owner.unwrap_or_default())
}

fn mount(directory: &File) -> Vec<(&'static str, String)> {
    let Some(mount) = &directory.mount else { return Vec::new() };
    let read_only = if mount.read_only() { ", read-only" } else { "" };
    let (point, source) = (escape(&mount.point), escape(&mount.source));
    let line = format!("{} at {point} from {source}, {}{read_only}", mount.fstype, directory.class.word());
    let known = known_filesystem(&mount.fstype);
    let mut lines = vec![("mount", line)];
    lines.extend(known.map(|known| ("known", format!("{}; the trial decides", known.trouble))));
    if matches!(mount.fstype.as_str(), "tmpfs" | "ramfs" | "devtmpfs") {
        lines.push((
            "volatile",
            "it is empty after a boot or unmount: whoever starts the server makes the directory".into(),
        ));
    }
    lines
}

fn space(space: Ratio, inodes: Ratio) -> String {
    let inodes = if inodes.total == 0 {
        "inodes as needed".to_owned()
    } else {
        format!("{} of {} inodes free", inodes.free, inodes.total)
    };
    format!("{} of {} MiB free, {inodes}", space.free >> 20, space.total >> 20)
}

fn length(case: &Case, preflight: &Preflight) -> String {
    let used = case.address().len() - usize::from(preflight.name.is_none());
    if preflight.name.is_none() {
        let room = LONGEST.map(|(longest, who)| format!("{} ({who})", longest.saturating_sub(used)));
        return format!("{used} bytes with its slash; left for a name: {}", room.join(", "));
    }
    let limits = LONGEST.map(|(longest, who)| {
        let fits = if used <= longest { "fits" } else { "too long for" };
        format!("{fits} {who} ({longest})")
    });
    format!("{used} bytes with the name: {}", limits.join(", "))
}

/// What the directory does to files that are made in it.
fn effects(directory: &File, preflight: &Preflight) -> Vec<String> {
    let mut effects = Vec::new();
    if directory.mode & 0o1000 != 0 {
        effects.push(
            "sticky: only its owner, and the directory's, may remove a socket or rename over it".into(),
        );
    }
    if directory.mode & 0o2000 != 0 {
        effects.push(format!("setgid: a new socket belongs to group {}", directory.gid));
    }
    let place = preflight.place.known();
    if let Some(Some(acl)) = place.and_then(|place| place.default_acl.known()) {
        effects.push(format!(
            "default ACL: a new socket gets {}, whatever the umask; chmod changes its mask",
            entries(acl)
        ));
    }
    if place.is_some_and(|place| place.immutable) {
        effects.push("immutable (chattr +i): nothing can be made or removed".into());
    }
    effects
}

fn entries(acl: &Acl) -> String {
    let each = acl.entries.iter().map(|entry| {
        let whom = match entry.tag {
            AclTag::Owner => "u:".to_owned(),
            AclTag::User(uid) => format!("u:{uid}:"),
            AclTag::OwningGroup => "g:".to_owned(),
            AclTag::Group(gid) => format!("g:{gid}:"),
            AclTag::Mask => "m:".to_owned(),
            AclTag::Other => "o:".to_owned(),
        };
        format!("{whom}{}", entry.bits)
    });
    each.collect::<Vec<_>>().join(",")
}

fn look(file: &File) -> String {
    format!("`sockdoctor inspect {}` says more", escape(&file.path))
}
