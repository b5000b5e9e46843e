//! `guard`: repairs real servers that have certainly failed, and leaves all others alone.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::binary::{document, json, run, sockdoctor};
use crate::process::{Output, Process, finish, until};
use crate::servers::{APP, answers_http};
use crate::world::{World, isolated, need, skip};

const SOON: Duration = Duration::from_secs(30);
/// A pass with tries that each wait for an answer, and a repair.
const PASS: Duration = Duration::from_secs(90);

/// An application that keeps four descriptors of every request.
const LEAKING: &str = r#"
held = []
def wsgi(environ, start_response):
    held.extend(open("/dev/null") for _ in range(4))
    start_response("200 OK", [])
    return [b"ok"]
"#;

/// gunicorn as a service that a script restarts: `start` kills what is left of the last one, `g.pid` names the master.
struct Site {
    dir: PathBuf,
    socket: PathBuf,
    start: PathBuf,
    state: PathBuf,
}

impl Site {
    /// `None`: no gunicorn here.
    fn up(world: &World, app: &str, limit: u32) -> Option<Self> {
        let gunicorn = need("gunicorn")?.get_program().to_owned();
        std::fs::write(world.path("app.py"), app).unwrap();
        let socket = world.path("app.sock");
        let start = world.path("start");
        let script = format!(
            "#!/bin/sh\ncd {dir}\necho \"$SOCKDOCTOR_TARGET $SOCKDOCTOR_CODE\" >>started\n\
             for pid in $(cat g.pid workers 2>/dev/null); do kill -9 $pid; done 2>/dev/null\nrm -f g.pid\n\
             ulimit -n {limit}\n\
             exec setsid --wait {gunicorn} --daemon --pid g.pid --workers 1 --bind unix:{socket} app:wsgi </dev/null >log 2>&1\n",
            dir = world.dir.display(),
            gunicorn = gunicorn.display(),
            socket = socket.display(),
        );
        std::fs::write(&start, script).unwrap();
        let site = Self { dir: world.dir.clone(), socket, start, state: world.path("state") };
        assert_eq!(finish(Command::new("sh").arg(&site.start), SOON).status, 0);
        assert!(until(SOON, || answers_http(&site.socket)), "gunicorn does not serve");
        Some(site)
    }

    fn guard(&self, more: &[&str]) -> Value {
        document(&self.guarded(more))
    }

    fn guarded(&self, more: &[&str]) -> Output {
        let mut command = sockdoctor();
        command.args(["--json", "guard"]).arg(&self.socket).args(["--http", "/", "--failures", "2"]);
        command.args(["--timeout", "1s", "--state"]).arg(&self.state).args(more);
        finish(command.args(["--", "sh"]).arg(&self.start), PASS)
    }

    fn master(&self) -> Pid {
        let pid = || std::fs::read_to_string(self.dir.join("g.pid")).ok()?.trim().parse().ok();
        assert!(until(SOON, || pid().is_some()));
        Pid::from_raw(pid().unwrap())
    }

    /// The processes that accept.
    fn workers(&self) -> Vec<Pid> {
        let master = self.master();
        let text = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
        text.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap())).collect()
    }

    /// Starts so far, the first one by hand.
    fn starts(&self) -> usize {
        std::fs::read_to_string(self.dir.join("started")).unwrap().lines().count()
    }

    /// Kills master and workers, as a crash does: the file stays.
    fn crash(&self) {
        let workers = self.workers();
        let _ = kill(self.master(), Signal::SIGKILL);
        for pid in workers {
            let _ = kill(pid, Signal::SIGKILL);
        }
        assert!(until(SOON, || !answers_http(&self.socket)));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.dir.join("g.pid"))
            .ok()
            .and_then(|pid| pid.trim().parse::<i32>().ok());
        if let Some(master) = pid {
            let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
            let all = format!("{master} {}", children.unwrap_or_default());
            for pid in all.split_whitespace() {
                let _ = kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL);
            }
        }
    }
}

fn outcome(document: &Value) -> (&str, i64) {
    (document["data"]["outcome"].as_str().unwrap(), document["exit_code"].as_i64().unwrap())
}

#[test]
fn a_gunicorn_that_was_killed_is_started_again_and_one_that_is_well_is_left_alone() {
    let name = "guard::a_gunicorn_that_was_killed_is_started_again_and_one_that_is_well_is_left_alone";
    isolated(name, |world| {
        let Some(site) = Site::up(world, APP, 1024) else { return skip(name, "no gunicorn") };
        let well = site.guard(&[]);
        assert_eq!((outcome(&well), site.starts()), (("healthy", 0), 1), "{well:#}");
        site.crash();
        let dry = site.guard(&["--dry-run"]);
        assert_eq!((outcome(&dry), site.starts()), (("would_repair", 1), 1), "{dry:#}");
        assert_eq!(dry["data"]["cause"]["code"], "SD104", "{dry:#}");
        let healed = site.guard(&[]);
        assert_eq!((outcome(&healed), site.starts()), (("recovered", 0), 2), "{healed:#}");
        assert!(answers_http(&site.socket));
        let told = std::fs::read_to_string(site.dir.join("started")).unwrap();
        assert!(told.ends_with(&format!("{} SD104\n", site.socket.display())), "{told}");
        let text = run(["guard", site.socket.to_str().unwrap(), "--dry-run"]);
        assert!(text.status == 0 && text.stdout.starts_with("healthy  "), "{}", text.stdout);
    });
}

#[test]
fn a_gunicorn_that_was_stopped_is_healed() {
    let name = "guard::a_gunicorn_that_was_stopped_is_healed";
    isolated(name, |world| {
        let Some(site) = Site::up(world, APP, 1024) else { return skip(name, "no gunicorn") };
        let workers = site.workers();
        // For the script: a stopped worker does not see that its master has gone.
        let list: Vec<String> = workers.iter().map(ToString::to_string).collect();
        std::fs::write(site.dir.join("workers"), list.join(" ")).unwrap();
        for pid in workers.iter().chain(&[site.master()]) {
            kill(*pid, Signal::SIGSTOP).unwrap();
        }
        let healed = site.guard(&[]);
        assert_eq!((outcome(&healed), site.starts()), (("recovered", 0), 2), "{healed:#}");
        let cause = healed["data"]["cause"]["summary"].as_str().unwrap();
        assert!(cause.contains("stopped") && cause.contains(&list[0]), "{cause}");
    });
}

#[test]
fn a_gunicorn_that_leaks_descriptors_is_healed() {
    let name = "guard::a_gunicorn_that_leaks_descriptors_is_healed";
    isolated(name, |world| {
        let Some(site) = Site::up(world, LEAKING, 40) else { return skip(name, "no gunicorn") };
        assert!(until(SOON, || !answers_http(&site.socket)), "it does not run out");
        let healed = site.guard(&[]);
        assert_eq!((outcome(&healed), site.starts()), (("recovered", 0), 2), "{healed:#}");
    });
}

/// As slow as its file says, in seconds.
const SLOW: &str = r#"
import os, time
def wsgi(environ, start_response):
    time.sleep(float(open("slow").read()) if os.path.exists("slow") else 0)
    start_response("200 OK", [])
    return [b"ok"]
"#;

#[test]
fn a_gunicorn_that_is_slow_under_load_is_left_alone() {
    let name = "guard::a_gunicorn_that_is_slow_under_load_is_left_alone";
    isolated(name, |world| {
        let Some(site) = Site::up(world, SLOW, 1024) else { return skip(name, "no gunicorn") };
        let workers = site.workers();
        std::fs::write(site.dir.join("slow"), "3").unwrap();
        // One worker, and others wait before us.
        let _load: Vec<_> = (0..4)
            .map(|_| {
                let mut client = std::os::unix::net::UnixStream::connect(&site.socket).unwrap();
                client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
                client
            })
            .collect();
        let document = site.guard(&[]);
        assert_eq!((outcome(&document), site.starts()), (("undecided", 1), 1), "{document:#}");
        assert_eq!(site.workers(), workers, "nobody was ended");
        assert_eq!(document["data"]["repairs"]["made"], 0);
    });
}

/// A server that takes its time, answers only every third request in time, or answers only that it is too busy.
fn slow(listener: &UnixListener, answers: impl Fn(usize) -> Option<&'static str>) {
    for (number, client) in listener.incoming().enumerate() {
        let mut client = client.unwrap();
        let mut request = [0; 1024];
        if client.read(&mut request).unwrap_or(0) == 0 {
            continue;
        }
        match answers(number) {
            Some(status) => {
                let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = client.write_all(reply.as_bytes());
            }
            None => std::thread::sleep(Duration::from_millis(800)),
        }
    }
}

fn guarded(path: &Path, started: &Path, failures: &str) -> Value {
    let touch = format!("touch {}", started.display());
    let command =
        ["guard", path.to_str().unwrap(), "--http", "/", "--failures", failures, "--timeout", "300ms"];
    json(command.into_iter().chain(["--", "sh", "-c", touch.as_str()]))
}

#[test]
fn a_server_that_is_slow_busy_or_hung_is_never_restarted() {
    isolated("guard::a_server_that_is_slow_busy_or_hung_is_never_restarted", |world| {
        let started = world.path("started");
        let serve = |name: &str, answers: fn(usize) -> Option<&'static str>| {
            let path = world.path(name);
            let listener = UnixListener::bind(&path).unwrap();
            std::thread::spawn(move || slow(&listener, answers));
            path
        };
        let sometimes = serve("sometimes", |number| (number % 3 == 2).then_some("200 OK"));
        assert_eq!(outcome(&guarded(&sometimes, &started, "3")), ("healthy", 0));
        let never = serve("never", |_| None);
        assert_eq!(outcome(&guarded(&never, &started, "2")), ("undecided", 1));
        let busy = serve("busy", |_| Some("503 Service Unavailable"));
        assert_eq!(outcome(&guarded(&busy, &started, "2")), ("undecided", 1));
        let elsewhere = serve("elsewhere", |_| Some("404 Not Found"));
        assert_eq!(outcome(&guarded(&elsewhere, &started, "1")), ("undecided", 1));
        // A full queue, and a worker that is alive.
        let full = world.path("full");
        let listener = UnixListener::bind(&full).unwrap();
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
        let _waiting = std::os::unix::net::UnixStream::connect(&full).unwrap();
        let document = guarded(&full, &started, "2");
        assert_eq!(outcome(&document), ("undecided", 1), "{document:#}");
        assert!(!started.exists(), "nothing is repaired");
        let broken = serve("broken", |_| Some("500 Internal Server Error"));
        let document = guarded(&broken, &started, "2");
        assert_eq!(outcome(&document), ("not_recovered", 1), "{document:#}");
        assert!(started.exists());
    });
}

#[test]
fn a_server_that_flaps_is_restarted_no_more_often_than_allowed() {
    let name = "guard::a_server_that_flaps_is_restarted_no_more_often_than_allowed";
    isolated(name, |world| {
        let Some(site) = Site::up(world, APP, 1024) else { return skip(name, "no gunicorn") };
        for allowed in [true, true, false, false] {
            site.crash();
            let document = site.guard(&["--max-repairs", "2/1h"]);
            let expected = if allowed { ("recovered", 0) } else { ("limit_reached", 1) };
            assert_eq!(outcome(&document), expected, "{document:#}");
            if !allowed {
                // It is gone; somebody has to start it.
                assert_eq!(finish(Command::new("sh").arg(&site.start), SOON).status, 0);
                assert!(until(SOON, || answers_http(&site.socket)));
            }
        }
        let record: Value = serde_json::from_str(&std::fs::read_to_string(&site.state).unwrap()).unwrap();
        assert_eq!(record["repairs"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_repair_that_does_not_help_is_not_repeated_at_once() {
    isolated("guard::a_repair_that_does_not_help_is_not_repeated_at_once", |world| {
        let (path, state, ran) = (world.path("s"), world.path("state"), world.path("ran"));
        drop(UnixListener::bind(&path).unwrap());
        let script = format!("echo x >>{}; exit 3", ran.display());
        let guard = |more: &[&str]| {
            let fixed =
                ["guard", path.to_str().unwrap(), "--failures", "1", "--state", state.to_str().unwrap()];
            json(fixed.iter().chain(more).chain(&["--", "sh", "-c", &script]).copied())
        };
        let before = guard(&["--dry-run"]);
        assert_eq!(outcome(&before), ("would_repair", 1));
        assert!(!state.exists() && !ran.exists(), "--dry-run changes nothing");
        let first = guard(&[]);
        assert_eq!(outcome(&first), ("repair_failed", 1), "{first:#}");
        assert_eq!(first["data"]["repair"]["exit_status"], 3);
        let second = guard(&[]);
        assert_eq!(outcome(&second), ("backing_off", 1), "{second:#}");
        assert!(second["data"]["repairs"]["next_at"].is_string());
        assert_eq!(std::fs::read_to_string(&ran).unwrap(), "x\n");
    });
}

#[test]
fn one_guard_at_a_time_has_a_state_file_and_a_corrupt_one_is_never_started_anew() {
    isolated(
        "guard::one_guard_at_a_time_has_a_state_file_and_a_corrupt_one_is_never_started_anew",
        |world| {
            let (path, state) = (world.path("s"), world.path("state"));
            drop(UnixListener::bind(&path).unwrap());
            let repair = ["--", "sh", "-c", "exit 1"];
            let fixed =
                ["guard", path.to_str().unwrap(), "--failures", "1", "--state", state.to_str().unwrap()];
            let mut command = sockdoctor();
            command
                .args(fixed)
                .args(["--every", "60s"])
                .args(repair)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut first = Process::start(&mut command);
            assert!(until(SOON, || std::fs::read_to_string(&state).is_ok_and(|text| text.contains("false"))));
            let second = json(fixed.into_iter().chain(repair));
            assert_eq!(second["exit_code"], 3, "{second:#}");
            assert!(second["error"]["message"].as_str().unwrap().contains("locked"), "{second:#}");
            first.signal(Signal::SIGTERM);
            assert!(first.ended(SOON).is_some_and(|status| status.success()), "it ends cleanly");
            for text in ["", "{", "{}", "[1]"] {
                std::fs::write(&state, text).unwrap();
                for more in [&[][..], &["--dry-run"]] {
                    let refused = json(fixed.iter().chain(more).chain(&repair).copied());
                    assert_eq!(refused["exit_code"], 2, "{text:?}: {refused:#}");
                }
                assert_eq!(std::fs::read_to_string(&state).unwrap(), text);
            }
            let other = world.path("other");
            std::fs::remove_file(&state).unwrap();
            std::os::unix::fs::symlink(&other, &state).unwrap();
            assert_eq!(json(fixed.into_iter().chain(repair))["exit_code"], 2);
            assert!(!other.exists());
        },
    );
}

#[test]
fn a_repeated_guard_heals_and_a_server_in_the_foreground_runs_on_with_its_own_signals() {
    isolated(
        "guard::a_repeated_guard_heals_and_a_server_in_the_foreground_runs_on_with_its_own_signals",
        |world| {
            let Some(python) = need("python3") else { return };
            let path = world.path("s");
            let server = "import os, socket, sys
path = sys.argv[1]
if os.path.exists(path): os.unlink(path)
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
while True:
    c, _ = s.accept()
    c.recv(1000)
    c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')
    c.close()";
            let mut command = sockdoctor();
            command.args(["guard", path.to_str().unwrap(), "--failures", "1", "--every", "200ms", "--"]);
            command.arg(python.get_program()).args(["-c", server]).arg(&path);
            let mut guard = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
            assert!(until(SOON, || answers_http(&path)), "it is not started");
            let server = || {
                let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", guard.pid()));
                children.ok()?.trim().parse().ok().map(Pid::from_raw)
            };
            let first = server().unwrap();
            // SIGTERM ends it: the signals that guard holds back are not held back in it.
            kill(first, Signal::SIGTERM).unwrap();
            assert!(
                until(SOON, || server().is_some_and(|now| now != first) && answers_http(&path)),
                "it is not healed"
            );
            let second = server().unwrap();
            guard.signal(Signal::SIGTERM);
            assert!(guard.ended(SOON).is_some_and(|status| status.success()));
            assert!(answers_http(&path), "the server is not taken along");
            kill(second, Signal::SIGKILL).unwrap();
        },
    );
}

#[test]
fn a_command_line_without_a_repair_or_with_a_wrong_one_is_refused() {
    for wrong in [
        &["guard", "/x"][..],
        &["guard", "/x", "--restart-unit", "-x"],
        &["guard", "/x", "--restart-unit", "a", "--", "true"],
        &["guard", "inode:7", "--dry-run"],
        &["guard", "/x", "--dry-run", "--max-repairs", "0/1h"],
        &["guard", "/x", "--dry-run", "--failures", "0"],
        &["guard", "/x", "--dry-run", "--state", "/no/such/directory/state", "--http", "x"],
        &["guard"],
    ] {
        assert_eq!(json(wrong)["exit_code"], 2, "{wrong:?}");
    }
}

#[test]
fn a_port_of_this_host_that_refuses_has_failed() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let document = json(["guard", &format!("http://{port}/health"), "--failures", "1", "--dry-run"]);
    assert_eq!(outcome(&document), ("would_repair", 1), "{document:#}");
}
