//! What stands behind a flag, read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap_complete::Shell;

use super::{MaxRepairs, ReportFile};
use crate::model::{Protocol, SocketField};
use crate::report::Format;
use crate::report::style::Color;

/// A page of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// sockdoctor(1)
    Commands,
    /// sockdoctor-rules(7)
    Rules,
}

/// `500ms`, `3s`, `10m`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string()),
        Err(_) => humantime::parse_duration(text).map_err(|_| "use 500ms, 3s or 10m".to_owned()),
    }?;
    if parsed.is_zero() { Err("0 would be no time at all".into()) } else { Ok(parsed) }
}

/// The same, or nothing.
pub(super) fn pauses(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { duration(text) }
}

/// `65536`, `64K`, `1M`, `1G`: bytes, in powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes() {
        [.., b'K' | b'k'] => (&text[..text.len() - 1], 10),
        [.., b'M' | b'm'] => (&text[..text.len() - 1], 20),
        [.., b'G' | b'g'] => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| "use 65536, 64K, 1M or 1G".to_owned())
}

/// The path of a request.
pub(super) fn http_path(text: &str) -> Result<String, String> {
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.starts_with('/') && clean { Ok(text.to_owned()) } else { Err("a path begins with /".to_owned()) }
}

pub(super) fn protocols() -> impl TypedValueParser<Value = Protocol> {
    let names = Protocol::ALL.map(Protocol::word);
    PossibleValuesParser::new(names).map(|word| Protocol::of_word(&word).unwrap_or(Protocol::Http))
}

/// `3/1h`: so many in so much time; as many as are remembered.
pub(super) fn repairs(text: &str) -> Result<MaxRepairs, String> {
    let (count, window) = text.split_once('/').ok_or("use N/D, such as 3/1h")?;
    let count = count.parse().ok().filter(|count| (1..=1000).contains(count));
    let count = count.ok_or("N is 1 to 1000, as in 3/1h")?;
    Ok(MaxRepairs { count, window: duration(window)? })
}

/// What a reader of the model understands, else how to write it.
pub(super) fn parsed<T: Clone + Send + Sync + 'static>(
    read: fn(&str) -> Option<T>,
    usage: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| read(text).ok_or_else(|| usage.to_owned())
}

/// Permission bits as chmod(1) takes them: `660`, `0660` and `0o660` alike.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777 && !digits.starts_with('+'));
    mode.ok_or_else(|| "use octal digits such as 0660".to_owned())
}

pub(super) fn formats() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.map(Format::word);
    PossibleValuesParser::new(names).map(|word| Format::of_word(&word).unwrap_or(Format::Text))
}

pub(super) fn report_file() -> impl TypedValueParser<Value = ReportFile> {
    OsStringValueParser::new().try_map(|text| {
        let bytes = text.as_bytes();
        let Some(end) = bytes.iter().position(|byte| *byte == b'=') else {
            return Err("write it as F=FILE, like sarif=report.sarif".to_owned());
        };
        let known = std::str::from_utf8(&bytes[..end]).ok().and_then(Format::of_word);
        let format =
            known.ok_or_else(|| format!("the formats are {}", Format::ALL.map(Format::word).join(", ")))?;
        let path = PathBuf::from(OsStr::from_bytes(&bytes[end + 1..]));
        if path.as_os_str().is_empty() {
            return Err("the file has no name".to_owned());
        }
        Ok(ReportFile { format, path })
    })
}

pub(super) fn colors() -> impl TypedValueParser<Value = Color> {
    PossibleValuesParser::new(["auto", "always", "never"]).map(|word| match word.as_str() {
        "always" => Color::Always,
        "never" => Color::Never,
        _ => Color::Auto,
    })
}

pub(super) fn fields() -> impl TypedValueParser<Value = SocketField> {
    let names = SocketField::ALL.map(SocketField::word);
    PossibleValuesParser::new(names).map(|word| SocketField::of_word(&word).unwrap_or(SocketField::Name))
}

pub(super) fn shells() -> impl TypedValueParser<Value = Shell> {
    PossibleValuesParser::new(["bash", "zsh", "fish"]).map(|word| match word.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    })
}

pub(super) fn pages() -> impl TypedValueParser<Value = Page> {
    let commands = PossibleValue::new("1").alias("sockdoctor").alias("sockdoctor.1");
    let rules = PossibleValue::new("7").alias("rules").alias("sockdoctor-rules").alias("sockdoctor-rules.7");
    PossibleValuesParser::new([
        commands.help("sockdoctor(1), the commands"),
        rules.help("sockdoctor-rules(7), the diagnoses"),
    ])
    .map(|word| if word.contains("rules") || word == "7" { Page::Rules } else { Page::Commands })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_in_powers_of_1024() {
        assert_eq!(["7", "64K", "1m", "2G"].map(|text| size(text).unwrap()), [7, 65536, 1 << 20, 2 << 30]);
        assert!(["", "K", "-1", "1.5M", "99999999999G", "1T"].iter().all(|text| size(text).is_err()));
        assert!(http_path("/a?b=c").is_ok() && http_path("a").is_err() && http_path("/a b").is_err());
        assert_eq!(pauses("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn a_limit_is_a_number_in_a_time() {
        let hour = MaxRepairs { count: 3, window: Duration::from_secs(3600) };
        assert_eq!(repairs("3/1h"), Ok(hour));
        assert!(
            ["3", "0/1h", "-1/1h", "3/0", "3/", "/1h", "9999/1h"].iter().all(|text| repairs(text).is_err())
        );
    }

    #[test]
    fn durations_need_no_unit_and_are_never_nothing() {
        let parsed = [500, 3000, 500].map(|milliseconds| Ok(Duration::from_millis(milliseconds)));
        assert_eq!(["500ms", "3", "0.5"].map(duration), parsed);
        assert!(["0", "0s", "-1", "", "soon", "nan", "1e99"].iter().all(|text| duration(text).is_err()));
    }
}
