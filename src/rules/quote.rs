//! Names as words of a shell command, so that a printed fix can be pasted whatever the name holds.

use crate::model::Case;

/// One POSIX shell word; control and non-ASCII bytes as `$'…'`, which bash, zsh and ksh understand.
pub fn word(bytes: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:=@%,".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    if bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        let text = bytes.iter().flat_map(|byte| if *byte == b'\'' { b"'\\''".to_vec() } else { vec![*byte] });
        return [b"'".to_vec(), text.collect(), b"'".to_vec()].concat();
    }
    let text = bytes.iter().flat_map(|byte| match byte {
        b'\'' | b'\\' => vec![b'\\', *byte],
        0x20..0x7f => vec![*byte],
        other => format!("\\x{other:02x}").into_bytes(),
    });
    [b"$'".to_vec(), text.collect(), b"'".to_vec()].concat()
}

/// A command and one name behind it; a name that begins with a dash cannot become an option.
pub(super) fn command(command: &str, name: &[u8]) -> Vec<u8> {
    let dash: &[u8] = if name.starts_with(b"-") { b"./" } else { b"" };
    [command.as_bytes(), b" ", &word(&[dash, name].concat())].concat()
}

/// A command of ours about a path of the case's view, which may be another process's.
pub(super) fn ours(verb: &str, case: &Case, path: &[u8]) -> Vec<u8> {
    let view = case.client.map(|pid| format!(" --pid {pid}")).unwrap_or_default();
    command(&format!("sockdoctor {verb}{view}"), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_looked_at_in_the_view_it_was_found_in() {
        let case = Case::sample();
        assert_eq!(ours("inspect", &case, b"/a b"), b"sockdoctor inspect '/a b'");
        let theirs = Case { client: Some(7), ..case };
        assert_eq!(ours("access", &theirs, b"/a"), b"sockdoctor access --pid 7 /a");
    }

    #[test]
    fn hostile_names_stay_one_word() {
        assert_eq!(word(b"/run/x.sock"), b"/run/x.sock");
        assert_eq!(word(b"/tmp/a b"), b"'/tmp/a b'");
        assert_eq!(word(b"/tmp/it's"), br"'/tmp/it'\''s'");
        assert_eq!(word(b"/tmp/a\n\x1b\xff'"), br"$'/tmp/a\x0a\x1b\xff\''");
        assert_eq!(command("mv", b"-x"), b"mv ./-x");
    }
}
