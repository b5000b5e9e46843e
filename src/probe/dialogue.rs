//! Question and answer in the small protocols: each is a table of pure functions, held by one exchange.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::wire::Wire;
use super::{Ending, Progress};
use crate::model::{Reply, Unfinished};

/// No answer of these protocols is longer.
const LONGEST: usize = 64 << 10;

/// What the bytes so far amount to.
pub(super) enum Heard {
    /// Too little to tell.
    More,
    /// No answer of this protocol.
    Foreign,
    /// Answered; this is what follows.
    Next(Vec<u8>),
    /// The answer.
    Whole(Reply),
    /// The answer: we are not let in.
    Refused(Reply),
}

/// A protocol.
pub(super) struct Dialogue {
    /// What is said first; empty: the server speaks first.
    pub(super) first: &'static [u8],
    /// What is made of the bytes of the answer to the question of this number, and whether the server has ended.
    pub(super) hear: fn(stage: usize, bytes: &[u8], ended: bool) -> Heard,
    /// What is said at the end.
    pub(super) farewell: &'static [u8],
}

impl Dialogue {
    pub(super) async fn hold(&self, mut wire: Wire, progress: &mut Progress) -> Ending {
        let mut question = self.first.to_vec();
        let mut stage = 0;
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if !question.is_empty() && wire.write_all(&question).await.is_err() {
                // It may have spoken before it closed.
                question.clear();
            }
            question.clear();
            let Ok(length) = wire.read(&mut buffer).await else { return Ending::Broken };
            heard.extend_from_slice(&buffer[..length]);
            let (ending, reply) = match (self.hear)(stage, &heard, length == 0) {
                Heard::More if length == 0 => return Ending::Broken,
                Heard::More if heard.len() > LONGEST => return Ending::TooLong(Unfinished::HeadTooLong),
                Heard::More => continue,
                Heard::Foreign => return Ending::Foreign,
                Heard::Next(next) => {
                    question = next;
                    stage += 1;
                    heard.clear();
                    continue;
                }
                Heard::Whole(reply) => (Ending::Whole, reply),
                Heard::Refused(reply) => (Ending::Refused, reply),
            };
            progress.reply = Some(reply);
            if !self.farewell.is_empty() {
                let _ = wire.write_all(self.farewell).await;
            }
            return ending;
        }
    }
}

/// The first line, without its end. `None`: it is not all there.
pub(super) fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}
