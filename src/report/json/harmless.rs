//! JSON without raw control characters.
//!
//! RFC 8259 § 7 wants escapes for those below U+0020 alone. DEL and those of C1 (U+009B begins escape sequences of some
//! terminals) would come as they are; outside of strings none can be.

use std::io::{self, Write};

use serde::Serialize;

/// One document over many lines.
pub(in crate::report) fn pretty(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer_pretty(Harmless(out), value)?)
}

/// One document on one line, without its end.
pub(in crate::report) fn compact(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer(Harmless(out), value)?)
}

/// The same as a text.
pub(in crate::report) fn line(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let _ = compact(&mut text, value);
    String::from_utf8(text).unwrap_or_default()
}

struct Harmless<'o>(&'o mut dyn Write);

impl Write for Harmless<'_> {
    /// serde_json hands over whole pieces of strings: no character comes in parts.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, 0x7f | 0xc2)) {
            let code = match &rest[at..] {
                [0x7f, ..] => 0x7f,
                [0xc2, low @ 0x80..=0x9f, ..] => *low,
                _ => 0,
            };
            let after = at + if code == 0x7f { 1 } else { 2.min(rest.len() - at) };
            if code == 0 {
                self.0.write_all(&rest[..after])?;
            } else {
                self.0.write_all(&rest[..at])?;
                write!(self.0, "\\u00{code:02x}")?;
            }
            rest = &rest[after..];
        }
        self.0.write_all(rest)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_comes_back() {
        let text = "a\u{7f}\u{80}\u{9b}31m\u{9f}\u{a0}é\u{1b}€";
        let written = line(&text);
        assert_eq!(written, "\"a\\u007f\\u0080\\u009b31m\\u009f\u{a0}é\\u001b€\"");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
