//! `watch`.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::values::duration;

/// `watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// A socket's path, there or not, or a directory: every socket in it
    #[arg(required = true, value_name = "PATH|DIR", value_hint = ValueHint::AnyPath)]
    pub targets: Vec<OsString>,
    /// End after this long [default: at Ctrl-C]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub duration: Option<Duration>,
    /// End when every target is so; exit status 1 when --duration is over first
    #[arg(long, value_name = "WHAT", value_enum)]
    pub until: Option<WatchUntil>,
}

/// `--until`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WatchUntil {
    /// Who served it serves it no more: its file or its listener is gone
    Gone,
    /// Somebody listens, and the file is there
    Listening,
}
