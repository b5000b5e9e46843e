//! The only code that looks at the machine. Facts come back as values of [`crate::model`]; what could not be
//! seen comes back as a [`Gap`](crate::model::Gap), never as an empty answer.
#![expect(clippy::disallowed_methods, reason = "this module is the boundary to the machine")]

pub mod cgroup;
pub mod examine;
mod getent;
pub mod helper;
pub mod holders;
pub mod index;
pub mod liveness;
pub mod look;
pub mod machine;
pub mod mounts;
pub mod nearest;
pub mod netns;
mod proc_file;
pub mod proc_net_unix;
pub mod process;
pub mod sockets;
pub mod unix_diag;
pub mod users;
pub mod walk;
