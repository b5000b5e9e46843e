//! What every text format shares: escaping hostile bytes, colours, symbols, width.

use std::fmt::Write as _;
use std::path::PathBuf;

use colored::{ColoredString, Colorize};

use crate::model::Overall;

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Color {
    /// By environment and terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The part of the environment that decides how a report is shown.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a variable")]
pub struct Environment {
    /// `NO_COLOR`, when not empty (no-color.org).
    pub no_color: bool,
    /// `CLICOLOR_FORCE` or `FORCE_COLOR`, when neither empty nor 0.
    pub force_color: bool,
    /// `TERM=dumb`.
    pub dumb: bool,
    /// The locale's character set is UTF-8.
    pub utf8: bool,
    /// The width of the terminal that standard output is, in columns.
    pub terminal: Option<usize>,
    /// `GITHUB_STEP_SUMMARY`: the file that a step of GitHub Actions appends its summary to.
    pub step_summary: Option<PathBuf>,
}

/// How text is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// With symbols beyond ASCII.
    pub unicode: bool,
    /// Columns to wrap at; `None`: do not wrap.
    pub width: Option<usize>,
}

impl Style {
    /// What a file is written with: never coloured, never wrapped.
    pub const FILE: Self = Self { color: false, unicode: true, width: None };

    /// Decides once, before anything is written: the flag, then `NO_COLOR`, then forcing, then the terminal.
    pub fn decide(flag: Color, environment: &Environment) -> Self {
        let color = match flag {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if environment.no_color => false,
            Color::Auto if environment.force_color => true,
            Color::Auto => !environment.dumb && environment.terminal.is_some(),
        };
        colored::control::set_override(color);
        Self { color, unicode: environment.utf8, width: environment.terminal }
    }

    /// Symbol and word; colour never carries meaning alone.
    pub fn verdict(&self, verdict: Overall) -> ColoredString {
        self.sign(verdict, verdict.word())
    }

    /// The symbol of a verdict, and another word.
    pub fn sign(&self, verdict: Overall, word: &str) -> ColoredString {
        let (symbol, ascii) = match verdict {
            Overall::Ok => ("✓", "+"),
            Overall::Info => ("·", "-"),
            Overall::Warning => ("!", "!"),
            Overall::Error => ("✗", "x"),
            Overall::Unknown => ("?", "?"),
        };
        paint(verdict, &format!("{} {word}", if self.unicode { symbol } else { ascii }))
    }

    /// A word in the colour of a verdict.
    pub fn mark(&self, verdict: Overall, word: &str) -> String {
        if self.color { paint(verdict, word).to_string() } else { word.to_owned() }
    }

    /// Between the parts of a count line.
    pub const fn dot(&self) -> &'static str {
        if self.unicode { "·" } else { "-" }
    }
}

fn paint(verdict: Overall, text: &str) -> ColoredString {
    match verdict {
        Overall::Ok => text.green(),
        Overall::Info => text.cyan(),
        Overall::Warning | Overall::Unknown => text.yellow(),
        Overall::Error => text.red().bold(),
    }
}

/// Bytes chosen by strangers, made harmless on one line: control bytes, DEL, C1, bidirectional and invisible
/// characters and invalid UTF-8 as `\xNN` or `\u{…}`.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    escape_into(bytes, &mut text);
    text
}

/// The same, behind what is there. Spaces at the ends, which nobody would see, are escaped too.
pub fn escape_into(bytes: &[u8], text: &mut String) {
    // Nearly every name of a long list ends here.
    if let Ok(plain) = str::from_utf8(bytes)
        && bytes.iter().all(u8::is_ascii_graphic)
    {
        text.push_str(plain);
        return;
    }
    let inner = bytes.trim_ascii_end();
    let spaces = bytes[inner.len()..].iter().all(|byte| *byte == b' ');
    let (bytes, trailing) = if spaces { (inner, bytes.len() - inner.len()) } else { (bytes, 0) };
    let inner = bytes.strip_prefix(b" ").unwrap_or(bytes);
    text.push_str(if inner.len() < bytes.len() { "\\x20" } else { "" });
    escape_middle(inner, text);
    text.extend(std::iter::repeat_n("\\x20", trailing));
}

/// A text of several lines, made harmless: what shapes it, line ends of either kind, tabs and spaces, stays.
pub fn escape_lines(text: &[u8]) -> String {
    let mut harmless = String::with_capacity(text.len());
    for piece in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\t')) {
        let (inner, end) = match piece {
            [inner @ .., b'\r', b'\n'] => (inner, "\r\n"),
            [inner @ .., b'\n'] => (inner, "\n"),
            [inner @ .., b'\t'] => (inner, "\t"),
            inner => (inner, ""),
        };
        escape_middle(inner, &mut harmless);
        harmless.push_str(end);
    }
    harmless
}

fn escape_middle(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        if valid.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            text.push_str(valid);
        } else {
            valid.chars().for_each(|character| push_escaped(text, character));
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
}

fn push_escaped(text: &mut String, character: char) {
    let code = u32::from(character);
    match code {
        0x00..=0x1f | 0x7f => {
            let _ = write!(text, "\\x{code:02x}");
        }
        0x80..=0x9f
        | 0x61c
        | 0x200b..=0x200f
        | 0x2028..=0x202e
        | 0x2060..=0x2069
        | 0xfeff
        | 0xfff9..=0xfffb => {
            let _ = write!(text, "\\u{{{code:x}}}");
        }
        _ => text.push(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bytes_are_harmless() {
        assert_eq!(escape(b"/tmp/a\n\x1b[31m\xff\x7f|\"%<"), "/tmp/a\\x0a\\x1b[31m\\xff\\x7f|\"%<");
        assert_eq!(escape("\u{202e}\u{85}é".as_bytes()), "\\u{202e}\\u{85}é");
        assert_eq!(escape(b" a b  "), "\\x20a b\\x20\\x20");
        assert_eq!(escape(b"a\n"), "a\\x0a");
        assert_eq!(escape_lines(b" a\t\x1b \n\n+b"), " a\t\\x1b \n\n+b");
        assert_eq!(escape_lines(b"a\r\n\rb\r"), "a\r\n\\x0db\\x0d");
        let every: Vec<u8> = (0..=255).collect();
        assert!(escape(&every).chars().all(|character| !character.is_control()));
    }

    #[test]
    fn the_flag_beats_the_environment_and_the_environment_the_terminal() {
        let terminal = Environment { terminal: Some(80), ..Environment::default() };
        let no_color = Environment { no_color: true, force_color: true, ..terminal.clone() };
        let forced = Environment { force_color: true, dumb: true, ..Environment::default() };
        let dumb = Environment { dumb: true, ..terminal.clone() };
        for (flag, environment, color) in [
            (Color::Auto, &terminal, true),
            (Color::Auto, &no_color, false),
            (Color::Always, &no_color, true),
            (Color::Never, &forced, false),
            (Color::Auto, &forced, true),
            (Color::Auto, &dumb, false),
            (Color::Auto, &Environment::default(), false),
        ] {
            assert_eq!(Style::decide(flag, environment).color, color, "{flag:?} {environment:?}");
        }
    }
}
