//! MySQL and MariaDB: the server greets (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>).

use super::dialogue::{Dialogue, Heard};
use crate::model::Reply;

pub(super) const DIALOGUE: Dialogue = Dialogue { first: b"", hear, farewell: b"" };

/// Length (3 bytes, little-endian), number 0, then protocol 10 and the version up to a NUL, or an error.
fn hear(_stage: usize, bytes: &[u8], _ended: bool) -> Heard {
    let [a, b, c, number, rest @ ..] = bytes else { return Heard::More };
    let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
    if *number != 0 || length > 4096 || rest.first().is_some_and(|kind| !matches!(kind, 10 | 0xff)) {
        return Heard::Foreign;
    }
    let Some(packet) = rest.get(..length) else { return Heard::More };
    match packet {
        [10, greeting @ ..] => {
            let version = greeting.split(|byte| *byte == 0).next().unwrap_or_default();
            // What MariaDB puts before its version, for old clients.
            let real = version.strip_prefix(b"5.5.5-").unwrap_or(version);
            let maria = real.windows(7).any(|part| part == b"MariaDB");
            let server = if maria { &b"MariaDB"[..] } else { b"MySQL" };
            Heard::Whole(Reply {
                server: Some(server.to_vec()),
                version: Some(real.to_vec()),
                ..Reply::default()
            })
        }
        // 1040 too many connections, 1129 blocked, 1130 not allowed to connect: all before any password.
        [0xff, low, high, message @ ..] => {
            let code = u16::from_le_bytes([*low, *high]);
            let message = [format!("error {code}: ").as_bytes(), message].concat();
            let reply = Reply {
                server: Some(b"MySQL or MariaDB".to_vec()),
                message: Some(message),
                ..Reply::default()
            };
            if matches!(code, 1129 | 1130) { Heard::Refused(reply) } else { Heard::Whole(reply) }
        }
        _ => Heard::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_tells_the_version() {
        let mut greeting = b"\x1a\0\0\0\x0a5.5.5-10.11.19-MariaDB\0\x01\x02".to_vec();
        greeting[0] = u8::try_from(greeting.len() - 4).unwrap();
        let Heard::Whole(reply) = hear(0, &greeting, false) else { panic!() };
        assert_eq!(reply.version.as_deref(), Some(&b"10.11.19-MariaDB"[..]));
        assert!(matches!(hear(0, &greeting[..9], false), Heard::More));
    }

    #[test]
    fn a_blocked_host_is_a_refusal_and_garbage_is_foreign() {
        let blocked = b"\x08\0\0\0\xff\x6a\x04Host ";
        assert!(matches!(hear(0, blocked, false), Heard::Refused(_)));
        assert!(matches!(hear(0, b"HTTP/1.1 400 Bad", false), Heard::Foreign));
    }
}
