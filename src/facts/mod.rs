//! The only code that looks at the machine. Facts come back as values of [`crate::model`]; what could not be
//! seen comes back as a [`Gap`](crate::model::Gap), never as an empty answer.
#![expect(clippy::disallowed_methods, reason = "this module is the boundary to the machine")]

mod acl;
mod borrowed;
mod bound_file;
pub mod cgroup;
pub mod config_files;
pub mod connected;
pub mod consumers;
mod credentials;
mod directory;
mod errno;
pub mod examine;
mod getent;
pub mod glance;
pub mod helper;
pub mod holders;
pub mod host;
pub mod identity;
mod index;
pub mod interrupt;
pub mod linger;
mod liveness;
pub mod look;
pub mod mac;
pub mod machine;
pub mod mounts;
mod nearest;
mod netlink;
pub mod netns;
mod netns_census;
pub mod netns_keepers;
mod netns_mounts;
mod netns_name;
pub mod place;
mod proc_file;
mod proc_net_unix;
pub mod process;
mod program;
pub mod sight;
pub mod sockets;
pub mod stale;
mod status;
pub mod survey;
mod systemctl;
pub mod tmpfiles;
pub mod units;
mod unix_diag;
mod unix_diag_row;
pub mod users;
pub mod verdict;
pub mod walk;
pub mod watch_path;

pub use status::sysctl;
