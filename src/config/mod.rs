//! What configuration files say: text in, declarations with their places out. No I/O: the texts are handed in, and
//! no text makes it panic.

pub mod clients;
pub mod compose;
pub mod gunicorn;
pub mod haproxy;
mod included;
mod ini;
pub mod mysql;
pub mod nginx;
pub mod patch;
pub mod php_fpm;
mod places;
pub mod postgres;
pub mod redis;
pub mod silenced;
pub mod systemd;
pub mod tmpfiles;
mod yaml;

use crate::model::Gap;

/// A file and its text.
pub type Text = (Vec<u8>, Vec<u8>);

/// Gives the files that an `include` names, by its pattern as it is written.
pub type Load<'l> = dyn FnMut(&[u8]) -> Result<Vec<Text>, Gap> + 'l;
