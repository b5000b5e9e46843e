//! Live names close to one that leads nowhere: a typing error, another directory.

use super::index::last_name;
use crate::model::{Socket, without_stray_bytes};

/// How many are worth showing.
const MOST: usize = 3;

/// Names of listeners and bound sockets that are nearly `path`, nearest first: those that mean the same but for
/// bytes that nobody meant, then typing errors and other directories.
pub(super) fn names(path: &[u8], rows: &[Socket]) -> Vec<Vec<u8>> {
    let names = rows.iter().filter(|row| row.owns_name()).filter_map(|row| row.address.path());
    among(path, names).into_iter().map(<[u8]>::to_vec).collect()
}

/// The same among any names.
pub fn among<'n>(path: &[u8], names: impl IntoIterator<Item = &'n [u8]>) -> Vec<&'n [u8]> {
    let wanted = String::from_utf8_lossy(path);
    let last = last_name(path);
    let meant = without_stray_bytes(path);
    let same = |name: &[u8]| without_stray_bytes(name) == meant;
    let mut close: Vec<(usize, &[u8])> = names
        .into_iter()
        .filter(|name| *name != path && (name.starts_with(b"/") || same(name)))
        .filter_map(|name| {
            if same(name) {
                return Some((0, name));
            }
            let allowed = if last_name(name) == last { usize::MAX } else { 2.max(last.len() / 5) };
            (allowed == usize::MAX || name.len().abs_diff(path.len()) <= allowed)
                .then(|| strsim::osa_distance(&wanted, &String::from_utf8_lossy(name)))
                .filter(|distance| *distance <= allowed)
                .map(|distance| (distance, name))
        })
        .collect();
    close.sort_unstable();
    close.dedup();
    close.into_iter().take(MOST).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(name: &str) -> Socket {
        Socket::sample(name)
    }

    #[test]
    fn a_typing_error_and_another_directory_are_near() {
        let rows =
            [listener("/run/gunicorn/aclarknet.sock"), listener("/tmp/app.sock"), listener("/run/dbus/x")];
        assert_eq!(names(b"/run/gunicorn/aclarkent.sock", &rows), [b"/run/gunicorn/aclarknet.sock".to_vec()]);
        assert_eq!(names(b"/run/app.sock", &rows), [b"/tmp/app.sock".to_vec()]);
        let strange = [listener("/tmp/app.sock"), listener("\"/run/app.sock\"\r")];
        assert_eq!(names(b"/run/app.sock", &strange)[0], b"\"/run/app.sock\"\r".to_vec());
        assert!(names(b"/srv/other", &rows).is_empty());
    }
}
