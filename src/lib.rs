//! `sockdoctor` tells why a Unix domain socket does not work, and what to do about it.
//!
//! Three kinds of code in three places: **look**, **judge**, **show**.
//!
//! ```text
//! cli ─▶ commands ─▶ report ──┐
//!           │  ├───▶ rules  ──┤
//!           │  ├───▶ config ──┤
//!           │  ├───▶ symptoms ┼──▶ model
//!           │  ├───▶ facts  ──┤
//!           │  ├───▶ probe  ──┤
//!           │  └───▶ act    ──┘
//! ```
//!
//! A star, not a chain: `report`, `rules`, `config`, `symptoms`, `facts`, `probe` and `act` never import one
//! another; `commands` wires them: collect, judge, report. A test (`tests/it/tidy.rs`) holds the arrows; clippy's `disallowed-methods` hold the
//! boundary to the machine.
//!
//! - [`model`]: the words of the project as types. Pure.
//! - [`facts`]: the only code that looks at the machine.
//! - [`probe`]: the only code that talks to servers.
//! - [`config`]: what configuration files say; text in, declarations out.
//! - [`rules`]: one file per diagnosis, each data plus one pure function; the registry in code order.
//! - [`symptoms`]: error texts and errnos, and what they can mean. Pure.
//! - [`act`]: the only code that changes anything.
//! - [`report`]: one file per output format; where hostile bytes are escaped.
//! - [`commands`]: one file per subcommand.
//! - [`cli`]: what was typed. [`exit`]: the only place exit statuses appear.
//!
#![doc = include_str!("threat_model.md")]
//!
#![doc = include_str!("performance.md")]

pub mod act;
pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod facts;
#[cfg(any(test, fuzzing))]
pub mod fuzzed;
pub mod model;
pub mod probe;
pub mod report;
pub mod rules;
pub mod symptoms;
