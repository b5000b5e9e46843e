//! PostgreSQL: SSLRequest, then a startup message, up to what authentication asks
//! (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).

use super::dialogue::{Dialogue, Heard};
use crate::model::Reply;

/// SSLRequest first; at the end Terminate.
pub(super) const DIALOGUE: Dialogue =
    Dialogue { first: b"\0\0\0\x08\x04\xd2\x16\x2f", hear, farewell: b"X\0\0\0\x04" };

/// Protocol 3.0 as user and into the database `postgres`, by name what it is in the server's log.
const STARTUP: &[u8] =
    b"\0\0\0\x45\0\x03\0\0user\0postgres\0database\0postgres\0application_name\0sockdoctor\0\0";

fn hear(stage: usize, bytes: &[u8], _ended: bool) -> Heard {
    let mut reply = Reply { server: Some(b"PostgreSQL".to_vec()), ..Reply::default() };
    match (stage, bytes) {
        (_, []) => return Heard::More,
        (0, [b'N']) => {
            return Heard::Next(STARTUP.to_vec());
        }
        (0, [b'S']) => {
            reply.message = Some(b"it offers TLS; nothing further was asked".to_vec());
            return Heard::Whole(reply);
        }
        (0, [b'E', ..]) | (1, _) => {}
        _ => return Heard::Foreign,
    }
    let mut rest = bytes;
    loop {
        let [kind, a, b, c, d, after @ ..] = rest else { return Heard::More };
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if !(4..=64 << 10).contains(&length) || !b"RSKZEvN".contains(kind) {
            return Heard::Foreign;
        }
        let Some(body) = after.get(..length - 4) else { return Heard::More };
        rest = &after[length - 4..];
        match kind {
            b'R' => match body.first_chunk().map(|word| u32::from_be_bytes(*word)) {
                // Welcome: its parameters follow, the version among them.
                Some(0) => reply.message = Some(b"let in without a password".to_vec()),
                Some(asks) => {
                    reply.message = Some(format!("asks for {}", authentication(asks)).into_bytes());
                    return Heard::Whole(reply);
                }
                None => return Heard::Foreign,
            },
            b'S' => {
                let mut words = body.split(|byte| *byte == 0);
                if words.next() == Some(b"server_version") {
                    reply.version = words.next().map(<[u8]>::to_vec);
                }
            }
            b'Z' => return Heard::Whole(reply),
            b'E' => return refusal(body, reply),
            _ => {}
        }
    }
}

/// Fields: a letter, then text up to a NUL. Class 28 of the SQLSTATEs is what authentication refuses.
fn refusal(body: &[u8], mut reply: Reply) -> Heard {
    let field = |letter: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        fields.find_map(|field| field.strip_prefix(&[letter])).map(<[u8]>::to_vec)
    };
    reply.message = field(b'M');
    match field(b'C') {
        Some(state) if state.starts_with(b"28") => Heard::Refused(reply),
        _ => Heard::Whole(reply),
    }
}

const fn authentication(kind: u32) -> &'static str {
    match kind {
        3 => "a password",
        5 => "a password (md5)",
        7..=9 => "a ticket (GSSAPI, SSPI)",
        10 => "a password (SCRAM)",
        _ => "an authentication not known here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_message_is_as_long_as_it_says() {
        assert_eq!(usize::from(STARTUP[3]), STARTUP.len());
    }

    #[test]
    fn a_trusted_client_learns_the_version() {
        assert!(matches!(hear(0, b"N", false), Heard::Next(_)));
        let welcome = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0015.9\0Z\0\0\0\x05I";
        let Heard::Whole(reply) = hear(1, welcome, false) else { panic!() };
        assert_eq!(reply.version.as_deref(), Some(&b"15.9"[..]));
        assert!(matches!(hear(1, &welcome[..12], false), Heard::More));
    }

    #[test]
    fn peer_authentication_refuses_and_garbage_is_foreign() {
        let body = b"SFATAL\0C28000\0MPeer authentication failed\0\0";
        let length = u8::try_from(body.len() + 4).unwrap();
        let error = [&[b'E', 0, 0, 0, length][..], body].concat();
        let Heard::Refused(reply) = hear(1, &error, false) else { panic!() };
        assert_eq!(reply.message.as_deref(), Some(&b"Peer authentication failed"[..]));
        assert!(matches!(hear(1, b"R\0\0\0\x08\0\0\0\x0a", false), Heard::Whole(_)));
        assert!(matches!(hear(0, b"HTTP", false), Heard::Foreign));
        assert!(matches!(hear(1, b"E\xff\xff\xff\xff", false), Heard::Foreign));
    }
}
