//! Network namespaces that are mounted somewhere: what `ip netns` and Docker leave in `/run`, and any other bind
//! mount of a namespace (ip-netns(8), `proc_pid_mountinfo(5)`).
//!
//! The mount table alone is read, never the directories: whatever lies there and is no mount is no namespace.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::mounts;
use super::netns_census::namespace_id;
use crate::model::{Mount, NetnsId};

/// Where names of namespaces are kept, below the root.
const NAMED: [&str; 2] = ["run/netns", "run/docker/netns"];

/// Where a namespace is mounted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mounted {
    /// Its name.
    pub(super) label: Option<String>,
    /// Every place.
    pub(super) points: Vec<PathBuf>,
}

/// The network namespaces in our own mount table. One that cannot be read shows none: the processes in them are
/// found all the same.
pub(super) fn all(machine: &Machine) -> BTreeMap<NetnsId, Mounted> {
    let table = mounts::of(machine, None).unwrap_or_default();
    let mut found = BTreeMap::<NetnsId, Mounted>::new();
    for (id, point) in table.mounts.iter().filter_map(|mount| namespace(mount)) {
        let mounted = found.entry(id).or_default();
        mounted.label = mounted.label.take().or_else(|| label(machine, &point));
        mounted.points.push(point);
    }
    found
}

/// Namespace and mount point of a mount that is one.
fn namespace(mount: &Mount) -> Option<(NetnsId, PathBuf)> {
    let id = namespace_id(&mount.root).filter(|_| mount.fstype == "nsfs")?;
    Some((id, PathBuf::from(OsString::from_vec(mount.point.clone()))))
}

fn label(machine: &Machine, point: &Path) -> Option<String> {
    let directory = point.parent()?;
    let named = NAMED.iter().any(|name| directory == machine.root.join(name));
    named.then(|| point.file_name().map(|name| name.to_string_lossy().into_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
532 25 0:4 net:[4026532286] /run/netns/blue rw shared:7 - nsfs nsfs rw
533 25 0:4 net:[4026532286] /srv/a\\040b\\012c rw - nsfs nsfs rw
534 25 0:4 mnt:[4026532290] /run/snapd/ns/x.mnt rw - nsfs nsfs rw
535 25 0:4 net:[4026532300] /run/docker/netns/1-ab rw - nsfs nsfs rw
536 25 0:4 net:[4026532400] /mnt rw - tmpfs tmpfs rw
537 25 0:4 net:[40265
";

    #[test]
    fn namespaces_are_found_with_their_names_and_every_place() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("self")).unwrap();
        std::fs::write(root.path().join("self/mountinfo"), TABLE).unwrap();
        let machine = Machine { proc: root.path().into(), ..Machine::default() };
        let mounts = all(&machine);
        assert_eq!(mounts.len(), 2);
        let blue = &mounts[&NetnsId(4_026_532_286)];
        assert_eq!(blue.label.as_deref(), Some("blue"));
        assert_eq!(blue.points, [Path::new("/run/netns/blue"), Path::new("/srv/a b\nc")]);
        assert_eq!(mounts[&NetnsId(4_026_532_300)].label.as_deref(), Some("1-ab"));
    }

    #[test]
    fn a_name_counts_below_the_root_that_is_looked_at() {
        let machine = Machine { root: "/host".into(), ..Machine::default() };
        assert_eq!(label(&machine, Path::new("/host/run/netns/blue")).as_deref(), Some("blue"));
        assert_eq!(label(&machine, Path::new("/run/netns/blue")), None);
    }
}
