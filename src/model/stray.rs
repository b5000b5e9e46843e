//! Bytes that an env file, a template or a shell leaves in a path by mistake.
//!
//! Any byte but NUL and `/` may stand in a file name, so none of these is forbidden: they are what nobody means.

/// What is strange about a path, in words; empty for one that somebody may have meant. Spaces inside a name and
/// bytes that are not UTF-8 are nobody's mistake.
pub fn stray_bytes(path: &[u8]) -> Vec<&'static str> {
    // Nearly every name of a long list ends here.
    if !path.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'$')) {
        return Vec::new();
    }
    let names = || path.split(|byte| *byte == b'/');
    let has = |wanted: u8| path.contains(&wanted);
    let ends = |wanted: &[u8]| {
        let at = |byte: Option<&u8>| byte.is_some_and(|byte| wanted.contains(byte));
        (names().any(|name| at(name.first())), names().any(|name| at(name.last())))
    };
    let (space_before, space_after) = ends(b" \t");
    let quoted = |byte: Option<&u8>| byte.is_some_and(|byte| is_quote(*byte));
    let last_name = names().next_back();
    let quote =
        quoted(path.first()) || quoted(path.last()) || quoted(last_name.and_then(|name| name.first()));
    [
        (has(b'\r'), "a carriage return (\\r)"),
        (has(b'\n'), "a line feed (\\n)"),
        (space_before, "a blank at the beginning of a name"),
        (space_after, "a blank at the end of a name"),
        (quote, "a quote at an end"),
        (has_variable(path), "a variable that nothing replaced ($)"),
    ]
    .into_iter()
    .filter_map(|(found, words)| found.then_some(words))
    .collect()
}

/// The path without them, as far as that can be told: a variable stays.
pub fn without_stray_bytes(path: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let trimmed = trim(path, |byte| blank(byte) || is_quote(*byte));
    let last = trimmed.split(|byte| *byte == b'/').skip(1).count();
    let names = trimmed.split(|byte| *byte == b'/').enumerate().map(|(number, name)| {
        let name = trim(name, |byte| blank(byte) || (number == last && is_quote(*byte)));
        name.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect::<Vec<u8>>()
    });
    names.collect::<Vec<_>>().join(&b'/')
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

fn has_variable(path: &[u8]) -> bool {
    path.windows(2)
        .any(|pair| pair[0] == b'$' && (matches!(pair[1], b'{' | b'_') || pair[1].is_ascii_alphabetic()))
}

fn trim(mut bytes: &[u8], unwanted: impl Fn(&u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && unwanted(first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && unwanted(last)
    {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_env_file_leaves_behind_is_strange_and_goes() {
        for path in [
            "/run/x.sock\r",
            "/run/x.sock\n",
            " /run/x.sock",
            "/run/x.sock ",
            "/run /x.sock",
            "\"/run/x.sock\"",
            "/run/'x.sock'",
            "/run/x.sock\t",
        ] {
            assert!(!stray_bytes(path.as_bytes()).is_empty(), "{path:?}");
            assert_eq!(without_stray_bytes(path.as_bytes()), b"/run/x.sock", "{path:?}");
        }
        assert!(!stray_bytes(b"/run/${NAME}.sock").is_empty());
        assert!(!stray_bytes(b"$XDG_RUNTIME_DIR/x.sock").is_empty());
    }

    #[test]
    fn what_somebody_may_mean_is_not() {
        for path in ["/srv/my app.sock", "/run/it's.sock", "/run/a$1", "/run/$", "/"] {
            assert_eq!(stray_bytes(path.as_bytes()), Vec::<&str>::new(), "{path}");
            assert_eq!(without_stray_bytes(path.as_bytes()), path.as_bytes());
        }
        assert!(stray_bytes(b"/run/\xff\x1b.sock").is_empty());
        assert!(stray_bytes(b"").is_empty());
        assert!(without_stray_bytes(b" \r'").is_empty());
    }
}
