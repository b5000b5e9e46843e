//! memcached: `version` (<https://github.com/memcached/memcached/blob/master/doc/protocol.txt>).

use super::dialogue::{Dialogue, Heard, line};
use crate::model::Reply;

pub(super) const DIALOGUE: Dialogue = Dialogue { first: b"version\r\n", hear, farewell: b"quit\r\n" };

const VERSION: &[u8] = b"VERSION ";
const ERROR: &[u8] = b"CLIENT_ERROR";

fn hear(_stage: usize, bytes: &[u8], _ended: bool) -> Heard {
    let reply = Reply { server: Some(b"memcached".to_vec()), ..Reply::default() };
    match line(bytes) {
        None if VERSION.starts_with(&bytes[..bytes.len().min(8)]) || bytes.starts_with(ERROR) => Heard::More,
        Some(line) if line.starts_with(VERSION) => {
            Heard::Whole(Reply { version: Some(line[8..].to_vec()), ..reply })
        }
        Some(line) if line.starts_with(ERROR) => {
            Heard::Refused(Reply { message: Some(line.to_vec()), ..reply })
        }
        _ => Heard::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_on_one_line() {
        let Heard::Whole(reply) = hear(0, b"VERSION 1.6.18\r\n", false) else { panic!() };
        assert_eq!(reply.version.as_deref(), Some(&b"1.6.18"[..]));
        assert!(matches!(hear(0, b"VERS", false), Heard::More));
        assert!(matches!(hear(0, b"-ERR\r\n", false), Heard::Foreign));
        assert!(matches!(hear(0, b"CLIENT_ERROR unauthenticated\r\n", false), Heard::Refused(_)));
    }
}
