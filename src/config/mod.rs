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

use crate::model::{Gap, Written};

/// A file and its text.
pub type Text = (Vec<u8>, Vec<u8>);

/// Gives the files that an `include` names, by its pattern as it is written.
pub type Load<'l> = dyn FnMut(&[u8]) -> Result<Vec<Text>, Gap> + 'l;

/// Where a text of any kind names a path: whole, and not as the beginning of another.
pub fn naming(file: &[u8], text: &[u8], path: &[u8]) -> Option<Written> {
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let mut places = text.windows(path.len().max(1)).enumerate().filter(|(_, part)| *part == path);
    let ends = |at: usize| !text.get(at + path.len()).is_some_and(goes_on);
    let at = places.find(|(at, _)| ends(*at)).map(|(at, _)| at)?;
    Some(places::Places::new(file, text).written(at..at + path.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_where_it_stands_whole() {
        let text = b"a = /run/a.sock.bak\nb = unix:/run/a.sock,x\n";
        assert_eq!(naming(b"f", text, b"/run/a.sock").map(|written| written.location.line), Some(2));
        assert_eq!(naming(b"f", text, b"/run/a"), None);
    }
}
