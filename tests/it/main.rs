//! The tests that run against really broken sockets: one binary, each test in a world of its own.
#![allow(clippy::disallowed_methods, reason = "tests build the machine they look at")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod binary;
mod explain;
mod fuse;
mod process;
mod servers;
mod tidy;
mod world;
