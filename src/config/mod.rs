//! What configuration files say: text in, declarations with their places out. No I/O: the texts are handed in.

pub mod socket_unit;
pub mod tmpfiles;
