//! Socket files that no socket of the dump is bound to: where they are looked for, and what was left out.

use std::collections::{BTreeSet, HashSet};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::examine::Examiner;
use super::look::Question;
use super::walk::split;
use crate::model::{FileIno, Gap, Socket};

/// How deep below a directory is looked.
const DEPTH: u32 = 4;
/// How many entries are read in all.
const ENTRIES: usize = 100_000;

impl Examiner<'_> {
    /// Socket files below the directories of all bound names, /run and /tmp, on the same mount each, whose
    /// inode no socket of the dump has. The gaps say what was left out.
    pub fn unbound_files(&mut self, rows: &[Socket]) -> (Vec<Vec<u8>>, Vec<Gap>) {
        let bound: HashSet<FileIno> = rows.iter().filter_map(|row| row.file).map(|file| file.ino).collect();
        let names = rows.iter().filter(|row| row.owns_name()).filter_map(|row| row.address.path());
        let given: BTreeSet<&[u8]> = names.filter_map(split).map(|(directory, _)| directory).collect();
        let roots =
            given.into_iter().chain([b"/run".as_slice(), b"/tmp"]).filter(|directory| *directory != b"/");
        let mut search =
            Search { found: BTreeSet::new(), seen: HashSet::new(), entries: 0, gaps: Vec::new() };
        for root in roots {
            let Ok(look) = self.look(&Question::walk(self.client, root)) else { continue };
            let Some(file) = look.walk.file() else { continue };
            if file.class.may_hang() {
                let fstype = file.mount.as_ref().map_or("unknown", |mount| mount.fstype.as_str());
                let source = String::from_utf8_lossy(root).into_owned();
                search
                    .gaps
                    .push(Gap::new(source, format!("not searched for stale files: {fstype} may hang")));
                continue;
            }
            search.below(&self.machine.place_of(&file.path), DEPTH, &bound);
        }
        if search.entries > ENTRIES {
            search
                .gaps
                .push(Gap::new("the search for stale files", format!("stopped after {ENTRIES} entries")));
        }
        let names = search.found.into_iter().map(|path| self.machine.name_of(&path));
        (names.collect(), search.gaps)
    }
}

struct Search {
    found: BTreeSet<PathBuf>,
    seen: HashSet<(u64, u64)>,
    entries: usize,
    gaps: Vec<Gap>,
}

impl Search {
    fn below(&mut self, directory: &Path, depth: u32, bound: &HashSet<FileIno>) {
        let Ok(here) = std::fs::symlink_metadata(directory) else { return };
        if !self.seen.insert((here.dev(), here.ino())) || self.entries > ENTRIES {
            return;
        }
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() == std::io::ErrorKind::PermissionDenied {
                    let gap = Gap::new(
                        directory.to_string_lossy(),
                        "not searched for stale files: Permission denied",
                    );
                    self.gaps.push(gap.helped_by(Gap::AS_ROOT));
                }
                return;
            }
        };
        for entry in entries.flatten() {
            self.entries += 1;
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_socket() {
                if entry.metadata().is_ok_and(|found| !bound.contains(&FileIno::from_stat(found.ino()))) {
                    self.found.insert(entry.path());
                }
            } else if kind.is_dir() && depth > 0 {
                // The same mount only: what is mounted below may hang, and is searched when a name leads there.
                let same_mount =
                    std::fs::symlink_metadata(entry.path()).is_ok_and(|found| found.dev() == here.dev());
                if same_mount {
                    self.below(&entry.path(), depth - 1, bound);
                }
            }
        }
    }
}
