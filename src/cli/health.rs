//! What a look at a server's health takes beside the one look: time, and logs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::values::duration;

/// Flags of `inspect` and `list`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Over time, from logs, and by asking")]
pub struct HealthArgs {
    /// Look again and again for this long: who still waits, what grows, which workers come and go
    #[arg(long, value_name = "D", value_parser = duration)]
    pub sample: Option<Duration>,
    /// Read the journal of the holder's unit, of its present run
    #[arg(long)]
    pub logs: bool,
    /// Read these logs of the server, or of the proxy before it
    #[arg(long = "log", value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub log: Vec<PathBuf>,
    /// Also ask the server for its /, or what it is known to speak
    #[arg(long)]
    pub probe: bool,
}
