//! Names that are not told whole: what stands for the rest may be anything.

use super::specifiers::OPEN;

/// What stands in a path for the open pieces of a pattern, in their order; `None`: it is another path.
pub fn captured<'p>(pattern: &[u8], path: &'p [u8]) -> Option<Vec<&'p [u8]>> {
    let mut literals = pattern.split(|byte| *byte == OPEN);
    let mut rest = path.strip_prefix(literals.next()?)?;
    let mut literals = literals.peekable();
    let mut found = Vec::new();
    while let Some(literal) = literals.next() {
        let at = if literals.peek().is_none() {
            rest.len().checked_sub(literal.len()).filter(|at| rest.ends_with(literal) && *at > 0)?
        } else {
            // Something stands there: no piece is empty.
            1 + rest.get(1..)?.windows(literal.len().max(1)).position(|part| part.starts_with(literal))?
        };
        found.push(&rest[..at]);
        rest = &rest[at + literal.len()..];
    }
    // Without an open piece it is a name like any other.
    (!found.is_empty() || rest.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn open_pieces_stand_for_something() {
        for (pattern, path, expected) in [
            ("/run/app/\0.sock", "/run/app/one.sock", Some(vec!["one"])),
            ("/run/app/\0.sock", "/run/app/.sock", None),
            ("/run/app/\0.sock", "/run/other/one.sock", None),
            ("/run/\0/\0.sock", "/run/a/b.sock", Some(vec!["a", "b"])),
            ("/run/\0", "/run/a/b.sock", Some(vec!["a/b.sock"])),
            ("/run/a.sock", "/run/a.sock", Some(vec![])),
            ("/run/a.sock", "/run/a.socket", None),
            ("\0", "/x", Some(vec!["/x"])),
        ] {
            let found = captured(pattern.as_bytes(), path.as_bytes());
            let expected =
                expected.map(|pieces| pieces.iter().map(|piece| piece.as_bytes()).collect::<Vec<_>>());
            assert_eq!(found, expected, "{pattern:?} {path}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(pattern in "[a/\0]{0,8}", path in "[a/]{0,8}") {
            let _ = captured(pattern.as_bytes(), path.as_bytes());
        }
    }
}
