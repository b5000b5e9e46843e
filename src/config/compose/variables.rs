//! Variables of Compose files: what an env file says, and `${VAR:-x}` put into a text.
//!
//! <https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md>

use std::collections::HashMap;

/// `${A:-${B:-…}}` deeper than this is left as it is.
const DEPTH: usize = 16;
/// What a text may grow to.
const LENGTH: usize = 1 << 16;

/// Names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(HashMap<String, String>);

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// Variables that nothing sets, and that stand for nothing therefore: those that Compose requires too, for
    /// secrets are seldom where files are checked.
    pub(super) unset: Vec<String>,
}

impl Variables {
    /// Takes what an env file says: `NAME=value`, quoted or not, `export` before it or not. A later one wins.
    pub fn read(&mut self, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
                continue;
            };
            let value = value.trim();
            let value = match value.chars().next() {
                Some('\'') => value[1..].split('\'').next().unwrap_or_default().to_owned(),
                Some('"') => self.expand(value[1..].split('"').next().unwrap_or_default()).text,
                _ => self.expand(value.split(" #").next().unwrap_or_default().trim_end()).text,
            };
            self.0.insert(name.trim().to_owned(), value);
        }
    }

    /// Takes what the shell has, which wins over files; but for its directory, as relative paths are the project's.
    pub fn take(&mut self, environment: impl Iterator<Item = (String, String)>) {
        self.0.extend(environment.filter(|(name, _)| name != "PWD"));
    }

    /// A text with its variables put in.
    pub(super) fn expand(&self, text: &str) -> Expanded {
        let mut expanded = Expanded::default();
        self.put(text, 0, &mut expanded);
        expanded
    }

    fn put(&self, text: &str, depth: usize, into: &mut Expanded) {
        let mut rest = text;
        while let Some(dollar) = rest.find('$').filter(|_| depth < DEPTH && into.text.len() < LENGTH) {
            into.text.push_str(&rest[..dollar]);
            rest = &rest[dollar + 1..];
            if let Some(tail) = rest.strip_prefix('$') {
                into.text.push('$');
                rest = tail;
            } else if let Some((inside, tail)) = rest.strip_prefix('{').and_then(braced) {
                self.put_braced(inside, depth, into);
                rest = tail;
            } else {
                let name = name(rest);
                if name.is_empty() {
                    into.text.push('$');
                } else {
                    self.put_value(name, into);
                }
                rest = &rest[name.len()..];
            }
        }
        into.text.push_str(rest);
    }

    /// `VAR`, `VAR:-default`, `VAR-default`, `VAR:?why`, `VAR?why`, `VAR:+other`, `VAR+other`.
    fn put_braced(&self, inside: &str, depth: usize, into: &mut Expanded) {
        let name = name(inside);
        let (operator, word) = inside[name.len()..].split_at_checked(1).unwrap_or_default();
        let (empty_counts, operator, word) = match (operator, word.split_at_checked(1)) {
            (":", Some((operator, word))) => (false, operator, word),
            _ => (true, operator, word),
        };
        let value = self.0.get(name).filter(|value| empty_counts || !value.is_empty());
        match (operator, value) {
            ("-", None) | ("+", Some(_)) => self.put(word, depth + 1, into),
            ("+", None) => {}
            (_, Some(value)) => into.text.push_str(value),
            (_, None) => self.put_value(name, into),
        }
    }

    fn put_value(&self, name: &str, into: &mut Expanded) {
        match self.0.get(name) {
            Some(value) => into.text.push_str(value),
            // The project's own, where Compose is run: that is how its relative paths are meant too.
            None if name == "PWD" => into.text.push('.'),
            None => into.unset.push(name.to_owned()),
        }
    }
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..end] }
}

/// What stands in a brace that is open, and what behind it.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut open = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.read(b"# no\nA=one\nexport B=\"two ${A}\"\nC='$A'\nEMPTY=\nD=x # why\nnonsense\n");
        variables
    }

    #[test]
    fn a_text_is_expanded_as_compose_does_it() {
        for (text, expected) in [
            ("a$A b", "aone b"),
            ("${A}${B}", "onetwo one"),
            ("$C$D", "$Ax"),
            ("${N:-d}/${N-${A:-x}}", "d/one"),
            ("${EMPTY:-d}${EMPTY-e}", "d"),
            ("${A:+y}${N:+n}${EMPTY+z}", "yz"),
            ("$$A ${ $ 5$", "$A ${ $ 5$"),
            ("${N}", ""),
            ("${PWD}/s:/run", "./s:/run"),
        ] {
            assert_eq!(variables().expand(text).text, expected, "{text}");
        }
    }

    #[test]
    fn the_shell_wins_over_files() {
        let mut variables = variables();
        variables
            .take([("A", "shell"), ("PWD", "/elsewhere")].map(|(n, v)| (n.into(), v.into())).into_iter());
        assert_eq!(variables.expand("$A$D $PWD").text, "shellx .");
    }

    #[test]
    fn what_is_not_set_is_said() {
        assert_eq!(variables().expand("$N${M:-}").unset, ["N"]);
        assert_eq!(variables().expand("${N:?set it}${A:?set it}").unset, ["N"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[$A{}:?+\\-é\"'=\n ]{0,40}") {
            let mut variables = variables();
            variables.read(text.as_bytes());
            let _ = variables.expand(&text);
        }
    }
}
