//! What came over a connection, as lines of proof, the same wording in every rule about it.

use std::time::Duration;

use nix::errno::Errno;

use super::{evidence, owner};
use crate::model::{Case, Evidence, Fix, Gap, KnownBy, NoVerdict, Outcome, Probed, Protocol, StepName};

/// How many of the first bytes are quoted.
const QUOTED: usize = 64;

/// The probe of this case, where there was one. What was in our own way says nothing about the server.
pub(super) fn probed(case: &Case) -> Result<&Probed, NoVerdict> {
    let probed = case.probe.get()?.as_ref();
    match probed.errno() {
        Some(errno) if probed.outcome != Outcome::NotConnected && !is_the_peers(errno) => {
            Err(NoVerdict::Unknown(Gap::new("probe", evidence::errno_text(errno))))
        }
        _ => Ok(probed),
    }
}

/// What send(2) and recv(2) on a connection give when its other end is gone, or silent.
fn is_the_peers(errno: i32) -> bool {
    matches!(
        Errno::from_raw(errno),
        Errno::ECONNRESET
            | Errno::EPIPE
            | Errno::ENOTCONN
            | Errno::ECONNABORTED
            | Errno::ETIMEDOUT
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
    )
}

/// What was done, step by step, up to where it ended.
pub(super) fn steps(probed: &Probed) -> Evidence {
    let asked = probed.asked.as_deref().unwrap_or("nothing");
    let each = probed.steps.iter().map(|step| {
        let what = match (step.name, step.done) {
            (StepName::Connect, true) => "connected in".to_owned(),
            (StepName::Connect, false) => "not connected after".to_owned(),
            (StepName::Listen, _) => "listened for".to_owned(),
            (StepName::Send, true) => format!("sent {asked} in"),
            (StepName::Send, false) => format!("could not send {asked} in"),
            (StepName::FirstByte, true) => "first byte after".to_owned(),
            (StepName::FirstByte, false) => "no byte for".to_owned(),
            (StepName::Reply, true) => "reply whole after".to_owned(),
            (StepName::Reply, false) => "reply not whole after".to_owned(),
        };
        let errno = step.errno.map(|errno| format!(": {}", evidence::errno_text(errno)));
        format!("{what} {}{}", time(step.took), errno.unwrap_or_default())
    });
    Evidence::new("probe", each.collect::<Vec<_>>().join(", "))
}

/// What came back, as it came.
pub(super) fn first_bytes(probed: &Probed) -> Evidence {
    let shown = &probed.first_bytes[..probed.first_bytes.len().min(QUOTED)];
    let rest = if probed.received > shown.len() as u64 { " …" } else { "" };
    let count = format!("{rest} ({} bytes in all)", probed.received);
    Evidence::new("first bytes", [shown, count.as_bytes()].concat())
}

/// The status, and who says it.
pub(super) fn head(probed: &Probed) -> Option<Evidence> {
    let reply = probed.reply.as_ref()?;
    let mut words = vec![format!("{} {}", reply.version_line?, reply.status?).into_bytes()];
    words.extend(reply.server.as_ref().map(|server| [b"Server: ", server.as_slice()].concat()));
    words.push(format!("{} bytes of body", reply.body_bytes).into_bytes());
    Some(Evidence::new("reply", words.join(&b", "[..])))
}

/// The server is known to speak something that no request of HTTP can be answered in.
pub(super) fn other_tongue(probed: &Probed) -> Option<(Protocol, KnownBy)> {
    let asked_http = probed.protocol.is_some_and(Protocol::is_http);
    probed.usually.filter(|(usual, _)| asked_http && !usual.is_http())
}

/// Where the server's own account of it is.
pub(super) fn log(case: &Case, text: &str) -> Fix {
    case.server().map_or_else(|| Fix::advice(text), |server| owner::log(server, text))
}

/// `0.25 ms`, `1.5 s`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 1.0 { format!("{seconds:.1} s") } else { format!("{:.2} ms", seconds * 1e3) }
}
