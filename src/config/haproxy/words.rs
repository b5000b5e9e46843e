//! The words of a line of HAProxy's configuration, as its `parse_line` (src/tools.c) divides it.

use std::collections::HashMap;
use std::ops::Range;

/// A word, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Without quotes, escapes undone, variables replaced.
    pub(super) text: Vec<u8>,
    /// Its bytes in the line.
    pub(super) bytes: Range<usize>,
    /// There is a variable in it whose value is not known here.
    pub(super) unknown: bool,
}

/// Values of variables, as far as the configuration sets them itself (`setenv`, `presetenv`).
pub(super) type Variables = HashMap<Vec<u8>, Vec<u8>>;

/// The words of one line, up to its comment.
pub(super) fn of(line: &[u8], variables: &Variables) -> Vec<Word> {
    let mut reader = Reader { line, at: 0, variables };
    std::iter::from_fn(|| reader.word()).collect()
}

struct Reader<'l> {
    line: &'l [u8],
    at: usize,
    variables: &'l Variables,
}

impl Reader<'_> {
    fn word(&mut self) -> Option<Word> {
        while self.line.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let start = self.at;
        let mut word = Word { text: Vec::new(), bytes: start..start, unknown: false };
        let mut quoted = false;
        while let Some(byte) = self.line.get(self.at).copied() {
            match byte {
                b'#' if !quoted => break,
                _ if byte.is_ascii_whitespace() && !quoted => break,
                b'"' => {
                    quoted = !quoted;
                    self.at += 1;
                }
                b'\'' if !quoted => self.literal(&mut word.text),
                b'\\' => self.escaped(&mut word.text, quoted),
                b'$' if quoted => self.variable(&mut word),
                _ => {
                    word.text.push(byte);
                    self.at += 1;
                }
            }
        }
        if self.at == start {
            return None;
        }
        word.bytes = start..self.at;
        Some(word)
    }

    /// What stands between two apostrophes.
    fn literal(&mut self, text: &mut Vec<u8>) {
        let rest = &self.line[self.at + 1..];
        let end = rest.iter().position(|byte| *byte == b'\'').unwrap_or(rest.len());
        text.extend_from_slice(&rest[..end]);
        self.at = (self.at + end + 2).min(self.line.len());
    }

    /// What stands behind a backslash; one that means nothing stays.
    fn escaped(&mut self, text: &mut Vec<u8>, quoted: bool) {
        let next = self.line.get(self.at + 1).copied();
        let hex = self.line.get(self.at + 2..self.at + 4).and_then(|hex| std::str::from_utf8(hex).ok());
        let hex = hex.filter(|_| next == Some(b'x')).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let byte = match next {
            Some(b @ (b'\\' | b'"')) => Some(b),
            Some(b'$') if quoted => Some(b'$'),
            Some(b @ (b' ' | b'#' | b'\'')) if !quoted => Some(b),
            Some(b'n') if !quoted => Some(b'\n'),
            Some(b'r') if !quoted => Some(b'\r'),
            Some(b't') if !quoted => Some(b'\t'),
            Some(b'x') if !quoted && hex.is_some() => {
                self.at += 2;
                hex
            }
            _ => None,
        };
        text.push(byte.unwrap_or(b'\\'));
        self.at += if byte.is_some() { 2 } else { 1 };
    }

    /// `$NAME`, `${NAME}`, `${NAME-otherwise}`.
    fn variable(&mut self, word: &mut Word) {
        self.at += 1;
        let braced = self.line.get(self.at) == Some(&b'{');
        let start = self.at + usize::from(braced);
        let rest = self.line.get(start..).unwrap_or_default();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = rest.iter().take_while(|byte| is_name(byte)).count();
        let name = &rest[..length];
        let mut otherwise = None;
        self.at = start + length;
        if braced {
            let tail = &rest[length..];
            let Some(end) = tail.iter().position(|byte| *byte == b'}') else {
                self.at = self.line.len();
                word.unknown = true;
                return;
            };
            otherwise = tail[..end].strip_prefix(b"-").map(<[u8]>::to_vec);
            self.at += end + 1;
        }
        match self.variables.get(name).cloned().or(otherwise) {
            Some(value) => word.text.extend(value),
            None => word.unknown = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        let variables = Variables::from([(b"DIR".to_vec(), b"/run/app".to_vec())]);
        let found = of(line.as_bytes(), &variables).into_iter();
        found
            .map(|word| {
                let mark = if word.unknown { "?" } else { "" };
                format!("{}{mark}", String::from_utf8_lossy(&word.text))
            })
            .collect()
    }

    #[test]
    fn words_quotes_escapes_and_variables_are_as_haproxy_has_them() {
        for (line, expected) in [
            ("  server a /run/a.sock check # no", &["server", "a", "/run/a.sock", "check"][..]),
            (
                r"option httpchk GET /x HTTP/1.1\r\nHost:\ www",
                &["option", "httpchk", "GET", "/x", "HTTP/1.1\r\nHost: www"],
            ),
            (r#"server a "${DIR}/a.sock" "$DIR/b""#, &["server", "a", "/run/app/a.sock", "/run/app/b"]),
            (r#"server a "${OTHER}/a.sock" "${X-/y}" $DIR"#, &["server", "a", "/a.sock?", "/y", "$DIR"]),
            (r#"a 'b "c" $d' "e 'f' \" g" h\#i \x41"#, &["a", "b \"c\" $d", "e 'f' \" g", "h#i", "A"]),
            ("", &[]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(line in prop::collection::vec(any::<u8>(), 0..80), more in "[\\\\\"'${}x# a]{0,40}") {
            for text in [line.as_slice(), more.as_bytes()] {
                for word in of(text, &Variables::new()) {
                    prop_assert!(text.get(word.bytes).is_some_and(|bytes| !bytes.is_empty()));
                }
            }
        }
    }
}
