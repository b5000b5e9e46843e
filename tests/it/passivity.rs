//! Looking changes nothing: no server is connected to, woken or started, and no file is touched.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, connect, listen, socket};
use sockdoctor::act::broken;

use crate::binary::{json, run};
use crate::process::{Process, finish, until};
use crate::world::{World, isolated, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// Every way to look at what is in the world.
fn looks(world: &World, path: &Path) -> Vec<Vec<String>> {
    let (pattern, path) = (format!("{}/*", world.dir.display()), path.to_str().unwrap());
    let dir = world.dir.to_str().unwrap();
    let lines: [&[&str]; 11] = [
        &["inspect", path],
        &["inspect", "-v", path],
        &["inspect", dir],
        &["list", "--match", &pattern],
        &["list", "--all", "--fields", "memory,name", "--match", &pattern],
        &["list", "--stale", "--match", &pattern],
        &["list", "--no-holders", "--match", &pattern],
        &["watch", "--duration", "500ms", path],
        &["watch", "--duration", "500ms", dir],
        &["clean", path],
        &["clean", dir],
    ];
    lines.map(|line| line.iter().map(|word| (*word).to_owned()).collect()).to_vec()
}

/// A listener whose queue is full: who connects now would wait.
fn full(path: &Path) -> (UnixListener, Vec<std::os::fd::OwnedFd>) {
    let listener = UnixListener::bind(path).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let mut waiting = Vec::new();
    loop {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let client = socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
        match connect(std::os::fd::AsRawFd::as_raw_fd(&client), &UnixAddr::new(path).unwrap()) {
            Ok(()) => waiting.push(client),
            Err(errno) => {
                assert_eq!(errno, nix::errno::Errno::EAGAIN);
                return (listener, waiting);
            }
        }
    }
}

/// What stands in a directory, and when each of it last changed.
fn state(dir: &Path) -> BTreeMap<std::path::PathBuf, (u64, u32, i64, i64, i64, i64)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.chain([dir.to_owned()]);
    files
        .map(|path| {
            let file = std::fs::symlink_metadata(&path).unwrap();
            (
                path,
                (file.ino(), file.mode(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()),
            )
        })
        .collect()
}

/// The socket types of the AF_UNIX connects a run makes to what it examines; a user database has its own.
fn connects(world: &World, line: &[String]) -> Option<Vec<String>> {
    let mut strace = need("strace")?;
    let traces = tempfile::tempdir().unwrap();
    // A file a thread, so that no call is torn in two.
    strace.args(["-ff", "-qq", "-e", "trace=socket,connect", "-o"]).arg(traces.path().join("trace"));
    finish(strace.arg(env!("CARGO_BIN_EXE_sockdoctor")).args(line), SOON);
    let mut found = Vec::new();
    for trace in std::fs::read_dir(traces.path()).unwrap() {
        let trace = std::fs::read_to_string(trace.unwrap().path()).unwrap();
        let mut kinds = BTreeMap::new();
        for call in trace.lines().filter(|call| call.contains("AF_UNIX")) {
            if let Some(socket) = call.strip_prefix("socket(AF_UNIX, ") {
                let kind = socket.split(['|', ',']).next().unwrap().to_owned();
                kinds.insert(socket.rsplit_once("= ").unwrap().1.to_owned(), kind);
            } else if call.contains("/proc/self/fd/") || call.contains(world.dir.to_str().unwrap()) {
                let fd = call.strip_prefix("connect(").unwrap().split(',').next().unwrap();
                found.push(kinds[fd].clone());
            }
        }
    }
    Some(found)
}

#[test]
fn no_listener_is_ever_connected_to() {
    let name = "passivity::no_listener_is_ever_connected_to";
    isolated(name, |world| {
        let _sequence = broken::seqpacket(&world.dir).unwrap();
        let (_full, _waiting) = full(&world.path("full.sock"));
        let stale = broken::stale(&world.dir).unwrap();
        let mut tested = 0;
        for line in looks(world, &stale.path) {
            let Some(kinds) = connects(world, &line) else { return skip(name, "no strace") };
            assert!(kinds.iter().all(|kind| kind == "SOCK_DGRAM"), "{line:?} connects: {kinds:?}");
            tested += kinds.len();
        }
        assert!(tested > 0, "not even the passive test of the stale file was seen");
    });
}

#[test]
fn no_datagram_receiver_is_connected_to() {
    let name = "passivity::no_datagram_receiver_is_connected_to";
    isolated(name, |world| {
        let receiver = broken::datagram(&world.dir).unwrap();
        let unlinked = UnixDatagram::bind(world.path("gone.sock")).unwrap();
        std::fs::remove_file(world.path("gone.sock")).unwrap();
        for line in looks(world, &receiver.path) {
            let Some(kinds) = connects(world, &line) else { return skip(name, "no strace") };
            assert!(!kinds.contains(&"SOCK_DGRAM".to_owned()), "{line:?} connects: {kinds:?}");
        }
        drop(unlinked);
    });
}

#[test]
fn a_datagram_receiver_seen_only_from_outside_keeps_its_state() {
    let name = "passivity::a_datagram_receiver_seen_only_from_outside_keeps_its_state";
    isolated_root(name, |world| {
        let receiver = broken::datagram(&world.dir).unwrap();
        let path = receiver.path.to_str().unwrap();
        let state = || json(["inspect", path])["data"]["targets"][0]["socket"]["state"].clone();
        assert_eq!(state(), "bound");
        // Who may not ask the receiver's network namespace still reads its type in the namespace's table.
        let Some(mut outside) = need("unshare") else { return skip(name, "no unshare") };
        outside.args([
            "--user",
            "--map-root-user",
            "--net",
            env!("CARGO_BIN_EXE_sockdoctor"),
            "inspect",
            path,
        ]);
        let output = finish(&mut outside, SOON);
        if output.stderr.starts_with("unshare: ") {
            return skip(name, output.stderr.trim());
        }
        assert!(output.stdout.contains("dgram"), "{}{}", output.stdout, output.stderr);
        assert_eq!(state(), "bound", "it was connected to");
    });
}

#[test]
fn the_queue_stays_as_it_is_and_a_waiting_accept_sleeps_on() {
    isolated("passivity::the_queue_stays_as_it_is_and_a_waiting_accept_sleeps_on", |world| {
        let full_path = world.path("full.sock");
        let (_full, waiting) = full(&full_path);
        let idle = UnixListener::bind(world.path("idle.sock")).unwrap();
        let _sequence = broken::seqpacket(&world.dir).unwrap();
        let (woken, wakes) = channel();
        let server = std::thread::spawn(move || woken.send(idle.accept().is_ok()));
        let queue = || json(["inspect", full_path.to_str().unwrap()])["data"]["targets"][0]["queue"].clone();
        let before = queue();
        assert_eq!([&before["waiting"], &before["backlog"]], [waiting.len(), 1], "{before}");
        for line in looks(world, &world.path("idle.sock")) {
            run(&line);
        }
        run(["inspect", full_path.to_str().unwrap()]);
        assert_eq!(queue(), before);
        assert_eq!(wakes.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout), "woken");
        assert!(UnixStream::connect(world.path("idle.sock")).is_ok());
        assert_eq!(wakes.recv_timeout(SOON), Ok(true));
        server.join().unwrap().unwrap();
    });
}

#[test]
fn nothing_in_the_directory_changes() {
    isolated("passivity::nothing_in_the_directory_changes", |world| {
        let _live = [broken::datagram(&world.dir).unwrap(), broken::seqpacket(&world.dir).unwrap()];
        let stale = broken::stale(&world.dir).unwrap();
        let _unlinked = UnixListener::bind(world.path("gone.sock")).unwrap();
        std::fs::remove_file(world.path("gone.sock")).unwrap();
        let before = state(&world.dir);
        for line in looks(world, &stale.path) {
            run(&line);
        }
        assert_eq!(state(&world.dir), before);
    });
}

#[test]
fn a_service_that_a_connection_would_start_stays_unstarted() {
    let name = "passivity::a_service_that_a_connection_would_start_stays_unstarted";
    isolated(name, |world| {
        let Some(mut activate) = need("systemd-socket-activate") else {
            return skip(name, "no systemd-socket-activate");
        };
        let path = world.path("on-demand.sock");
        let started = world.path("started");
        activate.arg("-l").arg(&path).args(["/bin/sh", "-c", "echo >\"$0\""]).arg(&started);
        let _activator = Process::start(activate.stdout(Stdio::null()).stderr(Stdio::null()));
        assert!(until(SOON, || path.exists()));
        for line in looks(world, &path) {
            run(&line);
        }
        let document = json(["inspect", path.to_str().unwrap()]);
        assert_eq!([&document["exit_code"], &document["data"]["targets"][0]["queue"]["waiting"]], [0, 0]);
        assert!(!started.exists(), "the service was started");
        // The proof that a connection would have: with one, it starts.
        let _client = UnixStream::connect(&path).unwrap();
        assert!(until(SOON, || started.exists()));
    });
}

#[test]
fn the_demo_leaves_nothing_behind() {
    isolated("passivity::the_demo_leaves_nothing_behind", |world| {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_sockdoctor"));
        let output = finish(demo.arg("demo").env("TMPDIR", &world.dir), SOON);
        assert_eq!(output.status, 0, "{}", output.stdout);
        assert_eq!(std::fs::read_dir(&world.dir).unwrap().count(), 0);
    });
}
