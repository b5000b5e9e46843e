//! D-Bus: the mechanisms, then EXTERNAL as ourselves
//! (<https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol>). The bus itself is not entered.

use super::dialogue::{Dialogue, Heard, line};
use crate::model::Reply;

pub(super) const DIALOGUE: Dialogue = Dialogue { first: b"\0AUTH\r\n", hear, farewell: b"" };

fn hear(stage: usize, bytes: &[u8], _ended: bool) -> Heard {
    let Some(line) = line(bytes) else {
        let known = [&b"REJECTED"[..], b"OK", b"ERROR"].iter().any(|word| {
            let length = word.len().min(bytes.len());
            bytes[..length] == word[..length]
        });
        return if known { Heard::More } else { Heard::Foreign };
    };
    let reply = |message: &[u8]| Reply {
        server: Some(b"D-Bus".to_vec()),
        message: Some(message.to_vec()),
        ..Reply::default()
    };
    match (stage, line) {
        (0, [b'R', b'E', b'J', ..]) => {
            // In hex, digit by digit: each is 3 and itself.
            let uid = nix::unistd::geteuid().to_string();
            let uid: String = uid.chars().flat_map(|digit| ['3', digit]).collect();
            Heard::Next(format!("AUTH EXTERNAL {uid}\r\n").into_bytes())
        }
        (1, [b'O', b'K', ..]) => Heard::Whole(reply(b"let in by uid")),
        (1, [b'R', b'E', b'J', ..]) => Heard::Refused(reply(line)),
        (_, [b'E', b'R', b'R', ..]) => Heard::Whole(reply(line)),
        _ => Heard::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_mechanisms_is_no_refusal() {
        let Heard::Next(next) = hear(0, b"REJECTED EXTERNAL\r\n", false) else { panic!() };
        assert!(next.starts_with(b"AUTH EXTERNAL 3"));
        assert!(matches!(hear(1, b"OK 1234deadbeef\r\n", false), Heard::Whole(_)));
        assert!(matches!(hear(1, b"REJECTED EXTERNAL\r\n", false), Heard::Refused(_)));
        assert!(matches!(hear(0, b"REJ", false), Heard::More));
        assert!(matches!(hear(0, b"+PONG\r\n", false), Heard::Foreign));
    }
}
