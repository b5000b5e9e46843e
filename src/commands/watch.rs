//! `watch`: a live timeline of what happens to sockets' files and to who listens on them, and at its end who did it.
//!
//! What is told by the kernel comes at once and in order; who listens is looked at every 100 ms and said to be. It
//! connects to nobody.

mod incident;
mod subject;
mod timeline;
mod vigil;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::signal::Signal;

use super::{Answer, Context, Refusal, inspect};
use crate::cli::{WatchArgs, WatchUntil};
use crate::exit;
use crate::facts::glance::Glancer;
use crate::facts::interrupt::Interrupts;
use crate::facts::recorder::Recorder;
use crate::facts::users::Users;
use crate::model::{Case, Data, Fact, FileKind, Gap, NotChecked, Reach, Rule, Trace, WatchEnd};
use crate::report::style::{Style, escape};
use crate::report::{Format, Loudness};
use crate::rules::{self, Judgement};
use incident::Incidents;
use timeline::{Stream, Timeline};
use vigil::{SUBJECTS, Target, Vigil};

pub(super) fn run(context: &Context<'_>, args: &WatchArgs, style: &Style) -> Result<Answer, Refusal> {
    // Before the recorder has its thread, which holds back what this one does.
    let interrupts = Interrupts::of(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    let machine = context.machine;
    let targets = targets(context, &args.targets)?;
    let mut gaps = Vec::new();
    let recorder = Recorder::new(machine, context.global.verbose).map_err(|gap| gaps.push(gap)).ok();
    let stream = stream(context, style);
    let streamed = stream.is_some();
    let started = Instant::now();
    let timeline = Timeline::new(stream, Users::new(machine), started);
    let mut vigil = Vigil::new(machine, recorder, timeline, targets, interrupts, args.until);
    vigil.begin();
    seen(&vigil)?;
    announce(context, &vigil);
    let mut incidents = Incidents::default();
    let end = args.duration.map(|duration| started + duration);
    let ending = vigil.watch(end, |vigil, last| incidents.judge(context, vigil, last));
    let blind = vigil.recorder.as_ref().and_then(|recorder| recorder.blind.clone());
    gaps.extend(blind.clone());
    gaps.extend(shortcomings(&vigil));
    let subjects = vigil.targets.len();
    let names_pids = vigil.recorder.is_some() && blind.is_none();
    let paths: Vec<Vec<u8>> = vigil.subjects.iter().map(|subject| subject.name().to_vec()).collect();
    let timeline = vigil.timeline;
    let trace = Arc::new(Trace {
        events: timeline.events,
        left_out: timeline.left_out,
        removals: timeline.removals,
        removals_left_out: timeline.removals_left_out,
        end: ending,
        names_pids,
        streamed,
    });
    incidents.close(context);
    let mut judgement = incidents.judgement;
    for path in paths {
        judgement.absorb(of_trace(context, path, &trace));
    }
    judgement.not_checked.extend(gaps.into_iter().map(|gap| NotChecked { code: None, gap }));
    let status = match (args.until, ending) {
        (Some(until), WatchEnd::TimeUp) => {
            if !context.global.quiet {
                let until = if until == WatchUntil::Gone { "gone" } else { "listening" };
                let _ = writeln!(io::stderr(), "sockdoctor: --until {until} did not come true in time");
            }
            Some(exit::PROBLEM)
        }
        (Some(_), WatchEnd::Interrupted(signal)) => Some(exit::by_signal(signal)),
        _ => None,
    };
    Ok(Answer { judgement, data: Data::Watched(trace), subjects, status, ..Answer::nothing() })
}

/// What the trace itself tells of a name.
fn of_trace(context: &Context<'_>, path: Vec<u8>, trace: &Arc<Trace>) -> Judgement {
    let target = crate::model::Target::Path(path.clone());
    let case = Case { watched: Fact::Known(Arc::clone(trace)), ..Case::new(target, path) };
    let of_watch: Vec<&'static Rule> = rules::find("SD212").into_iter().collect();
    rules::judge(&case, &of_watch, |rule| context.chosen(rule))
}

fn targets(context: &Context<'_>, given: &[OsString]) -> Result<Vec<Target>, Refusal> {
    let mut glancer = Glancer::new(context.machine);
    let mut targets: Vec<Target> = Vec::new();
    for text in given {
        let path = match inspect::understood(text.as_bytes())? {
            crate::model::Target::Path(path) => glancer.absolute(&path),
            other => {
                let message = format!("{other} has no file that could be watched");
                return Err(Refusal::usage(message, "give the path of a socket, or a directory"));
            }
        };
        let glance = glancer.at(&path, false, context.deadline);
        let is_directory = glance.reach == Reach::NotASocket(FileKind::Directory)
            || (path.len() > 1 && path.ends_with(b"/"));
        if !targets.iter().any(|target| target.path == path) {
            targets.push(Target { path, is_directory, place: None, reach: glance.reach });
        }
    }
    if targets.len() > SUBJECTS {
        let message = format!("{} names are more than can be watched at once", targets.len());
        return Err(Refusal::usage(message, format!("give at most {SUBJECTS}, or their directory")));
    }
    Ok(targets)
}

/// Refuses where there is nothing to be seen at all.
fn seen(vigil: &Vigil<'_>) -> Result<(), Refusal> {
    let unread = |target: &Target| {
        target.is_directory && vigil.unwatched.iter().any(|(known, _)| target.place.as_ref() == Some(known))
    };
    let blocked = |target: &Target| matches!(target.reach, Reach::Denied | Reach::Unseen) || unread(target);
    let Some(first) = vigil.targets.first().filter(|_| vigil.targets.iter().all(blocked)) else {
        return Ok(());
    };
    let why = if unread(first) { "the directory may not be read".to_owned() } else { first.reach.says() };
    let message = format!("{}: nothing can be watched: {why}", escape(&first.path));
    Err(Refusal::open(message, "run it as root, or as a user who gets there"))
}

/// Where events go while they come: to standard output, where that is read line by line.
fn stream<'s>(context: &Context<'_>, style: &'s Style) -> Option<Stream<'s>> {
    let global = context.global;
    let format = global.format.unwrap_or(Format::Text);
    let by_line = matches!(format, Format::Text | Format::Plain | Format::Ndjson);
    let loudness = match (global.quiet, global.verbose) {
        (true, _) => Loudness::Quiet,
        (_, true) => Loudness::Verbose,
        _ => Loudness::Normal,
    };
    (by_line && !global.json && global.output.is_none()).then_some(Stream { format, style, loudness })
}

/// Says on standard error that from now on everything is seen.
fn announce(context: &Context<'_>, vigil: &Vigil<'_>) {
    if context.global.quiet {
        return;
    }
    let names: Vec<String> = vigil.targets.iter().map(|target| escape(&target.path)).collect();
    let told = match &vigil.recorder {
        None => "the kernel tells nothing, so it is looked at every 100 ms",
        Some(recorder) if recorder.blind.is_some() => "who does it is told to root only",
        Some(_) => "with who does it",
    };
    let _ = writeln!(io::stderr(), "sockdoctor: watching {}, {told}; Ctrl-C ends it", names.join(" "));
}

/// What was not seen.
fn shortcomings(vigil: &Vigil<'_>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (directory, errno) in &vigil.unwatched {
        let gap = Gap::new(format!("inotify on {}", escape(directory)), errno.desc());
        let denied = matches!(errno, nix::errno::Errno::EACCES | nix::errno::Errno::EPERM);
        gaps.push(if denied { gap.helped_by(Gap::AS_ROOT) } else { gap });
    }
    if vigil.overflowed {
        let gap = Gap::new("inotify", "its queue overflowed: events were lost");
        gaps.push(gap.helped_by("raise fs.inotify.max_queued_events"));
    }
    if vigil.crowded {
        gaps.push(Gap::new("watch", format!("more than {SUBJECTS} sockets: the others were left out")));
    }
    let unmarked = vigil.recorder.as_ref().map_or(0, |recorder| recorder.unmarked);
    if unmarked > 0 {
        gaps.push(Gap::new(
            "fanotify",
            format!("{unmarked} directories could not be marked: who did it there is not told"),
        ));
    }
    gaps
}
