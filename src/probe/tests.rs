//! Whatever a server sends, each protocol makes something of it.

use proptest::prelude::*;

use super::dialogue::Heard;
use super::*;

const DIALOGUES: [Dialogue; 7] = [
    postgres::DIALOGUE,
    mysql::DIALOGUE,
    redis::DIALOGUE,
    memcached::DIALOGUE,
    fastcgi::DIALOGUE,
    dbus::DIALOGUE,
    haproxy::DIALOGUE,
];

/// Beginnings that lead further in than chance would.
const BEGINNINGS: [&[u8]; 10] = [
    b"",
    b"N",
    b"R\0\0\0\x08\0\0\0\0",
    b"\x1a\0\0\0\x0a",
    b"$10\r\n",
    b"VERSION ",
    b"\x01\x0a\0\0\0\x12\0\0",
    b"REJECTED ",
    b"Name: ",
    b"HTTP/1.1 ",
];

proptest! {
    #[test]
    fn no_bytes_make_a_dialogue_panic(
        beginning in 0..BEGINNINGS.len(),
        rest in prop::collection::vec(any::<u8>(), 0..64),
        stage in 0..2_usize,
        ended: bool,
    ) {
        let bytes = [BEGINNINGS[beginning], &rest].concat();
        for dialogue in &DIALOGUES {
            let heard = (dialogue.hear)(stage, &bytes, ended);
            let _ = matches!(heard, Heard::More);
        }
        let _ = recognise::of(&bytes);
        for protocol in Protocol::ALL {
            let _ = recognise::may_be(protocol, &bytes);
        }
    }
}

#[test]
fn nobody_takes_anothers_first_words_for_its_own() {
    let own: [&[u8]; 7] = [
        b"N",
        b"\x05\0\0\0\x0a11\0\0",
        b"+PONG\r\n",
        b"VERSION 1\r\n",
        b"\x01\x0a\0\0\0\0\0\0",
        b"REJECTED EXTERNAL\r\n",
        b"Name: HAProxy\n",
    ];
    for (number, dialogue) in DIALOGUES.iter().enumerate() {
        for (other, words) in own.iter().enumerate() {
            let taken = !matches!((dialogue.hear)(0, words, true), Heard::Foreign | Heard::More);
            assert_eq!(taken, number == other, "{number} of {}", words.escape_ascii());
        }
    }
}
