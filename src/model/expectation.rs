//! What a reply is wished to be, and where it is not: `--expect` and its kin, held against what came. Pure.

use regex::bytes::{Regex, RegexBuilder};

use super::Reply;

/// Statuses that are as good as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statuses {
    least: u16,
    most: u16,
}

/// A value where JSON Pointer (RFC 6901) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonValue {
    pointer: String,
    value: String,
}

/// A header field, and what its value holds; empty: it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

/// All that is expected of a reply.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// One of these; none given: any status will do.
    pub statuses: Vec<Statuses>,
    /// All of these.
    pub headers: Vec<Header>,
    /// All of these match the body.
    pub body: Vec<Regex>,
    /// All of these.
    pub json: Vec<JsonValue>,
}

/// One thing that was expected and did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// As it was asked for.
    pub expected: String,
    /// What came instead; bytes chosen by strangers.
    pub got: Vec<u8>,
}

/// A longer body is not parsed: its values in memory take many times its bytes.
const LONGEST_JSON: usize = 256 << 10;
/// How much of what came is quoted.
const QUOTED: usize = 120;

impl Statuses {
    /// What `--http` accepts when nothing else is said.
    pub const USUAL: Self = Self { least: 200, most: 399 };
    /// What a WebSocket upgrade is answered with.
    pub const SWITCHED: Self = Self { least: 101, most: 101 };

    /// `200`, `2xx`, `200-399`.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|status| digits && (100..=999).contains(status))
        };
        if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
            let class: u16 = class.parse().ok().filter(|class| (1..=9).contains(class))?;
            return Some(Self { least: class * 100, most: class * 100 + 99 });
        }
        let (least, most) = match text.split_once('-') {
            Some((least, most)) => (number(least)?, number(most)?),
            None => (number(text)?, number(text)?),
        };
        (least <= most).then_some(Self { least, most })
    }

    /// Whether it is one of these.
    pub const fn holds(self, status: u16) -> bool {
        self.least <= status && status <= self.most
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.least == self.most {
            write!(f, "{}", self.least)
        } else {
            write!(f, "{}-{}", self.least, self.most)
        }
    }
}

impl Header {
    /// `Name` or `Name: value`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let (name, value) = (name.trim(), value.trim());
        (!name.is_empty()).then(|| Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl JsonValue {
    /// `/status=ok`; the empty pointer is the whole document.
    pub fn parse(text: &str) -> Option<Self> {
        let (pointer, value) = text.split_once('=')?;
        (pointer.is_empty() || pointer.starts_with('/'))
            .then(|| Self { pointer: pointer.to_owned(), value: value.to_owned() })
    }
}

/// A pattern of the user's own, of bounded size.
pub fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(1 << 20).build().map_err(|error| {
        // It draws a picture first, over several lines.
        let drawn = error.to_string();
        let why = drawn.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{text}` is no pattern: {why}")
    })
}

impl Expectations {
    /// Where a whole reply falls short of them.
    pub fn misses(&self, reply: &Reply) -> Vec<Miss> {
        let mut misses = Vec::new();
        let mut miss = |expected: String, got: &[u8]| {
            misses.push(Miss { expected, got: got[..got.len().min(QUOTED)].to_vec() });
        };
        if let Some(status) = reply.status
            && !self.statuses.is_empty()
            && !self.statuses.iter().any(|statuses| statuses.holds(status))
        {
            let wished: Vec<String> = self.statuses.iter().map(ToString::to_string).collect();
            miss(format!("status {}", wished.join(" or ")), status.to_string().as_bytes());
        }
        for wished in &self.headers {
            let mut values = reply
                .headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(wished.name.as_bytes()))
                .map(|(_, value)| value.as_slice())
                .peekable();
            let expected = format!("header {}: {}", wished.name, wished.value);
            match values.peek().copied() {
                None => miss(expected.trim_end_matches(": ").to_owned(), b"no such header"),
                Some(first) if !values.any(|value| holds(value, wished.value.as_bytes())) => {
                    miss(expected, first);
                }
                Some(_) => {}
            }
        }
        let cut = u64::try_from(reply.body.len()).unwrap_or(u64::MAX) < reply.body_bytes;
        for wished in &self.body {
            if !wished.is_match(&reply.body) {
                let kept = if cut { " in what was kept of it" } else { "" };
                miss(format!("body matching {wished}{kept}"), &reply.body);
            }
        }
        if !self.json.is_empty() {
            let parsed = if cut || reply.body.len() > LONGEST_JSON {
                Err("a body too long to be read as JSON".to_owned())
            } else {
                serde_json::from_slice::<serde_json::Value>(&reply.body)
                    .map_err(|error| format!("no JSON: {error}"))
            };
            for wished in &self.json {
                let expected = format!("JSON {}={}", wished.pointer, wished.value);
                match parsed.as_ref().map(|document| document.pointer(&wished.pointer)) {
                    Err(why) => miss(expected, why.as_bytes()),
                    Ok(None) => miss(expected, b"no such value"),
                    Ok(Some(value)) if same(value, &wished.value) => {}
                    Ok(Some(value)) => miss(expected, value.to_string().as_bytes()),
                }
            }
        }
        misses
    }
}

/// An empty needle is in everything.
fn holds(value: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || value.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle))
}

/// A string without its quotes, anything else as JSON writes it.
fn same(value: &serde_json::Value, wished: &str) -> bool {
    value.as_str().map_or_else(
        || serde_json::from_str::<serde_json::Value>(wished).is_ok_and(|wished| wished == *value),
        |text| text == wished,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> Reply {
        Reply {
            status: Some(200),
            headers: vec![(b"Content-Type".to_vec(), b"application/json".to_vec())],
            body: br#"{"status":"ok","n":1,"deep":[{"a/b":null}]}"#.to_vec(),
            body_bytes: 43,
            ..Reply::default()
        }
    }

    #[test]
    fn statuses_are_one_a_class_or_a_range() {
        for (text, status, held) in [
            ("200", 200, true),
            ("200", 201, false),
            ("2xx", 299, true),
            ("2xx", 300, false),
            ("200-399", 304, true),
        ] {
            assert_eq!(Statuses::parse(text).unwrap().holds(status), held, "{text}");
        }
        for wrong in ["", "20", "2x", "0xx", "399-200", "200-", "+20", "abc", "1000"] {
            assert_eq!(Statuses::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_met_is_no_miss() {
        let json = ["/status=ok", "/n=1", "/deep/0/a~1b=null"].map(|text| JsonValue::parse(text).unwrap());
        let wished = Expectations {
            statuses: vec![Statuses::USUAL],
            headers: vec![
                Header::parse("content-type: JSON").unwrap(),
                Header::parse("Content-Type").unwrap(),
            ],
            body: vec![pattern("\"ok\"").unwrap()],
            json: json.to_vec(),
        };
        assert_eq!(wished.misses(&reply()), []);
    }

    #[test]
    fn a_pattern_that_is_none_is_told_on_one_line() {
        assert_eq!(pattern("(").unwrap_err(), "`(` is no pattern: unclosed group");
        assert!(!pattern("a{99999}{99999}").unwrap_err().contains('\n'));
    }

    #[test]
    fn each_miss_says_what_came_instead() {
        let wished = Expectations {
            statuses: vec![Statuses::parse("204").unwrap()],
            headers: vec![Header::parse("X-Ready").unwrap(), Header::parse("Content-Type: html").unwrap()],
            body: vec![pattern("^ready").unwrap()],
            json: vec![JsonValue::parse("/status=down").unwrap(), JsonValue::parse("/gone=1").unwrap()],
        };
        let misses = wished.misses(&reply());
        let got: Vec<&[u8]> = misses.iter().map(|miss| miss.got.as_slice()).collect();
        assert_eq!(got[..3], [&b"200"[..], b"no such header", b"application/json"]);
        assert_eq!(got[4..], [&b"\"ok\""[..], b"no such value"]);
        assert_eq!(misses[0].expected, "status 204");
        let deep = Reply { body: vec![b'['; 100_000], body_bytes: 100_000, ..reply() };
        assert!(wished.misses(&deep).iter().any(|miss| miss.got.starts_with(b"no JSON")));
    }
}
