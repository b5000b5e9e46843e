//! Regular expressions over bytes: linear in the text whatever the text, and no pattern comes from outside.

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// One pattern; `^` and `$` are those of a line, however it ends.
pub(super) fn compiled(pattern: &str) -> Regex {
    let built = RegexBuilder::new(pattern).unicode(false).multi_line(true).crlf(true).build();
    built.unwrap_or_else(|error| unreachable!("a pattern of this program: {error}"))
}

/// Many patterns at once, in any case.
pub(super) fn set<'p>(patterns: impl Iterator<Item = &'p str>) -> RegexSet {
    let mut builder = RegexSetBuilder::new(patterns);
    let built = builder.case_insensitive(true).unicode(false).multi_line(true).crlf(true).build();
    built.unwrap_or_else(|error| unreachable!("patterns of this program: {error}"))
}
