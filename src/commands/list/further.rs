//! What `list` learns only when it is told to: from logs, and by asking servers.

use std::collections::HashMap;

use super::super::asking::Asker;
use super::super::{Refusal, logs};
use super::Sheet;
use crate::cli::HealthArgs;
use crate::facts::sockets::Sockets;
use crate::facts::survey;
use crate::model::{Case, Fact, Gap, Health, NotChecked};
use crate::rules::{self, Judgement};

impl Sheet<'_> {
    /// Reads the logs, and asks the servers, of the rows that have visible holders.
    pub(super) fn ask_further(&mut self, args: &HealthArgs, dump: &Sockets) -> Result<(), Refusal> {
        if !(args.logs || args.probe) && args.log.is_empty() {
            return Ok(());
        }
        let sockets = self.sockets;
        let numbers: Vec<usize> =
            (0..self.rows.len()).filter(|number| self.listener(*number, sockets).is_some()).collect();
        if !args.log.is_empty() && numbers.len() != 1 {
            let message = format!("{} servers are listed, and a log is of one", numbers.len());
            return Err(Refusal::usage(message, "name its socket: sockdoctor list --match NAME --log FILE"));
        }
        let asker = if args.probe { Some(Asker::of(self.context)) } else { None };
        let mut read: HashMap<Option<String>, Fact<Box<Health>>> = HashMap::new();
        let mut unasked = Vec::new();
        for number in numbers {
            let Some((row, socket)) = self.listener(number, sockets) else { continue };
            let holders = row.holders.as_deref().unwrap_or_default();
            let mut case = survey::held_case(&dump.namespaces, socket, holders);
            let own = holders.iter().find(|holder| !holder.process.is_manager());
            let unit = own.and_then(|holder| holder.process.unit.clone());
            if args.logs || !args.log.is_empty() {
                // A unit has one journal, however many sockets.
                match read.get(&unit).filter(|_| unit.is_some()) {
                    Some(health) => case.health.clone_from(health),
                    None => logs::read(self.context, std::slice::from_mut(&mut case), args)?,
                }
                read.entry(unit).or_insert_with(|| case.health.clone());
            }
            match &asker {
                Some(Ok(asker)) if socket.netns == dump.own => {
                    unasked.extend(asker.ask_if_known(&mut case).err());
                }
                Some(Err(gap)) => unasked.push(gap.clone()),
                _ => {}
            }
            let judged = self.further(&case);
            self.add(number, &case, judged);
        }
        self.note_unasked(&unasked);
        Ok(())
    }

    /// By the rules that logs and replies are for.
    fn further(&self, case: &Case) -> Judgement {
        let logged = rules::ALL.iter().copied().filter(|rule| rule.code == "SD314");
        let rules: Vec<_> = logged.chain(rules::ON_THE_WIRE.iter().copied()).collect();
        rules::judge(case, &rules, |rule| self.context.chosen(rule))
    }

    /// One line for all of one reason.
    fn note_unasked(&mut self, unasked: &[Gap]) {
        let mut reasons: Vec<&str> = unasked.iter().map(|gap| gap.why.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for why in reasons {
            let count = unasked.iter().filter(|gap| gap.why == why).count();
            let gap = Gap::new(format!("probe of {count}"), why.to_owned());
            self.judgement.not_checked.push(NotChecked { code: None, gap });
        }
    }
}
