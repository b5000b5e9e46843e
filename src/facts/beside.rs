//! Names in few directories, each looked at with one system call instead of a walk.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

use super::walk::{Touch, Viewpoint, split};
use crate::model::{File, Reached};

/// Looks at names one by one, remembering the last directory: names come in order.
#[derive(Debug)]
pub struct Beside<'v> {
    view: &'v Viewpoint,
    /// The directory as it was named.
    name: Vec<u8>,
    /// Its descriptor and canonical path, unless it is not to be had cheaply.
    place: Option<(OwnedFd, Vec<u8>)>,
}

impl<'v> Beside<'v> {
    /// Over names in this view.
    pub const fn new(view: &'v Viewpoint) -> Self {
        Self { view, name: Vec::new(), place: None }
    }

    /// What stands at an absolute path. `None`: a whole walk has to tell.
    pub fn at(&mut self, path: &[u8]) -> Option<Result<File, Errno>> {
        let (directory, last) = path.starts_with(b"/").then(|| split(path)).flatten()?;
        if last.is_empty() {
            return None;
        }
        if self.name != directory {
            let walked = self.view.walk(directory, Touch::Safe).ok();
            self.place = walked.and_then(|walked| match (walked.end, walked.walk.reached) {
                (Some(fd), Reached::File(file)) => Some((fd, file.path)),
                _ => None,
            });
            directory.clone_into(&mut self.name);
        }
        let (fd, canonical) = self.place.as_ref()?;
        self.view.beside(fd.as_fd(), canonical, last)
    }

    /// Whether nothing stands there, for certain.
    pub fn is_empty(&mut self, path: &[u8]) -> bool {
        self.at(path).is_some_and(|found| found.err() == Some(Errno::NOENT))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::facts::look::{Root, viewpoint};
    use crate::facts::machine::Machine;

    #[test]
    fn only_what_is_certainly_not_there_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap();
        std::fs::write(real.join("file"), "").unwrap();
        symlink("nowhere", real.join("link")).unwrap();
        let view = viewpoint(&Machine::default(), Root::Ours).unwrap();
        let mut beside = Beside::new(&view);
        let mut look = |name: &str| {
            let path = real.join(name);
            let found = beside.at(path.as_os_str().as_bytes()).map(|found| found.is_ok());
            (found, beside.is_empty(path.as_os_str().as_bytes()))
        };
        assert_eq!(look("file"), (Some(true), false));
        assert_eq!(look("none"), (Some(false), true));
        assert_eq!(look("file/x"), (Some(false), false));
        // For these a walk has to tell.
        for name in ["link", "none/x"] {
            assert_eq!(look(name), (None, false), "{name}");
        }
        assert_eq!((beside.at(b"relative"), beside.at(b"/tmp/")), (None, None));
    }
}
