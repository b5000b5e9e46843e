//! What configuration files say: text in, declarations with their places out. No I/O: the texts are handed in, and
//! no text makes it panic.

pub mod compose;
pub mod gunicorn;
pub mod nginx;
pub mod patch;
mod places;
pub mod silenced;
pub mod systemd;
pub mod tmpfiles;
mod yaml;
