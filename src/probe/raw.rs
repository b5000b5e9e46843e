//! Bytes as they are: what `--send` says goes out, and what comes back is matched against `--expect-re`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::wire::Wire;
use super::{Ending, Progress};
use crate::model::{Miss, ProbePlan, Reply, Unfinished, pattern};

/// No more than this of a reply is matched.
const LONGEST: usize = 64 << 10;

pub(super) fn pattern_of(plan: &ProbePlan) -> Result<Option<regex::bytes::Regex>, String> {
    plan.expect.as_deref().map(pattern).transpose()
}

/// Without a pattern the first bytes are the answer; with one it is read until they match, or end.
pub(super) async fn exchange(plan: &ProbePlan, mut wire: Wire, progress: &mut Progress) -> Ending {
    let wished = pattern_of(plan).ok().flatten();
    if wire.write_all(&plan.send).await.is_err() {
        return Ending::Broken;
    }
    let mut buffer = [0; 4096];
    loop {
        let Ok(length) = wire.read(&mut buffer).await else { return Ending::Broken };
        let reply = progress.reply.get_or_insert_with(Reply::default);
        reply.body.extend_from_slice(&buffer[..length]);
        reply.body_bytes += length as u64;
        let matches = wished.as_ref().is_none_or(|wished| wished.is_match(&reply.body));
        match (matches, length) {
            (true, 1..) => return Ending::Whole,
            (_, 0) if reply.body.is_empty() => {
                progress.reply = None;
                return Ending::Broken;
            }
            (_, 0) => {
                let expected = format!("bytes matching {}", plan.expect.as_deref().unwrap_or_default());
                let got = reply.body[..reply.body.len().min(120)].to_vec();
                progress.misses.push(Miss { expected, got });
                return Ending::Whole;
            }
            _ if reply.body.len() > LONGEST => return Ending::TooLong(Unfinished::BodyTooLong),
            _ => {}
        }
    }
}
