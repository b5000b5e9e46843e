//! WebSocket: the upgrade (RFC 6455 §4), one ping, its pong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::http::{Driver, body, head, headless, request};
use super::wire::Wire;
use super::{Ending, Progress, http1};
use crate::model::{HttpRequest, Miss, ProbePlan, Unfinished};

/// A frame beyond this many bytes is not taken.
const LONGEST_FRAME: usize = 64 << 10;
const PING: &[u8] = b"sockdoctor";

pub(super) async fn exchange(plan: &ProbePlan, wire: Wire, progress: &mut Progress) -> Ending {
    let key = STANDARD.encode(nonce());
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = plan.request.headers.clone();
    headers.extend([
        field("Connection", "Upgrade"),
        field("Upgrade", "websocket"),
        field("Sec-WebSocket-Version", "13"),
        field("Sec-WebSocket-Key", &key),
    ]);
    let asked = HttpRequest { method: "GET".into(), headers, body: Vec::new(), ..plan.request.clone() };
    let plan = ProbePlan { request: asked, ..plan.clone() };
    let Ok(request) = request(&plan, false) else { return Ending::Foreign };
    let Ok((mut sender, connection)) = http1::builder().handshake(TokioIo::new(wire)).await else {
        return Ending::Broken;
    };
    let _driver = Driver::run(async {
        let _ = connection.with_upgrades().await;
    });
    let response = match sender.send_request(request).await {
        Ok(response) => response,
        Err(error) => return headless(&error),
    };
    if response.status().as_u16() != 101 {
        return body(&plan, response, progress).await;
    }
    let reply = progress.reply.insert(head(&response));
    let accept = response.headers().get("sec-websocket-accept").map(|value| value.as_bytes().to_vec());
    let expected = derive_accept_key(key.as_bytes());
    if accept.as_deref() != Some(expected.as_bytes()) {
        let expected = format!("header Sec-WebSocket-Accept: {expected}");
        progress.misses.push(Miss { expected, got: accept.unwrap_or_else(|| b"no such header".to_vec()) });
        return Ending::Whole;
    }
    let Ok(upgraded) = hyper::upgrade::on(response).await else { return Ending::Broken };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_FRAME))
        .max_frame_size(Some(LONGEST_FRAME))
        .read_buffer_size(4 << 10);
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(limits)).await;
    if socket.send(Message::Ping(PING.into())).await.is_err() {
        return Ending::Broken;
    }
    // A server may have messages of its own before.
    while let Some(message) = socket.next().await {
        match message {
            Ok(Message::Pong(payload)) if payload.as_ref() == PING => {
                reply.message = Some(b"ping answered".to_vec());
                let _ = socket.close(None).await;
                return Ending::Whole;
            }
            Ok(_) => {}
            Err(Error::Capacity(_)) => return Ending::TooLong(Unfinished::BodyTooLong),
            Err(_) => return Ending::Broken,
        }
    }
    Ending::Broken
}

/// Sixteen bytes that differ from run to run; they guard caches, not secrets (RFC 6455 §10.3).
fn nonce() -> [u8; 16] {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() ^ u128::from(std::process::id()) << 96).to_ne_bytes()
}
