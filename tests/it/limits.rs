//! As an ordinary user: what could not be seen is said, and nothing is claimed in its place.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use sockdoctor::act::broken;

use crate::binary::everybodys;
use crate::make::holder_by;
use crate::seen::{Inspected, inspect_by, text};
use crate::world::{World, isolated_root, need, skip};

/// The uid and gid of nobody.
const NOBODY: u32 = 65534;

/// Whatever follows runs as nobody.
fn as_nobody() -> Option<Command> {
    let mut command = need("setpriv")?;
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    Some(command)
}

/// A test that has what it needs to be nobody.
fn with_nobody(name: &str, body: impl FnOnce(&World, &dyn Fn(&Path) -> Inspected)) {
    isolated_root(name, |world| {
        if as_nobody().is_none() {
            return skip(name, "no setpriv");
        }
        let program = everybodys(world);
        body(world, &|path| inspect_by(as_nobody().unwrap().arg(&program), path));
    });
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn sd708_a_healthy_socket_whose_holder_is_hidden() {
    let name = "limits::sd708_a_healthy_socket_whose_holder_is_hidden";
    with_nobody(name, |world, inspect| {
        let live = broken::listening(&world.dir).unwrap();
        let seen = inspect(&live.path);
        assert_eq!(seen.codes(), ["SD708"]);
        seen.is_healthy();
        seen.ends_with(0, "info");
        assert_eq!(seen.0["findings"][0]["certainty"], "certain");
        assert_eq!(seen.target()["socket"]["state"], "listening");
        let expected = format!("sudo sockdoctor inspect {} --json", text(&live.path));
        assert!(seen.fixes().any(|fix| fix["command"] == *expected), "{:#}", seen.0);
    });
}

#[test]
fn an_own_socket_is_healthy_with_its_holder() {
    let name = "limits::an_own_socket_is_healthy_with_its_holder";
    with_nobody(name, |world, inspect| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        let server = holder_by(&mut as_nobody().unwrap(), &listener);
        let ino = crate::make::socket_ino(&listener);
        drop(listener);
        // It is nobody's once setpriv has become the program.
        let comm = format!("/proc/{}/comm", server.pid());
        let limit = std::time::Duration::from_secs(5);
        assert!(crate::process::until(limit, || std::fs::read_to_string(&comm).unwrap() == "sleep\n"));
        let seen = inspect(&path);
        seen.is_healthy();
        assert!(seen.codes().is_empty(), "{:#}", seen.0);
        assert_eq!(seen.holders(ino), [i64::from(server.pid().as_raw())]);
    });
}

#[test]
fn sd104_needs_every_network_namespace_where_the_file_may_not_be_asked() {
    let name = "limits::sd104_needs_every_network_namespace_where_the_file_may_not_be_asked";
    with_nobody(name, |world, inspect| {
        let dir = world.path("run");
        std::fs::create_dir(&dir).unwrap();
        let stale = broken::stale(&dir).unwrap();
        chmod(&stale.path, 0o600);
        let seen = inspect(&stale.path);
        assert_eq!(seen.target()["liveness"], "denied", "{:#}", seen.0);
        if seen.codes().contains(&"SD104") {
            // Certain, and then only because all was seen.
            seen.is_broken_by("SD104", "certain");
            assert!(!seen.codes().contains(&"SD708"), "{:#}", seen.0);
        } else {
            seen.ends_with(3, "unknown");
            let gap = seen.not_checked("SD104").unwrap_or_else(|| panic!("{:#}", seen.0));
            would_help_as_root(gap, &stale.path);
        }
    });
}

#[test]
fn sd104_an_own_stale_file_needs_no_privilege() {
    let name = "limits::sd104_an_own_stale_file_needs_no_privilege";
    with_nobody(name, |world, inspect| {
        let stale = broken::stale(&world.dir).unwrap();
        chown(&stale.path, Some(NOBODY), Some(NOBODY)).unwrap();
        inspect(&stale.path).is_broken_by("SD104", "certain");
    });
}

#[test]
fn sd101_says_nothing_of_a_directory_that_may_not_be_searched() {
    let name = "limits::sd101_says_nothing_of_a_directory_that_may_not_be_searched";
    with_nobody(name, |world, inspect| {
        let dir = world.path("private");
        std::fs::create_dir(&dir).unwrap();
        chmod(&dir, 0o700);
        for path in [dir.join("app.sock"), dir.join("deeper/app.sock")] {
            let seen = inspect(&path);
            seen.ends_with(3, "unknown");
            assert_eq!(seen.codes(), ["SD708"], "{:#}", seen.0);
            assert_eq!(seen.file_state(), "unreadable");
            would_help_as_root(seen.not_checked("SD101").unwrap(), &path);
        }
    });
}

/// It names the line to paste.
#[track_caller]
fn would_help_as_root(gap: &serde_json::Value, path: &Path) {
    let expected = format!("sudo sockdoctor inspect {}", text(path));
    assert!(gap["would_help"].as_str().unwrap_or_default().starts_with(&expected), "{gap:#}");
}
