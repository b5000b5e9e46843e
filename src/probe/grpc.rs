//! gRPC: the standard health check (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>) over HTTP/2.

use super::wire::Wire;
use super::{Ending, Progress, http2};
use crate::model::{HttpRequest, Miss, ProbePlan, Reply};

/// A message of no bytes, uncompressed: the health of the server as a whole.
const EMPTY: [u8; 5] = [0; 5];

pub(super) async fn exchange(plan: &ProbePlan, wire: Wire, progress: &mut Progress) -> Ending {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = plan.request.headers.clone();
    headers.extend([field("content-type", "application/grpc"), field("te", "trailers")]);
    let request = HttpRequest {
        method: "POST".into(),
        path: "/grpc.health.v1.Health/Check".into(),
        headers,
        body: EMPTY.to_vec(),
        ..plan.request.clone()
    };
    let ending = http2::exchange(&ProbePlan { request, ..plan.clone() }, wire, progress).await;
    let whole = matches!(ending, Ending::Whole) && progress.misses.is_empty();
    if let Some(reply) = progress.reply.as_mut().filter(|_| whole) {
        match health(reply) {
            Health::Serving => reply.message = Some(b"SERVING".to_vec()),
            Health::NoService => reply.message = Some(b"it has no health service".to_vec()),
            Health::Refused => return Ending::Refused,
            Health::Other(got) => {
                reply.message = Some(got.clone());
                progress.misses.push(Miss { expected: "health SERVING".into(), got });
            }
        }
    }
    ending
}

#[derive(Debug, PartialEq, Eq)]
enum Health {
    Serving,
    /// `UNIMPLEMENTED`: the server answers, and has no such service.
    NoService,
    /// `UNAUTHENTICATED` or `PERMISSION_DENIED`.
    Refused,
    Other(Vec<u8>),
}

/// The status field (number 1, a varint) of the message, or the status of the call.
fn health(reply: &Reply) -> Health {
    let status =
        reply.headers.iter().find(|(name, _)| name == b"grpc-status").map(|(_, value)| value.as_slice());
    match (status, reply.body.as_slice()) {
        (Some(b"12"), _) => Health::NoService,
        (Some(b"7" | b"16"), _) => Health::Refused,
        (None | Some(b"0"), [0, _, _, _, _, 8, 1, ..]) => Health::Serving,
        (None | Some(b"0"), [0, _, _, _, _, 8, 2, ..]) => Health::Other(b"NOT_SERVING".to_vec()),
        (None | Some(b"0"), [0, ..]) => Health::Other(b"UNKNOWN".to_vec()),
        (Some(status), _) => Health::Other([b"grpc-status ", status].concat()),
        // An HTTP/2 server that takes no calls.
        (None, _) => Health::NoService,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: &[u8], body: &[u8]) -> Reply {
        let headers = vec![(b"grpc-status".to_vec(), status.to_vec())];
        Reply { headers, body: body.to_vec(), ..Reply::default() }
    }

    #[test]
    fn health_is_one_varint() {
        assert_eq!(health(&reply(b"0", b"\0\0\0\0\x02\x08\x01")), Health::Serving);
        assert_eq!(health(&reply(b"0", b"\0\0\0\0\x02\x08\x02")), Health::Other(b"NOT_SERVING".to_vec()));
        assert_eq!(health(&reply(b"12", b"")), Health::NoService);
        assert_eq!(health(&reply(b"16", b"")), Health::Refused);
        assert_eq!(health(&Reply::default()), Health::NoService);
    }
}
