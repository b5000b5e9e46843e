//! `preflight`: which directories, for whom.

use std::ffi::OsString;

use clap::{Args, ValueHint};

use super::{ComposeArgs, ConsumerArgs};

/// `preflight`
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// Directories that are to hold a socket
    #[arg(required_unless_present = "files", conflicts_with = "files")]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directories: Vec<OsString>,
    /// Compose files instead.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// The file name that the socket will have: does its path fit?
    #[arg(long, value_name = "FILE", help_heading = "Trial")]
    pub name: Option<OsString>,
    /// Who will make the socket: the trial is made as this user, which takes root [default: you]
    #[arg(long, value_name = "USER[:GROUP,...]", help_heading = "Trial")]
    pub server: Option<String>,
    /// Only look, make nothing in the directory
    #[arg(long, help_heading = "Trial")]
    pub no_trial: bool,
    /// Who wants to connect.
    #[command(flatten)]
    pub consumer: ConsumerArgs,
}
