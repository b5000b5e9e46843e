//! Socket files that no socket of the dump is bound to: where they are looked for, and what was left out.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::examine::Examiner;
use super::look::Question;
use super::proc_file::why;
use super::walk::split;
use crate::model::{ASIDE_PREFIX, Device, FileId, FileIno, Gap, Socket};

/// How deep below a directory is looked.
const DEPTH: u32 = 4;
/// How many entries are read in all.
const ENTRIES: usize = 100_000;
const WHAT: &str = "the search for stale files";

impl Examiner<'_> {
    /// Socket files below the directories of all bound names, /run and /tmp, on the same mount each, whose
    /// inode no socket of the dump has. The gaps say what was left out.
    pub fn unbound_files(&mut self, rows: &[Socket]) -> (Vec<Vec<u8>>, Vec<Gap>) {
        let names = rows.iter().filter(|row| row.owns_name()).filter_map(|row| row.address.path());
        let given: BTreeSet<&[u8]> = names.filter_map(split).map(|(directory, _)| directory).collect();
        let roots = given.into_iter().chain([b"/run".as_slice(), b"/tmp"]);
        let roots: Vec<Vec<u8>> = roots.filter(|directory| *directory != b"/").map(<[u8]>::to_vec).collect();
        self.unbound_files_below(&roots, rows)
    }

    /// The same below directories that somebody named. What an interrupted removal left is among the files, bound or
    /// not.
    pub fn unbound_files_below(&mut self, roots: &[Vec<u8>], rows: &[Socket]) -> (Vec<Vec<u8>>, Vec<Gap>) {
        let bound: HashSet<FileId> = rows.iter().filter_map(|row| row.file).collect();
        let hazards = self.hazards();
        let mut search = Search {
            bound,
            hazards,
            found: BTreeSet::new(),
            seen: HashSet::new(),
            entries: 0,
            too_deep: 0,
            gaps: Vec::new(),
        };
        for root in roots {
            let look = match self.look(&Question::walk(self.client, root)) {
                Ok(look) => look,
                Err(gap) => {
                    search.gaps.push(gap);
                    continue;
                }
            };
            let Some(file) = look.walk.file() else { continue };
            if file.class.may_hang() {
                let fstype = file.mount.as_ref().map_or("unknown", |mount| mount.fstype.as_str());
                let source = String::from_utf8_lossy(root).into_owned();
                search
                    .gaps
                    .push(Gap::new(source, format!("not searched for stale files: {fstype} may hang")));
                continue;
            }
            search.below(&self.machine.place_of(&file.path), DEPTH);
        }
        if search.entries > ENTRIES {
            search.gaps.push(Gap::new(WHAT, format!("stopped after {ENTRIES} entries")));
        }
        if search.too_deep > 0 {
            let why = format!("{} directories deeper than {DEPTH} levels were left out", search.too_deep);
            search.gaps.push(Gap::new(WHAT, why));
        }
        let names = search.found.into_iter().map(|path| self.machine.name_of(&path));
        (names.collect(), search.gaps)
    }

    /// Mount points where a touch may hang, as places of ours.
    fn hazards(&mut self) -> HashSet<PathBuf> {
        let Ok(view) = self.viewpoint(self.client) else { return HashSet::new() };
        view.hazards().map(|point| PathBuf::from(OsStr::from_bytes(point))).collect()
    }
}

struct Search {
    bound: HashSet<FileId>,
    hazards: HashSet<PathBuf>,
    found: BTreeSet<PathBuf>,
    seen: HashSet<(u64, u64)>,
    entries: usize,
    too_deep: usize,
    gaps: Vec<Gap>,
}

impl Search {
    fn below(&mut self, directory: &Path, depth: u32) {
        let here = match std::fs::symlink_metadata(directory) {
            Ok(here) => here,
            Err(error) => return self.unsearched(directory, &error),
        };
        if !self.seen.insert((here.dev(), here.ino())) || self.entries > ENTRIES {
            return;
        }
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return self.unsearched(directory, &error),
        };
        for entry in entries {
            self.entries += 1;
            let (entry, kind) = match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) => (entry, kind),
                Err(error) => {
                    self.unsearched(directory, &error);
                    continue;
                }
            };
            if kind.is_socket() {
                let leftover = entry.file_name().as_bytes().starts_with(ASIDE_PREFIX);
                // What cannot be told apart from a live one is looked at once more.
                if leftover || entry.metadata().map_or(true, |found| !self.bound.contains(&identity(&found)))
                {
                    self.found.insert(entry.path());
                }
            } else if kind.is_dir() && !self.hazards.contains(&entry.path()) {
                // The same mount only: what is mounted below may hang, and is searched when a name leads there.
                let same_mount =
                    std::fs::symlink_metadata(entry.path()).is_ok_and(|found| found.dev() == here.dev());
                match depth.checked_sub(1) {
                    Some(depth) if same_mount => self.below(&entry.path(), depth),
                    None if same_mount => self.too_deep += 1,
                    _ => {}
                }
            }
        }
    }
}

impl Search {
    /// A directory that was not read, or not to its end; one that is gone meanwhile holds nothing.
    fn unsearched(&mut self, directory: &Path, error: &std::io::Error) {
        if error.kind() == std::io::ErrorKind::NotFound {
            return;
        }
        let why = format!("not searched for stale files: {}", why(error));
        let gap = Gap::new(directory.to_string_lossy(), why);
        let as_root = error.kind() == std::io::ErrorKind::PermissionDenied;
        self.gaps.push(if as_root { gap.helped_by(Gap::AS_ROOT) } else { gap });
    }
}

/// As the kernel names it to its sockets, but where a filesystem reports devices of its own (btrfs): a live file that
/// is not recognised is only looked at once more.
fn identity(found: &std::fs::Metadata) -> FileId {
    let (major, minor) = (nix::sys::stat::major(found.dev()), nix::sys::stat::minor(found.dev()));
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    FileId {
        dev: Device { major: narrow(major), minor: narrow(minor) },
        ino: FileIno::from_stat(found.ino()),
    }
}
