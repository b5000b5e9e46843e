//! Directives that nginx refuses, of those that speak of sockets: most often as the one before has no `;`.

use super::Word;

/// Parameters of a server in an `upstream` that have no value.
const OF_SERVER: [&[u8]; 4] = [b"backup", b"down", b"resolve", b"drain"];
/// What often comes behind a `listen`, and is none of its parameters.
const BEHIND_LISTEN: [&[u8]; 7] =
    [b"listen", b"server_name", b"root", b"location", b"access_log", b"error_log", b"include"];

/// What is wrong with a directive that ends with a `;`, and where.
pub(super) fn directive(words: &[Word], block: Option<&[u8]>) -> Option<(usize, String)> {
    let [(name, start), arguments @ ..] = words else { return None };
    let shown = String::from_utf8_lossy(name);
    let at_most = match name.as_slice() {
        b"proxy_pass" | b"fastcgi_pass" | b"uwsgi_pass" | b"scgi_pass" | b"grpc_pass" | b"memcached_pass"
        | b"include" => 1,
        b"user" => 2,
        _ => usize::MAX,
    };
    if arguments.len() > at_most || (arguments.is_empty() && at_most < usize::MAX) {
        let why = format!("invalid number of arguments in \"{shown}\": is a \";\" missing?");
        return Some((start.start, why));
    }
    // In a `stream` block it has no scheme.
    let of_http = matches!(block, Some(b"location" | b"if" | b"limit_except"));
    let url = arguments.first().map_or(&b""[..], |(word, _)| word);
    let schemes = [&b"http://"[..], b"https://", b"$"];
    if name == b"proxy_pass"
        && of_http
        && !schemes.iter().any(|scheme| url.to_ascii_lowercase().starts_with(scheme))
    {
        return Some((start.start, "invalid URL prefix: \"http://\" is missing".to_owned()));
    }
    let strange = |(word, _): &&Word| match name.as_slice() {
        b"server" if block == Some(b"upstream") => {
            !word.contains(&b'=') && !OF_SERVER.contains(&word.as_slice())
        }
        b"listen" => BEHIND_LISTEN.contains(&word.as_slice()),
        _ => false,
    };
    let (word, bytes) = arguments.iter().skip(1).find(strange)?;
    let word = String::from_utf8_lossy(word);
    Some((bytes.start, format!("invalid parameter \"{word}\" in \"{shown}\": is a \";\" missing before it?")))
}

/// What is wrong with what opens a block, and where.
pub(super) fn block(words: &[Word]) -> Option<(usize, String)> {
    let [(name, start), arguments @ ..] = words else { return None };
    let only_ends = name.ends_with(b"_pass") || matches!(name.as_slice(), b"listen" | b"include" | b"user");
    let too_many =
        matches!(name.as_slice(), b"http" | b"server" | b"events" | b"stream") && !arguments.is_empty();
    let shown = String::from_utf8_lossy(name);
    (only_ends || too_many).then(|| (start.start, format!("\"{shown}\" is not ended by a \";\"")))
}
