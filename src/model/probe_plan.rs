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
}
