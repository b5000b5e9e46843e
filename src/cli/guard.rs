//! What was typed of `guard`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::values::{duration, http_path, parsed, repairs};
use crate::model::Statuses;

/// So many repairs in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxRepairs {
    /// How many.
    pub count: u32,
    /// In how much time.
    pub window: Duration,
}

/// `guard`
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// /run/x.sock, @abstract, unix:PATH, http+unix://%2Frun%2Fx.sock/, tcp:HOST:PORT, http://HOST:PORT/
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub target: OsString,
    /// Ask for PATH over HTTP/1.1 [default: the path of the URL, else /]
    #[arg(long, value_name = "PATH", value_parser = http_path)]
    pub http: Option<String>,
    /// Healthy is who answers with one of these statuses: 200, 2xx, 200-399 [default: 200-399]
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',')]
    #[arg(value_parser = parsed(Statuses::parse, "use 200, 2xx or 200-399"))]
    pub expect: Vec<Statuses>,
    /// So many tries in a row, one second apart, have to fail before anything is done
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub failures: u32,
    /// Repair by `systemctl restart NAME`
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    pub restart_unit: Option<String>,
    /// Remember repairs here, for the limit and the pauses; without it a guard knows only of its own
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub state: Option<PathBuf>,
    /// No more than N repairs in the time D
    #[arg(long, value_name = "N/D", default_value = "3/1h", value_parser = repairs)]
    pub max_repairs: MaxRepairs,
    /// Repeat it, with this pause between two passes, until SIGTERM
    #[arg(long, value_name = "D", value_parser = duration)]
    pub every: Option<Duration>,
    /// Say what would be done, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Repair by this command, without a shell: SOCKDOCTOR_TARGET, SOCKDOCTOR_CODE, SOCKDOCTOR_SUMMARY and
    /// SOCKDOCTOR_FAILURES tell it what is wrong; its output goes to standard error
    #[arg(last = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}
