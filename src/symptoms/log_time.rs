//! When a line of a log was written, where it says so near its beginning.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::bytes::Regex;

use super::pattern::compiled;

/// Times stand at the beginning; what stands later may be anybody's.
const BEGINNING: usize = 120;

/// journalctl(1), `-o short-unix`.
static EPOCH: LazyLock<Regex> = LazyLock::new(|| compiled(r"^(\d{9,10})\.\d{3,6} "));

/// gunicorn, nginx, PostgreSQL, Python's logging, RFC 3339; with its zone where one is told.
static CIVIL: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"(?:^|[\s\["])(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,]\d{1,9})? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?"#,
    )
});

/// Seconds since the epoch. Without a zone the machine's own is meant.
pub(super) fn of(line: &[u8]) -> Option<i64> {
    let line = &line[..line.len().min(BEGINNING)];
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    if let Some(found) = EPOCH.captures(line) {
        return text(&found[1])?.parse().ok();
    }
    let found = CIVIL.captures(line)?;
    let number = |group: usize| text(&found[group])?.parse::<i8>().ok();
    let year = text(&found[1])?.parse().ok()?;
    let (month, day) = (number(2)?, number(3)?);
    let civil = DateTime::new(year, month, day, number(4)?, number(5)?, number(6)?, 0).ok()?;
    let utc = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    match found.get(7).map(|zone| zone.as_bytes()) {
        None => Some(civil.to_zoned(TimeZone::system()).ok()?.timestamp().as_second()),
        Some(b"Z" | b"UTC" | b"GMT") => Some(utc),
        Some(zone) => {
            let digits: String = text(zone)?.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = digits.split_at_checked(2)?;
            let offset = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            Some(if zone.starts_with(b"-") { utc + offset } else { utc - offset })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_the_known_programs_are_understood() {
        for line in [
            "1714564800.123456 host app[7]: x",
            "[2024-05-01 12:00:00 +0000] [7] [ERROR] x",
            "[2024-05-01 14:00:00 +0200] [7] [ERROR] x",
            "2024-05-01T12:00:00.123Z x",
            "2024-05-01T07:00:00-05:00 x",
            "2024-05-01 12:00:00.123 UTC [7] LOG:  x",
            "{\"log\":\"x\",\"time\":\"2024-05-01T12:00:00Z\"}",
        ] {
            assert_eq!(of(line.as_bytes()), Some(1_714_564_800), "{line}");
        }
        assert!(of(b"2024/05/01 12:00:00 [error] x").is_some());
        for line in ["", "no time", "9999-99-99 99:99:99", "  File \"x\", line 2024"] {
            assert_eq!(of(line.as_bytes()), None, "{line}");
        }
    }
}
