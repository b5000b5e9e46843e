//! Live names close to one that leads nowhere: a typing error, another directory.

use super::index::last_name;
use crate::model::{Address, NetnsId, Socket, Target, without_stray_bytes};

/// How many are worth showing.
const MOST: usize = 3;

/// Names of listeners and bound sockets that are nearly `path`, nearest first: those that mean the same but for
/// bytes that nobody meant, then typing errors and other directories.
pub(super) fn names(path: &[u8], rows: &[Socket]) -> Vec<Vec<u8>> {
    let names = rows.iter().filter(|row| row.owns_name()).filter_map(|row| row.address.path());
    among(path, names).into_iter().map(<[u8]>::to_vec).collect()
}

/// Names of the other kind with the same characters: of a file named `@x` the abstract name, of an abstract name the
/// files that are named so, and the name without the NULs that HAProxy fills it with.
pub(super) fn mixed_up(target: &Target, path: &[u8], rows: &[Socket], netns: NetnsId) -> Vec<Vec<u8>> {
    let owners = rows.iter().filter(|row| row.owns_name());
    let spelt = |name: &[u8]| [b"@", name].concat();
    match target {
        Target::Path(_) if last_name(path).starts_with(b"@") => {
            let own = |row: &&Socket| match &row.address {
                Address::Abstract(name) => row.netns == netns && spelt(name) == last_name(path),
                _ => false,
            };
            owners.filter(own).take(1).map(|_| last_name(path).to_vec()).collect()
        }
        Target::Abstract(name) => {
            let wanted = spelt(name);
            let same = |row: &Socket| match &row.address {
                Address::Path(file) => (last_name(file) == wanted).then(|| file.to_vec()),
                Address::Abstract(other) => {
                    let differs = other.len() != name.len() && row.netns == netns;
                    (differs && filled(other) == filled(name)).then(|| spelt(filled(other)))
                }
                _ => None,
            };
            owners.filter_map(same).take(MOST).collect()
        }
        _ => vec![],
    }
}

/// An abstract name without the NULs at its end.
fn filled(name: &[u8]) -> &[u8] {
    &name[..name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]
}

/// The same among any names.
pub fn among<'n>(path: &[u8], names: impl IntoIterator<Item = &'n [u8]>) -> Vec<&'n [u8]> {
    let wanted = String::from_utf8_lossy(path);
    let last = last_name(path);
    let meant = without_stray_bytes(path);
    // Most names have no such byte, and a host has thousands.
    let stray = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'');
    let same =
        |name: &[u8]| if name.iter().any(stray) { without_stray_bytes(name) == meant } else { name == meant };
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
    fn the_other_kind_of_name_is_found_both_ways() {
        let name = Socket { address: Address::Abstract(b"app".to_vec().into()), ..listener("/x") };
        let rows = [name.clone(), listener("/srv/@app"), listener("/srv/app")];
        let found = |target: Target, path: &[u8]| mixed_up(&target, path, &rows, name.netns);
        assert_eq!(found(Target::Path(b"@app".to_vec()), b"/tmp/@app"), [b"@app".to_vec()]);
        assert_eq!(found(Target::Path(b"app".to_vec()), b"/tmp/app"), Vec::<Vec<u8>>::new());
        assert_eq!(found(Target::Abstract(b"app".to_vec()), b""), [b"/srv/@app".to_vec()]);
        assert_eq!(found(Target::Abstract(b"app\0\0".to_vec()), b""), [b"@app".to_vec()]);
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
