//! HTTP/1.1, and the ping of the Docker API, which is a request of it.

use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;

use super::http::{Driver, LONGEST_HEAD, body, headless, request};
use super::wire::Wire;
use super::{Ending, Progress};
use crate::model::{HttpRequest, ProbePlan, Protocol};

/// Header fields beyond this many are not read.
const MOST_FIELDS: usize = 500;

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.title_case_headers(true).max_buf_size(LONGEST_HEAD).max_headers(MOST_FIELDS);
    builder
}

pub(super) async fn exchange(
    plan: &ProbePlan,
    protocol: Protocol,
    wire: Wire,
    progress: &mut Progress,
) -> Ending {
    let ping;
    let plan = if protocol == Protocol::Docker {
        let asked =
            HttpRequest { method: "GET".into(), path: "/_ping".into(), body: vec![], ..plan.request.clone() };
        ping = ProbePlan { request: asked, ..plan.clone() };
        &ping
    } else {
        plan
    };
    let Ok(request) = request(plan, false) else { return Ending::Foreign };
    let Ok((mut sender, connection)) = builder().handshake(TokioIo::new(wire)).await else {
        return Ending::Broken;
    };
    let _driver = Driver::run(async {
        let _ = connection.await;
    });
    match sender.send_request(request).await {
        Ok(response) => {
            let ending = body(plan, response, progress).await;
            if let Some(reply) = progress.reply.as_mut().filter(|_| protocol == Protocol::Docker) {
                let field =
                    |name: &[u8]| reply.headers.iter().find(|(own, _)| own == name).map(|(_, v)| v.clone());
                (reply.version, reply.message) = (field(b"api-version"), Some(reply.body.clone()));
            }
            ending
        }
        Err(error) => headless(&error),
    }
}
