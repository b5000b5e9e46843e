//! Which files of HAProxy are one text to it, where somebody only named files: several `-f` of one process, a directory
//! of parts; but not two configurations that happen to be looked at together.

use crate::config::Text;
use crate::config::haproxy::{self, Parts};

/// A file, and whether somebody named it; else it was found below a directory.
pub(super) type Found = (Text, bool);

struct File {
    text: Text,
    named: bool,
    parts: Parts,
}

/// The files of each HAProxy, in the order in which they were found.
pub(super) fn together(found: Vec<Found>) -> Vec<Vec<Text>> {
    let mut files: Vec<(usize, File)> = (0..)
        .zip(found)
        .map(|(at, (text, named))| (at, File { parts: haproxy::parts(&text.1), text, named }))
        .collect();
    // What begins a configuration comes before what may belong to it.
    files.sort_by_key(|(at, file)| (!is_whole(file), !file.parts.global, *at));
    let mut groups: Vec<Vec<(usize, File)>> = Vec::new();
    for (at, file) in files {
        let fitting = groups.iter_mut().filter(|group| belongs(&file, group));
        match fitting.max_by_key(|group| nearness(&file, group)) {
            Some(group) => group.push((at, file)),
            None => groups.push(vec![(at, file)]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|(at, _)| *at);
    }
    groups.sort_by_key(|group| group.first().map(|(at, _)| *at));
    groups.into_iter().map(|group| group.into_iter().map(|(_, file)| file.text).collect()).collect()
}

/// HAProxy refuses two proxies of one name, and has one section of globals as a rule.
fn belongs(file: &File, group: &[(usize, File)]) -> bool {
    let both = |other: &File| {
        let twice = file.parts.proxies.iter().any(|name| other.parts.proxies.contains(name));
        !(twice || is_whole(file) && is_whole(other))
    };
    group.iter().all(|(_, other)| both(other)) && nearness(file, group).is_some()
}

/// It could stand alone.
fn is_whole(file: &File) -> bool {
    file.parts.global && !file.parts.proxies.is_empty()
}

/// How near it is to one of them: in its directory, or in one below; or somebody named both.
fn nearness(file: &File, group: &[(usize, File)]) -> Option<usize> {
    let name = |text: &Text| text.0.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    let (own, own_name) = (directory(&file.text.0), name(&file.text));
    let near = |other: &File| {
        let theirs = directory(&other.text.0);
        match () {
            () if own.starts_with(theirs) || theirs.starts_with(own) => Some(own.len().min(theirs.len()) + 1),
            () if file.named && other.named && own_name != name(&other.text) => Some(0),
            () => None,
        }
    };
    group.iter().filter_map(|(_, other)| near(other)).max()
}

/// With its last slash, so that one that lies in another begins with it.
fn directory(file: &[u8]) -> &[u8] {
    let file = file.strip_prefix(b"./").unwrap_or(file);
    &file[..file.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "global\n chroot /jail\nbackend a\n server s /run/a.sock\n";

    fn grouped(found: &[(&str, &str, bool)]) -> Vec<Vec<String>> {
        let found = found
            .iter()
            .map(|(name, text, named)| ((name.as_bytes().to_vec(), text.as_bytes().to_vec()), *named));
        let names = |group: Vec<Text>| {
            group.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect()
        };
        together(found.collect()).into_iter().map(names).collect()
    }

    #[test]
    fn two_configurations_are_two() {
        let part = "defaults\n mode http\nbackend b\n server s /run/b.sock\n";
        for second in [WHOLE, part, "backend a\n server s /run/c.sock\n"] {
            for named in [true, false] {
                let both = [("two/dev/haproxy.cfg", second, named), ("two/prod/haproxy.cfg", WHOLE, named)];
                assert_eq!(grouped(&both), [["two/dev/haproxy.cfg"], ["two/prod/haproxy.cfg"]], "{second}");
            }
        }
        let beside = [("e/dev.cfg", WHOLE, false), ("e/prod.cfg", &WHOLE.replace(" a", " b"), false)];
        assert_eq!(grouped(&beside).len(), 2);
    }

    #[test]
    fn parts_of_one_are_one_in_their_order() {
        let part = "backend b\n server s /run/b.sock\n";
        for parts in [
            [("/e/haproxy.cfg", WHOLE, true), ("/srv/more.cfg", part, true)],
            [("/srv/more.cfg", part, true), ("/e/haproxy.cfg", WHOLE, true)],
            [("/e/conf.d/00.cfg", "global\n chroot /jail\n", false), ("/e/conf.d/10.cfg", part, false)],
            [("/e/conf.d/10.cfg", part, false), ("/e/haproxy.cfg", WHOLE, false)],
            [("./haproxy.cfg", WHOLE, false), ("conf.d/10.cfg", part, false)],
            [("/e/conf.d/00.cfg", "global\n nbthread 1\n", false), ("/e/conf.d/10.cfg", WHOLE, false)],
        ] {
            assert_eq!(grouped(&parts), [parts.map(|(name, ..)| name.to_owned())], "{parts:?}");
        }
    }

    #[test]
    fn a_part_belongs_to_the_nearest() {
        let found = [
            ("/a/haproxy.cfg", WHOLE, false),
            ("/a/b/haproxy.cfg", WHOLE, false),
            ("/a/b/conf.d/x.cfg", "backend x\n server s /run/x.sock\n", false),
        ];
        assert_eq!(grouped(&found)[1].len(), 2);
    }
}
