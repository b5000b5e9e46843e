//! systemd.exec(5): what of the machine's files a service has other than they are.

use super::Reader;
use super::lines::Line;
use super::{plain, specifiers, words};
use crate::model::{Altered, Sandbox, Shown};

/// Lists of directories, and what becomes of each.
const LISTS: [(&str, Shown); 9] = [
    ("ReadOnlyPaths", Shown::ReadOnly),
    ("ReadWritePaths", Shown::Same),
    ("ExecPaths", Shown::Bound),
    ("InaccessiblePaths", Shown::Hidden),
    ("TemporaryFileSystem", Shown::Own),
    ("BindPaths", Shown::Bound),
    ("BindReadOnlyPaths", Shown::Bound),
    ("MountImages", Shown::Bound),
    ("ExtensionDirectories", Shown::Bound),
];

/// Directories that are made for a service, and where.
const MADE: [(&str, &str); 5] = [
    ("RuntimeDirectory", "/run/"),
    ("StateDirectory", "/var/lib/"),
    ("CacheDirectory", "/var/cache/"),
    ("LogsDirectory", "/var/log/"),
    ("ConfigurationDirectory", "/etc/"),
];

impl Reader<'_> {
    /// Nothing is told where its root is another one, or where it starts a command that none of it is for.
    pub(super) fn sandbox(&self) -> Sandbox {
        let rooted =
            ["RootDirectory", "RootImage"].iter().any(|key| self.lines.last("Service", key).is_some());
        let starts = self.lines.list("Service", &["ExecStart"]);
        let marks = |line: &Line| {
            line.value.iter().take_while(|byte| b"@-:+!|".contains(byte)).any(|byte| *byte == b'+')
        };
        if rooted || starts.iter().any(|line| marks(line)) {
            return Sandbox::default();
        }
        let mut places = Vec::new();
        let mut put = |directory: &[u8], shown, line: &Line| {
            places.push(Altered { directory: directory.to_vec(), shown, written: line.written.clone() });
        };
        let says = |key: &str, wanted: &[&str]| {
            let line = self.lines.last("Service", key)?;
            wanted.iter().any(|value| line.value.eq_ignore_ascii_case(value.as_bytes())).then_some(line)
        };
        let set = |key: &str| self.lines.last("Service", key).filter(|_| self.lines.is_set("Service", key));
        let dynamic = set("DynamicUser");
        if let Some(line) = set("PrivateTmp").or_else(|| says("PrivateTmp", &["disconnected"])).or(dynamic) {
            put(b"/tmp", Shown::Own, line);
            put(b"/var/tmp", Shown::Own, line);
        }
        let strict = says("ProtectSystem", &["strict"]).or(dynamic);
        let full = says("ProtectSystem", &["full"]);
        if let Some(line) = strict {
            put(b"/", Shown::ReadOnly, line);
            for place in [&b"/dev"[..], b"/proc", b"/sys"] {
                put(place, Shown::Same, line);
            }
        } else if let Some(line) = full.or_else(|| set("ProtectSystem")) {
            let etc = [&b"/etc"[..]].into_iter().filter(|_| full.is_some());
            [&b"/usr"[..], b"/boot", b"/efi"]
                .into_iter()
                .chain(etc)
                .for_each(|place| put(place, Shown::ReadOnly, line));
        }
        let home = [
            (set("ProtectHome"), Shown::Hidden),
            (says("ProtectHome", &["tmpfs"]), Shown::Own),
            (says("ProtectHome", &["read-only"]).or(dynamic), Shown::ReadOnly),
        ];
        if let Some((Some(line), shown)) = home.into_iter().find(|(line, _)| line.is_some()) {
            for place in [&b"/home"[..], b"/root", b"/run/user"] {
                put(place, shown, line);
            }
        }
        for (key, shown) in LISTS {
            for line in self.lines.list("Service", &[key]) {
                for word in words::of(&line.value) {
                    // `source:destination:options`; of TemporaryFileSystem= `destination:options`.
                    let mut parts = word.split(|byte| *byte == b':');
                    let first = parts.next().unwrap_or_default();
                    let named = parts.next().filter(|_| shown == Shown::Bound).unwrap_or(first);
                    let named =
                        named.iter().position(|byte| !b"-+".contains(byte)).map_or(named, |at| &named[at..]);
                    let Some(path) = specifiers::resolved(named, self.name) else {
                        return Sandbox::default();
                    };
                    put(&plain(path), shown, line);
                }
            }
        }
        for (key, below) in MADE {
            for line in self.lines.list("Service", &[key]) {
                for word in words::of(&line.value) {
                    let name = word.split(|byte| *byte == b':').next().unwrap_or_default();
                    let Some(name) = specifiers::resolved(name, self.name) else { return Sandbox::default() };
                    put(&[below.as_bytes(), &name].concat(), Shown::Same, line);
                }
            }
        }
        let joins = self.lines.list("Unit", &["JoinsNamespaceOf"]).into_iter();
        let joins = joins.flat_map(|line| words::of(&line.value));
        let joins = joins.filter_map(|word| String::from_utf8(specifiers::resolved(&word, self.name)?).ok());
        Sandbox { places, joins: joins.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::systemd::unit;

    fn shown(settings: &str, path: &str) -> Option<Shown> {
        let text = format!("[Service]\nExecStart=/bin/app\n{settings}\n");
        let unit = unit("a.service", &[(b"a.service".to_vec(), text.into_bytes())]);
        unit.sandbox.at(path.as_bytes()).map(|place| place.shown)
    }

    #[test]
    fn the_nearest_directory_has_the_last_word() {
        for (settings, path, expected) in [
            ("", "/tmp/a.sock", None),
            ("PrivateTmp=yes", "/tmp/a.sock", Some(Shown::Own)),
            ("PrivateTmp=yes", "/tmpx/a.sock", None),
            ("DynamicUser=1", "/var/tmp/a.sock", Some(Shown::Own)),
            ("ProtectSystem=full", "/etc/a.sock", Some(Shown::ReadOnly)),
            ("ProtectSystem=yes", "/etc/a.sock", None),
            ("ProtectSystem=strict", "/run/a/a.sock", Some(Shown::ReadOnly)),
            ("ProtectSystem=strict\nRuntimeDirectory=a", "/run/a/a.sock", Some(Shown::Same)),
            ("ProtectSystem=strict\nReadWritePaths=-/run", "/run/a/a.sock", Some(Shown::Same)),
            ("ProtectSystem=strict\nPrivateTmp=yes", "/tmp/a.sock", Some(Shown::Own)),
            ("ProtectHome=tmpfs", "/home/u/a.sock", Some(Shown::Own)),
            ("ProtectHome=yes", "/run/user/7/a.sock", Some(Shown::Hidden)),
            ("TemporaryFileSystem=/run:ro\nBindPaths=/run/a", "/run/b.sock", Some(Shown::Own)),
            ("TemporaryFileSystem=/run:ro\nBindPaths=/srv/x:/run/a", "/run/a/b.sock", Some(Shown::Bound)),
            ("PrivateTmp=yes\nRootDirectory=/srv/root", "/tmp/a.sock", None),
            ("ProtectSystem=strict\nReadWritePaths=/run/%H", "/run/a.sock", None),
        ] {
            assert_eq!(shown(settings, path), expected, "{settings} {path}");
        }
        assert_eq!(shown("ExecStart=\nExecStart=+/bin/app\nPrivateTmp=yes", "/tmp/a.sock"), None);
    }
}
