//! One file in several views: where the client finds what a holder bound elsewhere.

use super::Examiner;
use crate::facts::look::Question;
use crate::facts::walk::split;
use crate::model::{Case, Fact, File, Role, Target, Walk};

impl Examiner<'_> {
    /// For listeners whose file exists only where their holders look: by which paths the client reaches that very
    /// file, and what its own directory of that name is.
    pub(super) fn look_elsewhere(&mut self, case: &mut Case) {
        let mut elsewhere = false;
        for sighting in &mut case.sockets.items {
            let there = sighting.role() == Ok(Some(Role::OtherView));
            let file = sighting.view.known().filter(|_| there).and_then(|view| view.walk.file()).cloned();
            if let Some(file) = file {
                elsewhere = true;
                sighting.here = self.names_here(&file);
            }
        }
        if elsewhere && matches!(case.target, Target::Path(_)) {
            case.directory = self.directory_of(&case.path);
        }
    }

    /// Paths in the client's view that lead to a file of another view: through every mount of the same filesystem
    /// that shows it (mountinfo's root field, proc_pid_mountinfo(5)).
    fn names_here(&mut self, file: &File) -> Vec<Vec<u8>> {
        let (Some(mount), Ok(view)) = (&file.mount, self.viewpoint(self.client)) else { return Vec::new() };
        let Some(inside) = mount.inside(&file.path) else { return Vec::new() };
        let mut names = view.places_of(mount.device, &inside);
        names.retain(|name| {
            let seen = self.look(&Question::walk(self.client, name)).ok();
            seen.and_then(|look| look.walk.file().and_then(File::id)) == file.id()
        });
        names
    }

    fn directory_of(&mut self, path: &[u8]) -> Fact<Option<File>> {
        let Some((directory, _)) = split(path) else { return Fact::NotAsked };
        let directory = directory.to_vec();
        match self.look(&Question::walk(self.client, &directory)) {
            Ok(look) => Fact::Known(Walk::file(&look.walk).cloned()),
            Err(gap) => Fact::Unknown(gap),
        }
    }
}
