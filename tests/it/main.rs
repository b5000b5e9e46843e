//! The tests that run against really broken sockets: one binary, each test in a world of its own.
#![allow(clippy::disallowed_methods, reason = "tests build the machine they look at")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod binary;
mod blind;
mod churn;
mod compose;
mod demo;
mod documents;
mod explain;
mod formats;
mod fuse;
mod hangs;
mod healthy;
mod help;
mod hostile;
mod hostile_server;
mod input;
mod inspect;
mod limits;
mod list;
mod lost;
mod make;
mod mounts;
mod names;
mod nspawn;
mod output;
mod passivity;
mod probe;
mod probe_servers;
mod process;
mod reviewed;
mod rules_1xx;
mod seed_s0;
mod seed_s1;
mod seen;
mod self_check;
mod servers;
mod tidy;
mod tidy_man;
mod tidy_readme;
mod wait;
mod world;
