//! `graph` and `merge`: the pictures that a team shares.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `graph`
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// /run/x.sock, a directory of sockets, @abstract, inode:N [default: every bound socket]
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub targets: Vec<OsString>,
}

/// `merge`
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// What --json wrote on each host, in a file that is called after the host
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}
