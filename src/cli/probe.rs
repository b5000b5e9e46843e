//! What was typed of `probe`.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::values::{http_path, parsed, pauses, protocols, size};
use crate::model::{Header, JsonValue, Protocol, Statuses};

/// `probe`
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct ProbeArgs {
    /// /run/x.sock, @abstract, http+unix://%2Frun%2Fx.sock/path, 127.0.0.1:5001, http://127.0.0.1:5001/health
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub targets: Vec<OsString>,
    /// Ask for PATH over HTTP/1.1; without a target, of every listener known to speak HTTP
    #[arg(long, value_name = "PATH", value_parser = http_path)]
    pub http: Option<String>,
    /// Make the health check that HAProxy makes of a server, and say what it would: L7OK, L4CON, SOCKERR
    #[arg(long, value_name = "FILE:BACKEND/SERVER", hide_short_help = true)]
    #[arg(conflicts_with_all = ["targets", "http", "http2", "websocket", "protocol", "method", "headers", "data", "host",
        "expect", "expect_header", "expect_body", "expect_json", "send", "expect_re", "all"])]
    pub like: Option<OsString>,
    /// Over HTTP/2 with prior knowledge
    #[arg(long, conflicts_with_all = ["websocket", "protocol", "send"])]
    pub http2: bool,
    /// Upgrade to WebSocket, send one ping
    #[arg(long, conflicts_with_all = ["protocol", "send", "data"])]
    pub websocket: bool,
    /// Speak this protocol instead of listening first
    #[arg(long, value_name = "P", value_parser = protocols(), hide_short_help = true)]
    pub protocol: Option<Protocol>,
    /// The method [default: GET, with --data POST]
    #[arg(short = 'X', long = "request", value_name = "METHOD", hide_short_help = true)]
    pub method: Option<String>,
    /// Send a header field, `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", hide_short_help = true)]
    pub headers: Vec<String>,
    /// Send a body
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub data: Option<OsString>,
    /// The Host header [default: localhost; for TCP the address]
    #[arg(long, value_name = "HOST", hide_short_help = true)]
    pub host: Option<String>,
    /// Expect one of these statuses: 200, 2xx, 200-399 [default: 200-399]
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',')]
    #[arg(value_parser = parsed(Statuses::parse, "use 200, 2xx or 200-399"))]
    pub expect: Vec<Statuses>,
    /// Expect a header field, `Name` or `Name: part of its value`; may be repeated
    #[arg(long, value_name = "HEADER", hide_short_help = true)]
    #[arg(value_parser = parsed(Header::parse, "use Name or Name: value"))]
    pub expect_header: Vec<Header>,
    /// Expect a body that matches; may be repeated
    #[arg(long, value_name = "REGEX", hide_short_help = true)]
    pub expect_body: Vec<String>,
    /// Expect a value in a JSON body, `/status=ok`; may be repeated
    #[arg(long, value_name = "PTR=V", hide_short_help = true)]
    #[arg(value_parser = parsed(JsonValue::parse, "use /pointer=value"))]
    pub expect_json: Vec<JsonValue>,
    /// The longest body that is waited for [default: 16M; with -i or --body-only 4M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub max_body: Option<u64>,
    /// Show the header fields and the body of the reply
    #[arg(short, long)]
    pub include: bool,
    /// Write nothing but the body of the reply; what is wrong with it goes to standard error
    #[arg(long, conflicts_with = "include", hide_short_help = true)]
    pub body_only: bool,
    /// Send these bytes; \r, \n, \t, \0, \xNN and \\ are understood
    #[arg(long, value_name = "S", conflicts_with = "http", hide_short_help = true)]
    pub send: Option<OsString>,
    /// Expect bytes that match, in reply to --send
    #[arg(long, value_name = "R", conflicts_with = "http", hide_short_help = true)]
    pub expect_re: Option<String>,
    /// So many probes, one after the other, with a histogram
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 1, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000), conflicts_with_all = ["include", "body_only"])]
    pub count: u32,
    /// The pause between two of them
    #[arg(long, value_name = "D", default_value = "0", hide_default_value = true, value_parser = pauses)]
    #[arg(hide_short_help = true)]
    pub interval: Duration,
    /// Without a target: every listener, whatever it speaks; may start socket-activated services
    #[arg(long, hide_short_help = true)]
    pub all: bool,
}
