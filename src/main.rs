//! The `sockdoctor` binary.
fn main() {}
