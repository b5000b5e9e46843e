//! FastCGI: what the server calls its own limits (FastCGI 1.0 §4.1,
//! <https://fastcgi-archives.github.io/FastCGI_Specification.html>), which runs no script.

use super::dialogue::{Dialogue, Heard};
use crate::model::Reply;

/// FCGI_GET_VALUES (9) of request 0, with one name and no value.
pub(super) const DIALOGUE: Dialogue =
    Dialogue { first: b"\x01\x09\0\0\0\x11\x07\0\x0f\0FCGI_MPXS_CONNS\0\0\0\0\0\0\0", hear, farewell: b"" };

/// FCGI_GET_VALUES_RESULT, or FCGI_UNKNOWN_TYPE of a server that knows no management records.
fn hear(_stage: usize, bytes: &[u8], _ended: bool) -> Heard {
    let reply = |message: Option<Vec<u8>>| {
        Heard::Whole(Reply { server: Some(b"FastCGI".to_vec()), message, ..Reply::default() })
    };
    match bytes {
        [1, 10 | 11, 0, 0, high, low, _, _, content @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match content.get(..length) {
                None => Heard::More,
                Some(_) if bytes[1] == 11 => reply(None),
                Some(content) => match content {
                    [name, 1, pair @ ..] if usize::from(*name) + 1 == pair.len() => {
                        let (name, value) = pair.split_at(usize::from(*name));
                        reply(Some([name, b"=", value].concat()))
                    }
                    _ => reply(None),
                },
            }
        }
        _ if b"\x01\x0a\0\0".starts_with(&bytes[..bytes.len().min(4)]) => Heard::More,
        [1, 11, ..] if bytes.len() < 8 => Heard::More,
        _ => Heard::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_as_long_as_it_says() {
        let [_, _, _, _, high, low, padding, _, rest @ ..] = DIALOGUE.first else { panic!() };
        assert_eq!(rest.len(), usize::from(u16::from_be_bytes([*high, *low])) + usize::from(*padding));
    }

    #[test]
    fn values_come_back() {
        let answer = b"\x01\x0a\0\0\0\x12\x06\0\x0f\x01FCGI_MPXS_CONNS0\0\0\0\0\0\0";
        let Heard::Whole(reply) = hear(0, answer, false) else { panic!() };
        assert_eq!(reply.message.as_deref(), Some(&b"FCGI_MPXS_CONNS=0"[..]));
        assert!(matches!(hear(0, &answer[..3], false), Heard::More));
        assert!(matches!(hear(0, &answer[..20], false), Heard::More));
        assert!(matches!(hear(0, b"HTTP", false), Heard::Foreign));
    }
}
