//! What was typed of `wait`.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::values::{duration, http_path, parsed};
use crate::model::Statuses;

/// `wait`
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// /run/x.sock, @abstract, unix:PATH, http+unix://%2Frun%2Fx.sock/, tcp:HOST:PORT, http://HOST:PORT/
    #[arg(required = true, value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub targets: Vec<OsString>,
    /// What makes a target ready
    #[arg(long = "for", value_name = "WHAT", value_enum, default_value_t = WaitFor::Connect)]
    pub goal: WaitFor,
    /// Ask for PATH over HTTP/1.1; the same as --for http
    #[arg(long, value_name = "PATH", value_parser = http_path)]
    pub http: Option<String>,
    /// Ready is who answers with one of these statuses: 200, 2xx, 200-399 [default: 200-399]
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',', hide_short_help = true)]
    #[arg(value_parser = parsed(Statuses::parse, "use 200, 2xx or 200-399"))]
    pub expect: Vec<Statuses>,
    /// Wait until nobody serves the target any more
    #[arg(long, conflicts_with_all = ["goal", "http", "expect"])]
    pub gone: bool,
    /// Only when it was so for this long without a break
    #[arg(long, value_name = "D", value_parser = duration)]
    pub stable: Option<Duration>,
    /// One target is enough
    #[arg(long)]
    pub any: bool,
    /// Give up when this process has ended
    #[arg(long, value_name = "PID")]
    pub while_pid: Option<u32>,
    /// Look once and do not wait: exit status 0 when ready, 1 when not
    #[arg(long, conflicts_with_all = ["stable", "while_pid"])]
    pub once: bool,
    /// What this process becomes when they are ready; no shell is involved
    #[arg(last = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// `--for`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// A socket file is at the path
    Exists,
    /// It takes connections: it listens, which does not say that it answers
    Connect,
    /// It answers over HTTP: the test of readiness
    Http,
}
