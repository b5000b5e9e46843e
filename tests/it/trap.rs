//! A container that fills its root with traps leads nobody out of it, hangs nobody and crashes nothing.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::stat::{Mode, mkdirat};

use crate::binary::{document, json, run, sockdoctor};
use crate::make::server;
use crate::process::{Process, finish, until};
use crate::seen::text;
use crate::world::{World, isolated_root, need, skip};

/// Deeper than a path can say.
const DEPTH: usize = 10_000;

/// A jail full of traps, and where its host has a healthy socket that every trap leads to.
fn jail(world: &World) -> (PathBuf, PathBuf, Process) {
    let (jail, secret) = (world.path("jail"), world.path("secret.sock"));
    let (_, server) = server(&secret);
    std::fs::create_dir_all(jail.join("run")).unwrap();
    let up = format!("{}{}", "../".repeat(64), text(&secret).trim_start_matches('/'));
    symlink(&secret, jail.join("run/absolute.sock")).unwrap();
    symlink(&up, jail.join("run/upwards.sock")).unwrap();
    symlink(format!("/proc/self/root{}", text(&secret)), jail.join("run/magic.sock")).unwrap();
    symlink("loop.sock", jail.join("run/loop.sock")).unwrap();
    for number in 0..200 {
        symlink(format!("{}.sock", number + 1), jail.join(format!("run/{number}.sock"))).unwrap();
    }
    // Each doubles what is left to walk.
    let twice = |number: usize| format!("/run/t{number}/").repeat(2);
    for number in 0..40 {
        symlink(twice(number + 1), jail.join(format!("run/t{number}"))).unwrap();
    }
    symlink("/run/t0/x.sock", jail.join("run/bomb.sock")).unwrap();
    nix::unistd::mkfifo(&jail.join("run/fifo.sock"), Mode::S_IRWXU).unwrap();
    symlink("/run/fifo.sock", jail.join("run/to-fifo.sock")).unwrap();
    let mut here = nix::fcntl::open(&jail, nix::fcntl::OFlag::O_PATH, Mode::empty()).unwrap();
    for _ in 0..DEPTH {
        mkdirat(&here, "d", Mode::S_IRWXU).unwrap();
        here = nix::fcntl::openat(&here, "d", nix::fcntl::OFlag::O_PATH, Mode::empty()).unwrap();
    }
    (jail, secret, server)
}

/// A process in the jail that listens far below, by a relative name, and on names that lead through the traps.
fn prisoner(mut python: Command, jail: &Path) -> Process {
    let script = "
import os, socket, sys, time
os.chroot(sys.argv[1]); os.chdir('/')
held = []
def listen(name):
    held.append(socket.socket(socket.AF_UNIX)); held[-1].bind(name); held[-1].listen()
listen('/run/honest.sock')
listen('/run/gone.sock'); os.rename('/run/gone.sock', '/run/moved'); os.symlink('loop.sock', '/run/gone.sock')
while True:
    try: os.chdir('d')
    except FileNotFoundError: break
listen('deep.sock')
open('/ready', 'w').close()
time.sleep(120)
";
    Process::start(python.args(["-c", script]).arg(jail).stdout(Stdio::null()))
}

#[test]
fn a_root_full_of_traps_is_looked_at_and_left() {
    let name = "trap::a_root_full_of_traps_is_looked_at_and_left";
    isolated_root(name, |world| {
        let Some(python) = need("python3") else { return skip(name, "no python3") };
        let (jail, secret, _server) = jail(world);
        let prisoner = prisoner(python, &jail);
        assert!(until(Duration::from_secs(20), || jail.join("ready").exists()));
        let pid = prisoner.pid().to_string();
        let asked = |command: &str, path: &str| {
            let args = ["--json", "--timeout", "5", command, path, "--pid", &pid];
            document(&finish(sockdoctor().args(args), Duration::from_secs(30)))
        };
        for trap in ["absolute", "upwards", "magic", "loop", "0", "bomb", "fifo", "to-fifo", "gone"] {
            for command in ["inspect", "access"] {
                let seen = asked(command, &format!("/run/{trap}.sock"));
                assert_ne!(seen["exit_code"], 0, "{trap}: {seen:#}");
            }
        }
        let outside =
            ["absolute", "upwards", "magic"].map(|trap| asked("inspect", &format!("/run/{trap}.sock")));
        for seen in outside {
            assert_ne!(seen["verdict"], "ok", "{seen:#}");
            // That path has a listener, outside; the walk itself ended inside.
            let state = seen["data"]["targets"][0]["file"]["state"].as_str().unwrap();
            assert!(["missing", "other_view"].contains(&state), "{seen:#}");
        }
        assert_eq!(asked("inspect", "/run/honest.sock")["verdict"], "ok");
        assert_eq!(asked("access", "/run/honest.sock")["data"]["allowed"], true);
        // From outside, by its own spelling of the same places.
        for trap in ["absolute", "upwards"] {
            let path = format!("/proc/{pid}/root/run/{trap}.sock");
            assert_ne!(json(["inspect", &path])["exit_code"], 0, "{trap}");
        }
        assert_ne!(asked("inspect", &"/d".repeat(DEPTH))["exit_code"], 0);
        for list in [vec!["list"], vec!["list", "--view", &pid], vec!["list", "--stale", "--view", &pid]] {
            let output = run(&list);
            assert!(matches!(output.status, 0 | 1), "{list:?}: {}", output.stderr);
        }
        for directory in ["/run", "/"] {
            assert!(matches!(asked("inspect", directory)["exit_code"].as_i64(), Some(0..=3)));
        }
        assert_eq!(json(["inspect", text(&secret)])["exit_code"], 0);
        drop(prisoner);
        // Nothing else removes what is deeper than a path can say.
        finish(Command::new("rm").arg("-rf").arg(&jail), Duration::from_secs(30));
    });
}
