//! Edits as a patch that diff(1) could have made: whole lines of context, nothing else of the file touched.

use crate::model::Edit;

/// Lines around a change.
const CONTEXT: usize = 3;

/// A patch of one file in unified format; `None` where nothing changes. Edits that overlap an earlier one are left
/// out: whoever applies the patch and looks again is told of them then.
pub fn unified(file: &[u8], text: &str, edits: &[&Edit]) -> Option<Vec<u8>> {
    let edits: Vec<Edit> = edits.iter().map(|edit| with_line_ends_of(text, edit)).collect();
    let changes = changes(text, &edits.iter().collect::<Vec<_>>());
    let old: Vec<&str> = text.split_inclusive('\n').collect();
    let mut patch = Vec::new();
    let mut shift: isize = 0;
    let mut rest = changes.as_slice();
    while let [first, ..] = rest {
        let mut together = 1;
        while let Some(next) = rest.get(together)
            && next.start <= rest[together - 1].end + 2 * CONTEXT
        {
            together += 1;
        }
        let (hunk, after) = rest.split_at(together);
        let from = first.start.saturating_sub(CONTEXT);
        let to = (hunk[together - 1].end + CONTEXT).min(old.len());
        let mut lines = Vec::new();
        let (mut at, mut added) = (from, 0);
        let mut removed = 0;
        for change in hunk {
            old[at..change.start].iter().for_each(|line| push(&mut lines, ' ', line));
            old[change.start..change.end].iter().for_each(|line| push(&mut lines, '-', line));
            change.lines.split_inclusive('\n').for_each(|line| push(&mut lines, '+', line));
            added += change.lines.split_inclusive('\n').count();
            removed += change.end - change.start;
            at = change.end;
        }
        old[at..to].iter().for_each(|line| push(&mut lines, ' ', line));
        let (length, new_length) = (to - from, to - from - removed + added);
        let start = |from: usize, length: usize| from + usize::from(length > 0);
        let new_from = from.saturating_add_signed(shift);
        let head = format!(
            "@@ -{},{length} +{},{new_length} @@\n",
            start(from, length),
            start(new_from, new_length)
        );
        patch.extend_from_slice(head.as_bytes());
        patch.extend_from_slice(lines.concat().as_bytes());
        shift += added.cast_signed() - removed.cast_signed();
        rest = after;
    }
    let head = |mark: &[u8]| [mark, b" ", file, b"\n"].concat();
    (!patch.is_empty()).then(|| [head(b"---"), head(b"+++"), patch].concat())
}

/// New lines end as the file's first one does.
fn with_line_ends_of(text: &str, edit: &Edit) -> Edit {
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    if !first.ends_with("\r\n") {
        return edit.clone();
    }
    Edit { text: edit.text.replace('\n', "\r\n"), ..edit.clone() }
}

fn push(lines: &mut Vec<String>, mark: char, line: &str) {
    let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
    lines.push(format!("{mark}{line}{end}"));
}

/// Lines that are replaced by others.
struct Change {
    start: usize,
    end: usize,
    lines: String,
}

fn changes(text: &str, edits: &[&Edit]) -> Vec<Change> {
    let mut edits: Vec<&Edit> = edits.to_vec();
    edits.sort_by_key(|edit| (edit.bytes.start, edit.bytes.end));
    edits.dedup();
    let mut starts = vec![0];
    starts.extend(text.match_indices('\n').map(|(at, _)| at + 1).filter(|at| *at < text.len()));
    let line_of = |at: usize| starts.partition_point(|start| *start <= at).saturating_sub(1);
    let mut found: Vec<Change> = Vec::new();
    let mut taken = 0;
    // The bytes of the last change's lines that are not yet written.
    let mut open = 0..0;
    for edit in edits {
        let at_end = edit.bytes.start >= text.len();
        let bytes = edit.bytes.start.min(text.len())..edit.bytes.end.min(text.len());
        if bytes.start < taken || !text.is_char_boundary(bytes.start) || !text.is_char_boundary(bytes.end) {
            continue;
        }
        taken = bytes.end;
        if at_end && (text.is_empty() || text.ends_with('\n')) {
            let lines = starts.len() - usize::from(text.is_empty());
            match found.last_mut().filter(|last| last.start == lines) {
                Some(last) => last.lines.push_str(&edit.text),
                None => found.push(Change { start: lines, end: lines, lines: edit.text.clone() }),
            }
            open = text.len()..text.len();
            continue;
        }
        let (first, last) = (line_of(bytes.start), line_of(bytes.end.max(bytes.start + 1) - 1));
        let line_end = starts.get(last + 1).copied().unwrap_or(text.len());
        let addition = if at_end { format!("\n{}", edit.text) } else { edit.text.clone() };
        if let Some(change) = found.last_mut().filter(|change| change.end > first) {
            change.lines.truncate(change.lines.len() - open.len());
            change.lines.push_str(&text[open.start..bytes.start]);
            change.lines.push_str(&addition);
            change.end = last + 1;
            change.lines.push_str(&text[bytes.end..line_end]);
        } else {
            let lines =
                format!("{}{addition}{}", &text[starts[first]..bytes.start], &text[bytes.end..line_end]);
            found.push(Change { start: first, end: last + 1, lines });
        }
        open = bytes.end..line_end;
    }
    let old: Vec<&str> = text.split_inclusive('\n').collect();
    for change in &mut found {
        change.shorten(&old);
    }
    found
}

impl Change {
    /// Leaves out lines at its ends that stay as they are.
    fn shorten(&mut self, old: &[&str]) {
        let mut new: Vec<&str> = self.lines.split_inclusive('\n').collect();
        while self.start < self.end && new.first() == old.get(self.start) {
            new.remove(0);
            self.start += 1;
        }
        while self.start < self.end && new.last() == old.get(self.end - 1) {
            new.pop();
            self.end -= 1;
        }
        self.lines = new.concat();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(bytes: std::ops::Range<usize>, text: &str) -> Edit {
        Edit { file: b"f".to_vec(), bytes, text: text.into() }
    }

    fn patch(text: &str, edits: &[Edit]) -> String {
        let patch = unified(b"f", text, &edits.iter().collect::<Vec<_>>()).unwrap_or_default();
        String::from_utf8(patch).unwrap()
    }

    #[test]
    fn new_lines_end_as_those_of_the_file_do() {
        let found = patch("a\r\nb\r\n", &[edit(3..3, "x\n")]);
        assert_eq!(found, "--- f\n+++ f\n@@ -1,2 +1,3 @@\n a\r\n+x\r\n b\r\n");
    }

    #[test]
    fn a_patch_touches_only_the_lines_of_its_edits() {
        let text = "a\nb\nc\nd x y\ne\nf\ng\nh\n";
        let edits =
            [edit(8..9, "Z"), edit(6..7, "D"), edit(usize::MAX..usize::MAX, "end\n"), edit(6..8, "no")];
        let expected = "--- f\n+++ f\n@@ -1,8 +1,9 @@\n a\n b\n c\n-d x y\n+D Z y\n e\n f\n g\n h\n+end\n";
        assert_eq!(patch(text, &edits), expected);
        assert_eq!(patch(text, &[]), "");
    }

    #[test]
    fn a_line_before_another_leaves_that_one_alone() {
        assert_eq!(
            patch("a\n  b\n", &[edit(4..4, "x\n  ")]),
            "--- f\n+++ f\n@@ -1,2 +1,3 @@\n a\n+  x\n   b\n"
        );
    }

    #[test]
    fn a_last_line_without_its_end_is_said_to_be_one() {
        let expected = "--- f\n+++ f\n@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n";
        assert_eq!(patch("a", &[edit(usize::MAX..usize::MAX, "b\n")]), expected);
    }

    proptest::proptest! {
        #[test]
        fn no_edits_make_it_panic(text in "[aé\n]{0,30}", edits in proptest::collection::vec((0usize..40, 0usize..5, "[b\n]{0,3}"), 0..6)) {
            let edits: Vec<Edit> = edits.into_iter().map(|(at, length, text)| edit(at..at + length, &text)).collect();
            let _ = patch(&text, &edits);
        }
    }
}
