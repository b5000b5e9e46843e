//! Which machine is looked at: its root directory, its `/proc`, and what of its kernel may be asked.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Whose kernel and processes stand behind the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Scope {
    /// Ours: the files are those we see, the namespaces those we are in.
    #[default]
    Running,
    /// Nobody's: an image or a rescue mount. There are files, and no kernel to ask about them.
    Image,
    /// Ours, seen from a container: the files and processes are those of the host, whose process 1 stands for it.
    Host,
}

/// Where the machine's files and processes are found. Re-rooted for tests and for containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The directory that paths and configuration are resolved in; `/` for the running system.
    pub root: PathBuf,
    /// A procfs; `/proc` for the running system.
    pub proc: PathBuf,
    /// What the kernel may be asked.
    pub scope: Scope,
}

impl Default for Machine {
    fn default() -> Self {
        Self { root: PathBuf::from("/"), proc: PathBuf::from("/proc"), scope: Scope::Running }
    }
}

impl Machine {
    /// The files below a directory alone.
    pub fn image(root: &Path) -> io::Result<Self> {
        Ok(Self { root: directory(root)?, scope: Scope::Image, ..Self::default() })
    }

    /// The host of our container, by its root and its procfs.
    ///
    /// Where the directory is the very root of the host's process 1, paths are walked from that: the mounts there
    /// are the host's own, whatever of them reached our copy (`mount_namespaces(7)`).
    pub fn host(root: &Path, proc: &Path) -> io::Result<Self> {
        let (root, proc) = (directory(root)?, directory(proc)?);
        if (root.as_path(), proc.as_path()) == (Path::new("/"), Path::new("/proc")) {
            return Ok(Self::default());
        }
        let of_first = proc.join("1/root");
        let identity = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
        let is_it = identity(&of_first).is_some_and(|id| identity(&root) == Some(id));
        Ok(Self { root: if is_it { of_first } else { root }, proc, scope: Scope::Host })
    }

    /// The root directory in the terms of the mount table that [`Self::mountinfo`] names: empty for `/`.
    pub fn prefix(&self) -> Vec<u8> {
        if self.is_rooted_in_process_1() {
            return Vec::new();
        }
        let root = self.root.as_os_str().as_bytes();
        root.strip_suffix(b"/").unwrap_or(root).to_vec()
    }

    /// The table of the mounts that a walk from the root crosses.
    pub fn mountinfo(&self) -> PathBuf {
        match self.scope {
            Scope::Host if self.is_rooted_in_process_1() => self.process(1, "mountinfo"),
            // Descriptors below the root are on mounts of our own namespace.
            Scope::Host | Scope::Image => PathBuf::from("/proc/self/mountinfo"),
            Scope::Running => self.proc("self/mountinfo"),
        }
    }

    fn is_rooted_in_process_1(&self) -> bool {
        self.scope == Scope::Host && self.root == self.process(1, "root")
    }

    /// The process whose namespaces the machine is looked at from, below `/proc`: ourselves, but for a host its
    /// first process.
    pub fn viewer(&self, below: &str) -> PathBuf {
        self.proc(self.viewer_name()).join(below)
    }

    /// The same, its directory's name.
    pub const fn viewer_name(&self) -> &'static str {
        match self.scope {
            Scope::Host => "1",
            Scope::Running | Scope::Image => "self",
        }
    }

    /// Whether there is a kernel to ask about sockets, processes and namespaces.
    pub fn has_kernel(&self) -> bool {
        self.scope != Scope::Image
    }

    /// Whether its pids are ours to open descriptors of: pidfd_open(2) takes those of our own pid namespace.
    pub fn shares_pids(&self) -> bool {
        match self.scope {
            Scope::Running => self.proc == Path::new("/proc"),
            Scope::Image => false,
            Scope::Host => {
                let namespace = |path: &Path| std::fs::metadata(path).map(|found| found.ino()).ok();
                let theirs = namespace(&self.viewer("ns/pid"));
                theirs.is_some() && theirs == namespace(Path::new("/proc/self/ns/pid"))
            }
        }
    }

    /// What a relative path is relative to: of another root its top.
    pub fn working_directory(&self) -> Vec<u8> {
        match self.scope {
            Scope::Running => super::process::own_directory(),
            Scope::Image | Scope::Host => b"/".to_vec(),
        }
    }

    /// Where a path of the machine is for us. Nothing follows its links for the machine.
    pub fn place_of(&self, path: &[u8]) -> PathBuf {
        self.root.join(OsStr::from_bytes(path.strip_prefix(b"/").unwrap_or(path)))
    }

    /// The path of the machine that is found at such a place.
    pub fn name_of(&self, place: &Path) -> Vec<u8> {
        let below = place.strip_prefix(&self.root).unwrap_or(place);
        Path::new("/").join(below).into_os_string().into_encoded_bytes()
    }

    /// A path below `/proc`.
    pub fn proc(&self, below: impl AsRef<Path>) -> PathBuf {
        self.proc.join(below)
    }

    /// A path below `/proc/PID`.
    pub fn process(&self, pid: u32, below: impl AsRef<Path>) -> PathBuf {
        self.proc.join(pid.to_string()).join(below)
    }
}

/// Absolute, since helpers work elsewhere, and without links, as mount tables name it.
fn directory(path: &Path) -> io::Result<PathBuf> {
    let found = path.canonicalize()?;
    if found.is_dir() { Ok(found) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_root_and_proc_are_the_running_system() {
        assert_eq!(Machine::host(Path::new("/"), Path::new("/proc/.")).unwrap(), Machine::default());
    }

    #[test]
    fn a_root_is_a_directory_without_links() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("image")).unwrap();
        std::os::unix::fs::symlink("image", dir.path().join("link")).unwrap();
        let image = Machine::image(&dir.path().join("link")).unwrap();
        assert!(image.root.ends_with("image") && !image.has_kernel() && !image.shares_pids());
        assert_eq!(image.prefix(), image.root.as_os_str().as_bytes());
        std::fs::write(dir.path().join("file"), "").unwrap();
        for wrong in ["file", "none"] {
            assert!(Machine::image(&dir.path().join(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_is_walked_from_its_first_process_if_that_has_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let (root, proc) = (dir.path().join("root"), dir.path().join("proc"));
        for made in [&root, &proc.join("1")] {
            std::fs::create_dir_all(made).unwrap();
        }
        let elsewhere = Machine::host(&root, &proc).unwrap();
        assert_eq!(elsewhere.mountinfo(), Path::new("/proc/self/mountinfo"));
        assert!(elsewhere.root.ends_with("root") && !elsewhere.prefix().is_empty());
        std::os::unix::fs::symlink(&root, proc.join("1/root")).unwrap();
        let host = Machine::host(&root, &proc).unwrap();
        assert!(host.root.ends_with("proc/1/root") && host.prefix().is_empty());
        assert!(host.mountinfo().ends_with("proc/1/mountinfo"));
        assert!(host.viewer("ns/net").ends_with("proc/1/ns/net"));
    }
}
