//! What the versions of HTTP share: the request, and the reply as it comes, within bounds.

use std::io;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, SERVER, USER_AGENT};
use hyper::{Request, Response, Version};
use tokio::task::JoinHandle;

use super::{Ending, Progress};
use crate::model::{Depth, Form, ProbePlan, Protocol, Reply, Unfinished};

/// No head of a reply is longer.
pub(super) const LONGEST_HEAD: usize = 64 << 10;

/// The request. HTTP/2 wants the whole URI and no Host of its own.
pub(super) fn request(plan: &ProbePlan, absolute: bool) -> Result<Request<Full<Bytes>>, String> {
    let asked = &plan.request;
    let uri = if absolute { format!("http://{}{}", asked.host, asked.path) } else { asked.path.clone() };
    let mut request = Request::builder().method(asked.method.as_str()).uri(uri);
    let given = |name: &str| asked.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let bare = asked.form != Form::Usual;
    if asked.form == Form::Bare10 {
        request = request.version(Version::HTTP_10);
    }
    let without_host = bare && asked.host.is_empty();
    if !absolute && !without_host {
        request = request.header(HOST, &asked.host);
    }
    if !given("user-agent") && !bare {
        request = request.header(USER_AGENT, concat!("sockdoctor/", env!("CARGO_PKG_VERSION")));
    }
    if !given("accept") && !bare {
        request = request.header(ACCEPT, "*/*");
    }
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::copy_from_slice(&asked.body))).map_err(|error| error.to_string())
}

/// The request as it is told about.
pub(super) fn in_words(plan: &ProbePlan, protocol: Protocol) -> Option<String> {
    let request = &plan.request;
    Some(match protocol {
        Protocol::Http => format!("{} {} {}", request.method, request.path, request.form.version()),
        Protocol::Docker => "GET /_ping HTTP/1.1".into(),
        Protocol::WebSocket => format!("GET {} HTTP/1.1, Upgrade: websocket", request.path),
        Protocol::Http2 => format!("{} {} HTTP/2", request.method, request.path),
        Protocol::Grpc => "grpc.health.v1.Health/Check".into(),
        Protocol::Postgres => "SSLRequest, then a startup message".into(),
        Protocol::Mysql => "nothing: it greets".into(),
        Protocol::Redis => "PING, INFO server".into(),
        Protocol::Memcached => "version".into(),
        Protocol::FastCgi => "FCGI_GET_VALUES".into(),
        Protocol::Dbus => "AUTH, AUTH EXTERNAL".into(),
        Protocol::Haproxy => "show info".into(),
        Protocol::Raw => format!("{} bytes", plan.send.len()),
    })
}

/// A connection's other half, ended with the exchange.
pub(super) struct Driver(JoinHandle<()>);

impl Driver {
    pub(super) fn run(connection: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(connection))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What an error before the head was whole amounts to. That a head is too long hyper tells clients only in words.
pub(super) fn headless(error: &hyper::Error) -> Ending {
    match error.is_parse() {
        true if error.to_string().contains("too large") => Ending::TooLong(Unfinished::HeadTooLong),
        true => Ending::Foreign,
        false => Ending::Broken,
    }
}

/// What an error within the body amounts to. A chunk that is none hyper tells by the kind of its source.
fn bodiless(error: &hyper::Error) -> Ending {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    match source.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => Ending::Malformed,
        _ => Ending::Broken,
    }
}

/// The head of a reply.
pub(super) fn head<B>(response: &Response<B>) -> Reply {
    let headers = response.headers();
    Reply {
        status: Some(response.status().as_u16()),
        version_line: Some(match response.version() {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2",
            _ => "HTTP/1.1",
        }),
        server: headers.get(SERVER).map(|value| value.as_bytes().to_vec()),
        headers: headers
            .iter()
            .map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect(),
        ..Reply::default()
    }
}

/// A stream that is not meant to end: its head is the reply.
pub(super) fn is_stream<B>(response: &Response<B>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    response.status().as_u16() == 101
        || kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Reads a body to its end or to its bound; the trailers, where there are any, become header fields.
pub(super) async fn body<B>(plan: &ProbePlan, mut response: Response<B>, progress: &mut Progress) -> Ending
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let reply = progress.reply.insert(head(&response));
    if plan.depth == Depth::Head || is_stream(&response) {
        return Ending::Whole;
    }
    while let Some(frame) = response.body_mut().frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return bodiless(&error),
        };
        if let Some(data) = frame.data_ref() {
            reply.body_bytes += data.len() as u64;
            let kept = usize::try_from(plan.kept).unwrap_or(usize::MAX);
            let room = kept.saturating_sub(reply.body.len()).min(data.len());
            reply.body.extend_from_slice(&data[..room]);
            if reply.body_bytes > plan.max_body {
                return Ending::TooLong(Unfinished::BodyTooLong);
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            let each = trailers.iter();
            reply.headers.extend(
                each.map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec())),
            );
        }
    }
    Ending::Whole
}
