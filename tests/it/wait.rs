//! `wait`: it ends when a real server is ready and no sooner, and at once where none can be.

use std::fs::{
    File, Permissions, create_dir, create_dir_all, read_to_string, remove_dir_all, set_permissions,
};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::{everybodys, json, run, sockdoctor};
use crate::fuse::Fault;
use crate::make::{on_fuse, server};
use crate::process::{Process, finish, until};
use crate::world::{World, isolated, isolated_root, need, skip};

/// More than anything here takes; it ends what would hang for ever.
const SOON: Duration = Duration::from_secs(30);
/// A `--timeout` that no test gets to.
const LONG: &str = "10m";

/// A `wait` that runs.
struct Waiter {
    process: Process,
    out: PathBuf,
    err: PathBuf,
}

impl Waiter {
    fn start(world: &World, arguments: &[&str]) -> Self {
        Self::by(world, sockdoctor().args(["wait", "--timeout", LONG]).args(arguments))
    }

    fn by(world: &World, command: &mut Command) -> Self {
        let [out, err] = ["waiter.out", "waiter.err"].map(|name| world.path(name));
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Self { process: Process::start(command), out, err }
    }

    /// Goes on when it has said this on standard error.
    fn says(&self, text: &str) {
        let said = || read_to_string(&self.err).unwrap();
        assert!(until(SOON, || said().contains(text)), "it never says {text:?} but {:?}", said());
    }

    /// Its exit status, or 128 + the signal that ended it, and its standard output.
    fn end(mut self) -> (i32, String) {
        let status = self.process.ended(SOON).unwrap_or_else(|| panic!("{:?}", read_to_string(&self.err)));
        let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        (status, read_to_string(&self.out).unwrap())
    }

    fn comes_ready(self, path: &Path) {
        let (status, out) = self.end();
        assert_eq!(status, 0, "{out}");
        let prefix = format!("ready {} after ", path.display());
        assert!(out.starts_with(&prefix) && out.ends_with(" s\n") && out.lines().count() == 1, "{out}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The document of a `wait` that ends by itself, with this status and this first finding.
fn ends(arguments: &[&str], status: i32, ending: &str, code: Option<&str>) -> Value {
    let document = json([&["wait"], arguments].concat());
    let seen =
        (&document["exit_code"], &document["data"]["ending"], document["findings"][0]["code"].as_str());
    assert_eq!(seen, (&status.into(), &ending.into(), code), "{document:#}");
    assert_eq!(document["error"], Value::Null);
    assert_eq!(document["verdict"] == "ok", status == 0, "{document:#}");
    document
}

#[test]
fn a_server_that_binds_and_listens_later_is_waited_for() {
    let name = "wait::a_server_that_binds_and_listens_later_is_waited_for";
    isolated(name, |world| {
        let Some(mut python) = need("python3") else { return skip(name, "no python3") };
        let (path, go) = (world.path("s"), world.path("go"));
        let waiter = Waiter::start(world, &[text(&path)]);
        waiter.says("nothing is at the path");
        let script = "import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
while not os.path.exists(sys.argv[2]): time.sleep(0.01)
s.listen()
time.sleep(60)";
        let _server = Process::start(python.args(["-c", script]).arg(&path).arg(&go));
        waiter.says("nobody listens");
        waiter.says("file exists, nobody listens: stale?");
        std::fs::write(go, "").unwrap();
        waiter.comes_ready(&path);
    });
}

#[test]
fn a_server_that_never_comes_is_given_up_on_with_the_last_state() {
    isolated("wait::a_server_that_never_comes_is_given_up_on_with_the_last_state", |world| {
        let path = world.path("s");
        let document = ends(&["--timeout", "200ms", text(&path)], 124, "timed_out", Some("SD101"));
        let waited = &document["data"]["waited"][0];
        assert_eq!(
            [&waited["ready"], &waited["state"], &waited["errno"]],
            [&false.into(), &"missing".into(), &Value::from("ENOENT")]
        );
        let output = run(["wait", "--timeout", "200ms", text(&path)]);
        assert!(
            output.stdout.starts_with("✗ error SD101") || output.stdout.starts_with("x error SD101"),
            "{}",
            output.stdout
        );
        assert!(
            output.stdout.contains(&format!("\nnot ready {} after ", path.display())),
            "{}",
            output.stdout
        );
        let bound = broken::bound_only(&world.dir).unwrap();
        ends(&["--timeout", "200ms", text(&bound.path)], 124, "timed_out", Some("SD105"));
        let stale = world.path("stale");
        drop(UnixListener::bind(&stale).unwrap());
        ends(&["--timeout", "200ms", text(&stale)], 124, "timed_out", Some("SD104"));
    });
}

#[test]
fn what_can_never_become_right_is_not_waited_for() {
    isolated("wait::what_can_never_become_right_is_not_waited_for", |world| {
        let file = world.write("file", "");
        create_dir(world.path("dir")).unwrap();
        let long = world.path(&"n".repeat(120));
        let _receiver = UnixDatagram::bind(world.path("dgram")).unwrap();
        for (path, state, code) in [
            (&file, "not_a_socket", "SD106"),
            (&world.path("dir"), "not_a_socket", "SD106"),
            (&long, "too_long", "SD108"),
            (&world.path("dgram"), "other_type", "SD116"),
        ] {
            let document = ends(&["--timeout", LONG, text(path)], 1, "never", Some(code));
            assert_eq!(document["data"]["waited"][0]["state"], state, "{document:#}");
        }
        let below = file.join("s");
        assert_eq!(run(["wait", "--timeout", LONG, text(&below)]).status, 1);
        // A datagram socket is there all the same, and a live neighbour does not help.
        ends(&["--for", "exists", text(&world.path("dgram"))], 0, "ready", None);
        let _live = UnixListener::bind(world.path("live")).unwrap();
        ends(&["--any", text(&file), text(&world.path("live"))], 0, "ready", None);
        let both = ends(&[text(&world.path("live")), text(&file)], 1, "never", Some("SD106"));
        assert_eq!(both["data"]["waited"][0]["ready"], true);
    });
}

#[test]
fn a_directory_that_is_made_later_is_waited_through() {
    isolated("wait::a_directory_that_is_made_later_is_waited_through", |world| {
        let dir = world.path("not/yet/there");
        let path = dir.join("s");
        let waiter = Waiter::start(world, &[text(&path)]);
        waiter.says("nothing is at the path");
        create_dir_all(&dir).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        waiter.comes_ready(&path);
    });
}

#[test]
fn a_directory_that_is_removed_and_made_again_is_waited_through() {
    isolated("wait::a_directory_that_is_removed_and_made_again_is_waited_through", |world| {
        let dir = world.path("run");
        create_dir(&dir).unwrap();
        let path = dir.join("s");
        drop(UnixListener::bind(&path).unwrap());
        let waiter = Waiter::start(world, &[text(&path)]);
        waiter.says("nobody has it bound");
        remove_dir_all(&dir).unwrap();
        waiter.says("nothing is at the path");
        create_dir(&dir).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        waiter.comes_ready(&path);
    });
}

#[test]
fn a_link_that_leads_nowhere_is_waited_through() {
    isolated("wait::a_link_that_leads_nowhere_is_waited_through", |world| {
        let (path, real) = (world.path("link"), world.path("real"));
        std::os::unix::fs::symlink(&real, &path).unwrap();
        let waiter = Waiter::start(world, &[text(&path)]);
        waiter.says("nothing is at the path");
        let _listener = UnixListener::bind(&real).unwrap();
        waiter.comes_ready(&path);
    });
}

#[test]
fn gone_is_when_nobody_serves_the_path() {
    isolated("wait::gone_is_when_nobody_serves_the_path", |world| {
        let path = world.path("s");
        let (_, server) = server(&path);
        ends(&["--gone", "--once", text(&path)], 1, "once", None);
        let waiter = Waiter::start(world, &["--gone", text(&path)]);
        waiter.says("somebody has it bound");
        drop(server);
        let (status, out) = waiter.end();
        assert!(status == 0 && out.starts_with(&format!("gone {} after ", path.display())), "{status} {out}");
        assert!(path.exists(), "its file is still there, and nobody serves it");
    });
}

#[test]
fn all_targets_are_waited_for_or_any() {
    isolated("wait::all_targets_are_waited_for_or_any", |world| {
        let [first, second] = ["first", "second"].map(|name| world.path(name));
        let all = [text(&first), text(&second)];
        let _first = UnixListener::bind(&first).unwrap();
        let waiter = Waiter::start(world, &all);
        waiter.says(&format!("{}: nothing is at the path", second.display()));
        let output = run(["wait", "--any", text(&second), text(&first)]);
        assert_eq!((output.status, output.stdout.lines().count()), (0, 1), "{}", output.stdout);
        assert!(output.stdout.starts_with(&format!("ready {} after ", first.display())), "{}", output.stdout);
        let _second = UnixListener::bind(&second).unwrap();
        let (status, out) = waiter.end();
        assert_eq!((status, out.lines().count()), (0, 2), "{out}");
    });
}

#[test]
fn the_end_of_the_producer_ends_the_waiting() {
    isolated("wait::the_end_of_the_producer_ends_the_waiting", |world| {
        let path = world.path("s");
        let producer = Process::start(Command::new("sleep").arg("60"));
        let pid = producer.pid().to_string();
        let waiter = Waiter::start(world, &["--while-pid", &pid, text(&path)]);
        waiter.says("nothing is at the path");
        drop(producer);
        let (status, out) = waiter.end();
        assert!(status == 1 && out.contains(&format!("process {pid} has ended")), "{status} {out}");
        let document = json(["wait", "--while-pid", &pid, text(&path)]);
        assert_eq!([&document["exit_code"], &document["verdict"]], [&3.into(), &Value::from("unknown")]);
    });
}

#[test]
fn the_command_gets_the_process_as_it_was() {
    isolated("wait::the_command_gets_the_process_as_it_was", |world| {
        let path = world.path("s");
        let script = "echo $$ $1; for fd in /proc/$$/fd/*; do echo ${fd##*/}; done";
        let waiter = Waiter::start(world, &[text(&path), "--", "/bin/sh", "-c", script, "sh", "--json"]);
        waiter.says("nothing is at the path");
        let pid = waiter.process.pid();
        let _listener = UnixListener::bind(&path).unwrap();
        let err = waiter.err.clone();
        // What the tests themselves were started with is handed on, and nothing else.
        let alone = finish(Command::new("/bin/sh").args(["-c", script, "sh", "--json"]), SOON).stdout;
        let fds = alone.split_once('\n').unwrap().1;
        assert_eq!(waiter.end(), (0, format!("{pid} --json\n{fds}")));
        let err = read_to_string(err).unwrap();
        assert!(err.contains(&format!("ready {} after ", path.display())), "{err}");
        // Its own exit status is the one that is seen, and it does not run where nothing is ready.
        assert_eq!(run(["wait", text(&path), "--", "sh", "-c", "exit 7"]).status, 7);
        let output = run(["wait", "--once", text(&world.path("no")), "--", "echo", "no"]);
        assert_eq!((output.status, output.stdout.as_str()), (1, ""));
        assert!(output.stderr.contains("SD101"), "{}", output.stderr);
        for (command, status) in [(text(&world.path("no")), 127), (text(&world.dir), 126)] {
            assert_eq!(run(["wait", "-q", text(&path), "--", command]).status, status);
        }
    });
}

#[test]
fn an_interrupt_ends_it_as_it_ends_any_program() {
    isolated("wait::an_interrupt_ends_it_as_it_ends_any_program", |world| {
        let waiter = Waiter::start(world, &[text(&world.path("s"))]);
        waiter.says("nothing is at the path");
        waiter.process.signal(Signal::SIGINT);
        assert_eq!(waiter.end(), (130, String::new()));
    });
}

#[test]
fn what_is_ready_for_a_moment_only_is_not_stable() {
    isolated("wait::what_is_ready_for_a_moment_only_is_not_stable", |world| {
        let path = world.path("s");
        let waiter = Waiter::start(world, &["--stable", "2s", text(&path)]);
        waiter.says("nothing is at the path");
        let brief = UnixListener::bind(&path).unwrap();
        waiter.says("somebody listens");
        drop(brief);
        waiter.says("nobody has it bound");
        std::fs::remove_file(&path).unwrap();
        let lasting = UnixListener::bind(&path).unwrap();
        waiter.comes_ready(&path);
        lasting.set_nonblocking(true).unwrap();
        let connects = std::iter::from_fn(|| lasting.accept().ok()).count();
        assert_eq!(connects, 2, "the first that got through and the one that decided");
    });
}

#[test]
fn no_service_is_started_by_looking_whether_it_is_there_or_gone() {
    let name = "wait::no_service_is_started_by_looking_whether_it_is_there_or_gone";
    isolated(name, |world| {
        let Some(mut activate) = need("systemd-socket-activate") else {
            return skip(name, "no systemd-socket-activate");
        };
        let (path, started) = (world.path("on-demand.sock"), world.path("started"));
        activate.arg("-l").arg(&path).args(["/bin/sh", "-c", "echo >\"$0\""]).arg(&started);
        let waiter = Waiter::start(world, &["--for", "exists", text(&path)]);
        waiter.says("nothing is at the path");
        let _activator = Process::start(activate.stdout(Stdio::null()).stderr(Stdio::null()));
        waiter.comes_ready(&path);
        ends(&["--gone", "--timeout", "300ms", text(&path)], 124, "timed_out", None);
        assert!(!started.exists(), "the service was started");
        // The one connect that tells that it listens is real.
        ends(&[text(&path)], 0, "ready", None);
        assert!(until(SOON, || started.exists()));
    });
}

#[test]
fn a_listener_is_connected_to_once() {
    isolated("wait::a_listener_is_connected_to_once", |world| {
        let path = world.path("s");
        let listener = UnixListener::bind(&path).unwrap();
        for arguments in [&["--once"][..], &[]] {
            ends(&[arguments, &[text(&path)]].concat(), 0, "ready", None);
            listener.accept().unwrap();
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "more than one connect a run");
    });
}

#[test]
fn a_denial_is_given_time_to_pass() {
    let name = "wait::a_denial_is_given_time_to_pass";
    isolated_root(name, |world| {
        let path = world.path("s");
        let _listener = UnixListener::bind(&path).unwrap();
        set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let program = everybodys(world);
        let by = |arguments: &[&str]| {
            let mut setpriv = need("setpriv")?;
            setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).arg("wait");
            setpriv.args(arguments).arg(&path);
            Some(setpriv)
        };
        let Some(mut denied) = by(&["--timeout", LONG]) else { return skip(name, "no setpriv") };
        let output = finish(&mut denied, SOON);
        assert!(
            output.status == 1 && output.stdout.contains("EACCES") && output.stdout.contains("SD201"),
            "{} {}",
            output.status,
            output.stdout
        );
        let waiter = Waiter::by(world, &mut by(&["--timeout", LONG]).unwrap());
        waiter.says("permission denied");
        set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        waiter.comes_ready(&path);
    });
}

#[test]
fn a_mount_that_may_hang_is_waited_for_and_never_hangs_the_waiting() {
    let name = "wait::a_mount_that_may_hang_is_waited_for_and_never_hangs_the_waiting";
    isolated_root(name, |world| {
        let Some((fuse, live)) = on_fuse(world, Fault::None) else { return skip(name, "no /dev/fuse") };
        let path = text(&live.path);
        ends(&[path], 0, "ready", None);
        fuse.set(Fault::HangLookup);
        let output = run(["wait", "--timeout", "2s", path]);
        assert!(output.status == 124 && output.stdout.contains("does not answer"), "{}", output.stdout);
        let _healthy = UnixListener::bind(world.path("healthy")).unwrap();
        ends(&["--any", path, text(&world.path("healthy"))], 0, "ready", None);
    });
}

#[test]
fn abstract_names_and_tcp_ports_are_waited_for() {
    let name = format!("sockdoctor-wait-{}", std::process::id());
    let target = format!("@{name}");
    ends(&["--once", &target], 1, "once", Some("SD101"));
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = format!("http://{}/", port.local_addr().unwrap());
    ends(&[&target, &there], 0, "ready", None);
    ends(&["--gone", "--once", &there], 1, "once", None);
    // As people paste it.
    let number = port.local_addr().unwrap().port();
    ends(&["--once", &format!("127.0.0.1:{number}"), &format!("localhost:{number}")], 0, "ready", None);
    drop((listener, port));
    // Of what takes more than a look at a file, too, the last state is told and not that time was up.
    let late = ends(&["--timeout", "100ms", &there], 124, "timed_out", Some("SD117"));
    assert_eq!(late["data"]["waited"][0]["state"], "refused", "{late:#}");
    ends(&["--gone", &target, &there], 0, "ready", None);
    assert!(UnixStream::connect_addr(&address).is_err());
}

#[test]
fn quiet_says_nothing_of_what_is_ready() {
    isolated("wait::quiet_says_nothing_of_what_is_ready", |world| {
        let live = broken::listening(&world.dir).unwrap();
        let output = run(["wait", "-q", text(&live.path)]);
        assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (0, "", ""));
        let output = run(["wait", "-q", "--once", text(&world.path("no"))]);
        assert_eq!((output.status, output.stderr.as_str()), (1, ""));
        let plain = run(["wait", "--format", "plain", text(&live.path)]).stdout;
        assert_eq!(plain.split('\t').nth(3), Some("open"), "{plain}");
    });
}

#[test]
fn what_cannot_be_waited_for_is_a_wrong_command_line() {
    for arguments in [
        &["inode:7"][..],
        &["--for", "exists", "@x"],
        &["--for", "exists", "tcp:127.0.0.1:1"],
        &["--gone", "--http", "/", "/x"],
        &["--http", "health", "/x"],
        &["--gone", "--for", "connect", "/x"],
        &["--once", "--stable", "1s", "/x"],
        &["--timeout", "0", "/x"],
        &[],
    ] {
        let document = json([&["wait"], arguments].concat());
        assert_eq!(document["exit_code"], 2, "{arguments:?} {document:#}");
    }
}

#[test]
fn as_the_init_of_a_container_it_ends_when_it_is_asked_to() {
    let name = "wait::as_the_init_of_a_container_it_ends_when_it_is_asked_to";
    isolated(name, |world| {
        let path = world.path("late");
        let Some(mut unshare) = need("unshare") else { return skip(name, "no unshare") };
        unshare.args(["--pid", "--fork", "--kill-child", "--mount-proc", env!("CARGO_BIN_EXE_sockdoctor")]);
        let waiter = Waiter::by(world, unshare.args(["wait", "--timeout", LONG]).arg(&path));
        waiter.says("nothing is at the path");
        let parent = waiter.process.pid();
        let children = read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        let init = nix::unistd::Pid::from_raw(children.trim().parse().unwrap());
        nix::sys::signal::kill(init, Signal::SIGTERM).unwrap();
        let (status, out) = waiter.end();
        assert!(status == 143 && out.starts_with("not ready "), "{status} {out}");
    });
}
