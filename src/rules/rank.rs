//! Running the rules over a case, dropping what another finding explains, and putting the cause first.

use std::cmp::Reverse;

use crate::model::{Case, Declaration, Declared, Finding, NoVerdict, NotChecked, Rule, Severity, Verdict};

/// What explains what, for the same subject: (cause, consequence).
const EXPLAINS: &[(&str, &str)] = &[
    ("SD102", "SD101"),
    ("SD102", "SD104"),
    ("SD103", "SD101"),
    ("SD103", "SD104"),
    ("SD103", "SD604"),
    ("SD107", "SD106"),
    ("SD108", "SD101"),
    ("SD108", "SD601"),
    ("SD109", "SD101"),
    ("SD109", "SD601"),
    ("SD111", "SD101"),
    ("SD111", "SD601"),
    ("SD112", "SD101"),
    ("SD113", "SD102"),
    ("SD115", "SD101"),
    ("SD115", "SD601"),
    ("SD117", "SD406"),
    ("SD208", "SD501"),
    ("SD301", "SD302"),
    ("SD301", "SD401"),
    ("SD304", "SD302"),
    ("SD304", "SD401"),
    ("SD306", "SD401"),
    ("SD404", "SD403"),
    ("SD405", "SD408"),
    ("SD406", "SD408"),
    ("SD503", "SD104"),
    ("SD505", "SD101"),
    ("SD505", "SD104"),
    ("SD505", "SD504"),
    ("SD506", "SD101"),
    ("SD506", "SD601"),
    ("SD507", "SD501"),
    ("SD601", "SD101"),
    ("SD602", "SD101"),
    ("SD602", "SD112"),
    ("SD602", "SD601"),
    ("SD603", "SD101"),
    ("SD603", "SD601"),
    ("SD603", "SD701"),
    ("SD603", "SD709"),
    ("SD605", "SD101"),
    ("SD605", "SD102"),
    ("SD605", "SD601"),
    ("SD606", "SD101"),
    ("SD606", "SD104"),
    ("SD606", "SD311"),
    ("SD606", "SD601"),
    ("SD609", "SD101"),
    ("SD609", "SD601"),
    ("SD701", "SD101"),
    ("SD701", "SD601"),
    ("SD702", "SD101"),
    ("SD703", "SD101"),
    ("SD703", "SD601"),
    ("SD703", "SD701"),
    ("SD706", "SD101"),
    ("SD706", "SD601"),
    ("SD709", "SD101"),
    ("SD709", "SD601"),
    ("SD709", "SD701"),
];

/// How many lines of configuration a finding shows: many places may send to one socket.
const LINES: usize = 4;

/// What the rules say about one case, or several.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Ranked, the cause first.
    pub findings: Vec<Finding>,
    /// How many another finding explains.
    pub suppressed: usize,
    /// How many come from rules that were not chosen.
    pub left_out: usize,
    /// An error is among those.
    pub error_left_out: bool,
    /// How many checks reached a verdict.
    pub checks: usize,
    /// The ones that did not.
    pub not_checked: Vec<NotChecked>,
    /// An error was found, shown or not: the question is answered even where its answer was not chosen.
    pub broken: bool,
}

impl Judgement {
    /// Whether there is more than what is only worth knowing.
    pub fn is_wrong(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity > Severity::Info)
    }

    /// Adds another case's; [`rank`] puts the whole in order at the end. Of gaps with one reason the first stands
    /// for all.
    pub fn absorb(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.suppressed += other.suppressed;
        self.left_out += other.left_out;
        self.error_left_out |= other.error_left_out;
        self.checks += other.checks;
        self.broken |= other.broken;
        for gap in other.not_checked {
            let known = |known: &NotChecked| known.code == gap.code && known.gap.why == gap.gap.why;
            if !self.not_checked.iter().any(known) {
                self.not_checked.push(gap);
            }
        }
    }
}

/// Judges a case by all rules and keeps what `chosen` admits. A cause that is not chosen still explains its
/// consequences: leaving it out must not turn them into the answer.
pub fn judge(case: &Case, rules: &[&'static Rule], chosen: impl Fn(&Rule) -> bool) -> Judgement {
    judged(rules, chosen, |rule| {
        let found = (rule.check)(case)?;
        Ok(if found.is_empty() {
            found
        } else {
            found.into_iter().map(|found| located(case, found)).collect()
        })
    })
}

/// With the lines of configuration that speak of the socket, where they are read: who connects before who serves.
fn located(case: &Case, finding: Finding) -> Finding {
    if finding.severity == Severity::Info {
        return finding;
    }
    let configured = &case.configured;
    // What runs was started with its own command line, which is no file to correct.
    let is_file = |mention: &&Declaration| !mention.written.location.file.starts_with(b"/proc/");
    let lines = configured.clients().chain(configured.servers().filter(is_file)).take(LINES);
    lines.fold(finding, |finding, mention| finding.written_at(&mention.written))
}

/// Judges what configuration files say, in the same way.
pub fn judge_declared(
    declared: &Declared,
    rules: &[&'static Rule],
    chosen: impl Fn(&Rule) -> bool,
) -> Judgement {
    judged(rules, chosen, |rule| (rule.declared)(declared))
}

fn judged(
    rules: &[&'static Rule],
    chosen: impl Fn(&Rule) -> bool,
    check: impl Fn(&Rule) -> Verdict,
) -> Judgement {
    let mut judgement = Judgement::default();
    for rule in rules {
        match check(rule) {
            Ok(found) => {
                judgement.checks += usize::from(chosen(rule));
                judgement.findings.extend(found);
            }
            Err(NoVerdict::Unknown(gap)) if chosen(rule) => {
                judgement.not_checked.push(NotChecked { code: Some(rule.code), gap });
            }
            Err(NoVerdict::NotApplicable | NoVerdict::Unknown(_)) => {}
        }
    }
    // So it is with nearly every row of a long list.
    if judgement.findings.is_empty() {
        return judgement;
    }
    let all = judgement.findings.clone();
    judgement.findings.retain(|finding| !all.iter().any(|cause| explains(cause, finding)));
    judgement.broken = all.iter().any(|finding| finding.severity == Severity::Error);
    judgement.suppressed = all.len() - judgement.findings.len();
    let is_chosen = |finding: &Finding| rules.iter().any(|rule| rule.code == finding.code && chosen(rule));
    let (shown, left_out): (Vec<_>, Vec<_>) = judgement.findings.into_iter().partition(is_chosen);
    judgement.findings = shown;
    judgement.left_out = left_out.len();
    judgement.error_left_out = left_out.iter().any(|finding| finding.severity == Severity::Error);
    rank(&mut judgement.findings);
    judgement
}

/// Worst first, then surest; among equals the order of the cases and of the codes stays. A queue that is full because
/// no descriptor is left comes after that.
pub fn rank(findings: &mut [Finding]) {
    let starved: Vec<Vec<u8>> = findings
        .iter()
        .filter(|finding| finding.code == "SD306")
        .map(|finding| finding.subject.name.clone())
        .collect();
    findings.sort_by_key(|finding| {
        let follows = finding.code == "SD301" && starved.contains(&finding.subject.name);
        (Reverse((finding.severity, finding.certainty)), follows)
    });
}

fn explains(cause: &Finding, finding: &Finding) -> bool {
    cause.subject.name == finding.subject.name && EXPLAINS.contains(&(cause.code, finding.code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Liveness;
    use crate::rules::ALL;

    #[test]
    fn a_healthy_case_has_no_finding() {
        let judgement = judge(&Case::sample(), ALL, |_| true);
        assert!(judgement.findings.is_empty(), "{:?}", judgement.findings);
        assert!(judgement.not_checked.is_empty(), "{:?}", judgement.not_checked);
        assert!(judgement.checks >= 5);
    }

    #[test]
    fn the_cause_stands_and_its_consequence_is_counted() {
        let mut case = Case::sample();
        case.file_mut().ino = 99;
        case.liveness = crate::model::Fact::Known(Liveness::Refused { tries: 3 });
        let orphan = &mut case.sockets.items[0];
        orphan.relation.serves = false;
        let walk = case.walk.known().cloned();
        let mut view = crate::model::View::sample_missing();
        view.walk = walk.unwrap();
        case.sockets.items[0].view = crate::model::Fact::Known(view);
        let judgement = judge(&case, ALL, |_| true);
        let codes: Vec<_> = judgement.findings.iter().map(|finding| finding.code).collect();
        assert_eq!((codes, judgement.suppressed), (vec!["SD103"], 1));
        let without_cause = judge(&case, ALL, |rule| rule.code != "SD103");
        assert!(without_cause.findings.is_empty(), "a consequence is no answer");
        assert!(without_cause.left_out == 1 && without_cause.error_left_out, "and it is no healthy case");
    }
}
