//! What was typed of `clean`.

use std::ffi::OsString;

use clap::{Args, ValueHint};

/// `clean`
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Socket files, or directories to search [default: where any socket is bound, /run, /tmp]
    #[arg(value_name = "PATH|DIR", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Remove what is proven stale; without it nothing is changed
    #[arg(long)]
    pub apply: bool,
}
