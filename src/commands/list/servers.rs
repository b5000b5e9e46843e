//! How the servers of an overview fare: each of their processes gets a cheap look, and only what looks ill is looked
//! at and judged.

use super::{Sheet, overall};
use crate::facts::examine::Examiner;
use crate::facts::examine::suspects::Suspects;
use crate::facts::netns::Namespace;
use crate::facts::survey;
use crate::model::{Case, Gap, ListedRow, NotChecked, Rule, Socket, SocketState};
use crate::rules::{self, Judgement};

/// The rules about a server that is there and does not serve which need no time.
const CODES: [&str; 4] = ["SD304", "SD306", "SD308", "SD309"];

impl Sheet<'_> {
    /// Judges the servers whose holders are known, and says of whose clients one look could not tell.
    pub(super) fn judge_servers(
        &mut self,
        examiner: &Examiner<'_>,
        namespaces: &[Namespace],
        suspects: &mut Suspects,
    ) {
        let sockets = self.sockets;
        let rules: Vec<&'static Rule> =
            rules::ALL.iter().copied().filter(|rule| CODES.contains(&rule.code)).collect();
        let mut open = 0;
        for number in 0..self.rows.len() {
            let Some((row, socket)) = self.listener(number, sockets) else { continue };
            if self.crowded(socket).is_some() {
                continue;
            }
            let holders = row.holders.as_deref().unwrap_or_default();
            let waits = socket.queue().is_some_and(|queue| queue.waiting > 0);
            if !(waits || examiner.looks_ill(holders, suspects)) {
                continue;
            }
            let mut case = survey::held_case(namespaces, socket, holders);
            examiner.fares(&mut case, Vec::new(), suspects);
            let judged = rules::judge(&case, &rules, |rule| self.context.chosen(rule));
            open += usize::from(waits && !judged.findings.iter().any(|finding| finding.code == "SD304"));
            self.add(number, &case, judged);
        }
        if open > 0 {
            let sockets = if open == 1 { "a socket".to_owned() } else { format!("{open} sockets") };
            let why = format!("clients wait at {sockets}: one look does not tell whether they are accepted");
            let gap = Gap::new("accept queue", why).helped_by("sockdoctor list --sample 2s");
            self.judgement.not_checked.push(NotChecked { code: Some("SD304"), gap });
        }
    }

    /// Adds what was found beside what a row already has.
    pub(super) fn add(&mut self, number: usize, case: &Case, judged: Judgement) {
        // Sockets of one name have one finding of each kind.
        let codes = judged.findings.iter().map(|finding| finding.code.as_bytes());
        let of_these = [&case.target.label()[..], b"\0", &codes.collect::<Vec<_>>().concat()].concat();
        if let Some(worst) = judged.findings.iter().map(|finding| finding.severity).max() {
            let row = &mut self.rows[number];
            let mut codes: Vec<&'static str> = judged.findings.iter().map(|finding| finding.code).collect();
            let known = row.codes.iter().copied();
            let worse = overall(Some(worst), false) < row.verdict;
            if worse {
                codes.extend(known);
            } else {
                codes.splice(0..0, known);
            }
            row.verdict = row.verdict.min(overall(Some(worst), false));
            codes.dedup();
            row.codes = codes.into();
        }
        if judged.findings.is_empty() || self.judged.insert(of_these) {
            self.judgement.absorb(judged);
        }
    }

    /// The row of that number, where it is a listener with visible holders.
    pub(super) fn listener<'s>(
        &self,
        number: usize,
        sockets: &'s [Socket],
    ) -> Option<(&ListedRow, &'s Socket)> {
        let row = &self.rows[number];
        let socket = row.socket(sockets).filter(|socket| socket.state == SocketState::Listening)?;
        let held = row.holders.as_ref().is_some_and(|holders| !holders.is_empty());
        held.then_some((row, socket))
    }
}
