//! Text for man(7), so that nothing in it is taken for a request.

use std::fmt::Write as _;

/// A run of text: backslashes, hyphens, quotes and a leading dot stand for themselves.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.starts_with(['.', '\'']) {
            escaped.push_str("\\&");
        }
        for character in line.chars() {
            match character {
                '\\' => escaped.push_str("\\e"),
                '-' => escaped.push_str("\\-"),
                '\'' => escaped.push_str("\\(aq"),
                '`' => escaped.push_str("\\(ga"),
                '^' => escaped.push_str("\\(ha"),
                '~' => escaped.push_str("\\(ti"),
                '…' => escaped.push_str("\\&..."),
                other if !other.is_ascii() => {
                    let _ = write!(escaped, "\\[u{:04X}]", u32::from(other));
                }
                other => escaped.push(other),
            }
        }
    }
    escaped
}

/// An argument of a request.
pub(super) fn argument(argument: &str) -> String {
    format!("\"{}\"", text(argument).replace('"', "\\(dq"))
}

/// Lines that stay as they are.
pub(super) fn verbatim(lines: &str) -> String {
    let least = lines.lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let lines: Vec<String> = lines.lines().map(|line| text(&line[least..])).collect();
    format!(".nf\n{}\n.fi\n", lines.join("\n"))
}

/// Paragraphs, with `code` in bold.
pub(super) fn paragraphs(body: &str) -> String {
    let each = body.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(|paragraph| {
        let mut bold = false;
        let mut joined = String::new();
        for (number, run) in text(paragraph.trim_end()).split("\\(ga").enumerate() {
            if number > 0 {
                joined.push_str(if bold { "\\fR" } else { "\\fB" });
                bold = !bold;
            }
            joined.push_str(run);
        }
        joined + if bold { "\\fR" } else { "" }
    });
    each.collect::<Vec<_>>().join("\n.PP\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_a_request() {
        assert_eq!(text(".so /etc/passwd\n'br\n\\fB"), "\\&.so /etc/passwd\n\\&\\(aqbr\n\\efB");
        assert_eq!(text("--help é …"), "\\-\\-help \\[u00E9] \\&...");
        assert_eq!(argument("a \"b\""), "\"a \\(dqb\\(dq\"");
    }

    #[test]
    fn code_is_bold_and_paragraphs_are_kept_apart() {
        assert_eq!(
            paragraphs("Run `ls -l`.\nThen.\n\nMore `x"),
            "Run \\fBls \\-l\\fR.\nThen.\n.PP\nMore \\fBx\\fR\n"
        );
    }

    #[test]
    fn examples_lose_their_common_indentation() {
        assert_eq!(verbatim("  a\n    b"), ".nf\na\n  b\n.fi\n");
    }
}
