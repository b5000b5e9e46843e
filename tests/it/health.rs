//! Servers that are there and do not serve: real gunicorn and uvicorn, and queues that the test itself fills.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, connect, listen, socket};
use nix::unistd::Pid;

use crate::binary::{document, json, sockdoctor};
use crate::make::tmpfs;
use crate::process::{Process, finish, until};
use crate::seen::{Inspected, inspect, text};
use crate::servers::{answers_http, serving_http, uvicorn};
use crate::world::{World, isolated, isolated_root, need, skip};

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Handlers that leak, close too much, or take their time.
const APP: &str = r#"
import os, socket, time
kept = []

def leak(left):
    try:
        while True:
            kept.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        for _ in range(left):
            os.close(kept.pop())

async def app(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"].startswith("/leave"):
            leak(int(scope["path"][6:]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

def wsgi(environ, start_response):
    if environ["PATH_INFO"].startswith("/slow"):
        time.sleep(float(environ["PATH_INFO"][5:]))
    if environ["PATH_INFO"] == "/close":
        environ["gunicorn.socket"].close()
    start_response("200 OK", [])
    return [b"ok"]
"#;

/// A server, with so many descriptors at most.
fn limited(command: &Command, limit: u32) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap());
    }
    shell
}

pub(crate) fn gunicorn(world: &World, socket: &Path, more: &[&str]) -> Option<Process> {
    world.write("broken.py", APP);
    let mut command = need("gunicorn")?;
    let bind = format!("unix:{}", socket.display());
    command.current_dir(&world.dir).args(["--bind", &bind, "--error-logfile", "g.log"]).args(more);
    Some(serving_http(command.arg("broken:wsgi"), socket))
}

pub(crate) fn request(socket: &Path, path: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    stream
}

pub(crate) fn inspected(socket: &Path, flags: &[&str]) -> Inspected {
    Inspected(document(&finish(sockdoctor().arg("inspect").arg(socket).args(flags).arg("--json"), LIMIT)))
}

/// The children of a server, which are its workers.
pub(crate) fn workers(server: &Process) -> Vec<i32> {
    let children = format!("/proc/{0}/task/{0}/children", server.pid());
    let text = std::fs::read_to_string(children).unwrap();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Connects without waiting for a place in the queue.
fn try_connect(path: &Path) -> Option<UnixStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let client = socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
    connect(std::os::fd::AsRawFd::as_raw_fd(&client), &UnixAddr::new(path).unwrap()).ok()?;
    Some(client.into())
}

fn finding<'s>(seen: &'s Inspected, code: &str) -> &'s serde_json::Value {
    seen.findings().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("{code}: {:#}", seen.0))
}

#[test]
fn sd306_a_leak_is_warned_of_before_the_limit_and_is_the_error_at_it() {
    let name = "health::sd306_a_leak_is_warned_of_before_the_limit_and_is_the_error_at_it";
    isolated(name, |world| {
        world.write("broken.py", APP);
        let path = world.path("app.sock");
        let Some(mut command) = need("uvicorn") else { return skip(name, "no uvicorn") };
        // An idle connection is kept, or closing it would give a number back. The handler leaves so many numbers,
        // and not leaks so many: what the server inherits differs from one machine to the next.
        command
            .current_dir(&world.dir)
            .args(["broken:app", "--timeout-keep-alive", "600", "--uds"])
            .arg(&path);
        let server = serving_http(&mut limited(&command, 64), &path);
        assert!(!inspect(&path).codes().contains(&"SD306"));
        let mut reply = [0; 12];
        request(&path, "/leave4").read_exact(&mut reply).unwrap();
        let seen = inspect(&path);
        let warned = finding(&seen, "SD306");
        assert_eq!((&warned["severity"], &warned["certainty"]), (&"warning".into(), &"certain".into()));
        assert!(warned["evidence"].to_string().contains(" /dev/null"), "{warned:#}");
        // Who stays takes the last number; who comes after is not accepted.
        let mut stays = request(&path, "/leave0");
        stays.read_exact(&mut reply).unwrap();
        let _waits = [request(&path, "/"), request(&path, "/")];
        let error = |seen: &Inspected| {
            let found = seen.findings().find(|finding| finding["code"] == "SD306");
            found.is_some_and(|finding| finding["severity"] == "error")
        };
        assert!(until(LIMIT, || error(&inspect(&path))), "{:#}", inspect(&path).0);
        let seen = inspected(&path, &["--sample", "2s"]);
        assert!(error(&seen) && seen.codes().contains(&"SD304"), "{:?}", seen.codes());
        let health = &seen.target()["health"]["holders"][0];
        assert_eq!(health["pid"], server.pid().as_raw());
        assert_eq!((&health["fds"]["limit"], &health["fds"]["free"]), (&64.into(), &0.into()));
    });
}

#[test]
fn sd314_a_closed_descriptor_is_counted_in_the_log() {
    let name = "health::sd314_a_closed_descriptor_is_counted_in_the_log";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(_server) = gunicorn(world, &path, &[]) else { return skip(name, "no gunicorn") };
        for _ in 0..3 {
            let _ = request(&path, "/close").read(&mut [0; 64]);
        }
        let log = world.path("g.log");
        let lines =
            || std::fs::read_to_string(&log).unwrap().matches("[Errno 9] Bad file descriptor").count();
        assert!(until(LIMIT, || lines() >= 3), "{}", std::fs::read_to_string(&log).unwrap());
        let seen = inspected(&path, &["--log", text(&log)]);
        let found = finding(&seen, "SD314");
        assert_eq!((&found["severity"], &found["certainty"]), (&"warning".into(), &"certain".into()));
        let family = &seen.target()["health"]["logs"][0]["families"][0];
        assert_eq!(
            (&family["family"], &family["explain"]),
            (&"EBADF".into(), &"sockdoctor explain EBADF".into())
        );
        assert_eq!(family["count"], lines(), "{family:#}");
        assert!(family["first"].is_string() && family["older"] == 0, "{family:#}");
        // The flag may stand before the target.
        let before = json(["inspect", "--log", text(&log), text(&path)]);
        assert_eq!(before["data"]["targets"][0]["health"]["logs"][0]["families"][0]["count"], lines());
    });
}

#[test]
fn sd304_a_stopped_worker_is_named() {
    let name = "health::sd304_a_stopped_worker_is_named";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(server) = gunicorn(world, &path, &[]) else { return skip(name, "no gunicorn") };
        let [worker] = workers(&server)[..] else { panic!("one worker") };
        kill(Pid::from_raw(worker), Signal::SIGSTOP).unwrap();
        let _waits = request(&path, "/");
        let seen = inspect(&path);
        let found = finding(&seen, "SD304");
        assert_eq!((&found["severity"], &found["certainty"]), (&"error".into(), &"likely".into()));
        assert_eq!(found["fix"][0]["command"], format!("kill -CONT {worker}"));
        let client = &seen.target()["health"]["waiting"]["clients"][0];
        assert_eq!(client["pid"], std::process::id(), "who waits is named");
        kill(Pid::from_raw(worker), Signal::SIGCONT).unwrap();
        assert!(until(LIMIT, || answers_http(&path)));
        assert!(!inspect(&path).codes().contains(&"SD304"));
    });
}

#[test]
fn a_full_queue_of_live_and_of_departed_clients_is_told_apart() {
    let name = "health::a_full_queue_of_live_and_of_departed_clients_is_told_apart";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(server) = gunicorn(world, &path, &["--backlog", "3"]) else {
            return skip(name, "no gunicorn");
        };
        let [worker] = workers(&server)[..] else { panic!("one worker") };
        kill(Pid::from_raw(worker), Signal::SIGSTOP).unwrap();
        let live: Vec<UnixStream> = std::iter::from_fn(|| try_connect(&path)).collect();
        assert_eq!(live.len(), 4);
        let seen = inspect(&path);
        assert_eq!(seen.codes()[..2], ["SD301", "SD304"], "{:#}", seen.0);
        let waiting = &seen.target()["health"]["waiting"];
        assert_eq!((waiting["clients"].as_array().unwrap().len(), &waiting["gone"]), (4, &0.into()));
        drop(live);
        let seen = inspect(&path);
        assert_eq!(seen.codes()[..2], ["SD301", "SD304"], "{:#}", seen.0);
        assert_eq!(seen.target()["health"]["waiting"]["gone"], 4);
        assert!(finding(&seen, "SD304")["evidence"].to_string().contains("every one had already left"));
        kill(Pid::from_raw(worker), Signal::SIGCONT).unwrap();
    });
}

#[test]
fn sd308_workers_without_their_master_are_named() {
    let name = "health::sd308_workers_without_their_master_are_named";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(mut server) = uvicorn(world, &path, 2) else { return skip(name, "no uvicorn") };
        assert!(!inspect(&path).codes().contains(&"SD308"));
        server.signal(Signal::SIGKILL);
        assert!(server.ended(LIMIT).is_some());
        let seen = inspect(&path);
        let found = finding(&seen, "SD308");
        assert_eq!((&found["severity"], &found["certainty"]), (&"error".into(), &"likely".into()));
        let holders = seen.target()["holders"].as_array().unwrap();
        let pids: Vec<String> = holders.iter().map(|holder| holder["pid"].to_string()).collect();
        assert_eq!(pids.len(), 2);
        let mut named: Vec<&str> = found["fix"][0]["command"].as_str().unwrap().split(' ').skip(1).collect();
        named.sort_unstable();
        assert!(pids.iter().all(|pid| named.contains(&pid.as_str())), "{found:#}");
        assert!(answers_http(&path), "they serve meanwhile");
    });
}

#[test]
fn sd309_a_child_that_inherited_the_listener_is_named() {
    let name = "health::sd309_a_child_that_inherited_the_listener_is_named";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let script = world.write(
            "server.py",
            "import socket, subprocess, sys\n\
             s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5); s.set_inheritable(True)\n\
             print(subprocess.Popen(['sleep', '60'], close_fds=False).pid, flush=True)\n\
             while True:\n    s.accept()[0].close()\n",
        );
        let Some(mut python) = need("python3") else { return skip(name, "no python3") };
        let mut server =
            Process::start(python.arg(script).arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (_stdin, mut stdout) = server.pipes();
        let mut pid = [0; 16];
        let length = stdout.read(&mut pid).unwrap();
        let pid = String::from_utf8_lossy(&pid[..length]).trim().to_owned();
        let seen = inspect(&path);
        let found = finding(&seen, "SD309");
        assert_eq!((&found["severity"], &found["certainty"]), (&"warning".into(), &"likely".into()));
        assert_eq!(found["fix"][0]["command"], format!("kill {pid}"));
        server.signal(Signal::SIGKILL);
        assert!(server.ended(LIMIT).is_some());
        let _waits = UnixStream::connect(&path).unwrap();
        assert!(finding(&inspect(&path), "SD309")["summary"].as_str().unwrap().starts_with("Nobody serves"));
    });
}

#[test]
fn sd307_connections_that_are_never_closed_are_counted() {
    isolated("health::sd307_connections_that_are_never_closed_are_counted", |world| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let mut kept = Vec::new();
        for _ in 0..12 {
            drop(UnixStream::connect(&path).unwrap());
            kept.push(listener.accept().unwrap());
        }
        let seen = inspect(&path);
        let found = finding(&seen, "SD307");
        assert_eq!((&found["severity"], &found["certainty"]), (&"warning".into(), &"likely".into()));
        let held = format!("12 held by pid {}", std::process::id());
        assert!(found["evidence"].to_string().contains(&held), "{found:#}");
        kept.truncate(3);
        assert!(!inspect(&path).codes().contains(&"SD307"), "a few are nothing");
    });
}

#[test]
fn sd302_a_queue_that_moves_and_stays_nearly_full_is_pressure() {
    isolated("health::sd302_a_queue_that_moves_and_stays_nearly_full_is_pressure", |world| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        listen(&listener, Backlog::new(10).unwrap()).unwrap();
        let ends = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut clients: Vec<_> = std::iter::from_fn(|| try_connect(&path)).take(9).collect();
                while !ends.load(Ordering::Relaxed) {
                    listener.accept().unwrap();
                    clients.push(try_connect(&path).unwrap());
                    std::thread::sleep(Duration::from_millis(40));
                }
            });
            let full = || json(["inspect", text(&path)])["data"]["targets"][0]["queue"]["waiting"] == 9;
            assert!(until(LIMIT, full));
            let seen = inspected(&path, &["--sample", "2s"]);
            ends.store(true, Ordering::Relaxed);
            seen
        });
        let found = finding(&seen, "SD302");
        assert_eq!((&found["severity"], &found["certainty"]), (&"warning".into(), &"likely".into()));
        assert!(!seen.codes().contains(&"SD304"), "it moves: {:?}", seen.codes());
    });
}

#[test]
fn a_healthy_busy_server_gives_no_error_over_twenty_samples() {
    let name = "health::a_healthy_busy_server_gives_no_error_over_twenty_samples";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let Some(_server) = gunicorn(world, &path, &["--workers", "2"]) else {
            return skip(name, "no gunicorn");
        };
        let ends = AtomicBool::new(false);
        let (seen, listed) = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !ends.load(Ordering::Relaxed) {
                        answers_http(&path);
                    }
                });
            }
            let listed = scope.spawn(|| json(["list", "--sample", "2s", "--match", text(&path)]));
            let seen = inspected(&path, &["--sample", "19s"]);
            ends.store(true, Ordering::Relaxed);
            (seen, listed.join().unwrap())
        });
        let samples = seen.target()["health"]["samples"].as_array().unwrap();
        assert!(samples.len() >= 15, "{}", samples.len());
        let errors = |document: &serde_json::Value| document["summary"]["error"] == 0;
        assert!(errors(&seen.0) && errors(&listed), "{:#}\n{listed:#}", seen.0);
    });
}

#[test]
fn list_sees_over_time_who_does_not_accept() {
    isolated("health::list_sees_over_time_who_does_not_accept", |world| {
        let path = world.path("app.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let _waits = [UnixStream::connect(&path).unwrap(), UnixStream::connect(&path).unwrap()];
        let list = |flags: &[&str]| json([&["list", "--match", text(&path)], flags].concat());
        assert_eq!(list(&[])["summary"]["error"], 0, "one look shows a queue");
        let listed = list(&["--sample", "1s"]);
        assert_eq!(listed["findings"][0]["code"], "SD304", "{listed:#}");
    });
}

#[test]
fn sd313_another_user_serves_what_a_unit_is_to_serve() {
    isolated_root("health::sd313_another_user_serves_what_a_unit_is_to_serve", |world| {
        let path = world.path("app.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let units = Path::new("/etc/systemd/system");
        tmpfs(units);
        let found = |user: &str| {
            let start = format!("ExecStart=/usr/bin/gunicorn --bind unix:{} app:wsgi", path.display());
            let unit = format!("[Service]\nUser={user}\n{start}\n");
            std::fs::write(units.join("app.service"), unit).unwrap();
            let scanned = json(["scan"]);
            let findings = scanned["findings"].as_array().unwrap().clone();
            findings.into_iter().find(|finding| finding["code"] == "SD313")
        };
        let finding = found("nobody").expect("root serves it");
        assert_eq!((&finding["severity"], &finding["certainty"]), (&"warning".into(), &"certain".into()));
        assert_eq!(finding["locations"][0]["line"], 2);
        assert_eq!(found("root"), None);
    });
}
