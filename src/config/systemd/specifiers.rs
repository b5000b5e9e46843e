//! systemd.unit(5), "Specifiers": those that the name of a unit of the system manager tells.

/// Stands in a value for what only the machine, or the instance of a template, could tell: no name has it.
pub(super) const OPEN: u8 = 0;

/// A value with its specifiers replaced. `None` where one of them only the machine could tell.
pub(super) fn resolved(value: &[u8], unit: &str) -> Option<Vec<u8>> {
    Some(replaced(value, unit)).filter(|value| !value.contains(&OPEN))
}

/// A value with its specifiers replaced, those that cannot be told by [`OPEN`].
pub(super) fn replaced(value: &[u8], unit: &str) -> Vec<u8> {
    let mut whole = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            whole.push(*byte);
            continue;
        }
        match bytes.next().unwrap_or(&OPEN) {
            b'%' => whole.push(b'%'),
            b't' => whole.extend_from_slice(b"/run"),
            b'S' => whole.extend_from_slice(b"/var/lib"),
            b'C' => whole.extend_from_slice(b"/var/cache"),
            b'L' => whole.extend_from_slice(b"/var/log"),
            b'E' => whole.extend_from_slice(b"/etc"),
            b'T' => whole.extend_from_slice(b"/tmp"),
            b'V' => whole.extend_from_slice(b"/var/tmp"),
            b'h' => whole.extend_from_slice(b"/root"),
            b'u' | b'g' => whole.extend_from_slice(b"root"),
            b'U' | b'G' => whole.push(b'0'),
            b'n' => whole.extend(of_instance(unit, unit)),
            b'N' => whole.extend(of_instance(unit, stem(unit))),
            b'p' => whole.extend_from_slice(prefix(unit).as_bytes()),
            b'P' => whole.extend(unescaped(prefix(unit))),
            b'i' => whole.extend(instance(unit).map_or(vec![OPEN], |name| name.as_bytes().to_vec())),
            b'I' => whole.extend(instance(unit).map_or(vec![OPEN], unescaped)),
            b'j' => whole.extend_from_slice(last_part(prefix(unit)).as_bytes()),
            b'J' => whole.extend(unescaped(last_part(prefix(unit)))),
            _ => whole.push(OPEN),
        }
    }
    whole
}

/// A name with the instance in it; of a template the instance is open.
fn of_instance(unit: &str, name: &str) -> Vec<u8> {
    match name.split_once('@') {
        Some((prefix, rest)) if instance(unit).is_none() => {
            [prefix.as_bytes(), b"@", &[OPEN], rest.as_bytes()].concat()
        }
        _ => name.as_bytes().to_vec(),
    }
}

/// The names that an instance could have in which a piece of a path stands: as it is, and escaped.
pub fn instances(piece: &[u8]) -> Vec<String> {
    let mut escaped = String::new();
    for byte in piece {
        match byte {
            b'/' => escaped.push('-'),
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b':' | b'_' | b'.' => escaped.push(char::from(*byte)),
            _ => escaped.extend(format!("\\x{byte:02x}").chars()),
        }
    }
    let plain = std::str::from_utf8(piece).ok().filter(|piece| !piece.contains('/'));
    let mut names: Vec<String> = plain.map(str::to_owned).into_iter().chain([escaped]).collect();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

/// A unit's name without its type.
fn stem(unit: &str) -> &str {
    unit.rsplit_once('.').map_or(unit, |(stem, _)| stem)
}

fn prefix(unit: &str) -> &str {
    let stem = stem(unit);
    stem.split_once('@').map_or(stem, |(prefix, _)| prefix)
}

/// What stands behind the `@`; a template itself has none.
fn instance(unit: &str) -> Option<&str> {
    stem(unit).split_once('@').map(|(_, instance)| instance).filter(|instance| !instance.is_empty())
}

fn last_part(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(_, last)| last)
}

/// `-` stands for `/`, `\xNN` for a byte (systemd.unit(5), "String Escaping").
fn unescaped(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        rest = match rest {
            [b'\\', b'x', high, low, tail @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                bytes.push(digit(*high).unwrap_or(0) * 16 + digit(*low).unwrap_or(0));
                tail
            }
            _ => {
                bytes.push(if *byte == b'-' { b'/' } else { *byte });
                tail
            }
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str, unit: &str) -> Option<String> {
        resolved(value.as_bytes(), unit).map(|value| String::from_utf8(value).unwrap())
    }

    #[test]
    fn a_name_is_taken_apart() {
        let unit = r"my-app@web\x2d1-x.socket";
        let expected = r"/run/my-app/web\x2d1-x web-1/x my-app@web\x2d1-x my-app@web\x2d1-x.socket app 50%";
        assert_eq!(of("%t/%p/%i %I %N %n %j 50%%", unit).as_deref(), Some(expected));
        assert_eq!(of("%i", "app@.socket"), None, "a template has no instance");
        assert_eq!(of("%H", "app.socket"), None);
        assert_eq!(of("100%", "app.socket"), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(value in "[%a-zA-Z]{0,20}", unit in ".{0,20}") {
            let _ = of(&value, &unit);
        }
    }
}
