//! The lightest look at one path that tells whether a client could get through, to be taken again and again: a walk
//! and one passive test, no dump of any namespace.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::Instant;

use super::examine::join_if_relative;
use super::helper;
use super::look::{NoLook, Passive, Question, Root, look, place, root_of, viewpoint};
use super::machine::Machine;
use super::proc_file;
use super::process::own_directory;
use super::walk::{Touch, Viewpoint, join, socket_names, split};
use crate::model::{File, FileKind, Liveness, Look, Mount, Reach, Reached};

/// What a glance found.
#[derive(Debug)]
pub struct Glance {
    /// The state; of a socket that somebody has bound [`Reach::Bound`], never more.
    pub reach: Reach,
    /// Which file it was seen at, as mount and inode.
    pub place: Option<(Option<u64>, u64)>,
    /// The deepest directory on the way that exists, and the name in it that leads on. `None`: none in our own view
    /// that may be watched without harm.
    pub edge: Option<(Vec<u8>, Vec<u8>)>,
    /// The file at the end, where one is.
    pub file: Option<File>,
    /// That name is the last one of the path: its directory is there.
    pub at_end: bool,
    /// The mount on the way that may hang, where there is one: only the helper may touch the path.
    pub hazard: Option<Arc<Mount>>,
}

/// Glances at paths, remembering the mounts until told that they changed.
#[derive(Debug)]
pub struct Glancer<'m> {
    machine: &'m Machine,
    here: Vec<u8>,
    ours: Option<Arc<Viewpoint>>,
}

impl<'m> Glancer<'m> {
    /// A glancer at this machine.
    pub fn new(machine: &'m Machine) -> Self {
        Self { machine, here: own_directory(), ours: None }
    }

    /// Forgets the mounts.
    pub fn forget_mounts(&mut self) {
        self.ours = None;
    }

    /// A path as it has to be written where our working directory is another one.
    pub fn absolute(&self, path: &[u8]) -> Vec<u8> {
        join_if_relative(&self.here, path)
    }

    /// Glances at a path; `passive` asks a socket whether it is bound. A mount that may hang is given up on
    /// at the deadline.
    pub fn at(&mut self, path: &[u8], passive: bool, deadline: Instant) -> Glance {
        let path = self.absolute(path);
        let (root, path) = root_of(&path);
        let passive = if passive { Passive::Once } else { Passive::No };
        let question = Question { passive, ..Question::walk(root, path) };
        let (seen, hazard) = match self.view(root).and_then(|view| look(&view, &question, Touch::Safe)) {
            Ok(seen) => (Some(seen), None),
            Err(NoLook::Unseen(_)) => (None, None),
            Err(NoLook::MayHang(mount)) => {
                (helper::ask(self.machine, &question, &mount, deadline).ok(), Some(mount))
            }
        };
        let Some(seen) = seen else {
            return Glance {
                reach: Reach::Unseen,
                place: None,
                edge: None,
                file: None,
                at_end: false,
                hazard,
            };
        };
        let watchable = root == Root::Ours && hazard.is_none();
        let edge = watchable.then(|| edge(self.machine, &seen)).flatten();
        let (file, at_end) = match &seen.walk.reached {
            Reached::File(file) => (Some(file.as_ref().clone()), true),
            Reached::Stopped { rest, errno, .. } => (None, rest.is_empty() && *errno == nix::libc::ENOENT),
        };
        Glance { reach: reach(&seen), place: place(&seen.walk), edge, file, at_end, hazard }
    }

    /// The socket files in a directory, links resolved; none where it cannot be read.
    pub fn sockets_in(&self, directory: &[u8]) -> Vec<Vec<u8>> {
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(directory));
        let found = proc_file::directory(path).ok().and_then(|open| socket_names(&open, directory, |_| true));
        found.unwrap_or_default().into_iter().map(|(_, name)| name).collect()
    }

    fn view(&mut self, root: Root) -> Result<Arc<Viewpoint>, NoLook> {
        if root != Root::Ours {
            return viewpoint(self.machine, root).map(Arc::new);
        }
        if let Some(view) = &self.ours {
            return Ok(Arc::clone(view));
        }
        let view = Arc::new(viewpoint(self.machine, root)?);
        self.ours = Some(Arc::clone(&view));
        Ok(view)
    }
}

fn reach(seen: &Look) -> Reach {
    match &seen.walk.reached {
        Reached::Stopped { errno, .. } => match *errno {
            nix::libc::ENOENT => Reach::Missing,
            nix::libc::EACCES => Reach::Denied,
            nix::libc::ENAMETOOLONG => Reach::TooLong,
            errno => Reach::Failed(errno),
        },
        Reached::File(file) if file.kind != FileKind::Socket => Reach::NotASocket(file.kind),
        Reached::File(_) => match seen.liveness {
            // Not asked; or another file took its name while it was asked, which the next glance is about.
            None | Some(Liveness::Bound) => Reach::Bound,
            Some(Liveness::Refused { .. }) => Reach::Stale,
            Some(Liveness::Denied) => Reach::Denied,
            Some(Liveness::Failed(errno)) => Reach::Failed(errno),
        },
    }
}

fn edge(machine: &Machine, seen: &Look) -> Option<(Vec<u8>, Vec<u8>)> {
    let stands = match &seen.walk.reached {
        Reached::File(file) => &file.path,
        Reached::Stopped { at, .. } => at,
    };
    let (directory, name) = split(stands)?;
    let prefix = machine.prefix();
    let directory = if prefix.is_empty() { directory.to_vec() } else { join(&prefix, &directory[1..]) };
    Some((directory, name.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    fn at(path: &Path) -> Glance {
        Glancer::new(&Machine::default()).at(path.as_os_str().as_bytes(), true, Instant::now())
    }

    #[test]
    fn each_state_of_a_path_is_told_from_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        assert_eq!(at(&path).reach, Reach::Missing);
        std::fs::write(&path, "").unwrap();
        assert_eq!(at(&path).reach, Reach::NotASocket(FileKind::Regular));
        assert_eq!(at(&path.join("below")).reach, Reach::Failed(nix::libc::ENOTDIR));
        std::fs::remove_file(&path).unwrap();
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(at(&path).reach, Reach::Bound);
        drop(listener);
        assert_eq!(at(&path).reach, Reach::Stale);
        assert_eq!(at(&dir.path().join("n".repeat(300))).reach, Reach::TooLong);
    }

    #[test]
    fn the_edge_is_the_deepest_directory_that_exists_behind_all_links() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::os::unix::fs::symlink("nowhere/near", dir.path().join("link")).unwrap();
        for (path, name) in [("a/b/s", "a"), ("s", "s"), ("link", "nowhere")] {
            let (directory, found) = at(&dir.path().join(path)).edge.unwrap();
            assert_eq!(directory, real.as_os_str().as_bytes(), "{path}");
            assert_eq!(found, name.as_bytes(), "{path}");
        }
    }

    #[test]
    fn a_path_in_the_root_of_a_process_is_not_watched_in_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = Path::new("/proc/self/root").join(dir.path().strip_prefix("/").unwrap()).join("s");
        let own = path.to_str().unwrap().replace("self", &std::process::id().to_string());
        let glance = at(Path::new(&own));
        assert_eq!((glance.reach, glance.edge), (Reach::Missing, None));
    }
}
