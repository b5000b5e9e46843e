//! What a file system does with a socket, step by step: the oracle that `preflight` is held against.
//!
//! A program of its own, with nothing but std: `tests/run --vm` links it statically for the machine of `vm.rs`, and
//! `super` runs its steps on this one.
//!
//! `trial CASE [--uid N] DIR` prints a JSON line per step; `trial --hold FILE` listens there until it is killed.

use std::fs;
use std::io::{Error, Result, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;

/// Whom root gives files to: nobody who serves them.
const STRANGER: u32 = 4242;

pub(crate) fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--hold", file] => hold(Path::new(file)),
        [case, "--uid", uid, dir] => become_user(uid.parse().unwrap(), case, dir),
        [case, dir] => {
            let mut out = std::io::stdout().lock();
            let myself = fs::metadata("/proc/self").unwrap().uid();
            for (step, outcome) in steps(Path::new(dir), if myself == 0 { STRANGER } else { myself }) {
                writeln!(out, r#"{{"case":"{case}","step":"{step}","outcome":"{outcome}"}}"#).unwrap();
            }
        }
        _ => panic!("trial CASE [--uid N] DIR, or trial --hold FILE"),
    }
}

/// Without the rights of root, and of no group of root's.
fn become_user(id: u32, case: &str, dir: &str) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    panic!("{}", command.args([case, dir]).uid(id).gid(id).exec());
}

fn hold(file: &Path) {
    let _listener = UnixListener::bind(file).unwrap();
    loop {
        std::thread::park();
    }
}

/// Every step in an empty directory, and `ok`, the name of its errno, or what it did instead. The first that a
/// socket cannot do without is the last when it fails. Files are given to `owner`.
pub(crate) fn steps(dir: &Path, owner: u32) -> Vec<(&'static str, String)> {
    let mut steps = Steps(Vec::new());
    let path = |name| dir.join(name);

    let file = path("file");
    steps.note("file", fs::write(&file, ""));
    steps.note("file chmod", change_mode(&file, 0o600));
    steps.note("file chown", give_away(&file, owner));

    let datagram = path("datagram");
    let received = UnixDatagram::bind(&datagram);
    steps.note("bind datagram", received.and_then(|_socket| is_socket(&datagram)));

    let a = path("a");
    let bound = UnixListener::bind(&a);
    let Some(first) = steps.note("bind", bound) else {
        steps.note("left behind", if fs::symlink_metadata(&a).is_ok() { other("a file") } else { Ok(()) });
        return steps.0;
    };
    steps.note("lstat", is_socket(&a));
    steps.note("chmod", change_mode(&a, 0o600).and_then(|()| change_mode(&a, 0o777)));
    steps.note("chown", give_away(&a, owner));
    steps.note("connect", UnixStream::connect(&a));
    // For a machine of its own: they are those of the whole kernel, and root's to drop.
    if std::env::var_os("TRIAL_DROP_CACHES").is_some() {
        let _ = fs::write("/proc/sys/vm/drop_caches", "3");
        steps.note("connect uncached", UnixStream::connect(&a));
    }
    steps.note(
        "connect by symlink",
        symlink("a", path("symlink")).and_then(|()| UnixStream::connect(path("symlink"))),
    );
    steps.note("bind again", UnixListener::bind(&a));
    drop(first);
    steps.note("connect stale", UnixStream::connect(&a));

    let (b, link) = (path("b"), path("link"));
    let linked = UnixListener::bind(&b);
    steps.note("link", fs::hard_link(&b, &link));
    steps.note("connect link", UnixStream::connect(&link));
    steps.note("connect linked", UnixStream::connect(&b));
    drop(linked);

    let (c, renamed) = (path("c"), path("renamed"));
    let moved = UnixListener::bind(&c);
    steps.note("rename", fs::rename(&c, &renamed));
    steps.note("connect renamed", UnixStream::connect(&renamed));
    steps.note("connect old name", UnixStream::connect(&c));
    let over = UnixListener::bind(&c);
    steps.note("rename over", fs::rename(&c, &renamed));
    drop(moved);
    steps.note("connect over", UnixStream::connect(&renamed));
    drop(over);

    let e = path("e");
    let unlinked = UnixListener::bind(&e);
    steps.note("unlink", fs::remove_file(&e));
    steps.note("connect unlinked", UnixStream::connect(&e));
    let rebound = UnixListener::bind(&e);
    steps.note("connect rebound", UnixStream::connect(&e));
    drop((unlinked, rebound));
    steps.0
}

struct Steps(Vec<(&'static str, String)>);

impl Steps {
    fn note<T>(&mut self, step: &'static str, result: Result<T>) -> Option<T> {
        let outcome = result.as_ref().map_or_else(name_of, |_| "ok".to_owned());
        self.0.push((step, outcome));
        result.ok()
    }
}

fn is_socket(path: &Path) -> Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_socket() { Ok(()) } else { other(format!("{kind:?}")) }
}

/// chmod, and whether it took: some servers say yes and do nothing.
fn change_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, PermissionsExt::from_mode(mode))?;
    let now = fs::symlink_metadata(path)?.mode() & 0o7777;
    if now == mode { Ok(()) } else { other(format!("mode stays {now:o}")) }
}

fn give_away(path: &Path, owner: u32) -> Result<()> {
    chown(path, Some(owner), Some(owner))?;
    let now = fs::symlink_metadata(path)?.uid();
    if now == owner { Ok(()) } else { other(format!("owner stays {now}")) }
}

fn other<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::other(what.into()))
}

fn name_of(error: &Error) -> String {
    let names = [
        (1, "EPERM"),
        (2, "ENOENT"),
        (5, "EIO"),
        (6, "ENXIO"),
        (13, "EACCES"),
        (17, "EEXIST"),
        (22, "EINVAL"),
        (30, "EROFS"),
        (38, "ENOSYS"),
        (95, "EOPNOTSUPP"),
        (98, "EADDRINUSE"),
        (111, "ECONNREFUSED"),
    ];
    let name = names.iter().find(|(number, _)| Some(*number) == error.raw_os_error());
    name.map_or_else(|| error.to_string(), |(_, name)| (*name).to_owned())
}
