//! The listeners of an overview, looked at again and again.

use std::collections::HashMap;
use std::time::Duration;

use super::Context;
use crate::facts::sampler::{self, Plan};
use crate::facts::sockets::Sockets;
use crate::model::{Sample, Socket, SocketIno};

/// Samples by socket.
pub(super) type Sampled = HashMap<(SocketIno, u64), Vec<Sample>>;

/// Those listeners of a dump that have such a name, for so long.
pub(super) fn sampled(
    context: &Context<'_>,
    dump: &Sockets,
    duration: Duration,
    named: impl Fn(&Socket) -> bool,
) -> Sampled {
    let listeners = dump.rows.iter().filter(|row| row.queue().is_some() && named(row));
    let listeners: Vec<Socket> = listeners.cloned().collect();
    let plan = Plan::over(duration, false);
    let samples = sampler::sample(context.machine, &dump.namespaces, &listeners, plan);
    listeners.iter().map(|row| (row.ino, row.cookie)).zip(samples).collect()
}
