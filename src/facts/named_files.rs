//! Files that configuration names, maybe by a pattern, in the root of the process that reads them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use rustix::fs::Dir;

use super::machine::Machine;
use super::{proc_file, process};
use crate::model::Gap;

/// How much of a file is read.
const SIZE: u64 = 1 << 20;
/// How many files a pattern may name.
const FILES: usize = 2000;

/// A file and its text.
pub type Text = (Vec<u8>, Vec<u8>);

/// The root in which a process reads its files, as we reach it.
pub fn root_of(machine: &Machine, pid: u32) -> PathBuf {
    match process::same_view(machine, pid, None) {
        Some(false) => machine.process(pid, "root"),
        _ => machine.root.clone(),
    }
}

/// The root in which a process read its files before it changed it (chroot(2)): that of its mount namespace.
pub fn first_root_of(machine: &Machine, pid: u32) -> PathBuf {
    match process::same_mounts(machine, pid) {
        Some(false) => machine.process(pid, "root"),
        _ => machine.root.clone(),
    }
}

/// A regular file and its text, by its path in a root.
pub fn one(root: &Path, path: &[u8]) -> Result<Text, Gap> {
    let read = || proc_file::regular(&File::from(open(root, path)?), SIZE);
    read().map(|text| (path.to_vec(), text)).map_err(|error| gap(path, &error))
}

/// The files that somebody named: one, or those below a directory.
pub fn below(path: &Path) -> Result<Vec<Text>, Gap> {
    let mut texts = Vec::new();
    let mut left = vec![path.to_path_buf()];
    while let Some(next) = left.pop().filter(|_| texts.len() < FILES) {
        let name = next.as_os_str().as_bytes();
        let directory = std::fs::metadata(&next).map_err(|error| gap(name, &error))?.is_dir();
        if !directory {
            let text = proc_file::read(&next, SIZE).map_err(|error| gap(name, &error))?;
            texts.push((name.to_vec(), text));
            continue;
        }
        let entries = std::fs::read_dir(&next).map_err(|error| gap(name, &error))?.take(FILES).flatten();
        // A link may lead round in a circle.
        let plain = |entry: &std::fs::DirEntry| {
            let kind = entry.file_type();
            let file = |path: &Path| (path.is_file() && !is_alias(path)) || is_mask(path);
            kind.is_ok_and(|kind| kind.is_dir() || file(&entry.path()))
        };
        let mut found: Vec<PathBuf> = entries.filter(plain).map(|entry| entry.path()).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        left.extend(found);
    }
    Ok(texts)
}

/// A unit that is switched off by a link to /dev/null (systemd.unit(5)).
fn is_mask(path: &Path) -> bool {
    std::fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null"))
}

/// Another name of a unit that stands under its own: a link to it, and no instance of a template.
fn is_alias(file: &Path) -> bool {
    let target = std::fs::read_link(file).ok();
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(own), Some(target)) = (last(file), target.as_deref().and_then(last)) else { return false };
    let is_unit = |name: &str| name.ends_with(".service") || name.ends_with(".socket");
    let template = target.split_once("@.").is_some_and(|(stem, _)| own.starts_with(&format!("{stem}@")));
    is_unit(&own) && is_unit(&target) && own != target && !template
}

/// The files that a path names whose components may be patterns of glob(7), in the order of their names.
/// A pattern may name none; a plain path has to be there.
pub fn matching(root: &Path, pattern: &[u8]) -> Result<Vec<Text>, Gap> {
    let mut paths = vec![if pattern.starts_with(b"/") { Vec::new() } else { b".".to_vec() }];
    for component in pattern.split(|byte| *byte == b'/').filter(|component| !component.is_empty()) {
        let is_pattern = component.iter().any(|byte| b"*?[".contains(byte));
        let mut next = Vec::new();
        for path in paths {
            if is_pattern {
                let names = names(root, &path, component)?;
                next.extend(names.into_iter().map(|name| [path.as_slice(), b"/", &name].concat()));
            } else {
                next.push([path.as_slice(), b"/", component].concat());
            }
        }
        next.truncate(FILES);
        paths = next;
    }
    if pattern.iter().any(|byte| b"*?[".contains(byte)) {
        return Ok(paths.iter().filter_map(|path| one(root, path).ok()).collect());
    }
    paths.iter().map(|path| one(root, path)).collect()
}

/// The names in a directory that fit a pattern; those that begin with a dot only where that does too.
fn names(root: &Path, directory: &[u8], pattern: &[u8]) -> Result<Vec<Vec<u8>>, Gap> {
    let text = String::from_utf8_lossy(pattern);
    let glob = GlobBuilder::new(&text).literal_separator(true).build();
    let glob = glob.map_err(|error| Gap::new(text.clone(), error.to_string()))?.compile_matcher();
    let opened = match open(root, if directory.is_empty() { b"/" } else { directory }) {
        Ok(opened) => opened,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(gap(directory, &error)),
    };
    let entries = Dir::new(opened).map_err(|error| gap(directory, &error.into()))?;
    let name = |entry: rustix::fs::DirEntry| entry.file_name().to_bytes().to_vec();
    let mut names: Vec<Vec<u8>> = entries.take(FILES).flatten().map(name).collect();
    let hidden = |name: &[u8]| name.starts_with(b".") && !pattern.starts_with(b".");
    names.retain(|name| glob.is_match(Path::new(OsStr::from_bytes(name))) && !hidden(name));
    names.sort_unstable();
    Ok(names)
}

/// An absolute path is meant in the root, another one from where we are.
fn open(root: &Path, path: &[u8]) -> std::io::Result<OwnedFd> {
    let (root, path) = match path.strip_prefix(b"/") {
        Some(below) => (root, below),
        None => (Path::new("."), path),
    };
    proc_file::open_in_root(root, Path::new(OsStr::from_bytes(if path.is_empty() { b"." } else { path })))
}

fn gap(path: &[u8], error: &std::io::Error) -> Gap {
    let denied = error.kind() == ErrorKind::PermissionDenied;
    let gap = Gap::new(String::from_utf8_lossy(path), proc_file::why(error));
    if denied { gap.helped_by(Gap::AS_ROOT) } else { gap }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_files_in_order_and_links_stay_in_the_root() {
        let root = tempfile::tempdir().unwrap();
        let [available, enabled] = ["a", "e"].map(|dir| root.path().join(dir));
        for directory in [&available, &enabled] {
            std::fs::create_dir(directory).unwrap();
        }
        std::fs::write(available.join("site"), "linked").unwrap();
        std::fs::write(enabled.join("b.conf"), "own").unwrap();
        std::fs::write(enabled.join(".hidden"), "hidden").unwrap();
        std::os::unix::fs::symlink("/a/site", enabled.join("a.conf")).unwrap();
        let expected =
            [(b"/e/a.conf".to_vec(), b"linked".to_vec()), (b"/e/b.conf".to_vec(), b"own".to_vec())];
        assert_eq!(matching(root.path(), b"/e/*").unwrap(), expected);
        assert_eq!(matching(root.path(), b"/?/b.conf").unwrap(), expected[1..]);
        assert_eq!(matching(root.path(), b"/none/*").unwrap(), []);
        assert!(matching(root.path(), b"/e/none").is_err());
    }
}
