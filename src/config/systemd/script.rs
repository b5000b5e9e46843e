//! What the text of a shell starts: its simple commands, as far as words tell. It is never run.

use super::environment::{Environment, Reader};
use super::words;
use crate::config::places::Places;
use crate::model::Written;

/// What may stand before a command and is none.
const BEFORE: [&[u8]; 9] = [b"exec", b"then", b"else", b"do", b"if", b"!", b"sudo", b"nohup", b"{"];

/// One command.
#[derive(Debug, Clone)]
pub(super) struct Command {
    /// Its words, with its variables as they are set.
    pub(super) words: Vec<Vec<u8>>,
    /// Where it is written.
    pub(super) written: Written,
    /// The directory it is started in, where something before it changed that.
    pub(super) directory: Option<Vec<u8>>,
}

/// Whether a program is a shell.
pub(super) fn is_shell(program: &[u8]) -> bool {
    matches!(name(program), b"sh" | b"bash" | b"dash" | b"zsh" | b"ksh")
}

/// Whether a file is a program of a shell, by its name.
pub(super) fn is_script(file: &[u8]) -> bool {
    file.ends_with(b".sh") || file.ends_with(b".bash")
}

/// The last name of a path.
pub(super) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The commands of a script that is a file.
pub(super) fn of_file(file: &[u8], text: &[u8], environment: &Environment) -> Vec<Command> {
    let places = Places::new(file, text);
    commands(text, environment.clone(), |bytes| places.written(bytes))
}

/// The commands of a script that is a word of a command line.
pub(super) fn of_word(text: &[u8], environment: &Environment, written: &Written) -> Vec<Command> {
    commands(text, environment.clone(), |_| written.clone())
}

fn commands(
    text: &[u8],
    mut environment: Environment,
    written: impl Fn(std::ops::Range<usize>) -> Written,
) -> Vec<Command> {
    let mut found = Vec::new();
    let mut directory = None;
    for bytes in simple(text) {
        let line = text[bytes.clone()].trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mut all = words::of(&joined(line))
            .into_iter()
            .skip_while(|word| BEFORE.contains(&word.as_slice()))
            .peekable();
        let exports = all.next_if(|word| word == b"export").is_some();
        let expand = |environment: &Environment, word: &[u8]| environment.words(word, Reader::Shell).concat();
        while let Some(word) = all.peek() {
            let word = expand(&environment, word);
            if !(environment.assign(&word) || exports) {
                break;
            }
            all.next();
        }
        let words: Vec<Vec<u8>> = all.flat_map(|word| environment.words(&word, Reader::Shell)).collect();
        match words.as_slice() {
            [] => {}
            [cd, to, ..] if cd == b"cd" => directory = Some(to.clone()),
            _ => {
                let blank = text[bytes.clone()].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let written = written(bytes.start + blank..bytes.end);
                found.push(Command { words, written, directory: directory.clone() });
            }
        }
    }
    found
}

/// A line that goes on behind a backslash, as one.
fn joined(line: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(line.len());
    for part in line.split_inclusive(|byte| *byte == b'\n') {
        match part.strip_suffix(b"\\\n") {
            Some(part) => whole.extend([part, b" "].concat()),
            None => whole.extend_from_slice(part),
        }
    }
    whole
}

/// Where simple commands stand: between ends of lines, `;`, `&`, `|` and parentheses that nothing quotes.
fn simple(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut at, mut quote, mut comment) = (0, 0, None, false);
    while let Some(byte) = text.get(at) {
        match (byte, quote) {
            (b'\n', None) if comment => comment = false,
            _ if comment => {
                (start, at) = (at + 1, at + 1);
                continue;
            }
            (b'\\', Some(b'"') | None) => at += 1,
            (mark, Some(open)) if *mark == open => quote = None,
            (mark @ (b'"' | b'\''), None) => quote = Some(*mark),
            (b'#', None) if text[..at].last().is_none_or(u8::is_ascii_whitespace) => {
                ranges.push(start..at);
                comment = true;
            }
            (b'\n' | b';' | b'&' | b'|', None) => {
                ranges.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    ranges.push(start.min(text.len())..text.len());
    ranges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let found = of_file(b"run.sh", text.as_bytes(), &Environment::default());
        let line = |command: Command| {
            let words = String::from_utf8(command.words.join(&b' ')).unwrap().replace('\0', "?");
            let place = command.directory.map(|place| format!(" in {}", String::from_utf8(place).unwrap()));
            format!("{}: {words}{}", command.written.location.line, place.unwrap_or_default())
        };
        found.into_iter().map(line).collect()
    }

    #[test]
    fn commands_are_found_with_their_lines_and_variables() {
        let text = "#!/bin/bash\nSOCKFILE=/run/a.sock  # why; not\nexport N=2\ncd /srv/app\n\
                    if [ -e \"$SOCKFILE\" ]; then rm -f \"$SOCKFILE\"; fi\n\
                    exec ../bin/gunicorn \\\n  --bind=unix:$SOCKFILE -w ${N} 'a;b' $(id)\n";
        assert_eq!(
            shown(text),
            [
                "5: [ -e /run/a.sock ] in /srv/app",
                "5: rm -f /run/a.sock in /srv/app",
                "5: fi in /srv/app",
                "6: ../bin/gunicorn --bind=unix:/run/a.sock -w 2 a;b ? in /srv/app",
            ]
        );
        assert_eq!(shown(". venv/bin/activate && A=b uvicorn x"), ["1: . venv/bin/activate", "1: uvicorn x"]);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[a=;&#$\"'\\\\\n cdexport{]{0,40}") {
            let _ = shown(&text);
        }
    }
}
