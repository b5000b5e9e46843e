//! errno numbers of Linux, their names, and the words for them: of glibc, of musl, of the kernel's headers.

use std::collections::HashMap;
use std::sync::LazyLock;

use nix::errno::Errno;
use regex::bytes::Regex;

use super::pattern::compiled;

/// The highest number Linux gives an errno (EHWPOISON).
const LAST: i32 = 133;

/// Words other than those of nix: glibc's first, since it is glibc's that most logs have.
const OTHER: &[(i32, &[&str])] = &[
    (5, &["Input/output error", "I/O error"]),
    (9, &["Bad file descriptor"]),
    (11, &["Resource temporarily unavailable"]),
    (12, &["Cannot allocate memory"]),
    (16, &["Device or resource busy", "Resource busy"]),
    (18, &["Invalid cross-device link"]),
    (23, &["Too many open files in system"]),
    (24, &["Too many open files", "No file descriptors available"]),
    (30, &["Read-only file system"]),
    (36, &["File name too long", "Filename too long"]),
    (40, &["Too many levels of symbolic links", "Symbolic link loop"]),
    (75, &["Value too large for defined data type", "Value too large for data type"]),
    (88, &["Socket operation on non-socket", "Not a socket"]),
    (90, &["Message too long", "Message too large"]),
    (95, &["Operation not supported"]),
    (97, &["Address family not supported by protocol"]),
    (98, &["Address already in use", "Address in use"]),
    (99, &["Cannot assign requested address", "Address not available"]),
    (107, &["Transport endpoint is not connected", "Socket not connected"]),
    (110, &["Connection timed out", "Operation timed out"]),
    (116, &["Stale file handle"]),
    (122, &["Disk quota exceeded", "Quota exceeded"]),
];

/// `ECONNREFUSED`; `None` when Linux has no such errno.
pub fn name(number: i32) -> Option<String> {
    known(number).map(|errno| format!("{errno:?}"))
}

/// What strerror(3) says.
pub fn words(number: i32) -> &'static str {
    let other = OTHER.iter().find(|(other, _)| *other == number).and_then(|(_, words)| words.first());
    other.copied().unwrap_or_else(|| Errno::from_raw(number).desc())
}

/// By name, in any case.
pub fn number_of(name: &str) -> Option<i32> {
    NAMES.get(&name.to_ascii_uppercase()).copied()
}

fn known(number: i32) -> Option<Errno> {
    Some(Errno::from_raw(number)).filter(|errno| (1..=LAST).contains(&number) && *errno as i32 == number)
}

static NAMES: LazyLock<HashMap<String, i32>> = LazyLock::new(|| {
    let names = (1..=LAST).filter_map(|number| Some((name(number)?, number)));
    let aliases = [("EWOULDBLOCK", 11), ("EDEADLOCK", 35), ("ENOTSUP", 95)];
    names.chain(aliases.map(|(alias, number)| (alias.to_owned(), number))).collect()
});

/// The errno a line of text tells: by number, by name, or by words.
pub(super) fn errno_in(line: &[u8]) -> Option<i32> {
    let by_number = NUMBER.captures(line).and_then(|found| {
        let digits = found.iter().skip(1).flatten().next()?.as_bytes();
        std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| known(*number).is_some())
    });
    let by_words = || WORDS.find_iter(line).filter_map(|found| number_of_words(found.as_bytes()));
    match by_number {
        // Another system has other numbers (macOS: 61 is ECONNREFUSED); the words are the same.
        Some(number)
            if by_words().all(|other| other == number) || by_words().any(|other| other == number) =>
        {
            Some(number)
        }
        Some(_) => by_words().next(),
        None => by_name(line).or_else(|| by_words().next()),
    }
}

fn by_name(line: &[u8]) -> Option<i32> {
    NAME.find_iter(line).find_map(|found| number_of(std::str::from_utf8(found.as_bytes()).ok()?))
}

fn number_of_words(found: &[u8]) -> Option<i32> {
    PHRASES
        .iter()
        .find(|(phrase, _)| phrase.as_bytes().eq_ignore_ascii_case(found))
        .map(|(_, number)| *number)
}

/// Every phrase, the longer first: "Too many open files in system" is not "Too many open files".
static PHRASES: LazyLock<Vec<(&'static str, i32)>> = LazyLock::new(|| {
    let own = (1..=LAST).filter(|number| known(*number).is_some()).map(|number| (words(number), number));
    let other = OTHER.iter().flat_map(|(number, words)| words.iter().map(|words| (*words, *number)));
    let mut phrases: Vec<_> = own.chain(other).collect();
    phrases.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
    phrases
});

/// Where a number is an errno and not a process, an exit status or a line.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"\[Errno -?(\d{1,3})\]|\((\d{1,3}): [A-Z]|\berrno"?[ =:]+-?(\d{1,3})\b|\bos error (\d{1,3})\b|\bOs \{ code: (\d{1,3})\b|Error\((\d{1,3}), ['"]|socket '[^'\n]*' \((\d{1,3})\b|^\((\d{1,3})\)[A-Z]|\[2002\] .*\((\d{1,3})\)"#,
    )
});

static NAME: LazyLock<Regex> = LazyLock::new(|| compiled(r"\bE[A-Z0-9]{2,15}\b"));

static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    let each: Vec<String> = PHRASES.iter().map(|(phrase, _)| regex::escape(phrase)).collect();
    let any = format!("(?:{})", each.join("|"));
    compiled(&format!("(?i){any}"))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_words_are_those_of_linux() {
        assert_eq!(name(111).as_deref(), Some("ECONNREFUSED"));
        assert_eq!((name(0), name(-1), name(41), name(134)), (None, None, None, None));
        assert_eq!(number_of("econnrefused"), Some(111));
        assert_eq!((number_of("EWOULDBLOCK"), number_of("EPONY")), (Some(11), None));
        assert_eq!(words(11), "Resource temporarily unavailable");
        assert_eq!(words(9), "Bad file descriptor");
        for number in 1..=LAST {
            assert_eq!(name(number).is_some(), number != 41 && number != 58, "{number}");
        }
    }

    #[test]
    fn the_words_are_those_of_this_c_library() {
        for number in (1..=LAST).filter(|number| super::super::errno::find(*number).is_some()) {
            let own = std::io::Error::from_raw_os_error(number).to_string();
            let own = own.split(" (os error").next().unwrap();
            assert!(PHRASES.contains(&(own, number)), "{number} {own}");
        }
    }

    #[test]
    fn an_errno_is_found_in_every_spelling_and_in_nothing_else() {
        for (line, errno) in [
            ("OSError: [Errno 98] Address already in use", Some(98)),
            ("failed (2: No such file or directory) while", Some(2)),
            ("Connection refused (os error 111)", Some(111)),
            ("Os { code: 13, kind: PermissionDenied }", Some(13)),
            ("PermissionError(13, 'Permission denied')", Some(13)),
            ("errno: -111", Some(111)),
            ("{\"errno\":-2,\"code\":\"ENOENT\"}", Some(2)),
            ("through socket '/run/x.sock' (2)", Some(2)),
            ("through socket '/run/x.sock' (111 \"Connection refused\")", Some(111)),
            ("(13)Permission denied: AH02454", Some(13)),
            ("connect EAGAIN /x", Some(11)),
            ("Errno::ECONNREFUSED", Some(111)),
            ("dial unix /x: connect: permission denied", Some(13)),
            ("too many open files in system", Some(23)),
            ("Address in use", Some(98)),
            ("[Errno 61] Connection refused", Some(111)),
            ("curl: (7) Failed to connect to localhost port 80", None),
            ("worker[104]: ERROR at line 13, exit 2", None),
            ("", None),
        ] {
            assert_eq!(errno_in(line.as_bytes()), errno, "{line}");
        }
    }
}
