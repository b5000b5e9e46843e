//! Whose access is meant: the flags that `inspect` and `access` share.

use clap::{ArgGroup, Args};

/// One way to name a consumer.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Consumer (who wants to connect)")]
#[command(group(ArgGroup::new("consumer").multiple(false)))]
pub struct ConsumerArgs {
    /// A user with its groups, as a new login or service has them; or with these groups instead
    #[arg(long = "as", value_name = "USER[:GROUP,...]", group = "consumer")]
    pub user: Option<String>,
    /// A uid
    #[arg(long, value_name = "N", group = "consumer")]
    pub uid: Option<u32>,
    /// Its groups, the primary one first
    #[arg(long, value_name = "N,...", value_delimiter = ',', requires = "uid")]
    pub gid: Vec<u32>,
    /// A running process, with the identity and the view of the filesystem that it really has
    #[arg(long, value_name = "PID", group = "consumer")]
    pub pid: Option<u32>,
    /// A systemd unit: every identity that runs in it, or what it would run as
    #[arg(long, value_name = "NAME", group = "consumer")]
    pub unit: Option<String>,
    /// A container: every identity that runs in it
    #[arg(long, value_name = "NAME|ID", group = "consumer")]
    pub container: Option<String>,
    /// Every process that is connected now
    #[arg(long, group = "consumer")]
    pub connected: bool,
}
