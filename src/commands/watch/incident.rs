//! A listener that lost its file and listens on: judged while it lasts, by the rules that `inspect` judges it by.

use std::time::{Duration, Instant};

use super::super::Context;
use super::subject::Lost;
use super::vigil::Vigil;
use crate::facts::examine::Examiner;
use crate::facts::process;
use crate::model::{Evidence, Finding, Removal, Target};
use crate::report::watched;
use crate::rules::{self, Judgement};

/// How long a listener is given to end after somebody else removed its file.
const GRACE: Duration = Duration::from_millis(300);
/// The same after its own server did: gunicorn removes it first and lets its workers finish.
const OWN_GRACE: Duration = Duration::from_secs(10);
/// The same when the watch ends.
const LAST_GRACE: Duration = Duration::from_secs(2);
/// How long the look may take where a mount does not answer.
const EXAMINATION: Duration = Duration::from_secs(2);
/// How many looks may settle nothing.
const LOOKS: u8 = 3;
/// How many findings are kept.
const FINDINGS: usize = 64;

/// What the rules say of a listener that lost its file.
const CODES: [&str; 2] = ["SD102", "SD103"];

#[derive(Default)]
pub(super) struct Incidents {
    pub(super) judgement: Judgement,
}

impl Incidents {
    /// Judges what has lasted long enough; `at_end`: the watch ends, and what lasts now is judged.
    pub(super) fn judge(&mut self, context: &Context<'_>, vigil: &mut Vigil<'_>, at_end: bool) {
        let now = Instant::now();
        for number in 0..vigil.subjects.len() {
            for index in 0..vigil.subjects[number].lost.len() {
                let lost = &vigil.subjects[number].lost[index];
                let removal = lost.removal.and_then(|removal| vigil.timeline.removals.get(removal));
                let own = removal.is_some_and(Removal::by_its_own);
                let grace = match (own, at_end) {
                    (false, false) => GRACE,
                    (false, true) => Duration::ZERO,
                    (true, false) => OWN_GRACE,
                    (true, true) => LAST_GRACE,
                };
                if !is_ripe(lost, now, grace) {
                    continue;
                }
                let number_of = vigil.subjects[number].lost[index].removal;
                let mut removal = None;
                if let Some(known) = number_of.and_then(|number| vigil.timeline.removals.get_mut(number)) {
                    known.listens_on = Some(true);
                    removal = Some(known.clone());
                }
                let path = vigil.subjects[number].path.clone();
                let looks = if at_end { LOOKS } else { 1 };
                let found = (0..looks).any(|_| self.examine(context, &path, removal.as_ref()));
                let lost = &mut vigil.subjects[number].lost[index];
                // It listens and has lost its file: a picture that does not show it was taken in between.
                lost.unsettled += u8::from(!found);
                lost.judged = found || lost.unsettled >= LOOKS;
            }
        }
    }

    /// Whether a rule says of it that it lost its file.
    fn examine(&mut self, context: &Context<'_>, path: &[u8], removal: Option<&Removal>) -> bool {
        let mut found = false;
        let mut examiner = Examiner::new(context.machine, Instant::now() + EXAMINATION, false);
        // It has had its time: the rest of the watch goes on.
        examiner.patient = false;
        let here = process::own_directory();
        for case in examiner.examine(&[Target::Path(path.to_vec())], &here).into_iter().flatten() {
            let mut judged = rules::judge(&case, rules::ALL, |rule| context.chosen(rule));
            judged.findings.retain(|finding| CODES.contains(&finding.code));
            judged.not_checked.retain(|gap| gap.code.is_some_and(|code| CODES.contains(&code)));
            (judged.suppressed, judged.left_out) = (0, 0);
            found |= !judged.findings.is_empty();
            for finding in judged.findings {
                self.keep(finding, removal);
            }
            judged.findings = Vec::new();
            judged.checks = if self.judgement.checks == 0 { judged.checks } else { 0 };
            self.judgement.absorb(judged);
        }
        found
    }

    /// Says of what is no more at the end of the watch that it is over; there is nothing to repair any more.
    pub(super) fn close(&mut self, context: &Context<'_>) {
        let mut examiner = Examiner::new(context.machine, Instant::now() + EXAMINATION, false);
        let here = process::own_directory();
        for finding in &mut self.judgement.findings {
            let target = Target::Path(finding.subject.name.clone());
            let Some(Some(case)) = examiner.examine(&[target], &here).into_iter().next() else { continue };
            let now = rules::judge(&case, rules::ALL, |rule| context.chosen(rule));
            if !now.findings.iter().any(|other| CODES.contains(&other.code)) {
                finding.summary = format!("It is over: {}", finding.summary);
                finding.fixes.retain(|fix| !fix.changes_state);
            }
        }
    }

    /// With who did it; a later one of the same kind and subject takes the place of the earlier.
    fn keep(&mut self, mut finding: Finding, removal: Option<&Removal>) {
        if let Some(removal) = removal {
            let sentence = watched::sentence(removal);
            let when = format!("watch, {:.1} s after it began", removal.since.as_secs_f64());
            finding.evidence.push(Evidence::new(when, sentence.clone()));
            // That was this time.
            finding.fixes.retain(|fix| {
                !fix.command.as_ref().is_some_and(|line| line.starts_with(b"sockdoctor watch"))
            });
            finding.cause = Some(match removal.mechanism() {
                Some(mechanism) => format!("{sentence}: {}", mechanism.says()),
                None => sentence,
            });
        }
        let same = |known: &&mut Finding| known.code == finding.code && known.subject == finding.subject;
        if let Some(known) = self.judgement.findings.iter_mut().find(same) {
            *known = finding;
        } else if self.judgement.findings.len() < FINDINGS {
            self.judgement.findings.push(finding);
        }
    }
}

fn is_ripe(lost: &Lost, now: Instant, grace: Duration) -> bool {
    let listens = lost.live.as_ref().is_some_and(|live| live.listens);
    listens && !lost.judged && now.saturating_duration_since(lost.at) >= grace
}
