//! From what was typed to what is said to each server, and what is expected of its reply.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use super::super::Refusal;
use crate::cli::ProbeArgs;
use crate::model::{Depth, Expectations, HttpRequest, ProbePlan, Protocol, Statuses, Target, pattern};
use crate::probe;

/// The longest body that is waited for unless --max-body says otherwise, bytes.
const MAX_BODY: u64 = 16 << 20;
/// And of one that is to be shown: it is kept whole, and JSON takes it several times.
const MAX_SHOWN: u64 = 4 << 20;

const HELP: &str = "see `sockdoctor probe --help`";

/// What is expected, the same of every target.
pub(super) fn expectations(args: &ProbeArgs) -> Result<Expectations, Refusal> {
    let body = args.expect_body.iter().map(|text| pattern(text).map_err(|why| Refusal::usage(why, HELP)));
    Ok(Expectations {
        statuses: args.expect.clone(),
        headers: args.expect_header.clone(),
        body: body.collect::<Result<_, _>>()?,
        json: args.expect_json.clone(),
    })
}

/// What is expected of a reply in this protocol when no status was: a server that nobody asked for HTTP may answer
/// what it likes.
pub(super) fn usual(protocol: Option<Protocol>) -> Option<Statuses> {
    match protocol? {
        Protocol::WebSocket => Some(Statuses::SWITCHED),
        protocol if protocol.is_http() => Some(Statuses::USUAL),
        _ => None,
    }
}

/// The plan for one target as it was typed.
pub(super) fn of(args: &ProbeArgs, text: &[u8], timeout: Duration) -> Result<ProbePlan, Refusal> {
    let target = target(text)?;
    let url_path = Target::http_path(text);
    let plan = plan(args, target, url_path, timeout)?;
    probe::check(&plan).map_err(|why| Refusal::usage(why, HELP))?;
    Ok(plan)
}

/// The same for a target that was found.
pub(super) fn plan(
    args: &ProbeArgs,
    target: Target,
    url_path: Option<String>,
    timeout: Duration,
) -> Result<ProbePlan, Refusal> {
    let raw = args.send.is_some() || args.expect_re.is_some();
    let of_http = url_path.is_some()
        || args.http.is_some()
        || args.method.is_some()
        || args.data.is_some()
        || args.host.is_some()
        || args.include
        || args.body_only
        || !args.headers.is_empty()
        || !args.expect.is_empty()
        || !args.expect_header.is_empty()
        || !args.expect_body.is_empty()
        || !args.expect_json.is_empty();
    let protocol = match args.protocol {
        Some(protocol) => Some(protocol),
        None if args.http2 => Some(Protocol::Http2),
        None if args.websocket => Some(Protocol::WebSocket),
        None if raw => Some(Protocol::Raw),
        None if of_http => Some(Protocol::Http),
        None => None,
    };
    let usual = HttpRequest::get(&target, args.http.clone().or(url_path).unwrap_or_else(|| "/".into()));
    let headers = args.headers.iter().map(|header| {
        let (name, value) = header.split_once(':').ok_or_else(|| {
            Refusal::usage(format!("`{header}` is no header field"), "write -H 'Name: value'")
        })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    let default = if args.data.is_some() { "POST" } else { "GET" };
    let send = args.send.clone().map(OsStringExt::into_vec).unwrap_or_default();
    let shown = args.include || args.body_only;
    let max_body = args.max_body.unwrap_or(if shown { MAX_SHOWN } else { MAX_BODY });
    Ok(ProbePlan {
        target,
        protocol,
        request: HttpRequest {
            method: args.method.clone().unwrap_or_else(|| default.into()),
            host: args.host.clone().unwrap_or_else(|| usual.host.clone()),
            headers: headers.collect::<Result<_, Refusal>>()?,
            body: args.data.as_ref().map(|data| data.as_bytes().to_vec()).unwrap_or_default(),
            ..usual
        },
        send: unescape(&send).ok_or_else(|| Refusal::usage("--send holds an escape that is none", HELP))?,
        expect: args.expect_re.clone(),
        timeout,
        max_body,
        // What is shown is shown whole.
        kept: if shown { max_body } else { ProbePlan::KEPT },
        depth: Depth::Whole,
    })
}

fn target(text: &[u8]) -> Result<Target, Refusal> {
    match Target::parse_server(text) {
        Ok(Target::Inode(ino)) => {
            let hint = format!("give its path; `sockdoctor inspect inode:{ino}` shows it");
            Err(Refusal::usage("a socket cannot be connected to by its inode", hint))
        }
        Ok(target) => Ok(target),
        Err(error) => Err(Refusal::usage(error.to_string(), HELP)),
    }
}

/// `\r`, `\n`, `\t`, `\0`, `\xNN` and `\\` as the bytes they stand for.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'\\' => b'\\',
                b'x' => {
                    let digits = [*rest.next()?, *rest.next()?];
                    let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'))?;
                    u8::from_str_radix(digits, 16).ok()?
                }
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_bytes() {
        assert_eq!(unescape(br"PING\r\n\x00\\\t\0").unwrap(), b"PING\r\n\0\\\t\0");
        assert!([&br"\q"[..], br"\", br"\x1", br"\x+1"].iter().all(|text| unescape(text).is_none()));
    }

    #[test]
    fn an_address_is_no_path() {
        assert!(matches!(target(b"127.0.0.1:5001"), Ok(Target::Tcp(address)) if address == "127.0.0.1:5001"));
        assert!(matches!(target(b"[::1]:80"), Ok(Target::Tcp(_))));
        assert!(matches!(target(b"localhost:5001"), Ok(Target::Tcp(_))));
        assert!(matches!(target(b"localhost:http"), Ok(Target::Path(_))));
        assert!(matches!(target(b"./127.0.0.1:5001"), Ok(Target::Path(_))));
        assert!(target(b"inode:7").is_err());
    }
}
