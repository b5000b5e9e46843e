//! Whether two names, or two numbers, mean one file: what another view has under the same name may be a stranger's.

use super::Examiner;
use super::draft::Draft;
use crate::facts::look::{Question, Root};
use crate::facts::walk::split;
use crate::model::{Certainty, Device, File, FileId, MountClass, Socket, View, Walk};

impl Examiner<'_> {
    /// How sure it is that a socket's file and the one at the path, of one number on two filesystems, are the same
    /// file. `None`: both filesystems are local and plain, and every tmpfs begins to count at 1.
    pub(super) fn twin(&mut self, row: &Socket, view: Option<&View>, draft: &Draft<'_>) -> Option<Certainty> {
        let here = draft.walk.known().and_then(Walk::file)?.class;
        let root = view.filter(|view| !view.ours).map_or(self.client, |view| Root::Process(view.pid));
        let there = row.file.and_then(|file| self.class_on(root, file.dev));
        match (here, there) {
            (MountClass::Local, Some(MountClass::Local)) => None,
            // A layer or a FUSE on one side, and its source on the other.
            (MountClass::Local, Some(_)) | (_, Some(MountClass::Local)) => Some(Certainty::Certain),
            (_, Some(_) | None) => Some(Certainty::Likely),
        }
    }

    fn class_on(&mut self, root: Root, device: Device) -> Option<MountClass> {
        self.viewpoint(root).ok()?.class_on(device)
    }

    /// Whether the directory of a socket's name is another one for its holder than that of the path asked for: what
    /// became of its file there is not what became of the client's.
    pub(super) fn in_another_directory(&mut self, row: &Socket, view: &View, asked: &[u8]) -> bool {
        let Some((directory, _)) = split(&view.path) else { return false };
        let there = self.identity(Root::Process(view.pid), directory);
        let (root, path) = self.rooted(asked);
        let here = split(path).map_or(directory, |(directory, _)| directory).to_vec();
        match there.zip(self.identity(root, &here)) {
            Some((there, here)) => there != here,
            None => self.on_another_filesystem(row),
        }
    }

    /// Whether a socket's name leads, for the client, to another filesystem than its file is on, as far as it leads:
    /// the cheap proof that it was bound in another mount namespace.
    pub(super) fn on_another_filesystem(&mut self, row: &Socket) -> bool {
        let name = row.address.path().filter(|name| name.starts_with(b"/"));
        let Some((mut name, file)) = name.zip(row.file) else { return false };
        while let Some((directory, _)) = split(name) {
            if let Some(here) = self.identity(self.client, directory) {
                return here.dev != file.dev;
            }
            name = directory;
        }
        false
    }

    fn identity(&mut self, root: Root, directory: &[u8]) -> Option<FileId> {
        self.look(&Question::walk(root, directory)).ok()?.walk.file().and_then(File::id)
    }
}
