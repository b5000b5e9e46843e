//! The only code that looks at the machine. Facts come back as values of [`crate::model`]; what could not be
//! seen comes back as a [`Gap`](crate::model::Gap), never as an empty answer.
#![expect(clippy::disallowed_methods, reason = "this module is the boundary to the machine")]

mod bound_file;
pub mod cgroup;
mod directory;
mod errno;
pub mod examine;
mod getent;
pub mod glance;
pub mod helper;
pub mod holders;
pub mod host;
mod index;
mod liveness;
pub mod look;
pub mod machine;
pub mod mounts;
mod nearest;
mod netlink;
pub mod netns;
mod netns_census;
mod netns_mounts;
mod proc_file;
mod proc_net_unix;
pub mod process;
pub mod sight;
pub mod sockets;
pub mod stale;
pub mod survey;
pub mod tmpfiles;
mod unix_diag;
mod unix_diag_row;
pub mod users;
pub mod walk;
pub mod watch_path;
