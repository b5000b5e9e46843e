//! A connection that remembers: when each step ended, how many bytes came, and the first of them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::model::{Outcome, ProbeStep, StepName};

/// How many of the first bytes are kept.
const KEPT: usize = 256;
/// Bytes this recent, at the deadline, are still coming.
const RECENT: Duration = Duration::from_millis(1500);

/// A log that the connection and whoever waits for it share.
pub(super) type Shared = Arc<Mutex<Log>>;

/// What has happened on a connection.
#[derive(Debug)]
pub(super) struct Log {
    started: Instant,
    /// connect(2) succeeded.
    pub(super) connected: Option<Instant>,
    /// The server was given time to speak first, and did not.
    pub(super) listened: Option<Instant>,
    /// The last write before anything came back.
    sent: Option<Instant>,
    first_at: Option<Instant>,
    last_at: Option<Instant>,
    /// The first bytes that came.
    pub(super) first: Vec<u8>,
    /// All bytes that came.
    pub(super) received: u64,
    /// The first errno, of whichever step.
    pub(super) errno: Option<i32>,
}

/// Nobody who holds it can panic half-way through a change that matters.
pub(super) fn lock(log: &Shared) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    pub(super) fn begin() -> Shared {
        Arc::new(Mutex::new(Self {
            started: Instant::now(),
            connected: None,
            listened: None,
            sent: None,
            first_at: None,
            last_at: None,
            first: Vec::new(),
            received: 0,
            errno: None,
        }))
    }

    fn took_in(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
        self.received += bytes.len() as u64;
        let room = KEPT.saturating_sub(self.first.len()).min(bytes.len());
        self.first.extend_from_slice(&bytes[..room]);
    }

    fn failed(&mut self, error: &io::Error) {
        self.errno = self.errno.or(error.raw_os_error());
    }

    /// Whether bytes came until just now.
    pub(super) fn still_coming(&self) -> bool {
        self.first_at != self.last_at && self.last_at.is_some_and(|last| last.elapsed() < RECENT)
    }

    /// The steps that were begun, the last of them with what it failed by.
    pub(super) fn steps(&self, outcome: &Outcome) -> Vec<ProbeStep> {
        let mut steps = Vec::new();
        let now = Instant::now();
        let mut begun = self.started;
        let whole = matches!(outcome, Outcome::Answered | Outcome::AuthRefused);
        let ended = whole.then_some(now);
        let quiet = matches!(outcome, Outcome::Connected);
        let ends = [
            (StepName::Connect, self.connected),
            (StepName::Listen, self.listened),
            (StepName::Send, self.sent),
            (StepName::FirstByte, self.first_at),
            (StepName::Reply, ended),
        ];
        for (name, end) in ends {
            // A server that speaks first is not sent anything; one that nothing is known of, neither.
            if name == StepName::Send && end.is_none() && (self.first_at.is_some() || self.errno.is_none()) {
                continue;
            }
            if name == StepName::Listen && end.is_none() {
                continue;
            }
            if quiet && name != StepName::Connect {
                break;
            }
            let took = end.unwrap_or(now).saturating_duration_since(begun);
            let errno = self.errno.filter(|_| end.is_none());
            steps.push(ProbeStep { name, took, errno, done: end.is_some() });
            let Some(end) = end else { break };
            begun = end.max(begun);
        }
        steps
    }
}

/// What a connection is made of.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// The connection itself.
pub(super) struct Wire {
    stream: Box<dyn Duplex>,
    log: Shared,
    /// Bytes that were looked at and not yet read.
    ahead: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: impl Duplex + 'static, log: &Shared) -> Self {
        Self { stream: Box::new(stream), log: Arc::clone(log), ahead: Vec::new() }
    }

    /// Waits for the server to speak, and leaves what it says to be read. An error: it ended instead.
    pub(super) async fn peek(&mut self) -> Result<(), ()> {
        let mut buffer = [0; KEPT];
        let length = self.read(&mut buffer).await.map_err(|_| ())?;
        self.ahead.extend_from_slice(&buffer[..length]);
        if length == 0 { Err(()) } else { Ok(()) }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = buffer.remaining().min(self.ahead.len());
            buffer.put_slice(&self.ahead[..length]);
            self.ahead.drain(..length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        match &outcome {
            Ok(()) if buffer.filled().len() > before => lock(&self.log).took_in(&buffer.filled()[before..]),
            Ok(()) => {}
            Err(error) => lock(&self.log).failed(error),
        }
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        let mut log = lock(&self.log);
        match &outcome {
            Ok(_) if log.first_at.is_none() => log.sent = Some(Instant::now()),
            Ok(_) => {}
            Err(error) => log.failed(error),
        }
        drop(log);
        Poll::Ready(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
