//! HTTP/2 with prior knowledge (RFC 9113 §3.3): no upgrade, no TLS.

use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::http::{Driver, body, request};
use super::wire::Wire;
use super::{Ending, Progress};
use crate::model::ProbePlan;

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
        Err(_) => Ending::Broken,
    }
}
