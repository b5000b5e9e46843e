//! HAProxy's stats socket: `show info` (management guide §9.3). It answers and closes.

use super::dialogue::{Dialogue, Heard};
use crate::model::Reply;

pub(super) const DIALOGUE: Dialogue = Dialogue { first: b"show info\n", hear, farewell: b"" };

fn hear(_stage: usize, bytes: &[u8], ended: bool) -> Heard {
    const NAME: &[u8] = b"Name: ";
    let begins = &bytes[..bytes.len().min(NAME.len())];
    let denied = bytes.starts_with(b"Permission denied");
    if !NAME.starts_with(begins) && !denied && !b"Permission denied".starts_with(bytes) {
        return Heard::Foreign;
    }
    if !ended {
        return Heard::More;
    }
    if bytes.len() < NAME.len() {
        return Heard::More;
    }
    let field = |name: &[u8]| {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        lines.find_map(|line| line.strip_prefix(name)).map(<[u8]>::to_vec)
    };
    let reply = Reply { server: field(NAME), version: field(b"Version: "), ..Reply::default() };
    if denied {
        return Heard::Refused(Reply { message: Some(b"Permission denied".to_vec()), ..reply });
    }
    let connections = field(b"CurrConns: ").map(|count| [&count, &b" connections now"[..]].concat());
    Heard::Whole(Reply { message: connections, ..reply })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_whole_at_its_end() {
        let answer = b"Name: HAProxy\nVersion: 2.6.12\nCurrConns: 3\n\n";
        assert!(matches!(hear(0, answer, false), Heard::More));
        let Heard::Whole(reply) = hear(0, answer, true) else { panic!() };
        assert_eq!(reply.version.as_deref(), Some(&b"2.6.12"[..]));
        assert!(matches!(hear(0, b"Permission denied\n", true), Heard::Refused(_)));
        assert!(matches!(hear(0, b"HTTP/1.1", false), Heard::Foreign));
        assert!(matches!(hear(0, b"", true), Heard::More));
    }
}
