//! HTTP/2 with prior knowledge (RFC 9113 §3.3): no upgrade, no TLS.

use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::http::{Driver, body, request};
use super::wire::Wire;
use super::{Ending, Progress};
use crate::model::{Miss, ProbePlan, Reply};

/// A head beyond this many bytes is not read; hyper's own default.
const LONGEST_HEAD: u32 = 16 << 10;

pub(super) async fn exchange(plan: &ProbePlan, wire: Wire, progress: &mut Progress) -> Ending {
    let Ok(request) = request(plan, true) else { return Ending::Foreign };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.max_header_list_size(LONGEST_HEAD);
    let Ok((mut sender, connection)) = builder.handshake(TokioIo::new(wire)).await else {
        return Ending::Broken;
    };
    let _driver = Driver::run(async {
        let _ = connection.await;
    });
    match sender.send_request(request).await {
        Ok(response) => body(plan, response, progress).await,
        Err(error) => match reset(&error) {
            None => Ending::Broken,
            Some(reason) => {
                progress.reply =
                    Some(Reply { message: Some(reason.clone().into_bytes()), ..Reply::default() });
                let expected = "a reply on the stream".into();
                progress.misses.push(Miss { expected, got: reason.into_bytes() });
                Ending::Whole
            }
        },
    }
}

/// The server's own refusal of the stream (RST_STREAM), as gRPC servers answer what is no call. That it came from the
/// server hyper tells in the words of its source alone.
fn reset(error: &hyper::Error) -> Option<String> {
    let reason = std::error::Error::source(error)?.to_string();
    reason.strip_prefix("stream error received: ").map(|reason| format!("stream reset: {reason}"))
}
