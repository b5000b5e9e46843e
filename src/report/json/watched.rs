//! `data` of `watch`, and each of its events as a line of its own.

use serde::Serialize;

use super::{Finding, Name, harmless, rfc3339};
use crate::model::{self, Deed, Report, Trace};
use crate::report::style::escape;
use crate::report::watched::{details, sentence};

#[derive(Serialize)]
pub(super) struct Watched {
    ending: &'static str,
    names_pids: bool,
    events: Vec<Event>,
    events_left_out: u64,
    removals: Vec<Removal>,
    removals_left_out: u64,
}

/// One event; the same in a document and as a line.
#[derive(Serialize)]
struct Event {
    #[serde(rename = "event")]
    word: &'static str,
    path: String,
    path_b64: Option<String>,
    at: String,
    since_s: f64,
    delta_s: f64,
    polled: bool,
    pid: Option<u32>,
    command: Option<String>,
    executable: Option<String>,
    command_line: Option<Vec<String>>,
    uid: Option<u32>,
    user: Option<String>,
    unit: Option<String>,
    container: Option<String>,
    certainty: Option<&'static str>,
    others: usize,
    file: Option<File>,
    other_path: Option<String>,
    detail: Option<String>,
}

#[derive(Serialize)]
struct File {
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    inode: u64,
}

#[derive(Serialize)]
struct Removal {
    path: String,
    path_b64: Option<String>,
    since_s: f64,
    how: &'static str,
    pid: Option<u32>,
    command: Option<String>,
    certainty: Option<&'static str>,
    part: Option<&'static str>,
    mechanism: Option<&'static str>,
    mechanism_number: Option<&'static str>,
    bound_by_pid: Option<u32>,
    bound_by_command: Option<String>,
    after_s: Option<f64>,
    with_directory: bool,
    listens_on: Option<bool>,
    sentence: String,
}

/// The last line: how it ended.
#[derive(Serialize)]
struct End<'r> {
    event: &'static str,
    ending: &'static str,
    at: String,
    exit_code: u8,
    names_pids: bool,
    events: u64,
    removals: Vec<Removal>,
    findings: Vec<Finding<'r>>,
}

impl Watched {
    pub(super) fn of(trace: &Trace) -> Self {
        Self {
            ending: trace.end.word(),
            names_pids: trace.names_pids,
            events: trace.events.iter().map(Event::of).collect(),
            events_left_out: trace.left_out,
            removals: trace.removals.iter().map(Removal::of).collect(),
            removals_left_out: trace.removals_left_out,
        }
    }
}

impl Event {
    fn of(event: &model::Event) -> Self {
        let Name { name: path, name_b64: path_b64 } = Name::of(&event.path);
        let actor = event.who.as_ref().map(|doer| &doer.actor);
        let text = |bytes: &Vec<u8>| escape(bytes);
        let other = match &event.deed {
            Deed::RenameHere(other) | Deed::RenameAway(other) | Deed::Replace(other) => other.as_ref(),
            _ => None,
        };
        Self {
            word: event.deed.word(),
            path,
            path_b64,
            at: rfc3339(event.at),
            since_s: event.since.as_secs_f64(),
            delta_s: event.delta.as_secs_f64(),
            polled: event.polled,
            pid: actor.map(|actor| actor.pid),
            command: actor.and_then(|actor| actor.command.as_ref()).map(text),
            executable: actor.and_then(|actor| actor.executable.as_ref()).map(text),
            command_line: actor.and_then(|actor| actor.arguments.as_ref()).map(|line| {
                let line = line.strip_suffix(b"\0").unwrap_or(line);
                line.split(|byte| *byte == 0).map(escape).collect()
            }),
            uid: actor.and_then(|actor| actor.user.as_ref()).map(|user| user.id),
            user: actor.and_then(|actor| actor.user.as_ref()?.name.as_ref()).map(|(name, _)| name.clone()),
            unit: actor.and_then(|actor| actor.unit.clone()),
            container: actor.and_then(|actor| actor.container.clone()),
            certainty: event.who.as_ref().map(|doer| doer.certainty.word()),
            others: event.others,
            file: event.file.as_ref().map(|file| File {
                kind: file.kind.word(),
                mode: format!("{:04o}", file.permissions()),
                uid: file.uid,
                gid: file.gid,
                inode: file.ino,
            }),
            other_path: other.map(text),
            detail: details(event),
        }
    }
}

impl Removal {
    fn of(removal: &model::Removal) -> Self {
        let Name { name: path, name_b64: path_b64 } = Name::of(&removal.path);
        let culprit = removal.culprit.as_ref().map(|doer| &doer.actor);
        let binder = removal.victim.binder.as_ref().map(|doer| &doer.actor);
        let command = |actor: &std::sync::Arc<model::Actor>| actor.command.as_ref().map(|text| escape(text));
        let mechanism = removal.mechanism();
        Self {
            path,
            path_b64,
            since_s: removal.since.as_secs_f64(),
            how: match removal.how {
                model::How::Removed => "removed",
                model::How::RenamedAway => "renamed",
                model::How::Replaced => "replaced",
            },
            pid: culprit.map(|actor| actor.pid),
            command: culprit.and_then(command),
            certainty: removal.certainty().map(model::Certainty::word),
            part: removal.part(),
            mechanism: mechanism.map(model::Mechanism::word),
            mechanism_number: mechanism.and_then(model::Mechanism::number),
            bound_by_pid: binder.map(|actor| actor.pid),
            bound_by_command: binder.and_then(command),
            after_s: removal.victim.age.map(|age| age.as_secs_f64()),
            with_directory: removal.with_directory,
            listens_on: removal.listens_on,
            sentence: sentence(removal),
        }
    }
}

/// An event as a line.
pub(in crate::report) fn line(event: &model::Event) -> String {
    harmless::line(&Event::of(event))
}

/// The line behind the events.
pub(in crate::report) fn end(report: &Report, trace: &Trace) -> String {
    let end = End {
        event: "end",
        ending: trace.end.word(),
        at: rfc3339(report.started + report.duration),
        exit_code: report.exit_code,
        names_pids: trace.names_pids,
        events: trace.events.len() as u64 + trace.left_out,
        removals: trace.removals.iter().map(Removal::of).collect(),
        findings: report.findings.iter().map(Finding::of).collect(),
    };
    harmless::line(&end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::watched::tests::event;

    #[test]
    fn an_event_is_one_line_that_keeps_the_bytes_of_its_name() {
        let text = line(&event(Deed::RenameAway(Some(b"/run/\x1b".to_vec()))));
        assert!(!text.contains('\n') && !text.contains('\x1b'), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["event"], &value["pid"]), (&"rename".into(), &4242.into()));
        assert_eq!(value["path_b64"], "L3J1bi9hChtbMzFt/w==");
        assert_eq!(value["other_path"], "/run/\\x1b");
        assert_eq!(value["file"]["mode"], "0755");
    }
}
