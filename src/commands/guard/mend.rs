//! One repair: the command runs, and the server is asked until it answers again or is given up.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use super::Guard;
use crate::act::repair::{self, Running};
use crate::model::{GuardOutcome, GuardPass, Repair};
use crate::rules::shell_word;

/// Between two questions to a server that is being repaired.
const TICK: Duration = Duration::from_millis(500);
/// How long the command may take.
const COMMAND: Duration = Duration::from_secs(120);
/// How long the server may take from the command's end until it answers: so many times --timeout, and no less than a
/// server takes to start.
const RECOVERY: u32 = 6;
const LEAST: Duration = Duration::from_secs(10);

/// A repair that still runs when it has helped: a server in the foreground.
pub(super) struct Mending(Running);

impl Mending {
    /// Whether it runs on.
    pub(super) fn runs(&mut self) -> bool {
        self.0.ended().is_none()
    }
}

/// What would be run; `None`: nothing was given.
pub(super) fn planned(command: &[OsString]) -> Option<Repair> {
    let command: Vec<Vec<u8>> = command.iter().map(|word| word.as_bytes().to_vec()).collect();
    let line = command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(&b' ');
    (!command.is_empty()).then_some(Repair { command, line, status: None, took: Duration::ZERO })
}

impl Guard<'_> {
    /// Runs the repair, and says in the pass how it ended.
    pub(super) fn mend(&mut self, pass: &mut GuardPass) {
        let begun = Instant::now();
        let mut running = match repair::start(&self.repair, &variables(pass)) {
            Ok(running) => running,
            Err(error) => {
                pass.outcome = GuardOutcome::RepairFailed;
                pass.why = Some(format!("{}: {error}", self.repair[0].display()));
                return;
            }
        };
        let (mut answers, mut end) = (0, begun + COMMAND);
        let mut status = None;
        let recovered = loop {
            let fine = self.ask().is_fine();
            answers = if fine { answers + 1 } else { 0 };
            if status.is_none() {
                status = running.ended();
                if status.is_some() {
                    end = Instant::now() + (self.context.timeout * RECOVERY).max(LEAST);
                    // What answered until now may be what the command has just ended.
                    answers = 0;
                    continue;
                }
            }
            // While it runs, one answer may still be the last of what it is about to end.
            if answers > usize::from(status.is_none()) {
                break true;
            }
            if status.is_some_and(|status| status != 0) || Instant::now() >= end || self.interrupted(TICK) {
                break false;
            }
        };
        let took = begun.elapsed();
        if let Some(repair) = &mut pass.repair {
            (repair.status, repair.took) = (status, took);
        }
        pass.outcome = match (recovered, status) {
            (true, _) => GuardOutcome::Recovered,
            (false, Some(0)) => GuardOutcome::NotRecovered,
            (false, _) => GuardOutcome::RepairFailed,
        };
        let unseen = self.told_to_end.get().is_some();
        pass.why = match (recovered, status) {
            (true, _) => None,
            (false, _) if unseen => Some("guard was told to end before it was seen to help".into()),
            (false, None) => Some("it did not end, and nothing answers: it was killed".into()),
            (false, Some(0)) => Some("the server does not answer after it".into()),
            (false, Some(status)) => Some(format!("it ended with status {status}")),
        };
        match (status, recovered) {
            (None, true) => self.mended.push(Mending(running)),
            (None, false) if !unseen => running.end(),
            _ => {}
        }
    }
}

/// What the command is told.
fn variables(pass: &GuardPass) -> Vec<(&'static str, OsString)> {
    use std::os::unix::ffi::OsStringExt;
    let cause = pass.cause.as_ref();
    let text = |text: Option<&str>| OsString::from(text.unwrap_or_default());
    vec![
        ("SOCKDOCTOR_TARGET", OsString::from_vec(pass.label.clone())),
        ("SOCKDOCTOR_CODE", text(cause.and_then(|cause| cause.code))),
        ("SOCKDOCTOR_SUMMARY", text(cause.map(|cause| cause.summary.as_str()))),
        ("SOCKDOCTOR_FAILURES", pass.tries.len().to_string().into()),
    ]
}
