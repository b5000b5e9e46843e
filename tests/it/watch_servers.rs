//! `watch` names who removed a real server's socket, for each way in which that is known to happen.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::nspawn::Guest;
use crate::process::{Process, finish, until};
use crate::servers::{answers_http, gunicorn_command, haproxy, serving_http, uvicorn, uvicorn_command};
use crate::watch::{SOON, Watcher, text};
use crate::world::{World, isolated_root, need, skip};

/// A server that unlinks by name when it is closed, as libuv does it.
const NODE: &str = "\
const server = require('http').createServer((request, response) => response.end('ok'));
const path = process.argv[2];
try { require('fs').unlinkSync(path); } catch {}
server.listen(path);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
";

/// A server that listens and lives on.
const PYTHON: &str = "\
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
time.sleep(600)
";

/// The last removal, which is by this process and in this way.
#[track_caller]
fn assert_culprit<'e>(end: &'e Value, pid: u32, mechanism: &str, number: &str) -> &'e str {
    let removal = end["removals"].as_array().unwrap().last().unwrap();
    let told = (&removal["pid"], &removal["mechanism"], &removal["mechanism_number"]);
    assert_eq!(told, (&pid.into(), &mechanism.into(), &number.into()), "{end:#}");
    removal["sentence"].as_str().unwrap()
}

fn pid(process: &Process) -> u32 {
    u32::try_from(process.pid().as_raw()).unwrap()
}

/// The finding about the listener that lost its file names the same culprit as its cause.
#[track_caller]
fn assert_finding(end: &Value, code: &str, sentence: &str) {
    let findings = end["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == code);
    let finding = finding.unwrap_or_else(|| panic!("no {code}: {end:#}"));
    assert!(finding["cause"].as_str().unwrap().starts_with(sentence), "{finding:#}");
    assert_eq!(end["exit_code"], 1);
}

#[test]
fn the_second_launch_of_uvicorn_is_named() {
    let name = "watch_servers::the_second_launch_of_uvicorn_is_named";
    isolated_root(name, |world| {
        let socket = world.path("app.sock");
        let watcher = Watcher::start(world, &[text(&socket)]);
        let Some(first) = uvicorn(world, &socket, 2) else { return skip(name, "no uvicorn") };
        watcher.counts("listening", 1);
        let mut command = uvicorn_command(world, &socket, 2).unwrap();
        let mut second = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        assert!(second.ended(SOON).is_some_and(|status| !status.success()));
        watcher.counts("unlink", 1);
        // It is judged while it lasts.
        std::thread::sleep(std::time::Duration::from_millis(500));
        let (_, _, end) = watcher.finish();
        let sentence = assert_culprit(&end, pid(&second), "second_launch", "M1");
        let victim = format!("pid {} (uvicorn) bound it", first.pid());
        assert!(
            sentence.starts_with(&format!("pid {} (uvicorn, second launch) removed it ", second.pid())),
            "{sentence}"
        );
        assert!(sentence.ends_with(&victim), "{sentence}");
        assert_finding(&end, "SD102", sentence);
    });
}

#[test]
fn the_old_master_of_an_overlapping_gunicorn_deploy_is_named() {
    let name = "watch_servers::the_old_master_of_an_overlapping_gunicorn_deploy_is_named";
    isolated_root(name, |world| {
        let socket = world.path("app.sock");
        let Some(mut command) = gunicorn_command(world, &socket, 2) else { return skip(name, "no gunicorn") };
        let mut old = serving_http(&mut command, &socket);
        let watcher = Watcher::start(world, &[text(&socket)]);
        watcher.counts("listening", 1);
        let new = overlap(world, &watcher, &socket);
        old.signal(Signal::SIGTERM);
        assert!(old.ended(SOON).is_some());
        watcher.counts("unlink", 2);
        std::thread::sleep(std::time::Duration::from_millis(500));
        let (_, _, end) = watcher.finish();
        let first = &end["removals"][0];
        assert_eq!((&first["pid"], &first["mechanism_number"]), (&pid(&new).into(), &"M1".into()), "{end:#}");
        let sentence = assert_culprit(&end, pid(&old), "old_server", "M3");
        assert!(
            sentence.starts_with(&format!("pid {} (gunicorn, old master) removed it ", old.pid())),
            "{sentence}"
        );
        assert!(sentence.ends_with(&format!(" after pid {} (gunicorn) bound it", new.pid())), "{sentence}");
        assert_finding(&end, "SD102", sentence);
    });
}

/// A second gunicorn takes the path, and serves.
fn overlap(world: &World, watcher: &Watcher, socket: &Path) -> Process {
    let mut command = gunicorn_command(world, socket, 2).unwrap();
    // The first one's pid file is in the way.
    command.args(["--pid", "second.pid"]);
    let new = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    watcher.counts("listening", 2);
    assert!(until(SOON, || answers_http(socket)));
    new
}

#[test]
fn a_node_server_that_is_closed_after_its_successor_came_is_named() {
    let name = "watch_servers::a_node_server_that_is_closed_after_its_successor_came_is_named";
    isolated_root(name, |world| {
        let (socket, script) = (world.path("app.sock"), world.write("server.js", NODE));
        if need("node").is_none() {
            return skip(name, "no node");
        }
        let start =
            || need("node").map(|mut node| serving_http(node.arg(&script).arg(&socket), &socket)).unwrap();
        let watcher = Watcher::start(world, &[text(&socket)]);
        let mut old = start();
        watcher.counts("listening", 1);
        let new = start();
        watcher.counts("listening", 2);
        old.signal(Signal::SIGTERM);
        assert!(old.ended(SOON).is_some());
        watcher.counts("unlink", 2);
        std::thread::sleep(std::time::Duration::from_millis(500));
        let (_, _, end) = watcher.finish();
        let sentence = assert_culprit(&end, pid(&old), "old_server", "M3");
        assert!(sentence.contains(", old server) removed it "), "{sentence}");
        assert!(sentence.contains(&format!(" after pid {} (", new.pid())), "{sentence}");
        assert_finding(&end, "SD102", sentence);
    });
}

#[test]
fn a_worker_that_removes_the_file_of_its_own_server_is_named() {
    let name = "watch_servers::a_worker_that_removes_the_file_of_its_own_server_is_named";
    isolated_root(name, |world| {
        let Some(mut python) = need("python3") else { return skip(name, "no python3") };
        let socket = world.path("app.sock");
        let watcher = Watcher::start(world, &[text(&socket)]);
        // As a module that removes the path and is run again by each worker.
        let worker = "import os\nif os.fork() == 0: os.unlink(sys.argv[1])\n";
        let script = PYTHON.replace("time.sleep", &format!("{worker}time.sleep"));
        let server = Process::start(python.args(["-c", &script]).arg(&socket));
        watcher.counts("unlink", 1);
        // Time enough to end, if it were about to.
        std::thread::sleep(std::time::Duration::from_millis(2500));
        let (_, _, end) = watcher.finish();
        let removal = &end["removals"][0];
        assert_eq!(
            (&removal["mechanism_number"], &removal["part"]),
            (&"M2".into(), &"its own server".into()),
            "{end:#}"
        );
        assert_eq!(removal["bound_by_pid"], pid(&server));
        assert_finding(&end, "SD102", removal["sentence"].as_str().unwrap());
    });
}

#[test]
fn a_server_that_removes_its_own_file_and_ends_is_no_problem() {
    let name = "watch_servers::a_server_that_removes_its_own_file_and_ends_is_no_problem";
    isolated_root(name, |world| {
        let socket = world.path("app.sock");
        let watcher = Watcher::start(world, &[text(&socket)]);
        let Some(mut command) = gunicorn_command(world, &socket, 1) else { return skip(name, "no gunicorn") };
        let mut server = serving_http(&mut command, &socket);
        watcher.counts("listening", 1);
        server.signal(Signal::SIGTERM);
        assert!(server.ended(SOON).is_some());
        watcher.counts("gone", 1);
        let (status, _, end) = watcher.finish();
        let removal = &end["removals"][0];
        assert_eq!(
            (&removal["mechanism"], &removal["listens_on"]),
            (&"shutdown".into(), &false.into()),
            "{end:#}"
        );
        assert_eq!((status, end["findings"].as_array().unwrap().len()), (0, 0), "{end:#}");
    });
}

#[test]
fn haproxy_which_renames_what_it_binds_is_told_and_no_problem() {
    let name = "watch_servers::haproxy_which_renames_what_it_binds_is_told_and_no_problem";
    isolated_root(name, |world| {
        let dir = world.path("run");
        fs::create_dir(&dir).unwrap();
        let watcher = Watcher::start(world, &[text(&dir)]);
        let Some(server) = haproxy(world, &dir.join("h.sock")) else { return skip(name, "no haproxy") };
        watcher.counts("listening", 1);
        let renamed =
            watcher.tells(|event| event["event"] == "rename" && event["path"] == text(&dir.join("h.sock")));
        assert_eq!(renamed["pid"], pid(&server));
        let temporary = format!("{}.{}.tmp", dir.join("h.sock").display(), server.pid());
        assert_eq!(renamed["other_path"], temporary.as_str());
        let (status, events, end) = watcher.finish();
        let told = ["findings", "removals"].map(|part| end[part].as_array().unwrap().len());
        assert_eq!((status, told), (0, [0, 0]), "{end:#}{events:#?}");
    });
}

#[test]
fn systemd_tmpfiles_is_named() {
    let name = "watch_servers::systemd_tmpfiles_is_named";
    isolated_root(name, |world| {
        if need("systemd-tmpfiles").is_none() || need("python3").is_none() {
            return skip(name, "no systemd-tmpfiles or no python3");
        }
        // It ends right after: on a busy machine its name may be lost, and is not made up then.
        assert!((0..4).any(|round| cleaned_away(world, round)), "it is never named");
    });
}

/// systemd-tmpfiles removes a live server's socket. Whether its name was read in time.
fn cleaned_away(world: &World, round: usize) -> bool {
    let socket = world.path(&format!("{round}.sock"));
    let watcher = Watcher::start(world, &[text(&socket)]);
    let server = Process::start(need("python3").unwrap().args(["-c", PYTHON]).arg(&socket));
    watcher.counts("listening", 1);
    let config = world.write("t.conf", &format!("r {}\n", socket.display()));
    let output = finish(need("systemd-tmpfiles").unwrap().arg("--remove").arg(config), SOON);
    assert!(!socket.exists(), "{}", output.stderr);
    watcher.counts("unlink", 1);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let (_, _, end) = watcher.finish();
    let removal = &end["removals"][0];
    assert!(removal["pid"].is_u64(), "{end:#}");
    assert_eq!(removal["bound_by_pid"], pid(&server), "{end:#}");
    let sentence = removal["sentence"].as_str().unwrap();
    assert_finding(&end, "SD102", sentence);
    if removal["command"].is_null() {
        assert_eq!(
            (&removal["mechanism"], &removal["certainty"]),
            (&Value::Null, &"likely".into()),
            "{end:#}"
        );
        return false;
    }
    assert_eq!(removal["mechanism_number"], "M4", "{end:#}");
    assert!(sentence.contains("(systemd-tmpfile) removed it "), "{sentence}");
    true
}

#[test]
fn systemd_that_removes_a_runtime_directory_is_named() {
    let name = "watch_servers::systemd_that_removes_a_runtime_directory_is_named";
    isolated_root(name, |world| {
        let guest = match Guest::boot(world) {
            Ok(guest) => guest,
            Err(reason) => return skip(name, &reason),
        };
        guest.write("/srv/server.py", PYTHON);
        let python = "/usr/bin/python3 /srv/server.py /run/shared/app.sock";
        // Two services with one directory: the end of either takes it from the other.
        guest.unit("server.service", &format!("[Service]\nRuntimeDirectory=shared\nExecStart={python}\n"));
        guest.unit("other.service", "[Service]\nRuntimeDirectory=shared\nExecStart=/bin/sleep 600\n");
        let watcher = Watcher::by(world, &mut guest.command("sockdoctor"), &["/run/shared/app.sock"]);
        guest.systemctl(["start", "server.service"]);
        watcher.counts("listening", 1);
        guest.systemctl(["start", "other.service"]);
        guest.systemctl(["stop", "other.service"]);
        watcher.counts("rmdir", 1);
        std::thread::sleep(std::time::Duration::from_millis(600));
        guest.systemctl(["restart", "server.service"]);
        watcher.counts("listening", 2);
        let (_, events, end) = watcher.finish();
        let removal = &end["removals"][0];
        assert_eq!(
            (&removal["mechanism_number"], &removal["with_directory"]),
            (&"M7".into(), &true.into()),
            "{end:#}{events:#?}"
        );
        let unlink = events.iter().find(|event| event["event"] == "unlink").unwrap();
        let systemd = unlink["command"].as_str().unwrap();
        assert!(systemd == "systemd" || systemd.starts_with("(sd-"), "{unlink:#}");
        let listening = events.iter().find(|event| event["event"] == "listening").unwrap();
        assert_eq!(listening["unit"], "server.service", "{listening:#}");
        assert_finding(&end, "SD102", removal["sentence"].as_str().unwrap());
    });
}
