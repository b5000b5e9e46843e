//! What the first bytes of a server give away. Pure.

use crate::model::Protocol;

/// Whose these bytes are. `None`: nobody's that is known.
pub(super) fn of(first: &[u8]) -> Option<Protocol> {
    match first {
        [b'H', b'T', b'T', b'P', b'/', ..] => Some(Protocol::Http),
        // A SETTINGS frame on stream 0 (RFC 9113 §6.5): length, type 4, flags, stream.
        [0, 0, _, 4, 0 | 1, 0, 0, 0, 0, ..] => Some(Protocol::Http2),
        // A packet numbered 0 with protocol 10, or an error (MySQL client/server protocol).
        [_, _, 0, 0, 10 | 0xff, ..] => Some(Protocol::Mysql),
        [b'+', b'P' | b'O', ..] => Some(Protocol::Redis),
        _ if first.starts_with(b"-NOAUTH")
            || first.starts_with(b"-ERR ")
            || first.starts_with(b"-DENIED") =>
        {
            Some(Protocol::Redis)
        }
        _ if first.starts_with(b"VERSION ") || first == b"ERROR\r\n" => Some(Protocol::Memcached),
        // Version 1 and one of the types a server sends (FastCGI 1.0 §8).
        [1, 3 | 6 | 7 | 10 | 11, 0, 0 | 1, ..] => Some(Protocol::FastCgi),
        _ if first.starts_with(b"REJECTED") => Some(Protocol::Dbus),
        _ if first.starts_with(b"Unknown command") || first.starts_with(b"Name: HAProxy") => {
            Some(Protocol::Haproxy)
        }
        [b'R' | b'E', 0, 0, _, _, ..] => Some(Protocol::Postgres),
        _ => None,
    }
}

/// Whether they begin a reply of HTTP/1.0 or 1.1 with its status (RFC 9112 §4).
pub(super) fn has_status_line(first: &[u8]) -> bool {
    let rest = first.strip_prefix(b"HTTP/1.1 ").or_else(|| first.strip_prefix(b"HTTP/1.0 "));
    matches!(rest, Some([a, b, c, ..]) if [a, b, c].iter().all(|digit| digit.is_ascii_digit()))
}

/// Whether a reply in this protocol can begin so, as far as these bytes go.
pub(super) fn may_be(protocol: Protocol, first: &[u8]) -> bool {
    let begins = |expected: &[u8]| {
        let length = first.len().min(expected.len());
        first[..length] == expected[..length]
    };
    match protocol {
        Protocol::Http | Protocol::WebSocket | Protocol::Docker => begins(b"HTTP/1."),
        Protocol::Http2 | Protocol::Grpc => first.get(3).is_none_or(|kind| *kind == 4),
        // Each of these says itself what is foreign to it.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_give_themselves_away() {
        for (first, protocol) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Some(Protocol::Http)),
            (b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0", Some(Protocol::Http2)),
            (b"\x5a\0\0\0\x0a5.5.5-10.11.19-MariaDB\0", Some(Protocol::Mysql)),
            (b"-ERR unknown command 'GET'\r\n", Some(Protocol::Redis)),
            (b"ERROR\r\n", Some(Protocol::Memcached)),
            (b"REJECTED EXTERNAL\r\n", Some(Protocol::Dbus)),
            (b"Unknown command: 'GET'\n", Some(Protocol::Haproxy)),
            (b"SSH-2.0-OpenSSH\r\n", None),
            (b"", None),
        ] {
            assert_eq!(of(first), protocol, "{}", first.escape_ascii());
        }
    }

    #[test]
    fn a_status_line_is_http_whatever_follows() {
        assert!(has_status_line(b"HTTP/1.1 200 OK\r\nno field"));
        assert!(!has_status_line(b"HTTP/1.\xff 200") && !has_status_line(b"HTTP/1.1 "));
    }

    #[test]
    fn a_beginning_may_still_become_a_reply() {
        assert!(
            may_be(Protocol::Http, b"HT") && may_be(Protocol::Http, b"") && !may_be(Protocol::Http, b"HX")
        );
        assert!(!may_be(Protocol::Http2, b"HTTP/1.1 400") && may_be(Protocol::Http2, b"\0\0\x06\x04"));
    }
}
