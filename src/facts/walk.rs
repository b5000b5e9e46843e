//! A path walked component by component, each pinned by an `O_PATH` descriptor, symlinks resolved by hand.
//!
//! Absolute symlinks restart at the viewer's root and `..` goes back along the way we came, so no link and no
//! rename leads out of that root: the effect of `openat2(RESOLVE_IN_ROOT)`, with every component seen.
//! Before a component is opened its mount is looked up: a mount that may hang is not touched here but handed
//! back, see [`super::helper`].

mod entries;

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, openat, readlinkat, statx};
use rustix::io::Errno;

use super::acl;
use crate::model::{
    Device, Fact, File, FileKind, Mount, MountClass, MountTable, Permissions, Reached, Step, Walk,
};
use entries::is_empty;
pub use entries::{born, socket_names};

/// As the kernel's own limit (include/linux/namei.h, MAXSYMLINKS).
const MAX_LINKS: u32 = 40;
/// As the kernel's own limit (include/uapi/linux/limits.h, PATH_MAX).
const PATH_MAX: usize = 4096;

/// How many paths of one file are looked at: a container may mount a volume a thousand times.
const MAX_PLACES: usize = 16;

/// A root directory and the mounts seen from it.
#[derive(Debug)]
pub struct Viewpoint {
    root: OwnedFd,
    /// The root's own path in the terms of the mount table; empty for `/`.
    prefix: Vec<u8>,
    by_id: HashMap<u64, Arc<Mount>>,
    /// Mount points where a touch may hang: the topmost mount there is foreign or FUSE.
    hazards: HashMap<Vec<u8>, Arc<Mount>>,
}

/// Which mounts may be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Only those that cannot hang.
    Safe,
    /// Any: we are the helper that may be given up on.
    Any,
}

/// Whether the ACLs of the components are read: one more system call each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Acls {
    /// They are not.
    Ignored,
    /// They are.
    Read,
}

/// A finished walk, with what it ended on still pinned.
#[derive(Debug)]
pub struct Walked {
    /// What was seen.
    pub walk: Walk,
    /// The file at the end.
    pub end: Option<OwnedFd>,
    /// The directory of the last component and its canonical path, if the walk came that far.
    pub parent: Option<(OwnedFd, Vec<u8>)>,
}

/// One opened directory on the way.
struct Here {
    fd: OwnedFd,
    path: Vec<u8>,
}

/// `statx` of an open descriptor.
struct Status {
    mode: u32,
    uid: u32,
    gid: u32,
    ino: u64,
    nlink: u32,
    mount_id: u64,
}

impl Status {
    fn permissions(&self, fd: BorrowedFd<'_>, acls: Acls) -> Permissions {
        let is_link = FileKind::of_mode(self.mode) == FileKind::Symlink;
        let acl = if acls == Acls::Read && !is_link { acl::of(fd) } else { Fact::NotAsked };
        Permissions { mode: self.mode, uid: self.uid, gid: self.gid, acl }
    }
}

impl Viewpoint {
    /// A pinned root, its own path in the terms of `mounts`, and these.
    pub fn new(root: OwnedFd, prefix: Vec<u8>, mounts: MountTable) -> Self {
        let mut hazards = HashMap::new();
        for mount in &mounts.mounts {
            // A later row is mounted over an earlier one.
            if mount.class().may_hang() {
                hazards.insert(mount.point.clone(), Arc::clone(mount));
            } else {
                hazards.remove(&mount.point);
            }
        }
        let by_id = mounts.mounts.into_iter().map(|mount| (mount.id, mount)).collect();
        Self { root, prefix, by_id, hazards }
    }

    /// Mounts that the table does not list, as a chrooted process's leaves out the one its root is in: they have
    /// their IDs in the whole kernel, and their points mean nothing here.
    pub fn know(&mut self, others: MountTable) {
        for mount in others.mounts {
            self.by_id.entry(mount.id).or_insert(mount);
        }
    }

    /// Mount points where a touch may hang.
    pub fn hazards(&self) -> impl Iterator<Item = &[u8]> {
        self.hazards.keys().map(Vec::as_slice)
    }

    /// Walks an absolute path. `Err` is the mount that may hang and was not touched.
    pub fn walk(&self, path: &[u8], touch: Touch) -> Result<Walked, Arc<Mount>> {
        self.walk_reading(path, touch, Acls::Ignored)
    }

    /// The same, with the ACL of every component where they are wanted.
    pub fn walk_reading(&self, path: &[u8], touch: Touch, acls: Acls) -> Result<Walked, Arc<Mount>> {
        let stopped = |at: &[u8], pending: &[Vec<u8>], errno: Errno, steps, parent| {
            let rest =
                pending.iter().rev().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>().join(&b'/');
            let reached = Reached::Stopped { at: at.to_vec(), rest, errno: errno.raw_os_error() };
            Walked { walk: Walk { steps, reached }, end: None, parent }
        };
        if path.len() >= PATH_MAX {
            return Ok(stopped(path, &[], Errno::NAMETOOLONG, Vec::new(), None));
        }
        self.safe_to_open(b"/", touch)?;
        let root =
            match openat(&self.root, c".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            {
                Ok(fd) => Here { fd, path: b"/".to_vec() },
                Err(errno) => return Ok(stopped(b"/", &[], errno, Vec::new(), None)),
            };
        let mut pending: Vec<Vec<u8>> = components(path).rev().map(<[u8]>::to_vec).collect();
        let mut steps = Vec::new();
        if let Ok(status) = status_of(root.fd.as_fd(), b"", AtFlags::EMPTY_PATH) {
            let permissions = status.permissions(root.fd.as_fd(), acls);
            let kind = FileKind::Directory;
            steps.push(Step { path: b"/".to_vec(), kind, permissions, link: None, last: pending.is_empty() });
        }
        let mut way = vec![root];
        let mut links = 0;
        loop {
            let Some(name) = pending.pop() else {
                return Ok(self.arrived_at_directory(way, steps));
            };
            if name == b".." && way.len() > 1 {
                way.pop();
            }
            if name.is_empty() || name == b".." {
                continue;
            }
            let Some(here) = way.last() else { return Ok(stopped(path, &[], Errno::NOENT, steps, None)) };
            let child = join(&here.path, &name);
            let must_be_directory = pending.first().is_some_and(Vec::is_empty) && pending.len() == 1;
            if must_be_directory {
                pending.clear();
            }
            self.safe_to_open(&child, touch)?;
            let opened = open_component(here.fd.as_fd(), &name, OFlags::NOFOLLOW);
            let opened = match opened {
                Ok((_, status)) if is_magic(&child, &status) => {
                    open_component(here.fd.as_fd(), &name, OFlags::empty())
                }
                other => other,
            };
            let (fd, status) = match opened {
                Ok(opened) => opened,
                Err(errno) => {
                    let parent =
                        if pending.is_empty() { way.pop().map(|here| (here.fd, here.path)) } else { None };
                    return Ok(stopped(&child, &pending, errno, steps, parent));
                }
            };
            let kind = FileKind::of_mode(status.mode);
            let link = if kind == FileKind::Symlink { readlinkat(&fd, c"", Vec::new()).ok() } else { None };
            let link = link.map(|text| text.as_bytes().to_vec());
            let permissions = status.permissions(fd.as_fd(), acls);
            let last = pending.is_empty();
            steps.push(Step { path: child.clone(), kind, permissions, link: link.clone(), last });
            match (kind, link) {
                (FileKind::Symlink, Some(text)) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Ok(stopped(&child, &pending, Errno::LOOP, steps, None));
                    }
                    if text.starts_with(b"/") {
                        way.truncate(1);
                    }
                    if must_be_directory {
                        pending.push(Vec::new());
                    }
                    pending.extend(components(&text).rev().map(<[u8]>::to_vec));
                }
                (FileKind::Directory, _) => way.push(Here { fd, path: child }),
                _ if pending.is_empty() && !must_be_directory => {
                    let file = self.file(child, fd.as_fd(), &status);
                    let parent = way.pop().map(|here| (here.fd, here.path));
                    return Ok(Walked {
                        walk: Walk { steps, reached: Reached::File(Box::new(file)) },
                        end: Some(fd),
                        parent,
                    });
                }
                _ if must_be_directory => {
                    return Ok(stopped(&child, &[b".".to_vec()], Errno::NOTDIR, steps, None));
                }
                _ => return Ok(stopped(&child, &pending, Errno::NOTDIR, steps, None)),
            }
        }
    }

    /// The class of the filesystem on a device, where this view has it mounted.
    pub fn class_on(&self, device: Device) -> Option<MountClass> {
        self.by_id.values().find(|mount| mount.device == device).map(|mount| mount.class())
    }

    /// Where this view shows what lies at a place of a filesystem, overmounted or not.
    pub fn places_of(&self, device: Device, inside: &[u8]) -> Vec<Vec<u8>> {
        let mounts = self.by_id.values().filter(|mount| mount.device == device);
        let mut places: Vec<Vec<u8>> = mounts.filter_map(|mount| mount.outside(inside)).collect();
        places.sort_unstable();
        places.dedup();
        places.truncate(MAX_PLACES);
        places
    }

    /// The file `name` in an already walked directory: one system call, for long lists of names in few
    /// directories. A symlink or a mount that may hang is left to a full walk: `None`.
    pub fn beside(
        &self,
        directory: BorrowedFd<'_>,
        canonical: &[u8],
        name: &[u8],
    ) -> Option<Result<File, Errno>> {
        let path = join(canonical, name);
        self.safe_to_open(&path, Touch::Safe).ok()?;
        match status_of(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(errno) => Some(Err(errno)),
            Ok(status) if FileKind::of_mode(status.mode) == FileKind::Symlink => None,
            Ok(status) => Some(Ok(self.described(path, &status, None))),
        }
    }

    fn safe_to_open(&self, path: &[u8], touch: Touch) -> Result<(), Arc<Mount>> {
        if touch == Touch::Any {
            return Ok(());
        }
        let hazard = if self.prefix.is_empty() {
            self.hazards.get(path)
        } else {
            let full = [self.prefix.as_slice(), path].concat();
            self.hazards.get(full.strip_suffix(b"/").unwrap_or(&full))
        };
        hazard.map_or(Ok(()), |mount| Err(Arc::clone(mount)))
    }

    fn arrived_at_directory(&self, mut way: Vec<Here>, steps: Vec<Step>) -> Walked {
        let end = way.pop();
        let parent = way.pop().map(|here| (here.fd, here.path));
        let (reached, end) = match end {
            None => (
                Reached::Stopped { at: b"/".to_vec(), rest: Vec::new(), errno: Errno::NOENT.raw_os_error() },
                None,
            ),
            Some(here) => match status_of(here.fd.as_fd(), b"", AtFlags::EMPTY_PATH) {
                Ok(status) => {
                    (Reached::File(Box::new(self.file(here.path, here.fd.as_fd(), &status))), Some(here.fd))
                }
                Err(errno) => {
                    (Reached::Stopped { at: here.path, rest: Vec::new(), errno: errno.raw_os_error() }, None)
                }
            },
        };
        Walked { walk: Walk { steps, reached }, end, parent }
    }

    fn file(&self, path: Vec<u8>, fd: BorrowedFd<'_>, status: &Status) -> File {
        let directory = FileKind::of_mode(status.mode) == FileKind::Directory;
        self.described(path, status, if directory { is_empty(fd) } else { None })
    }

    fn described(&self, path: Vec<u8>, status: &Status, empty: Option<bool>) -> File {
        let mount = self.by_id.get(&status.mount_id).cloned();
        let class = mount.as_ref().map_or(MountClass::Foreign, |mount| mount.class());
        File {
            path,
            kind: FileKind::of_mode(status.mode),
            mode: status.mode,
            uid: status.uid,
            gid: status.gid,
            ino: status.ino,
            nlink: status.nlink,
            mount,
            class,
            empty,
        }
    }
}

/// A directory and a name in it, as one path.
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    [directory, slash, name].concat()
}

/// The directory part and the last component of a path; `None` when it ends in no name.
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let (directory, name) = (&path[..slash], &path[slash + 1..]);
    let directory = if directory.is_empty() { b"/".as_slice() } else { directory };
    (!name.is_empty() && name != b"." && name != b"..").then_some((directory, name))
}

/// The components that move the walk; a trailing `/` or `/.` becomes a last empty one, which demands a directory.
fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let demands_directory = path.len() > 1 && (path.ends_with(b"/") || path.ends_with(b"/."));
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    names.chain(demands_directory.then_some(b"".as_slice()))
}

/// A link below `/proc/PID` is a magic one (proc_pid_fd(5)): its text is a description, and only following it leads
/// where it leads.
fn is_magic(path: &[u8], status: &Status) -> bool {
    let below = path.strip_prefix(b"/proc/").unwrap_or_default();
    let pid = below.iter().take_while(|byte| byte.is_ascii_digit()).count();
    FileKind::of_mode(status.mode) == FileKind::Symlink && pid > 0 && below.get(pid) == Some(&b'/')
}

fn open_component(
    directory: BorrowedFd<'_>,
    name: &[u8],
    follow: OFlags,
) -> Result<(OwnedFd, Status), Errno> {
    let fd = openat(directory, name, OFlags::PATH | OFlags::CLOEXEC | follow, Mode::empty())?;
    let status = status_of(fd.as_fd(), b"", AtFlags::EMPTY_PATH)?;
    Ok((fd, status))
}

fn status_of(directory: BorrowedFd<'_>, name: &[u8], flags: AtFlags) -> Result<Status, Errno> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let found = statx(directory, name, flags | AtFlags::NO_AUTOMOUNT, wanted)?;
    Ok(Status {
        mode: u32::from(found.stx_mode),
        uid: found.stx_uid,
        gid: found.stx_gid,
        ino: found.stx_ino,
        nlink: found.stx_nlink,
        mount_id: found.stx_mnt_id,
    })
}

#[cfg(test)]
mod tests;
