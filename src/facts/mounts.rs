//! Mount tables, and which class a mount belongs to. Read before a path is touched: a dead share can hang us.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::model::{Device, Gap, Mount, MountClass, MountTable};

use super::machine::{Machine, Scope};
use super::{proc_file, process};

/// Understands `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`; `show_mountinfo` in the kernel's `fs/proc_namespace.c`).
///
/// Rows that do not parse are skipped. `super_options` stays as the kernel wrote it: a comma inside a value is
/// escaped there, and would be lost; [`upper_directory`] decodes.
#[must_use]
pub fn parse(mountinfo: &[u8]) -> MountTable {
    MountTable { mounts: mountinfo.split(|byte| *byte == b'\n').filter_map(row).map(Arc::new).collect() }
}

/// The mounts a process sees, or for `None` those that a walk from the machine's root crosses. A chrooted process is shown only what lies below its root.
pub fn of(machine: &Machine, pid: Option<u32>) -> Result<MountTable, Gap> {
    let path = pid.map_or_else(|| machine.mountinfo(), |pid| machine.process(pid, "mountinfo"));
    match proc_file::read(&path, proc_file::LARGE) {
        Ok(text) => Ok(parse(&text)),
        Err(error) => Err(proc_file::gap(&path, &error)),
    }
}

/// The mount that shows a path, by its name alone: the last one of those nearest to it.
#[must_use]
pub fn showing<'t>(table: &'t MountTable, path: &[u8]) -> Option<&'t Mount> {
    let showing = table.mounts.iter().filter(|mount| mount.inside(path).is_some());
    showing.max_by_key(|mount| mount.point.len()).map(|mount| &**mount)
}

/// The directory an overlay writes to, decoded. Absolute in the view of whoever mounted it, if at all.
#[must_use]
pub fn upper_directory(mount: &Mount) -> Option<Vec<u8>> {
    let options = (mount.fstype == "overlay").then(|| mount.super_options.split(|byte| *byte == b','))?;
    options.into_iter().find_map(|option| option.strip_prefix(b"upperdir=")).map(decode)
}

/// Upper directories of every overlay in every mount table that can be read: a socket bound through the merged
/// view has its inode there, so a refusal below one of them proves nothing.
///
/// Tables are told apart by mount namespace and root directory. What cannot be read is left out, as are
/// relative names, which nobody but the mounter can resolve.
#[must_use]
pub fn upper_directories(machine: &Machine) -> Vec<Vec<u8>> {
    let mut uppers = BTreeSet::new();
    collect_uppers(machine, None, &mut uppers);
    let mut known = HashSet::new();
    if machine.prefix().is_empty() || machine.scope == Scope::Running {
        known.extend(view_key(&machine.viewer("")));
    }
    for pid in process::pids(machine).unwrap_or_default() {
        let Some(key) = view_key(&machine.process(pid, "")) else { continue };
        if !known.contains(&key) && collect_uppers(machine, Some(pid), &mut uppers) {
            known.insert(key);
        }
    }
    uppers.into_iter().collect()
}

/// The class of a mount for a file at `canonical_path` in our own view: a local one below an overlay's upper
/// directory counts as layered.
#[must_use]
pub fn class_of(mount: &Mount, canonical_path: &[u8], uppers: &[Vec<u8>]) -> MountClass {
    match mount.class() {
        MountClass::Local if uppers.iter().any(|upper| is_below(canonical_path, upper)) => {
            MountClass::Layered
        }
        class => class,
    }
}

/// Whether a path leads below an overlay's upper directory by a way that does not name it, as through a bind mount of
/// it. `ours` is the table that the path's mount is of.
#[must_use]
pub fn shows_upper(mount: &Mount, canonical_path: &[u8], uppers: &[Vec<u8>], ours: &MountTable) -> bool {
    let Some(file) = mount.inside(canonical_path) else { return false };
    uppers.iter().any(|upper| {
        let shown = showing(ours, upper).filter(|shown| shown.device == mount.device);
        shown.and_then(|shown| shown.inside(upper)).is_some_and(|upper| is_below(&file, &upper))
    })
}

fn view_key(process: &Path) -> Option<(Vec<u8>, Vec<u8>)> {
    Some((process::link(&process.join("ns/mnt"))?, process::link(&process.join("root"))?))
}

fn collect_uppers(machine: &Machine, pid: Option<u32>, uppers: &mut BTreeSet<Vec<u8>>) -> bool {
    let Ok(table) = of(machine, pid) else { return false };
    for upper in
        table.mounts.iter().filter_map(|mount| upper_directory(mount)).filter(|upper| upper.starts_with(b"/"))
    {
        // Older kernels keep the backslash that protected a comma or colon in mount(8)'s option string.
        if upper.contains(&b'\\') {
            uppers.insert(without_backslashes(&upper));
        }
        uppers.insert(upper);
    }
    true
}

fn without_backslashes(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        plain.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    plain
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    let mut path = components(path);
    let mut directory = components(directory).peekable();
    directory.peek().is_some() && directory.all(|part| path.next() == Some(part))
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

fn row(line: &[u8]) -> Option<Mount> {
    // Single spaces, not runs of them: a mount source may be empty.
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let parent = number(fields.next()?)?;
    let device = device(fields.next()?)?;
    let root = decode(fields.next()?);
    let point = decode(fields.next()?);
    let options = String::from_utf8_lossy(fields.next()?).into_owned();
    fields.find(|field| *field == b"-")?;
    let fstype = String::from_utf8_lossy(&decode(fields.next()?)).into_owned();
    let source = decode(fields.next()?);
    let super_options = fields.next()?.to_vec();
    Some(Mount { id, parent, device, root, point, options, fstype, source, super_options })
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn device(text: &[u8]) -> Option<Device> {
    let (major, minor) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some(Device { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

/// Undoes the kernel's `\ooo` (`ESCAPE_OCTAL` in `lib/string_helpers.c`); any other backslash stands for itself.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] = rest {
            decoded.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = tail;
        } else {
            decoded.push(*byte);
            rest = tail;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn fixture(case: &str) -> Machine {
        let proc = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/proc").join(case);
        Machine { proc, ..Machine::default() }
    }

    fn with_super_options(options: &str) -> Mount {
        let row = format!("70 63 0:44 / /merged rw - overlay overlay {options}");
        Arc::unwrap_or_clone(parse(row.as_bytes()).mounts.remove(0))
    }

    #[test]
    fn an_upper_directory_is_known_through_a_bind_mount_of_it() {
        let text =
            b"20 1 254:0 / / rw - ext4 /dev/vda rw\n30 20 254:0 /var/upper /mnt rw - ext4 /dev/vda rw\n\
            40 20 0:9 /var/upper /other rw - tmpfs tmpfs rw\n";
        let ours = parse(text);
        let uppers = [b"/var/upper".to_vec()];
        let shows = |number: usize, path: &[u8]| shows_upper(&ours.mounts[number], path, &uppers, &ours);
        assert!(shows(1, b"/mnt/x.sock") && shows(0, b"/var/upper/x.sock"));
        assert!(!shows(0, b"/var/x.sock") && !shows(2, b"/other/x.sock"), "another filesystem");
    }

    #[test]
    fn names_are_bytes_whatever_they_hold() {
        let table = of(&fixture("hostile-mounts"), None).unwrap();
        let points: Vec<_> = table.mounts.iter().map(|mount| mount.point.as_slice()).collect();
        assert_eq!(
            points,
            [
                b"/mnt".as_slice(),
                b"/mnt/with space",
                b"/mnt/new\nline",
                b"/mnt/back\\slash",
                b"/mnt/ha#sh",
                b"/mnt/merged",
                b"/mnt/merged2",
                b"/mnt/target.sock",
            ]
        );
        let [space, newline] = [&table.mounts[1], &table.mounts[2]];
        assert_eq!(
            (space.source.as_slice(), newline.source.as_slice()),
            (b"a source".as_slice(), b"".as_slice())
        );
        assert_eq!(space.device, Device { major: 0, minor: 40 });
        assert_eq!(newline.fstype, "tmpfs");
    }

    #[test]
    fn optional_fields_are_passed_over() {
        let row = b"36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue";
        let mount = parse(row).mounts.remove(0);
        assert_eq!((mount.id, mount.parent, mount.fstype.as_str()), (36, 35, "ext3"));
        assert_eq!(mount.super_options, b"rw,errors=continue");
    }

    #[test]
    fn a_bind_mount_of_a_deleted_file_keeps_the_kernels_mark() {
        let table = of(&fixture("hostile-mounts"), None).unwrap();
        assert_eq!(
            table.mounts.iter().find(|mount| mount.point == b"/mnt/target.sock").unwrap().root,
            b"/x.sock//deleted"
        );
    }

    #[test]
    fn rows_that_are_none_are_skipped() {
        let good = b"36 35 98:0 / / rw - ext4 /dev/root rw".as_slice();
        let text =
            [b"\n1 2 3\n36 35 98 / / rw - ext4 x rw\n36 35 98:0 / / rw ext4 x rw\n\xff\n", good].concat();
        assert_eq!(parse(&text).mounts.len(), 1);
    }

    #[test]
    fn the_class_below_an_upper_directory_is_layered() {
        let uppers = upper_directories(&fixture("hostile-mounts"));
        let comma = b"/mnt/a,b/upper".to_vec();
        assert!(uppers.contains(&b"/mnt/upper".to_vec()) && uppers.contains(&comma), "{uppers:?}");
        let mut mount = with_super_options("rw");
        mount.fstype = "ext4".into();
        assert_eq!(class_of(&mount, b"/mnt/upper/x.sock", &uppers), MountClass::Layered);
        assert_eq!(class_of(&mount, b"/mnt/a,b/upper/d/x.sock", &uppers), MountClass::Layered);
        assert_eq!(class_of(&mount, b"/mnt/upper2/x.sock", &uppers), MountClass::Local);
        assert_eq!(class_of(&mount, b"/mnt/x.sock", &uppers), MountClass::Local);
        mount.fstype = "virtiofs".into();
        assert_eq!(class_of(&mount, b"/mnt/upper/x.sock", &uppers), MountClass::Foreign);
    }

    #[test]
    fn a_comma_inside_a_value_does_not_end_it() {
        let mount = with_super_options(r"rw,lowerdir=/l,upperdir=/a\054b\040c,workdir=/w");
        assert_eq!(upper_directory(&mount).unwrap(), b"/a,b c");
    }

    #[test]
    fn every_namespace_is_read_once_and_every_chroot_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let machine = Machine { proc: directory.path().to_path_buf(), ..Machine::default() };
        for (name, namespace, root, upper) in [
            ("self", "mnt:[1]", "/", "/one"),
            ("10", "mnt:[1]", "/", "/not-read-again"),
            ("11", "mnt:[1]", "/chroot", "/two"),
            ("12", "mnt:[2]", "/", "/three"),
            ("13", "mnt:[3]", "/", "relative"),
        ] {
            let process = directory.path().join(name);
            std::fs::create_dir_all(process.join("ns")).unwrap();
            symlink(namespace, process.join("ns/mnt")).unwrap();
            symlink(root, process.join("root")).unwrap();
            let row = format!("70 63 0:44 / /merged rw - overlay overlay rw,upperdir={upper}\n");
            std::fs::write(process.join("mountinfo"), row).unwrap();
        }
        assert_eq!(upper_directories(&machine), [b"/one".as_slice(), b"/three", b"/two"]);
    }

    #[test]
    fn our_own_table_has_a_proc_and_a_missing_one_is_a_gap() {
        assert!(of(&Machine::default(), None).unwrap().mounts.iter().any(|mount| mount.fstype == "proc"));
        let gap = of(&Machine::default(), Some(u32::MAX)).unwrap_err();
        assert_eq!(gap, Gap::new("/proc/4294967295/mountinfo", "No such file or directory"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
            without_backslashes(&decode(&text));
        }

        #[test]
        fn what_the_kernel_escapes_comes_back(name in prop::collection::vec(any::<u8>(), 1..40)) {
            let mut escaped = Vec::new();
            for byte in &name {
                match byte {
                    b' ' | b'\t' | b'\n' | b'\\' => escaped.extend(format!("\\{byte:03o}").bytes()),
                    byte => escaped.push(*byte),
                }
            }
            prop_assert_eq!(decode(&escaped), name);
        }
    }

    #[test]
    fn a_backslash_without_digits_stays() {
        assert_eq!(decode(b"\\134\\12\\9zz"), b"\\\\12\\9zz");
        assert_eq!(decode(b"\\777\\+12"), b"\\777\\+12");
    }
}
