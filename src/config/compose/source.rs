//! The texts of a project's files, and what stands where in them.

use std::ops::Range;

use crate::config::yaml::Node;
use crate::model::{Location, Opening, Written};

/// Longer lines are shown up to here.
const SHOWN: usize = 200;

/// Files with their texts and the lines of these.
pub(super) struct Sources<'s>(Vec<(&'s [u8], &'s str, Vec<&'s str>)>);

impl<'s> Sources<'s> {
    pub(super) fn of(files: &'s [(Vec<u8>, Vec<u8>)]) -> Self {
        let source = |(file, text): &'s (Vec<u8>, Vec<u8>)| {
            let text = std::str::from_utf8(text).unwrap_or_default();
            (file.as_slice(), text, text.lines().collect())
        };
        Self(files.iter().map(source).collect())
    }

    fn text(&self, location: &Location) -> &'s str {
        self.0.iter().find(|(file, ..)| *file == location.file).map_or("", |(_, text, _)| text)
    }

    fn line(&self, location: &Location) -> &'s str {
        let lines = self.0.iter().find(|(file, ..)| *file == location.file).map(|(_, _, lines)| lines);
        let number = usize::try_from(location.line).unwrap_or(usize::MAX).saturating_sub(1);
        lines.and_then(|lines| lines.get(number)).copied().unwrap_or_default()
    }

    /// A value, as it is written.
    pub(super) fn written(&self, node: &Node) -> Written {
        let line = self.line(&node.at);
        let shown: String = line.trim().chars().take(SHOWN).collect();
        let bytes = node.text().and_then(|value| self.literal(node, value));
        Written { location: node.at.clone(), text: shown.into_bytes(), bytes }
    }

    /// A part of a scalar, by its bytes in the value.
    pub(super) fn piece(&self, node: &Node, part: Range<usize>) -> Option<Written> {
        let whole = self.written(node);
        let start = whole.bytes.clone()?.start;
        Some(Written { bytes: Some(start + part.start..start + part.end), ..whole })
    }

    /// The bytes of a scalar without its quotes, if it is written as it is meant.
    fn literal(&self, node: &Node, value: &str) -> Option<Range<usize>> {
        let raw = self.text(&node.at).get(node.bytes.clone())?;
        let inner = raw.trim_end();
        let quoted = |quote: char| inner.strip_prefix(quote).and_then(|inner| inner.strip_suffix(quote));
        match quoted('"').or_else(|| quoted('\'')) {
            Some(inner) if inner == value => Some(node.bytes.start + 1..node.bytes.start + 1 + value.len()),
            None if inner == value => Some(node.bytes.start..node.bytes.start + value.len()),
            _ => None,
        }
    }

    /// Before the first pair of a block mapping.
    pub(super) fn before_first_key(&self, node: &Node) -> Option<Opening> {
        let (key, _) = node.pairs().first()?;
        self.opening(key, "")
    }

    /// Before the first item of a block sequence.
    pub(super) fn before_first_item(&self, node: &Node) -> Option<Opening> {
        self.opening(node.items().first()?, "- ")
    }

    /// Where nothing but blanks and the mark of an entry stand before it in its line.
    fn opening(&self, node: &Node, mark: &str) -> Option<Opening> {
        let before = self.text(&node.at).get(..node.bytes.start)?;
        let line = before.rsplit('\n').next()?;
        let indent = line.strip_suffix(mark)?;
        let at = node.bytes.start - mark.len();
        let blank = indent.trim_start_matches('\u{feff}').bytes().all(|byte| byte == b' ');
        blank.then(|| Opening { file: node.at.file.clone(), at, indent: indent.len() })
    }

    /// Behind the last line of the file that a mapping begins in, if that is still within it: no braces around it, no
    /// mark of its end.
    pub(super) fn end(&self, node: &Node) -> Option<Opening> {
        let (first, _) = node.pairs().iter().find(|(key, _)| key.at.file == node.at.file)?;
        self.opening(first, "").filter(|_| first.at.column == 1)?;
        let closed = self.text(&node.at).lines().any(|line| line.trim_end() == "...");
        (!closed).then(|| Opening { file: node.at.file.clone(), at: usize::MAX, indent: 0 })
    }
}
