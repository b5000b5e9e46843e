//! The only code that changes anything. Every step knows how to take itself back.
#![expect(clippy::disallowed_methods, reason = "this module is the one that changes things")]

pub mod broken;
pub mod clean;
pub mod guard_state;
pub mod repair;
pub mod replace;
pub mod scratch;
pub mod signals;
pub mod trial;
