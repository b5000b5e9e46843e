//! The words of nginx's configuration, as `ngx_conf_read_token` (src/core/ngx_conf_file.c) divides it.

use std::ops::Range;

/// One piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, without its quotes and with its escapes undone, and where it stands.
    Word(Vec<u8>, Range<usize>),
    /// `;`
    End,
    /// `{`
    Open,
    /// `}`
    Close,
    /// A quoted word that has no end, or behind which another begins.
    Torn(usize),
}

/// The pieces of a text; one that breaks off in a word ends with that.
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Up to where it was read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Skips the program of a `…_by_lua_block`, up to and with its closing brace. Braces that Lua quotes or comments
    /// out do not count.
    pub(super) fn skip_block(&mut self) {
        let mut depth = 1_u32;
        while let Some(byte) = self.text.get(self.at).filter(|_| depth > 0) {
            let rest = &self.text[self.at..];
            let past = |end: &[u8]| {
                let end_at = rest.windows(end.len()).skip(2).position(|part| part == end);
                end_at.map_or(rest.len(), |at| at + 2 + end.len())
            };
            self.at += match byte {
                b'{' => {
                    depth += 1;
                    1
                }
                b'}' => {
                    depth -= 1;
                    1
                }
                b'-' if rest.starts_with(b"--[[") => past(b"]]"),
                b'-' if rest.starts_with(b"--") => past(b"\n"),
                b'[' if rest.starts_with(b"[[") => past(b"]]"),
                quote @ (b'"' | b'\'') => {
                    let mut at = 1;
                    while rest.get(at).is_some_and(|byte| byte != quote) {
                        at += if rest[at] == b'\\' { 2 } else { 1 };
                    }
                    at + 1
                }
                _ => 1,
            };
        }
        self.at = self.at.min(self.text.len());
    }

    fn quoted(&mut self, quote: u8) -> Token {
        let start = self.at;
        self.at += 1;
        let mut word = Vec::new();
        while let Some(byte) = self.text.get(self.at).copied() {
            self.at += 1;
            match byte {
                _ if byte == quote => {
                    let next = self.text.get(self.at);
                    let ends = next.is_none_or(|next| next.is_ascii_whitespace() || b";{)".contains(next));
                    return if ends { Token::Word(word, start..self.at) } else { Token::Torn(self.at) };
                }
                b'\\' => self.escaped(&mut word),
                _ => word.push(byte),
            }
        }
        Token::Torn(start)
    }

    fn bare(&mut self) -> Token {
        let start = self.at;
        let mut word = Vec::new();
        while let Some(byte) = self.text.get(self.at).copied() {
            // `${` begins a variable, and no block.
            let variable = byte == b'{' && word.last() == Some(&b'$');
            if byte.is_ascii_whitespace() || byte == b';' || (byte == b'{' && !variable) {
                break;
            }
            self.at += 1;
            if byte == b'\\' { self.escaped(&mut word) } else { word.push(byte) }
        }
        Token::Word(word, start..self.at)
    }

    /// What stands behind a backslash; one that means nothing stays with its backslash.
    fn escaped(&mut self, word: &mut Vec<u8>) {
        let Some(byte) = self.text.get(self.at).copied() else { return word.push(b'\\') };
        self.at += 1;
        match byte {
            b'"' | b'\'' | b'\\' => word.push(byte),
            b't' => word.push(b'\t'),
            b'r' => word.push(b'\r'),
            b'n' => word.push(b'\n'),
            _ => word.extend([b'\\', byte]),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            match self.text.get(self.at)? {
                b'#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                byte if byte.is_ascii_whitespace() => self.at += 1,
                quote @ (b'"' | b'\'') => return Some(self.quoted(*quote)),
                mark @ (b';' | b'{' | b'}') => {
                    self.at += 1;
                    return Some(match mark {
                        b';' => Token::End,
                        b'{' => Token::Open,
                        _ => Token::Close,
                    });
                }
                _ => return Some(self.bare()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let shown = |token| match token {
            Token::Word(word, _) => String::from_utf8_lossy(&word).into_owned(),
            Token::End => ";".into(),
            Token::Open => "{".into(),
            Token::Close => "}".into(),
            Token::Torn(_) => "?".into(),
        };
        Lexer::new(text.as_bytes()).map(shown).collect()
    }

    #[test]
    fn a_quote_that_has_no_end_or_goes_on_is_torn() {
        assert_eq!(words("a 'b"), ["a", "?"]);
        assert_eq!(words("a 'b'c;"), ["a", "?", "c", ";"]);
    }

    #[test]
    fn words_end_where_nginx_ends_them() {
        let text = "server unix:/a;# no\n a'b \"c d\" 'e;}' ${x}y{ f\\ g h\\\"i}";
        let expected = ["server", "unix:/a", ";", "a'b", "c d", "e;}", "${x}y", "{", "f\\ g", "h\"i}"];
        assert_eq!(words(text), expected);
    }

    proptest! {
        #[test]
        fn a_word_stands_where_it_says(text in "[a-z ;{}#/:\\n]{0,80}") {
            for token in Lexer::new(text.as_bytes()) {
                if let Token::Word(word, bytes) = token {
                    prop_assert_eq!(&text.as_bytes()[bytes], word.as_slice());
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut lexer = Lexer::new(&text);
            prop_assert!(lexer.by_ref().count() <= text.len());
            lexer.skip_block();
        }
    }
}
