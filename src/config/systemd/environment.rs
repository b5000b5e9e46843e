//! The variables of a service, and what they make of its command line (systemd.exec(5), "Environment";
//! systemd.service(5), "Command lines").

use std::collections::HashMap;

use super::lines::Lines;
use super::specifiers::{self, OPEN};
use super::words;
use crate::config::Load;

/// What is set. A variable that is not may still be: the manager has some of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment(HashMap<Vec<u8>, Vec<u8>>);

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// systemd: `${NAME}` anywhere, `$NAME` as a word of its own, `$$`.
    Manager,
    /// systemd, with the text of a shell: what it leaves is the shell's.
    BeforeShell,
    /// A shell.
    Shell,
}

impl Environment {
    /// `Environment=`, and over it the files of `EnvironmentFile=` that can be read.
    pub(super) fn of(lines: &Lines, unit: &str, load: &mut Load<'_>) -> Self {
        let mut own = Self::default();
        for line in lines.list("Service", &["Environment"]) {
            for word in words::of(&line.value) {
                own.assign(&specifiers::replaced(&word, unit));
            }
        }
        for line in lines.list("Service", &["EnvironmentFile"]) {
            let named = line.value.strip_prefix(b"-").unwrap_or(&line.value);
            if let Some(Ok(texts)) = specifiers::resolved(named, unit).map(|path| load(&path)) {
                for (_, text) in &texts {
                    own.read(text);
                }
            }
        }
        own
    }

    /// `NAME=value`
    pub(super) fn assign(&mut self, word: &[u8]) -> bool {
        let Some(equals) = word.iter().position(|byte| *byte == b'=') else { return false };
        let (name, value) = (&word[..equals], &word[equals + 1..]);
        let is_name =
            name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') && !name.is_empty();
        if is_name {
            self.0.insert(name.to_vec(), value.to_vec());
        }
        is_name
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.0.values().map(Vec::as_slice)
    }

    /// A file of assignments.
    fn read(&mut self, text: &[u8]) {
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if line.starts_with(b"#") || line.starts_with(b";") {
                continue;
            }
            let quoted = |value: &[u8], quote: u8| {
                let inner = value.strip_prefix(&[quote])?;
                let end = inner.iter().position(|byte| *byte == quote)?;
                Some(inner[..end].to_vec())
            };
            let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
            let value = line[equals + 1..].trim_ascii();
            let value =
                quoted(value, b'"').or_else(|| quoted(value, b'\'')).unwrap_or_else(|| value.to_vec());
            self.assign(&[line[..equals].trim_ascii_end(), b"=", &value].concat());
        }
    }

    /// What becomes of a word: one, or where it is a variable alone as many as that holds.
    pub(super) fn words(&self, word: &[u8], reader: Reader) -> Vec<Vec<u8>> {
        let alone =
            word.strip_prefix(b"$").filter(|name| name.iter().copied().all(is_of_name) && !name.is_empty());
        match alone {
            Some(name) => match self.get(name) {
                Some(value) => value
                    .split(u8::is_ascii_whitespace)
                    .filter(|word| !word.is_empty())
                    .map(<[u8]>::to_vec)
                    .collect(),
                None => vec![vec![OPEN]],
            },
            None => vec![self.within(word, reader)],
        }
    }

    fn within(&self, word: &[u8], reader: Reader) -> Vec<u8> {
        let mut whole = Vec::with_capacity(word.len());
        let mut rest = word;
        while let Some(dollar) = rest.iter().position(|byte| b"$`".contains(byte)) {
            whole.extend_from_slice(&rest[..dollar]);
            let (mark, behind) = (rest[dollar], &rest[dollar + 1..]);
            let end =
                |close: u8| behind.iter().position(|byte| *byte == close).map_or(behind.len(), |at| at + 1);
            let bare = behind.iter().take_while(|byte| is_of_name(**byte)).count();
            let taken = match (mark, behind.first(), reader) {
                (b'`', ..) if reader != Reader::Shell => {
                    whole.push(b'`');
                    0
                }
                (b'`', ..) => {
                    whole.push(OPEN);
                    end(b'`')
                }
                (_, Some(b'$'), Reader::Manager | Reader::BeforeShell) => {
                    whole.push(b'$');
                    1
                }
                (_, Some(b'{'), _) => {
                    let taken = end(b'}');
                    whole.extend(self.braced(&behind[1..taken.max(2) - 1], reader));
                    taken
                }
                (_, next, Reader::BeforeShell) if next != Some(&b'{') => {
                    whole.push(b'$');
                    0
                }
                (_, Some(b'('), _) => {
                    whole.push(OPEN);
                    end(b')')
                }
                _ if bare > 0 && reader == Reader::Shell => {
                    whole.extend_from_slice(self.get(&behind[..bare]).unwrap_or(&[OPEN]));
                    bare
                }
                _ => {
                    whole.push(OPEN);
                    bare
                }
            };
            rest = &behind[taken.min(behind.len())..];
        }
        whole.extend_from_slice(rest);
        whole
    }

    /// `NAME`, or of a shell `NAME:-default`.
    fn braced(&self, name: &[u8], reader: Reader) -> Vec<u8> {
        if let Some(value) = self.get(name) {
            return value.to_vec();
        }
        let colon = name.windows(2).position(|two| two == b":-" || two == b":=");
        match colon.filter(|_| reader == Reader::Shell) {
            Some(at) => self.get(&name[..at]).unwrap_or(&name[at + 2..]).to_vec(),
            None => vec![OPEN],
        }
    }
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(text: &str, file: &str) -> Environment {
        let lines = Lines::of(&[(b"a.service".to_vec(), text.into())]);
        Environment::of(&lines, "a@x.service", &mut |path| Ok(vec![(path.to_vec(), file.into())]))
    }

    fn shown(words: &[Vec<u8>]) -> String {
        String::from_utf8(words.join(&b'|')).unwrap().replace('\0', "?")
    }

    #[test]
    fn variables_stand_where_systemd_and_a_shell_look_for_them() {
        let text =
            "[Service]\nEnvironment=\"A=unix:%t/%i.sock\" B=x C='1  2'\nEnvironmentFile=/etc/default/a\n";
        let own = environment(text, "# no\nB=\"over it\"\n D = d \nnonsense\n");
        for (word, manager, shell) in [
            ("${A}", "unix:/run/x.sock", "unix:/run/x.sock"),
            ("$C", "1|2", "1|2"),
            ("--bind=$A", "--bind=?", "--bind=unix:/run/x.sock"),
            ("--bind=${B}/${D}", "--bind=over it/d", "--bind=over it/d"),
            ("$$x", "$x", "??"),
            ("${NONE}/a", "?/a", "?/a"),
            ("${NONE:-/run}/a", "?/a", "/run/a"),
            ("`date`$(id)x", "`date`?x", "??x"),
            ("${", "?", "?"),
            ("a$", "a?", "a?"),
        ] {
            assert_eq!(shown(&own.words(word.as_bytes(), Reader::Manager)), manager, "{word}");
            assert_eq!(shown(&own.words(word.as_bytes(), Reader::Shell)), shell, "{word}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(word in "[${}()`a:=-]{0,12}", text in "[A-B=\"' #;\n]{0,20}") {
            let mut own = Environment::default();
            own.read(text.as_bytes());
            for reader in [Reader::Manager, Reader::Shell] {
                let _ = own.words(word.as_bytes(), reader);
            }
        }
    }
}
