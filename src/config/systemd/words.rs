//! Words of a setting: separated by blanks, maybe quoted, with C-style escapes (systemd.syntax(7), "Quoting").

/// The words of a value. A command's first word keeps its prefixes (systemd.service(5), "Command lines").
pub(super) fn of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = value.iter().copied().peekable();
    loop {
        while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
        if bytes.peek().is_none() {
            return words;
        }
        let mut word = Vec::new();
        let mut quote = None;
        while let Some(byte) = bytes.next_if(|byte| quote.is_some() || !byte.is_ascii_whitespace()) {
            match (byte, quote) {
                (b'\\', _) => word.push(escaped(bytes.next().unwrap_or(b'\\'))),
                (b'"' | b'\'', None) => quote = Some(byte),
                (_, Some(open)) if open == byte => quote = None,
                _ => word.push(byte),
            }
        }
        words.push(word);
    }
}

const fn escaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b's' => b' ',
        other => other,
    }
}

/// A command without the marks before it that say how it is run.
pub(super) fn command(value: &[u8]) -> Vec<Vec<u8>> {
    let mut words = of(value);
    if let Some(program) = words.first_mut() {
        let marks = program.iter().take_while(|byte| b"@-:+!|".contains(byte)).count();
        program.drain(..marks);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        let words = command(b"-/bin/rm  -f \"/run/a b\" 'c'd e\\sf");
        assert_eq!(words, [&b"/bin/rm"[..], b"-f", b"/run/a b", b"cd", b"e f"]);
        assert!(of(b"  ").is_empty());
    }
}
