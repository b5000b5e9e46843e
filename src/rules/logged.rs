//! What a log told, as a line of proof.

use crate::model::{Evidence, LogReading, LoggedFamily};

/// `4 EBADF, first …, last …, 2.0 a minute, from File "app.py", line 3, in view: OSError: …`
pub(super) fn counted(log: &LogReading, family: &LoggedFamily) -> Evidence {
    let mut line = format!("{} {}", family.count, family.family.word());
    if let (Some(first), Some(last)) = (family.first, family.last) {
        let time =
            |at| jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string());
        line = format!("{line}, first {}, last {}", time(first), time(last));
    }
    line += &family.per_minute().map(|rate| format!(", {rate:.1} a minute")).unwrap_or_default();
    if family.older > 0 {
        line = format!("{line}, {} older than the process", family.older);
    }
    let from = family.from.as_deref().map(|from| [b", from ", from].concat()).unwrap_or_default();
    Evidence::new(log.name.as_slice(), [line.as_bytes(), &from, b": ", &family.example].concat())
}
