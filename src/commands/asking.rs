//! `inspect --probe` and `list --probe`: one question to each server, after all that was only looked at.

use std::time::{Duration, Instant};

use super::Context;
use super::probe::hints;
use crate::facts::process;
use crate::model::{
    Case, Fact, Gap, Holder, HttpRequest, KnownBy, ProbePlan, Protocol, Sighting, SocketType,
};
use crate::probe::Prober;

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// A longer body is not waited for.
const MAX_BODY: u64 = 1 << 20;

/// Who asks.
pub(super) struct Asker<'c> {
    context: &'c Context<'c>,
    prober: Prober,
}

impl<'c> Asker<'c> {
    pub(super) fn of(context: &'c Context<'c>) -> Result<Self, Gap> {
        let prober = Prober::new().map_err(|error| Gap::new("no probe can be made", error.to_string()))?;
        Ok(Self { context, prober })
    }

    /// Asks the server of a case in what it is known to speak; of others it waits for a word and says none.
    pub(super) fn ask(&self, case: &mut Case) -> Result<(), Gap> {
        let gap =
            |why: &str| Gap::new(format!("probe {}", String::from_utf8_lossy(&case.target.label())), why);
        let server = case.server().filter(|server| server.is_alive());
        let server = server.ok_or_else(|| gap("nobody listens there"))?;
        if server.socket.kind != SocketType::Stream {
            return Err(gap("it is no stream socket"));
        }
        if server.holders.known().is_some_and(|holders| !holders.is_empty() && holders.iter().all(manages)) {
            return Err(gap("only systemd holds it: a probe would start its service"));
        }
        if case.client.is_some() {
            return Err(gap("its client sees other files than we do"));
        }
        let left = self.context.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(gap("the time was up: --timeout"));
        }
        let known = self.known(case);
        let request = HttpRequest::get(&case.target, "/".into());
        let http = ProbePlan::http(case.target.clone(), request, left.min(PATIENCE), MAX_BODY);
        let is_http = known.is_some_and(|(protocol, _)| protocol.takes_http());
        let plan = ProbePlan { protocol: http.protocol.filter(|_| is_http), ..http };
        let mut probed = self.prober.probe(&plan, &|_| known);
        if !probed.is_fine() {
            probed.usually = known;
        }
        case.probe = Fact::Known(Box::new(probed));
        Ok(())
    }

    /// The same of those alone that are known to speak something.
    pub(super) fn ask_if_known(&self, case: &mut Case) -> Result<(), Gap> {
        if self.known(case).is_none() {
            return Err(Gap::new("probe", "not known what they speak: `sockdoctor probe TARGET` asks one"));
        }
        self.ask(case)
    }

    fn known(&self, case: &Case) -> Option<(Protocol, KnownBy)> {
        let command = || {
            let holders = case.server().and_then(|server: &Sighting| server.holders.known());
            let own = holders.and_then(|holders| holders.iter().find(|holder| !manages(holder)));
            own.and_then(|holder| process::command(self.context.machine, holder.process.pid))
        };
        hints::protocol(&case.target, command)
    }
}

fn manages(holder: &Holder) -> bool {
    holder.process.is_manager()
}
