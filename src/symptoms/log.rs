//! Which lines of a log tell of errors at sockets, of which kind, and since when.
//!
//! A log may be huge, and anybody may write into it: it comes in pieces, none of which is kept, and a line is judged
//! by what its program says, not by words that a client sent.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};

use super::log_time;
use super::pattern::{compiled, set};
use crate::model::{LogFamily, LogReading, LoggedFamily};

/// A longer line is judged by its beginning.
const LINE: usize = 16 << 10;

/// How far before a line its time and its traceback are looked for.
const BEFORE: usize = 16 << 10;
const LINES_BEFORE: usize = 80;

/// Times of lines and of processes are rounded, seconds.
const ROUNDED: i64 = 2;

/// What is shown of an example.
const EXAMPLE: usize = 200;

/// One of these is in every line that is known: a cheap look that most lines end with.
static HINT: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)errno|file descriptor|open files|broken ?pipe|connection ?reset|worker timeout|failed \(|sockerr|socket error|os error|EMFILE|EBADF|EPIPE|ECONNRESET|Unix|PGSQL|(?:from|to) client",
    )
});

/// An error of nginx: `2024/05/01 12:00:00 [error] 12#12: *1 connect() to …`.
static NGINX: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"\[(?:emerg|alert|crit|error|warn|notice|info)\] \d+#\d+:"));
static NGINX_ERRNO: LazyLock<Regex> = LazyLock::new(|| compiled(r"(\w+)\(\).* failed \((\d{1,3}): "));

/// What stands before the words of an errno that a program gives by itself: nothing, a time, a level, a colon.
const SAID: &str = r"(?:^|[:(-] ?|\] ?|:\d\d\S* |\b(?:error|err|warn|warning|critical|crit|fatal|severe|alert|emerg|panic)\b\W*)";

/// By whom nobody else is quoted: the first that matches speaks for a line. `%` is [`SAID`].
const FAMILIES: &[(LogFamily, &str)] = &[
    (LogFamily::WorkerTimeout, r"WORKER TIMEOUT \(pid"),
    (LogFamily::HaproxySockerr, r"\bSOCKERR\b|\breason: Socket error|\breason: Layer4 connection problem"),
    (
        LogFamily::Postgres,
        r"could not (?:bind|create|listen on|accept|set permissions of|receive data from|send data to) .*(?:Unix|PGSQL|client|connection)",
    ),
    (
        LogFamily::Emfile,
        r"\[Errno 24\]|\(24[:,] |\bEMFILE\b|\bos error 24\b|\bcode: 24, kind: |%too many open files(?:$|[^ ]| [^i])",
    ),
    (
        LogFamily::Ebadf,
        r"\[Errno 9\]|\(9[:,] |\bEBADF\b|\bos error 9\b|\bcode: 9, kind: |%bad file descriptor",
    ),
    (
        LogFamily::Epipe,
        r"\[Errno 32\]|\(32[:,] |\bEPIPE\b|\bos error 32\b|\bcode: 32, kind: |%broken pipe|^BrokenPipeError",
    ),
    (
        LogFamily::Econnreset,
        r"\[Errno 104\]|\(104[:,] |\bECONNRESET\b|\bos error 104\b|\bcode: 104, kind: |%connection reset by peer|SocketException: Connection reset\b|^ConnectionResetError",
    ),
];

static KINDS: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns: Vec<String> = FAMILIES.iter().map(|(_, pattern)| pattern.replace('%', SAID)).collect();
    set(patterns.iter().map(String::as_str))
});

/// What a program says that quotes nobody, in quotes all the same: `OSError(9, 'Bad file descriptor')`.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| compiled(r#""(?:[^"\\]|\\.)*"|\B'[^']*'\B"#));

/// A request is in the line, whose words are its client's.
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"\b(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) \S|\b(?:path|url|uri)=\S|[/=]\[Errno ")
});

/// Counts the lines of one log as it comes.
#[derive(Debug, Default)]
pub struct Reader {
    reading: LogReading,
    families: BTreeMap<LogFamily, LoggedFamily>,
    /// When the process began that holds the socket, seconds since the epoch.
    since: Option<i64>,
    /// What may be needed of what was read: the lines before the next, and its beginning.
    kept: Vec<u8>,
    /// Where in it the next line begins.
    begun: usize,
    /// The rest of a line that was too long is coming.
    skipping: bool,
}

impl Reader {
    /// Of a log of that name.
    pub fn new(name: &[u8], since: Option<i64>) -> Self {
        let reading = LogReading { name: name.to_vec(), ..LogReading::default() };
        Self { reading, since, ..Self::default() }
    }

    /// The next piece, cut anywhere.
    pub fn take(&mut self, piece: &[u8]) {
        self.reading.bytes += piece.len() as u64;
        self.kept.extend_from_slice(piece);
        let Some(end) = self.kept.iter().rposition(|byte| *byte == b'\n').filter(|end| *end >= self.begun)
        else {
            if self.kept.len() - self.begun > LINE {
                self.cut_line();
            }
            return;
        };
        self.lines_to(end + 1);
        let start = end.saturating_sub(BEFORE);
        self.kept.drain(..start);
        self.begun = end + 1 - start;
        if self.kept.len() - self.begun > LINE {
            self.cut_line();
        }
    }

    /// A line without an end is judged now, and its rest left out.
    fn cut_line(&mut self) {
        let rest = std::mem::take(&mut self.kept);
        if !self.skipping {
            self.reading.long_lines += 1;
            self.line(&rest[self.begun..self.begun + LINE], &rest[..self.begun]);
        }
        self.skipping = true;
        let start = self.begun.saturating_sub(BEFORE);
        self.kept.extend_from_slice(&rest[start..self.begun]);
        self.begun = self.kept.len();
    }

    /// The whole of it was read; `cut`: but for what stood before.
    pub fn finish(mut self, cut: bool) -> LogReading {
        if self.kept.len() > self.begun {
            self.kept.push(b'\n');
            self.lines_to(self.kept.len());
        }
        self.reading.cut = cut;
        self.reading.families = self.families.into_values().collect();
        self.reading
    }

    fn lines_to(&mut self, end: usize) {
        let kept = std::mem::take(&mut self.kept);
        let whole = &kept[self.begun..end];
        self.reading.lines += whole.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        let mut from = 0;
        if std::mem::take(&mut self.skipping) {
            from = whole.iter().position(|byte| *byte == b'\n').map_or(whole.len(), |end| end + 1);
        }
        self.reading.long_lines += long_lines(&whole[from.min(whole.len())..]);
        while let Some(hint) = HINT.find_at(whole, from) {
            let start = whole[..hint.start()].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let length = whole[start..].iter().position(|byte| *byte == b'\n').unwrap_or(whole.len() - start);
            let line = &whole[start..start + length.min(LINE)];
            self.line(line, &kept[..self.begun + start]);
            from = start + length + 1;
            if from >= whole.len() {
                break;
            }
        }
        self.kept = kept;
    }

    fn line(&mut self, line: &[u8], before: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let said = message(line);
        let Some(family) = family(&said) else { return };
        let before = &before[before.len().saturating_sub(BEFORE)..];
        let earlier = || before.rsplit(|byte| *byte == b'\n').take(LINES_BEFORE);
        let time = log_time::of(line).or_else(|| earlier().find_map(log_time::of));
        let older = time.zip(self.since).is_some_and(|(time, since)| time + ROUNDED < since);
        let known = self.families.entry(family).or_insert_with(|| LoggedFamily {
            family,
            count: 0,
            first: time,
            last: time,
            older: 0,
            example: said.trim_ascii()[..said.trim_ascii().len().min(EXAMPLE)].to_vec(),
            from: traceback(earlier()),
        });
        known.count += 1;
        known.older += u64::from(older);
        known.first = known.first.into_iter().chain(time).min();
        known.last = known.last.into_iter().chain(time).max();
    }
}

/// How many lines of a text are longer than what is read of them. Looks at few of its bytes.
fn long_lines(mut text: &[u8]) -> u64 {
    let mut count = 0;
    while text.len() > LINE {
        let end = text[..=LINE].iter().rposition(|byte| *byte == b'\n').unwrap_or_else(|| {
            count += 1;
            text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len() - 1)
        });
        text = &text[end + 1..];
    }
    count
}

/// The innermost place of the traceback that ends right before.
fn traceback<'l>(earlier: impl Iterator<Item = &'l [u8]>) -> Option<Vec<u8>> {
    let mut indented = earlier.skip_while(|line| line.is_empty()).take_while(|line| line.starts_with(b"  "));
    let place = indented.find(|line| line.trim_ascii_start().starts_with(b"File \""))?.trim_ascii();
    Some(place[..place.len().min(EXAMPLE)].to_vec())
}

/// What the program says: of a line of JSON its message, the time and the rest left out.
fn message(line: &[u8]) -> Vec<u8> {
    if line.starts_with(b"{")
        && let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(line)
    {
        let told = ["log", "msg", "message", "MESSAGE", "error", "err", "exception"];
        let texts = told.iter().filter_map(|name| fields.get(*name)?.as_str());
        return texts.collect::<Vec<_>>().join(": ").into_bytes();
    }
    line.to_vec()
}

/// What kind of error a line tells of; `None`: of none, or somebody else's words are in it.
fn family(line: &[u8]) -> Option<LogFamily> {
    if NGINX.is_match(line) {
        return nginx(line);
    }
    if REQUEST.is_match(line) {
        return None;
    }
    let own = QUOTED.replace_all(line, |found: &regex::bytes::Captures<'_>| {
        // The words of an errno after its number: the program's own, in the spelling of Python.
        let start = found.get(0).map_or(0, |all| all.start());
        if matches!(line[..start], [.., b'0'..=b'9', b',', b' ']) { found[0].to_vec() } else { Vec::new() }
    });
    KINDS.matches(&own).iter().next().map(|kind| FAMILIES[kind].0)
}

/// What a proxy says of its clients is not its server's fault; what it says of its own descriptors is its own.
fn nginx(line: &[u8]) -> Option<LogFamily> {
    let found = NGINX_ERRNO.captures(line)?;
    let errno = std::str::from_utf8(&found[2]).ok()?.parse().ok()?;
    let upstream = line.windows(8).any(|word| word == b"upstream") && !line.ends_with(b"client request");
    match (errno, upstream) {
        (24, _) => Some(LogFamily::Emfile),
        (_, true) => Some(LogFamily::Nginx(errno)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
