//! What `list` takes.

use clap::Args;

use super::health::HealthArgs;
use super::values::fields;
use crate::model::SocketField;

/// `list`
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct ListArgs {
    /// Unbound and accepted sockets too
    #[arg(long)]
    pub all: bool,
    /// Socket files without a socket too
    #[arg(long)]
    pub stale: bool,
    /// Only names that match
    #[arg(long = "match", value_name = "GLOB")]
    pub matching: Option<String>,
    /// Only sockets held by this process
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Only sockets held by processes of this user
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// As a process, unit or container sees names: its root and mounts, its network namespace
    #[arg(long, value_name = "PID|UNIT|CONTAINER")]
    pub view: Option<String>,
    /// Columns, in order
    #[arg(long, value_name = "F,...", value_delimiter = ',', value_parser = fields())]
    pub fields: Vec<SocketField>,
    /// Order by this column instead of worst first
    #[arg(long, value_name = "F", value_parser = fields())]
    pub sort: Option<SocketField>,
    /// TCP listeners too
    #[arg(long)]
    pub tcp: bool,
    /// Do not look for holders: faster
    #[arg(long, conflicts_with_all = ["pid", "user"])]
    pub no_holders: bool,
    /// Time, logs, and what servers say.
    #[command(flatten)]
    pub health: HealthArgs,
}
