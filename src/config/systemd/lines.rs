//! systemd.syntax(7): the settings of a unit's files, one behind the other, each with its place.

use crate::config::places::Places;
use crate::model::Written;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    section: Vec<u8>,
    key: Vec<u8>,
    /// Continued lines joined by a blank; blanks around it gone.
    pub(super) value: Vec<u8>,
    /// Where the value begins.
    pub(super) written: Written,
}

/// The assignments of a unit file and of its drop-ins after it.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    pub(super) fn of(files: &[(Vec<u8>, Vec<u8>)]) -> Self {
        Self(files.iter().flat_map(|(file, text)| lines(file, text)).collect())
    }

    /// Of a setting that is a list, what is in force at the end: an empty assignment takes back what came before.
    pub(super) fn list(&self, section: &str, keys: &[&str]) -> Vec<&Line> {
        let mut values: Vec<&Line> = Vec::new();
        for line in self.0.iter().filter(|line| line.is(section, keys)) {
            if line.value.is_empty() { values.clear() } else { values.push(line) }
        }
        values
    }

    /// Of a setting with one value, the last word on it.
    pub(super) fn last(&self, section: &str, key: &str) -> Option<&Line> {
        let mut those = self.0.iter().rev().filter(|line| line.is(section, &[key]));
        those.next().filter(|line| !line.value.is_empty())
    }

    /// Whether it is said to be so (systemd.syntax(7), "Boolean arguments").
    pub(super) fn is_set(&self, section: &str, key: &str) -> bool {
        let value = self.last(section, key).map(|line| line.value.to_ascii_lowercase());
        value.is_some_and(|value| matches!(value.as_slice(), b"1" | b"yes" | b"y" | b"true" | b"t" | b"on"))
    }
}

impl Line {
    fn is(&self, section: &str, keys: &[&str]) -> bool {
        self.section == section.as_bytes() && keys.iter().any(|key| self.key == key.as_bytes())
    }
}

fn lines(file: &[u8], text: &[u8]) -> Vec<Line> {
    let places = Places::new(file, text);
    let mut found: Vec<Line> = Vec::new();
    let mut section = Vec::new();
    // Whether the last assignment goes on in the next line.
    let mut goes_on = false;
    let mut start = 0;
    for raw in text.split_inclusive(|byte| *byte == b'\n') {
        let at = start;
        start += raw.len();
        let line = raw.trim_ascii();
        let is_comment = line.starts_with(b"#") || line.starts_with(b";");
        if is_comment || (line.is_empty() && !goes_on) {
            continue;
        }
        let (content, more) =
            line.strip_suffix(b"\\").map_or((line, false), |rest| (rest.trim_ascii_end(), true));
        if std::mem::replace(&mut goes_on, more) {
            if let Some(last) = found.last_mut() {
                last.value.push(b' ');
                last.value.extend_from_slice(content);
            }
            continue;
        }
        if let Some(name) = content.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
            section = name.to_vec();
            goes_on = false;
            continue;
        }
        let Some(equals) = content.iter().position(|byte| *byte == b'=') else {
            goes_on = false;
            continue;
        };
        let value = content[equals + 1..].trim_ascii_start();
        let begins =
            at + raw.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0) + content.len()
                - value.len();
        found.push(Line {
            section: section.clone(),
            key: content[..equals].trim_ascii_end().to_vec(),
            value: value.to_vec(),
            written: places.written(begins..begins + value.len()),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str, section: &str, key: &str) -> Vec<String> {
        let lines = Lines::of(&[(b"u".to_vec(), text.into())]);
        lines.list(section, &[key]).iter().map(|line| String::from_utf8_lossy(&line.value).into()).collect()
    }

    #[test]
    fn a_line_goes_on_over_comments_and_an_empty_value_takes_back() {
        let text =
            "[Service]\nExecStart=a \\\n# why\n  b \\\n c\n;Exec=no\nExecStart = d\n[Unit]\nExecStart=e\n";
        assert_eq!(values(text, "Service", "ExecStart"), ["a b c", "d"]);
        assert_eq!(values("[S]\nK=a\nK=\nK=b", "S", "K"), ["b"]);
        assert_eq!(values("K=a\n[S]\nK\n[T", "S", "K"), Vec::<String>::new());
    }

    #[test]
    fn the_last_file_has_the_last_word() {
        let files = [(b"u".to_vec(), b"[S]\nK=a".to_vec()), (b"d".to_vec(), b"\n[S]\n K = yes".to_vec())];
        let lines = Lines::of(&files);
        let last = lines.last("S", "K").unwrap();
        assert_eq!((last.written.location.file.as_slice(), last.written.location.line), (&b"d"[..], 3));
        assert_eq!(last.written.location.column, 6);
        assert!(lines.is_set("S", "K"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Lines::of(&[(b"u".to_vec(), text)]);
        }

        #[test]
        fn a_value_stands_where_it_says(text in "([A-Z]{1,3} ?= ?[a-z ]{0,6}\n|\\[S\\]\n| \n|#x\n)*") {
            for line in lines(b"u", text.as_bytes()) {
                prop_assert_eq!(&text.as_bytes()[line.written.bytes.unwrap()], line.value.as_slice());
            }
        }
    }
}
