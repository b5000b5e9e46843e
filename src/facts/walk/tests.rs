//! Walks below a temporary root.

use super::*;
use crate::model::FileIno;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

fn viewpoint(root: &Path, mounts: Vec<Arc<Mount>>) -> Viewpoint {
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
    Viewpoint::new(root, Vec::new(), MountTable { mounts })
}

fn walk(root: &Path, path: &str) -> Walked {
    viewpoint(root, vec![]).walk(path.as_bytes(), Touch::Safe).unwrap()
}

fn errno(walked: &Walked) -> Option<i32> {
    walked.walk.errno()
}

#[test]
fn absolute_links_and_dots_stay_inside_the_root() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("run/app")).unwrap();
    std::fs::create_dir(dir.path().join("var")).unwrap();
    symlink("/run", dir.path().join("var/run")).unwrap();
    let _listener = UnixListener::bind(dir.path().join("run/app/s")).unwrap();
    for path in ["/var/run/app/s", "/../../var/run/../run/app/./s", "//run//app/s"] {
        let walked = walk(dir.path(), path);
        assert_eq!(
            walked.walk.file().map(|file| file.path.as_slice()),
            Some(b"/run/app/s".as_slice()),
            "{path}"
        );
        assert_eq!(walked.parent.unwrap().1, b"/run/app");
    }
}

#[test]
fn it_stops_where_the_kernel_would() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "").unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    symlink("gone", dir.path().join("dangling")).unwrap();
    let long = format!("/{}", "x".repeat(300));
    let longest = format!("/{}", "x/".repeat(2100));
    for (path, expected) in [
        ("/none", nix::libc::ENOENT),
        ("/none/below", nix::libc::ENOENT),
        ("/dangling", nix::libc::ENOENT),
        ("/f/below", nix::libc::ENOTDIR),
        ("/f/", nix::libc::ENOTDIR),
        ("/loop", nix::libc::ELOOP),
        (long.as_str(), nix::libc::ENAMETOOLONG),
        (longest.as_str(), nix::libc::ENAMETOOLONG),
    ] {
        assert_eq!(errno(&walk(dir.path(), path)), Some(expected), "{path}");
    }
}

#[test]
fn directories_and_trailing_slashes_end_well() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    for (path, canonical) in [("/", "/"), ("//", "/"), ("/a/", "/a"), ("/a/b/..", "/a"), ("/a/b/../", "/a")] {
        let walked = walk(dir.path(), path);
        let file = walked.walk.file().unwrap();
        assert_eq!((file.path.as_slice(), file.kind), (canonical.as_bytes(), FileKind::Directory), "{path}");
    }
    assert_eq!(walk(dir.path(), "/a/b").walk.file().unwrap().empty, Some(true));
    assert_eq!(walk(dir.path(), "/a").walk.file().unwrap().empty, Some(false));
}

#[test]
fn a_mount_that_may_hang_is_handed_back_untouched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("net")).unwrap();
    let mount = Mount {
        id: 7,
        parent: 1,
        device: crate::model::Device { major: 0, minor: 9 },
        root: b"/".to_vec(),
        point: b"/net".to_vec(),
        options: "rw".into(),
        fstype: "nfs4".into(),
        source: b"host:/x".to_vec(),
        super_options: b"rw".to_vec(),
    };
    let view = viewpoint(dir.path(), vec![Arc::new(mount)]);
    assert_eq!(view.walk(b"/net/s", Touch::Safe).unwrap_err().fstype, "nfs4");
    assert_eq!(errno(&view.walk(b"/net/s", Touch::Any).unwrap()), Some(nix::libc::ENOENT));
}

#[test]
fn a_renamed_socket_is_found_by_its_inode() {
    let dir = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(dir.path().join("s.tmp")).unwrap();
    std::fs::rename(dir.path().join("s.tmp"), dir.path().join("s")).unwrap();
    let ino = FileIno::from_stat(walk(dir.path(), "/s").walk.file().unwrap().ino);
    let (parent, path) = walk(dir.path(), "/s.tmp").parent.unwrap();
    assert_eq!(socket_names(&parent, &path, |found| found == ino), Some(vec![(ino, b"/s".to_vec())]));
    assert_eq!(path, std::ffi::OsStr::new("/").as_bytes());
}
