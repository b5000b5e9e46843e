//! Redis, and what speaks its protocol: PING, then the server section of INFO (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).

use super::dialogue::{Dialogue, Heard, line};
use crate::model::Reply;

pub(super) const DIALOGUE: Dialogue = Dialogue { first: b"PING\r\n", hear, farewell: b"" };

fn hear(stage: usize, bytes: &[u8], _ended: bool) -> Heard {
    let Some(first) = line(bytes) else {
        return if matches!(bytes.first(), None | Some(b'+' | b'-' | b'$')) {
            Heard::More
        } else {
            Heard::Foreign
        };
    };
    let reply = |message: &[u8]| Reply {
        server: Some(b"Redis".to_vec()),
        message: Some(message.to_vec()),
        ..Reply::default()
    };
    match (stage, first.first()) {
        (0, Some(b'+')) => Heard::Next(b"INFO server\r\n".to_vec()),
        (0, Some(b'-'))
            if [&b"-NOAUTH"[..], b"-DENIED", b"-NOPERM"].iter().any(|no| first.starts_with(no)) =>
        {
            Heard::Refused(reply(&first[1..]))
        }
        (_, Some(b'-')) => Heard::Whole(reply(&first[1..])),
        (1, Some(b'$')) => info(first, bytes, reply(b"PONG")),
        _ => Heard::Foreign,
    }
}

/// A bulk string: its length on the first line.
fn info(first: &[u8], bytes: &[u8], mut reply: Reply) -> Heard {
    let length = std::str::from_utf8(&first[1..]).ok().and_then(|digits| digits.parse::<usize>().ok());
    let Some(end) = length.and_then(|length| (first.len() + 2).checked_add(length)) else {
        return Heard::Foreign;
    };
    if bytes.len() < end {
        return Heard::More;
    }
    let field = |name: &[u8]| {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        lines.find_map(|line| line.strip_prefix(name)).map(|value| value.trim_ascii_end().to_vec())
    };
    if let Some(version) = field(b"valkey_version:") {
        (reply.server, reply.version) = (Some(b"Valkey".to_vec()), Some(version));
    } else {
        reply.version = field(b"redis_version:");
    }
    Heard::Whole(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_asks_for_the_version() {
        assert!(matches!(hear(0, b"+PONG\r\n", false), Heard::Next(_)));
        let Heard::Whole(reply) = hear(1, b"$23\r\nredis_version:7.0.15\r\n\r\n", false) else { panic!() };
        assert_eq!(reply.version.as_deref(), Some(&b"7.0.15"[..]));
        assert!(matches!(hear(1, b"$99\r\nredis", false), Heard::More));
    }

    #[test]
    fn a_password_is_a_refusal_and_garbage_is_foreign() {
        assert!(matches!(hear(0, b"-NOAUTH Authentication required.\r\n", false), Heard::Refused(_)));
        assert!(matches!(hear(0, b"HTTP/1.1 400", false), Heard::Foreign));
        assert!(matches!(hear(1, b"$x\r\n", false), Heard::Foreign));
        assert!(matches!(hear(1, b"$18446744073709551615\r\n", false), Heard::Foreign));
    }
}
