//! What configuration files say: text in, declarations with their places out. No I/O: the texts are handed in, and
//! no text makes it panic.

pub mod compose;
pub mod patch;
pub mod silenced;
pub mod socket_unit;
pub mod tmpfiles;
mod yaml;
