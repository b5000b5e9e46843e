//! Where in a text something stands: from a range of bytes to line and column.

use std::ops::Range;

use crate::model::{Location, Written};

/// A text whose places can be named.
#[derive(Debug, Clone)]
pub(super) struct Places<'t> {
    file: &'t [u8],
    text: &'t [u8],
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'t> Places<'t> {
    pub(super) fn new(file: &'t [u8], text: &'t [u8]) -> Self {
        let breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        Self { file, text, lines: std::iter::once(0).chain(breaks).collect() }
    }

    /// A piece of the text with its place: line from 1, column from 1 in characters.
    pub(super) fn written(&self, bytes: Range<usize>) -> Written {
        let line = self.lines.partition_point(|start| *start <= bytes.start);
        let start = self.lines.get(line.wrapping_sub(1)).copied().unwrap_or_default();
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        let whole = self.text.get(start..end).unwrap_or_default();
        let before = String::from_utf8_lossy(self.text.get(start..bytes.start).unwrap_or_default());
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Written {
            location: Location {
                file: self.file.to_vec(),
                line: number(line),
                column: number(before.chars().count() + 1),
            },
            text: whole.trim_ascii().to_vec(),
            bytes: Some(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_column_in_characters() {
        let text = "one\n  tw\u{f6} three\n".as_bytes();
        let written = Places::new(b"f", text).written(11..16);
        assert_eq!((written.location.line, written.location.column), (2, 7));
        assert_eq!((written.text.as_slice(), &text[11..16]), ("tw\u{f6} three".as_bytes(), &b"three"[..]));
        let first = Places::new(b"f", b"").written(0..0);
        assert_eq!((first.location.line, first.location.column), (1, 1));
    }
}
