//! The only code that talks to servers.
#![expect(clippy::disallowed_methods, reason = "this module is the one that connects")]

pub mod connectable;
