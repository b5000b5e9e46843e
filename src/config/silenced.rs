//! Findings that a file itself takes back: `# sockdoctor: ignore[SD612] why`, in the line or in the one above it.

/// Whether line `number`, from 1, silences a rule.
pub fn is(text: &str, number: u32, code: &str) -> bool {
    let Some(before) = usize::try_from(number).ok().and_then(|number| number.checked_sub(1)) else {
        return false;
    };
    let own = text.lines().nth(before).unwrap_or_default();
    let above = before.checked_sub(1).and_then(|above| text.lines().nth(above)).unwrap_or_default();
    let comment = if above.trim_start().starts_with('#') { above } else { "" };
    [own, comment].iter().any(|line| codes(line).any(|named| named.eq_ignore_ascii_case(code)))
}

/// The codes that a line names.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    let list = line.split_once("# sockdoctor: ignore[").and_then(|(_, rest)| rest.split_once(']'));
    list.map_or("", |(codes, _)| codes).split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_silenced_by_itself_and_by_a_comment_above_it() {
        let text = "# sockdoctor: ignore[SD612, SD108] on purpose\na\nb # sockdoctor: ignore[sd609]\nc\n";
        let silenced = [(2, "SD612"), (2, "SD108"), (3, "SD609"), (3, "SD612"), (4, "SD609"), (0, "SD612")];
        let found = silenced.map(|(line, code)| is(text, line, code));
        assert_eq!(found, [true, true, true, false, false, false]);
    }
}
