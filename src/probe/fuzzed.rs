//! A server that says what a stranger chose, and ends: see [`crate::fuzzed`].

use std::io::Cursor;
use std::time::Duration;

use tokio::io::{join, sink};
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::wire::{Log, Wire, lock};
use super::{blank, spoken};
use crate::model::{Depth, HttpRequest, ProbePlan, Probed, Protocol, Target};

/// The probe of such a server. The first byte chooses what it is asked in, the rest is its answer.
pub(crate) fn reply(bytes: &[u8]) -> Option<Probed> {
    let (choice, answer) = bytes.split_first()?;
    let protocol = Protocol::ALL.get(usize::from(choice & 0x1f)).copied();
    let target = Target::Path(b"/x.sock".to_vec());
    let request = HttpRequest::get(&target, "/".into());
    // Far more than reading from memory takes.
    let patience = Duration::from_secs(5);
    let depth = if choice & 0x20 == 0 { Depth::Whole } else { Depth::Head };
    let plan = ProbePlan { protocol, depth, ..ProbePlan::http(target, request, patience, 1 << 16) };
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    Some(runtime.block_on(async {
        let log = Log::begin();
        lock(&log).connected = Some(std::time::Instant::now());
        let wire = Wire::new(join(Cursor::new(answer.to_vec()), sink()), &log);
        let mut probed = blank(&plan);
        let outcome = spoken(&plan, wire, Instant::now() + patience, &log, &|_| None, &mut probed).await;
        let log = lock(&log);
        (probed.steps, probed.outcome) = (log.steps(&outcome), outcome);
        (probed.first_bytes, probed.received) = (log.first.clone(), log.received);
        assert!(probed.received <= answer.len() as u64);
        probed
    }))
}
