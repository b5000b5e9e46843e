//! What `watch` prints: a line for each event as it comes, and at the end who took what from whom.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use super::json;
use super::style::{Style, escape};
use super::{Loudness, text};
use crate::model::{Actor, Certainty, Deed, Doer, Event, FileSeen, Overall, Removal, Trace};

/// How many removals are told; the others are counted.
const TOLD: usize = 20;

/// `12:00:03.123Z  +1.204 s  unlink     /run/app.sock  pid 4242 (rm) root, session-3.scope`
pub fn line(event: &Event, style: &Style, loudness: Loudness) -> String {
    let word = format!("{:<9}", event.deed.word());
    let word = match verdict(&event.deed) {
        Some(verdict) => style.mark(verdict, &word),
        None => word,
    };
    let mut line = format!("{}  {:>9}  {word}  {}", clock(event.at), delta(event.delta), escape(&event.path));
    let polled = event.polled.then(|| "(polled)".to_owned());
    for part in [details(event), who(event, loudness), polled].into_iter().flatten() {
        line.push_str("  ");
        line.push_str(&part);
    }
    line
}

/// `at delta deed path pid command uid unit certainty details`, separated by tabs; `-` where nothing is known.
pub fn plain_line(event: &Event) -> String {
    let actor = event.who.as_ref().map(|doer| &doer.actor);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        json::rfc3339(event.at),
        format!("{:.3}", event.delta.as_secs_f64()),
        event.deed.word().to_owned(),
        escape(&event.path),
        or_dash(actor.map(|actor| actor.pid.to_string())),
        or_dash(actor.and_then(|actor| actor.command.as_ref()).map(|command| escape(command))),
        or_dash(actor.and_then(|actor| actor.user.as_ref()).map(|user| user.id.to_string())),
        or_dash(actor.and_then(|actor| actor.unit.as_ref()).map(|unit| escape(unit.as_bytes()))),
        or_dash(event.who.as_ref().map(|doer| doer.certainty.word().to_owned())),
        or_dash(details(event)),
    ]
    .join("\t")
}

/// One object, on one line.
pub fn json_line(event: &Event) -> String {
    json::watched::line(event)
}

/// `pid 22390 (gunicorn, old master) removed it 1.2 s after pid 22512 (gunicorn) bound it`
pub fn sentence(removal: &Removal) -> String {
    let who = match &removal.culprit {
        Some(doer) => {
            let also = removal.part().map(|part| format!(", {part}")).unwrap_or_default();
            let likely = if doer.certainty == Certainty::Likely { " (likely)" } else { "" };
            format!("pid {} ({}{also}){likely}", doer.actor.pid, command(&doer.actor))
        }
        None => "somebody".to_owned(),
    };
    let victim = &removal.victim;
    let after = victim.age.map(span);
    let binder = victim.binder.as_ref().map(|doer| &doer.actor);
    let itself =
        removal.culprit.as_ref().is_some_and(|doer| binder.is_some_and(|own| own.pid == doer.actor.pid));
    let when = match (after, binder) {
        (Some(after), Some(_)) if itself => format!("{after} after it bound it"),
        (Some(after), Some(binder)) => {
            format!("{after} after pid {} ({}) bound it", binder.pid, command(binder))
        }
        (Some(after), None) => {
            format!("{after} after it came{}", held(victim.face().map(AsRef::as_ref)))
        }
        (None, _) => format!("(it was there before the watch{})", held(victim.face().map(AsRef::as_ref))),
    };
    let along = if removal.with_directory { ", and its directory with it" } else { "" };
    format!("{who} {} {when}{along}", removal.how.verb())
}

fn held(holder: Option<&Actor>) -> String {
    holder.map(|holder| format!(", held by pid {} ({})", holder.pid, command(holder))).unwrap_or_default()
}

/// What it comes to, as far as that is known: `M3: an overlapping restart …`
fn way(removal: &Removal) -> Option<String> {
    let mechanism = removal.mechanism()?;
    let number = mechanism.number().map(|number| format!("{number}: ")).unwrap_or_default();
    Some(format!("{number}{}", mechanism.says()))
}

/// The timeline, where it was not printed as it came, and what sets the rest off from it.
pub(super) fn timeline(
    trace: &Trace,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !trace.streamed {
        trace.events.iter().try_for_each(|event| writeln!(out, "{}", line(event, style, loudness)))?;
        if trace.left_out > 0 {
            writeln!(out, "and {} events more that were not kept", trace.left_out)?;
        }
    }
    if loudness > Loudness::Quiet && !trace.events.is_empty() { writeln!(out) } else { Ok(()) }
}

/// Who took which name from whom.
pub(super) fn summary(
    trace: &Trace,
    style: &Style,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    for removal in trace.removals.iter().take(TOLD) {
        let on = if removal.listens_on == Some(true) {
            "; its listener went on, and nobody got to it"
        } else {
            ""
        };
        let told = format!("{}: {}{on}", escape(&removal.path), sentence(removal));
        text::wrapped(style, &told, 0, 4, out)?;
        if let Some(way) = way(removal).filter(|_| loudness > Loudness::Quiet) {
            text::wrapped(style, &way, 4, 4, out)?;
        }
    }
    let more = trace.removals.len().saturating_sub(TOLD) as u64 + trace.removals_left_out;
    if more > 0 {
        writeln!(out, "and {more} times more")?;
    }
    if trace.removals.is_empty() && loudness > Loudness::Quiet {
        let seen = trace.events.len() as u64 + trace.left_out;
        writeln!(out, "no name lost its socket; {seen} events")?;
    }
    Ok(())
}

/// The timeline where it was not printed as it came, as its lines.
pub(super) fn render_plain(trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
    if !trace.streamed {
        trace.events.iter().try_for_each(|event| writeln!(out, "{}", plain_line(event)))?;
    }
    Ok(())
}

const fn verdict(deed: &Deed) -> Option<Overall> {
    match deed {
        Deed::Unlink | Deed::RenameAway(_) | Deed::Replace(_) | Deed::DirectoryGone => Some(Overall::Error),
        Deed::Gone | Deed::Lost => Some(Overall::Warning),
        Deed::Bind | Deed::Listening | Deed::There => Some(Overall::Ok),
        _ => None,
    }
}

/// What an event says beside its word and its name.
pub(super) fn details(event: &Event) -> Option<String> {
    let name = |other: &Option<Vec<u8>>| match other {
        Some(other) => escape(other),
        None => "a name outside of what is watched".to_owned(),
    };
    match &event.deed {
        Deed::Chmod { from, to } => Some(format!("{from:04o} to {to:04o}")),
        Deed::Chown { from, to } => Some(format!("{}:{} to {}:{}", from.0, from.1, to.0, to.1)),
        Deed::RenameHere(from) => Some(format!("from {}", name(from))),
        Deed::Replace(from) => Some(format!("by {}", name(from))),
        Deed::RenameAway(to) => Some(format!("to {}", name(to))),
        Deed::Attributes => event.file.as_ref().map(|file| format!("mode or owner set, now {}", state(file))),
        Deed::Bind | Deed::There => event.file.as_ref().map(state),
        Deed::Create => Some(match &event.file {
            Some(file) => file.kind.phrase().to_owned(),
            None => "gone before it could be looked at".to_owned(),
        }),
        Deed::Lost => Some("the queue of events overflowed: what happened meanwhile was not seen".to_owned()),
        Deed::Unlink | Deed::DirectoryMade | Deed::DirectoryGone | Deed::Listening | Deed::Gone => None,
    }
}

fn state(file: &FileSeen) -> String {
    format!("mode {:04o} {}:{}", file.permissions(), file.uid, file.gid)
}

fn who(event: &Event, loudness: Loudness) -> Option<String> {
    let Doer { actor, certainty } = event.who.as_ref()?;
    let mut who = format!("pid {} ({})", actor.pid, command(actor));
    if *certainty == Certainty::Likely {
        who.push_str(" (likely)");
    }
    let user = actor.user.as_ref().map(|user| escape(user.label().as_bytes()));
    let unit = actor.unit.as_ref().map(|unit| escape(unit.as_bytes()));
    let container = actor.container.as_ref().map(|name| format!("container {}", escape(name.as_bytes())));
    let more = (event.others > 0).then(|| format!("and {} more", event.others));
    let rest: Vec<String> = [user, unit, container, more].into_iter().flatten().collect();
    if !rest.is_empty() {
        who.push(' ');
        who.push_str(&rest.join(", "));
    }
    if loudness == Loudness::Verbose
        && let Some(words) = words(actor)
    {
        who.push_str(": ");
        who.push_str(&words);
    }
    Some(who)
}

fn words(actor: &Actor) -> Option<String> {
    let arguments = actor.arguments.as_ref()?;
    let arguments = arguments.strip_suffix(b"\0").unwrap_or(arguments);
    Some(arguments.split(|byte| *byte == 0).map(escape).collect::<Vec<_>>().join(" "))
}

fn command(actor: &Actor) -> String {
    actor
        .command
        .as_ref()
        .map_or_else(|| "gone before its name was read".to_owned(), |command| escape(command))
}

/// `12:00:03.123Z`
fn clock(at: SystemTime) -> String {
    let text = json::rfc3339(at);
    text.split_once('T').map_or(text.clone(), |(_, time)| time.to_owned())
}

fn delta(delta: Duration) -> String {
    format!("+{:.3} s", delta.as_secs_f64())
}

/// `0.4 ms`, `32 ms`, `1.2 s`, `3 min 20 s`
fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 0.01 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.1} s"),
        _ => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{FileKind, How, IdName, Victim};

    pub(in crate::report) fn doer(pid: u32, command: &str) -> Doer {
        let actor = Actor {
            pid,
            parent: Some(1),
            command: Some(command.into()),
            executable: Some(b"/usr/bin/x".to_vec()),
            arguments: Some(b"x\0-f\0\x1b\0".to_vec()),
            user: Some(IdName::unnamed(33)),
            unit: Some("a.service".into()),
            container: None,
        };
        Doer { actor: Arc::new(actor), certainty: Certainty::Certain }
    }

    pub(in crate::report) fn event(deed: Deed) -> Event {
        Event {
            deed,
            path: b"/run/a\n\x1b[31m\xff".to_vec(),
            at: SystemTime::UNIX_EPOCH,
            since: Duration::from_secs(2),
            delta: Duration::from_millis(1204),
            file: Some(FileSeen { kind: FileKind::Socket, mode: 0o140_755, uid: 33, gid: 33, ino: 7 }),
            who: Some(doer(4242, "r\x1bm")),
            others: 0,
            polled: false,
        }
    }

    #[test]
    fn a_line_says_when_what_and_who_and_escapes_what_strangers_chose() {
        let said = |deed, loudness| line(&event(deed), &Style::FILE, loudness);
        assert_eq!(
            said(Deed::Unlink, Loudness::Normal),
            "00:00:00.000Z   +1.204 s  unlink     /run/a\\x0a\\x1b[31m\\xff  pid 4242 (r\\x1bm) 33, a.service"
        );
        assert!(said(Deed::Unlink, Loudness::Verbose).ends_with("a.service: x -f \\x1b"));
        let chmod = said(Deed::Chmod { from: 0o755, to: 0o666 }, Loudness::Normal);
        assert!(chmod.contains("  0755 to 0666  pid"), "{chmod}");
        let fields: Vec<String> = plain_line(&event(Deed::Bind)).split('\t').map(str::to_owned).collect();
        assert_eq!(
            fields[2..],
            [
                "bind",
                "/run/a\\x0a\\x1b[31m\\xff",
                "4242",
                "r\\x1bm",
                "33",
                "a.service",
                "certain",
                "mode 0755 33:33"
            ]
        );
    }

    #[test]
    fn the_culprit_is_named_with_what_it_is_to_the_socket() {
        let removal = Removal {
            path: b"/run/x".to_vec(),
            since: Duration::from_secs(9),
            how: How::Removed,
            culprit: Some(doer(22390, "gunicorn")),
            earlier: Some(true),
            with_directory: false,
            victim: Victim {
                binder: Some(doer(22512, "gunicorn")),
                age: Some(Duration::from_millis(1200)),
                ..Victim::default()
            },
            listens_on: Some(true),
        };
        assert_eq!(
            sentence(&removal),
            "pid 22390 (gunicorn, old master) removed it 1.2 s after pid 22512 (gunicorn) bound it"
        );
        assert!(way(&removal).unwrap().starts_with("M3: an overlapping restart"));
        let unseen = Removal { culprit: None, victim: Victim::default(), ..removal };
        assert_eq!(sentence(&unseen), "somebody removed it (it was there before the watch)");
    }
}
