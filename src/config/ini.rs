//! Lines of `name = value` below `[sections]`, as php-fpm and MySQL have them: where each value stands, and no more.

use std::ops::Range;

use super::places::Places;
use crate::model::Written;

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The section it stands in; empty before the first.
    pub(super) section: Vec<u8>,
    /// `listen`
    pub(super) name: Vec<u8>,
    /// Without quotes; empty where there is none.
    pub(super) value: Vec<u8>,
    /// The value's place.
    pub(super) written: Written,
}

/// The lines of a text in order. A comment begins at the start of a line, or behind a blank, with one of `marks`.
pub(super) fn lines(file: &[u8], text: &[u8], marks: &[u8]) -> Vec<Line> {
    let places = Places::new(file, text);
    let mut section = Vec::new();
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let at = start;
        start += line.len();
        let line = &line[..comment(line, marks)];
        let whole = trimmed(line, 0..line.len());
        let (Some(first), Some(last)) = (line[whole.clone()].first(), line[whole.clone()].last()) else {
            continue;
        };
        if *first == b'[' {
            if *last == b']' {
                section = line[whole.start + 1..whole.end - 1].trim_ascii().to_vec();
            }
            continue;
        }
        let equals = line[whole.clone()].iter().position(|byte| *byte == b'=');
        let (name, value) = match equals.map(|equals| whole.start + equals) {
            Some(equals) => (trimmed(line, whole.start..equals), trimmed(line, equals + 1..whole.end)),
            None => (whole.clone(), whole.end..whole.end),
        };
        let value = unquoted(line, value);
        found.push(Line {
            section: section.clone(),
            name: line[name].to_vec(),
            value: line[value.clone()].to_vec(),
            written: places.written(at + value.start..at + value.end),
        });
    }
    found
}

/// Where a comment begins, or the line ends.
fn comment(line: &[u8], marks: &[u8]) -> usize {
    let mut quote = None;
    for (at, byte) in line.iter().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (None, byte) if marks.contains(byte) => {
                let before = at.checked_sub(1).map(|before| line[before]);
                if before.is_none_or(|before| before.is_ascii_whitespace())
                    || line[..at].trim_ascii().is_empty()
                {
                    return at;
                }
            }
            _ => {}
        }
    }
    line.len()
}

fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let part = &line[range.clone()];
    let start = range.start + (part.len() - part.trim_ascii_start().len());
    let end = range.start + part.trim_ascii_end().len();
    start.min(end)..end
}

fn unquoted(line: &[u8], range: Range<usize>) -> Range<usize> {
    match &line[range.clone()] {
        [open @ (b'"' | b'\''), .., close] if open == close => range.start + 1..range.end - 1,
        _ => range,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_has_its_section_and_its_place() {
        let text =
            "; no\na = 1\n[ one ]\n  listen= \"/run/x.sock\" ; why\n[two]\nskip-networking\nb = 'x;y'#z\n";
        let shown: Vec<String> = lines(b"f", text.as_bytes(), b";#")
            .iter()
            .map(|line| {
                let [section, name, value] =
                    [&line.section, &line.name, &line.value].map(|text| String::from_utf8_lossy(text));
                format!(
                    "{section}|{name}|{value}|{}:{}",
                    line.written.location.line, line.written.location.column
                )
            })
            .collect();
        assert_eq!(
            shown,
            ["|a|1|2:5", "one|listen|/run/x.sock|4:12", "two|skip-networking||6:16", "two|b|'x;y'#z|7:5"]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..200), more in "[\\[\\]=\"'; a\\n]{0,60}") {
            for text in [text.as_slice(), more.as_bytes()] {
                for line in lines(b"f", text, b";#") {
                    prop_assert_eq!(&text[line.written.bytes.unwrap()], line.value.as_slice());
                }
            }
        }
    }
}
