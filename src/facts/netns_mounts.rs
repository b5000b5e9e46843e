//! Network namespaces that are mounted somewhere: what `ip netns` and Docker leave in `/run`, and any other bind
//! mount of a namespace (ip-netns(8), `proc_pid_mountinfo(5)`), in the view of any process.
//!
//! The mount tables alone are read, never the directories: whatever lies there and is no mount is no namespace.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::errno::words;
use super::look::{Root, viewpoint};
use super::machine::{Machine, Scope};
use super::mounts;
use super::netns_census::namespace_id;
use super::walk::{Touch, Viewpoint, split};
use crate::model::{Mount, NetnsId};

/// Where names of namespaces are kept, below the root.
const NAMED: [&str; 2] = ["run/netns", "run/docker/netns"];

/// Where a namespace is mounted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mounted {
    /// Its name.
    pub(super) label: Option<String>,
    /// Every place of our own view, else one of another.
    pub(super) places: Vec<Place>,
}

/// A mount point, and in whose view.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// As we see it.
    Here(PathBuf),
    /// As another process does, or a host.
    There(Root, Vec<u8>),
}

/// Views that places were reached in: a view may hold hundreds.
pub(super) type Views = HashMap<Root, Option<Viewpoint>>;

impl Place {
    /// In whose view it is, where that is not ours.
    pub(super) const fn pid(&self) -> Option<u32> {
        match self {
            Self::There(Root::Process(pid), _) => Some(*pid),
            Self::There(Root::Ours, _) | Self::Here(_) => None,
        }
    }

    /// Opens what is mounted there. Never waits: whatever has come to stand there, a FIFO too, is opened and found to
    /// be another file. In another view users may mount what hangs, and no such mount is crossed.
    pub(super) fn open(&self, machine: &Machine, views: &mut Views) -> Result<OwnedFd, String> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let (root, point) = match self {
            Self::Here(point) => return openat(CWD, point, flags, Mode::empty()).map_err(words),
            Self::There(root, point) => (*root, point),
        };
        let unreached = || "its mount point cannot be reached".to_owned();
        let (directory, name) = split(point).ok_or_else(unreached)?;
        let view = views.entry(root).or_insert_with(|| viewpoint(machine, root).ok());
        let view = view.as_ref().ok_or_else(unreached)?;
        let directory = view.walk(directory, Touch::Safe).ok().and_then(|walked| walked.end);
        let directory = directory.ok_or_else(unreached)?;
        openat(directory, name, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(words)
    }
}

/// The network namespaces in our own mount table and in those of `views`, a process for each mount namespace. A
/// table that cannot be read shows none: the processes in them are found all the same.
pub(super) fn all(machine: &Machine, views: &BTreeMap<u64, u32>) -> BTreeMap<NetnsId, Mounted> {
    let mut found = BTreeMap::<NetnsId, Mounted>::new();
    for (id, point) in mounted(machine, None) {
        let mounted = found.entry(id).or_default();
        mounted.label = mounted.label.take().or_else(|| label(machine, &point));
        // What is mounted below a host's root is only there where a walk from that root leads.
        let host = machine.scope == Scope::Host && machine.prefix().is_empty();
        let there = || Place::There(Root::Ours, point.as_os_str().as_bytes().to_vec());
        mounted.places.push(if host { there() } else { Place::Here(point.clone()) });
    }
    let own = super::process::link(&machine.viewer("ns/mnt"));
    for (view, pid) in views {
        if own.as_deref() == Some(format!("mnt:[{view}]").as_bytes()) {
            continue;
        }
        for (id, point) in mounted(machine, Some(*pid)) {
            found.entry(id).or_insert_with(|| {
                let place = Place::There(Root::Process(*pid), point.into_os_string().into_vec());
                Mounted { label: None, places: vec![place] }
            });
        }
    }
    found
}

fn mounted(machine: &Machine, pid: Option<u32>) -> Vec<(NetnsId, PathBuf)> {
    let table = mounts::of(machine, pid).unwrap_or_default();
    let mut found = BTreeMap::new();
    for mount in &table.mounts {
        // A later row is mounted over an earlier one.
        found.insert(&mount.point, namespace(mount));
    }
    found.into_values().flatten().collect()
}

/// Namespace and mount point of a mount that is one.
fn namespace(mount: &Mount) -> Option<(NetnsId, PathBuf)> {
    let id = namespace_id(&mount.root).filter(|_| mount.fstype == "nsfs")?;
    Some((id, PathBuf::from(OsString::from_vec(mount.point.clone()))))
}

fn label(machine: &Machine, point: &Path) -> Option<String> {
    let directory = point.parent()?;
    let root = PathBuf::from(OsString::from_vec([&machine.prefix()[..], b"/"].concat()));
    let named = NAMED.iter().any(|name| directory == root.join(name));
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
        let mounts = all(&machine, &BTreeMap::new());
        assert_eq!(mounts.len(), 2);
        let blue = &mounts[&NetnsId(4_026_532_286)];
        assert_eq!(blue.label.as_deref(), Some("blue"));
        let places = ["/run/netns/blue", "/srv/a b\nc"].map(|point| Place::Here(point.into()));
        assert!(blue.places.len() == 2 && places.iter().all(|place| blue.places.contains(place)));
        assert_eq!(mounts[&NetnsId(4_026_532_300)].label.as_deref(), Some("1-ab"));
    }

    #[test]
    fn a_name_counts_below_the_root_that_is_looked_at() {
        let machine = Machine { root: "/host".into(), ..Machine::default() };
        assert_eq!(label(&machine, Path::new("/host/run/netns/blue")).as_deref(), Some("blue"));
        assert_eq!(label(&machine, Path::new("/run/netns/blue")), None);
    }
}
