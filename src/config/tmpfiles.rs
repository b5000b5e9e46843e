//! tmpfiles.d(5): which line has the contents of a directory removed when they are old.
//!
//! As systemd-tmpfiles does it: on the way down from a directory with an age, everything that a line of its own
//! names is left to that line, and what is below it too.

use crate::model::{AgedLine, Location, Setting, Written};

/// One line that could be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    place: Location,
    text: Vec<u8>,
    /// The letter of its type.
    kind: u8,
    path: Vec<u8>,
    age: Option<Vec<u8>>,
    /// It is read at boot alone (`!`).
    at_boot: bool,
}

/// The lines of one file that systemd-tmpfiles heeds while it cleans; those with `!` are for boot alone.
pub fn lines(file: &[u8], text: &[u8]) -> Vec<Line> {
    let numbered = (1..).zip(text.split(|byte| *byte == b'\n'));
    numbered.filter_map(|(number, text)| line(file, number, text)).filter(|line| !line.at_boot).collect()
}

/// The directories that the lines of one file make at every boot.
pub fn directories(file: &[u8], text: &[u8]) -> Vec<Setting<Vec<u8>>> {
    let numbered = (1..).zip(text.split(|byte| *byte == b'\n'));
    let lines = numbered.filter_map(|(number, text)| line(file, number, text));
    let setting = |Line { place, text, path, .. }| Setting {
        value: path,
        written: Written { location: place, text, bytes: None },
    };
    lines.filter(|line| b"dDvqQC".contains(&line.kind)).map(setting).collect()
}

fn line(file: &[u8], number: u32, text: &[u8]) -> Option<Line> {
    let text = text.trim_ascii();
    if text.is_empty() || text.starts_with(b"#") {
        return None;
    }
    let fields = fields(text);
    let (_, kind) = fields.first()?;
    let (letter, modifiers) = kind.split_first()?;
    if !letter.is_ascii_alphabetic() {
        return None;
    }
    let path = simplified(&resolved(&fields.get(1)?.1, matches!(letter, b'x' | b'X'))?)?;
    let age = fields.get(5).filter(|(_, age)| is_age(age));
    let column = age.map_or(0, |(start, _)| String::from_utf8_lossy(&text[..*start]).chars().count());
    Some(Line {
        place: Location {
            file: file.to_vec(),
            line: number,
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        },
        text: text.to_vec(),
        kind: *letter,
        path,
        at_boot: modifiers.contains(&b'!'),
        age: age.filter(|_| b"dDevqQCxX".contains(letter)).map(|(_, age)| age.clone()),
    })
}

/// The line by which a file that stands at `path`, a canonical path, is removed when it is old. The lines are
/// those of all files, in the order of the files' names.
pub fn aged(lines: &[Line], path: &[u8]) -> Option<AgedLine> {
    // A line of its own keeps it: contents are cleaned, and the place of a socket has none.
    if lines.iter().any(|line| line.is_about(path)) {
        return None;
    }
    let slashes = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for slash in slashes {
        let directory = if slash == 0 { b"/".as_slice() } else { &path[..slash] };
        let here: Vec<&Line> = lines.iter().filter(|line| line.is_about(directory)).collect();
        let first_level = !path[slash + 1..].contains(&b'/');
        let mut named: Vec<&[u8]> = Vec::new();
        for line in &here {
            let first_of_its_path = !named.contains(&line.path.as_slice());
            if line.owns() {
                named.push(&line.path);
            }
            if let Some(age) = &line.age
                && (first_of_its_path || !line.owns())
                && !(first_level && age.starts_with(b"~"))
            {
                return Some(line.cleaning(directory, age));
            }
        }
        // `X` keeps the directory and leaves its contents to the line above; anything else keeps both.
        if here.iter().any(|line| line.kind != b'X') {
            return None;
        }
    }
    None
}

impl Line {
    /// Whether it makes or adjusts the directory: of several for one path only the first counts.
    fn owns(&self) -> bool {
        b"dDevqQC".contains(&self.kind)
    }

    fn is_about(&self, path: &[u8]) -> bool {
        if b"wexXrRzZtThHaA".contains(&self.kind) { matches(&self.path, path) } else { self.path == path }
    }

    fn cleaning(&self, directory: &[u8], age: &[u8]) -> AgedLine {
        AgedLine {
            location: self.place.clone(),
            text: self.text.clone(),
            directory: directory.to_vec(),
            age: String::from_utf8_lossy(age).into_owned(),
        }
    }
}

/// Fields with the places they begin at: separated by blanks, maybe quoted, with C-style escapes.
fn fields(text: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut fields = Vec::new();
    let mut bytes = text.iter().copied().enumerate().peekable();
    while fields.len() < 6 {
        while bytes.next_if(|(_, byte)| byte.is_ascii_whitespace()).is_some() {}
        let Some((start, _)) = bytes.peek().copied() else { break };
        let mut field = Vec::new();
        let mut quote = None;
        while let Some((_, byte)) = bytes.next_if(|(_, byte)| quote.is_some() || !byte.is_ascii_whitespace())
        {
            match (byte, quote) {
                (b'\\', _) => field.push(escaped(&mut bytes)),
                (b'"' | b'\'', None) => quote = Some(byte),
                (_, Some(open)) if open == byte => quote = None,
                _ => field.push(byte),
            }
        }
        fields.push((start, field));
    }
    fields
}

fn escaped(bytes: &mut std::iter::Peekable<impl Iterator<Item = (usize, u8)>>) -> u8 {
    let digit =
        |(_, byte): (usize, u8)| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match bytes.next().map_or(b'\\', |(_, byte)| byte) {
        b'x' => {
            let high = bytes.next().and_then(digit).unwrap_or(0);
            high * 16 + bytes.next().and_then(digit).unwrap_or(0)
        }
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b's' => b' ',
        other => other,
    }
}

/// The path with its specifiers replaced. One that only the machine could tell makes the line unusable, but in
/// an exclusion it stands for anything: what may be excluded is not said to be aged.
fn resolved(path: &[u8], exclusion: bool) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            whole.push(*byte);
            continue;
        }
        whole.extend_from_slice(match bytes.next()? {
            b'%' => b"%",
            b't' => b"/run",
            b'T' => b"/tmp",
            b'V' => b"/var/tmp",
            b'S' => b"/var/lib",
            b'C' => b"/var/cache",
            b'L' => b"/var/log",
            b'h' => b"/root",
            b'u' | b'g' => b"root",
            b'U' | b'G' => b"0",
            _ if exclusion => b"*",
            _ => return None,
        });
    }
    Some(whole)
}

/// Without doubled and trailing slashes, and with /run for its legacy name, as systemd-tmpfiles reads it.
fn simplified(path: &[u8]) -> Option<Vec<u8>> {
    if !path.starts_with(b"/") {
        return None;
    }
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    let whole = names.fold(Vec::new(), |whole, name| [&whole[..], b"/", name].concat());
    let whole = match whole.strip_prefix(b"/var/run/") {
        Some(rest) => [b"/run/", rest].concat(),
        None => whole,
    };
    Some(if whole.is_empty() { b"/".to_vec() } else { whole })
}

/// `10d`, `0`, `~1w`, `bmA:1h`; not `-`, and not what systemd-tmpfiles would refuse.
fn is_age(field: &[u8]) -> bool {
    let field = field.strip_prefix(b"~").unwrap_or(field);
    let by = field.iter().position(|byte| *byte == b':');
    let stamps = by.map_or(&[][..], |colon| &field[..colon]);
    let time = by.map_or(field, |colon| &field[colon + 1..]);
    stamps.iter().all(|stamp| b"abcmABCM".contains(stamp)) && time.first().is_some_and(u8::is_ascii_digit)
}

/// glob(7) with its rules for paths: no wildcard stands for a slash, or for a dot that a name begins with.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (mut patterns, mut names) = (pattern.split(|byte| *byte == b'/'), path.split(|byte| *byte == b'/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name))
                if (!name.starts_with(b".") || pattern.starts_with(b".")) && matches_name(pattern, name) => {}
            _ => return false,
        }
    }
}

fn matches_name(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // Where to go on when what follows the last star does not fit: linear stretches, no recursion.
    let mut last_star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            last_star = Some((rest, name));
            pattern = rest;
            continue;
        }
        match (one(pattern, name.first().copied()), name) {
            (Some(rest), [_, rest_of_name @ ..]) => (pattern, name) = (rest, rest_of_name),
            (_, []) if pattern.is_empty() => return true,
            _ => match last_star {
                Some((after, [_, rest_of_name @ ..])) => {
                    last_star = Some((after, rest_of_name));
                    (pattern, name) = (after, rest_of_name);
                }
                _ => return false,
            },
        }
    }
}

/// The pattern after its first element, when that stands for this byte.
fn one(pattern: &[u8], byte: Option<u8>) -> Option<&[u8]> {
    let byte = byte?;
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', class @ ..] => match class.iter().skip(1).position(|byte| *byte == b']') {
            Some(end) => {
                let (set, rest) = (&class[..=end], &class[end + 2..]);
                let (negated, set) = match set {
                    [b'!' | b'^', set @ ..] => (true, set),
                    set => (false, set),
                };
                (is_in(set, byte) != negated).then_some(rest)
            }
            None => (byte == b'[').then_some(class),
        },
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some(rest),
    }
}

fn is_in(mut set: &[u8], byte: u8) -> bool {
    loop {
        set = match set {
            [] => return false,
            [low, b'-', high, ..] if (*low..=*high).contains(&byte) => return true,
            [_, b'-', _, rest @ ..] => rest,
            [only, ..] if *only == byte => return true,
            [_, rest @ ..] => rest,
        }
    }
}

#[cfg(test)]
mod tests;
