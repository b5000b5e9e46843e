//! What is to be said to a server, and how long at most.

use std::time::Duration;

use super::{Protocol, Target};

/// A request of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The Host header.
    pub host: String,
    /// More header fields.
    pub headers: Vec<(String, String)>,
    /// The body; empty: none.
    pub body: Vec<u8>,
    /// How it is dressed.
    pub form: Form,
}

/// How an HTTP/1 request goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// HTTP/1.1 with the fields every client sends.
    #[default]
    Usual,
    /// HTTP/1.1 with nothing in it but what is said here; an empty Host is not sent.
    Bare,
    /// The same as HTTP/1.0.
    Bare10,
}

impl Form {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Bare10 => "HTTP/1.0",
            Self::Usual | Self::Bare => "HTTP/1.1",
        }
    }
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbePlan {
    /// Where to.
    pub target: Target,
    /// What to speak. `None`: listen first, then what the server is known by.
    pub protocol: Option<Protocol>,
    /// What to ask, in the protocols of HTTP.
    pub request: HttpRequest,
    /// What to send in the raw one.
    pub send: Vec<u8>,
    /// What the raw reply is to match, as a pattern.
    pub expect: Option<String>,
    /// From the first step to the last.
    pub timeout: Duration,
    /// A longer body is not waited for, bytes.
    pub max_body: u64,
    /// How much of a body is kept, bytes.
    pub kept: u64,
    /// How far it goes.
    pub depth: Depth,
}

/// How far a probe goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// It connects, and sends nothing.
    Connect,
    /// Of a reply of HTTP/1 the head is enough.
    Head,
    /// To the end of the reply.
    #[default]
    Whole,
}

impl HttpRequest {
    /// A GET with nothing in it but the Host that clients of this target send.
    pub fn get(target: &Target, path: String) -> Self {
        let host = match target {
            Target::Tcp(address) => address.strip_suffix(":80").unwrap_or(address).to_owned(),
            _ => "localhost".into(),
        };
        Self { method: "GET".into(), path, host, headers: Vec::new(), body: Vec::new(), form: Form::Usual }
    }
}

impl ProbePlan {
    /// What is kept of a body that nobody asked to see: enough to hold it against what is expected.
    pub const KEPT: u64 = 1 << 20;

    /// One HTTP request, with nothing in it that only other protocols have.
    pub fn http(target: Target, request: HttpRequest, timeout: Duration, max_body: u64) -> Self {
        let (protocol, send, expect) = (Some(Protocol::Http), Vec::new(), None);
        let (kept, depth) = (Self::KEPT, Depth::Whole);
        Self { target, protocol, request, send, expect, timeout, max_body, kept, depth }
    }
}
