//! The situation that started it: uvicorn or gunicorn with several workers on one path, and what goes wrong there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::binary::{json, run};
use crate::process::{Process, finish, until};
use crate::servers::{answers_http, dbus, gunicorn_command, haproxy, serving_http, uvicorn, uvicorn_command};
use crate::world::{World, isolated, skip};

const SOON: Duration = Duration::from_secs(30);

/// The codes found, without SD708: the network namespaces of tests that run beside this one are out of sight.
fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["code"].as_str().unwrap()).filter(|code| *code != "SD708").collect()
}

/// The pids of a document's list of holders.
fn pids(holders: &Value) -> BTreeSet<i32> {
    let pid = |holder: &Value| i32::try_from(holder["pid"].as_i64().unwrap()).unwrap();
    holders.as_array().unwrap().iter().map(pid).collect()
}

/// Who has the socket open, looked up without the product.
fn holders_of(inode: &Value) -> BTreeSet<i32> {
    let link = format!("socket:[{inode}]");
    let numbers = |dir: &Path| -> Vec<i32> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    };
    let holds = |pid: &i32| {
        let dir = Path::new("/proc").join(pid.to_string()).join("fd");
        let leads =
            |fd: &i32| std::fs::read_link(dir.join(fd.to_string())).is_ok_and(|to| to == Path::new(&link));
        numbers(&dir).iter().any(leads)
    };
    numbers(Path::new("/proc")).into_iter().filter(holds).collect()
}

/// Waits until a server that answers has all its processes: so many have its socket open.
fn complete(socket: &Path, processes: usize) {
    let document = json([Path::new("inspect"), socket]);
    let inode = &document["data"]["targets"][0]["socket"]["inode"];
    assert!(until(SOON, || holders_of(inode).len() == processes), "{:?}", holders_of(inode));
}

/// No error, no warning, exit 0, in text too; gives the target's part of the document.
fn assert_healthy(socket: &Path) -> Value {
    let document = json([Path::new("inspect"), socket]);
    assert_eq!(document["exit_code"], 0, "{document:#}");
    let summary = &document["summary"];
    assert_eq!([&summary["error"], &summary["warning"]], [0, 0], "{document:#}");
    let text = run([Path::new("inspect"), socket]);
    assert_eq!(text.status, 0, "{}", text.stdout);
    document["data"]["targets"][0].clone()
}

/// What could not be seen of other tests may be noted; nothing else.
fn assert_ok(target: &Value) {
    assert!(target["verdict"] == "ok" || target["verdict"] == "info", "{target:#}");
}

/// The first finding, and that it is the cause of all: code, certainty, exit 1.
fn assert_first<'d>(document: &'d Value, code: &str) -> &'d Value {
    let first = &document["findings"][0];
    assert_eq!(first["code"], code, "{document:#}");
    assert_eq!(first["certainty"], "certain", "{document:#}");
    assert_eq!(document["exit_code"], 1, "{document:#}");
    first
}

fn evidence(finding: &Value) -> String {
    let line =
        |line: &Value| [&line["source"], &line["detail"]].map(|part| part.as_str().unwrap()).join(": ");
    finding["evidence"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Runs the first command a finding prints, as it would be pasted.
fn paste_fix(finding: &Value) {
    let command = finding["fix"][0]["command"].as_str().unwrap();
    let output = finish(Command::new("bash").args(["-c", command]), SOON);
    assert_eq!(output.status, 0, "{command}: {}", output.stderr);
}

/// A single worker takes the path of whoever has it.
fn overlap(world: &World, socket: &Path) -> Process {
    let before = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(socket).unwrap());
    let mut command = uvicorn_command(world, socket, 1).unwrap();
    let second = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let taken = || {
        let now = std::fs::metadata(socket).map(|file| std::os::unix::fs::MetadataExt::ino(&file));
        now.is_ok_and(|now| now != before) && answers_http(socket)
    };
    assert!(until(SOON, taken), "the second server does not take the path");
    second
}

#[test]
fn uvicorn_with_two_workers_is_healthy_and_all_its_processes_are_named() {
    let name = "seed_s0::uvicorn_with_two_workers_is_healthy_and_all_its_processes_are_named";
    isolated(name, |world| {
        let socket = world.path("app.sock");
        let Some(server) = uvicorn(world, &socket, 2) else { return skip(name, "no uvicorn") };
        complete(&socket, 3);
        let target = assert_healthy(&socket);
        let inode = &target["socket"]["inode"];
        assert_ok(&target);
        assert_eq!(pids(&target["holders"]), holders_of(inode));
        assert!(pids(&target["holders"]).contains(&server.pid().as_raw()));
    });
}

#[test]
fn the_second_launch_unlinks_the_file_and_the_printed_fix_repairs_it() {
    let name = "seed_s0::the_second_launch_unlinks_the_file_and_the_printed_fix_repairs_it";
    isolated(name, |world| {
        let socket = world.path("app.sock");
        let Some(mut first) = uvicorn(world, &socket, 2) else { return skip(name, "no uvicorn") };
        complete(&socket, 3);
        let second = finish(&mut uvicorn_command(world, &socket, 2).unwrap(), SOON);
        assert_ne!(second.status, 0);
        assert!(!socket.exists());
        let document = json([Path::new("inspect"), &socket]);
        let finding = assert_first(&document, "SD102");
        assert_eq!(codes(&document), ["SD102"]);
        let seen = &document["data"]["targets"][0]["sockets"][0];
        assert_eq!(seen["role"], "unlinked");
        let all = holders_of(&seen["inode"]);
        assert_eq!(pids(&seen["holders"]), all);
        assert!(all.len() == 3 && all.contains(&first.pid().as_raw()), "{all:?}");
        let proof = evidence(finding);
        for pid in &all {
            assert!(proof.contains(&pid.to_string()), "pid {pid} is not in\n{proof}");
        }
        assert!(proof.contains(&format!("pid {} (parent)", first.pid())), "{proof}");
        // Not only for those who read JSON: the first line, and the owner to stop.
        let text = run([Path::new("inspect"), &socket]).stdout;
        assert!(text.lines().next().unwrap().contains("error SD102 listener-unlinked"), "{text}");

        assert_eq!(finding["fix"][0]["command"], format!("kill {}", first.pid()));
        paste_fix(finding);
        assert!(first.ended(SOON).is_some(), "the fix does not end the owner");
        let _again = uvicorn(world, &socket, 2);
        assert_healthy(&socket);
    });
}

#[test]
fn of_two_overlapping_servers_the_older_is_named_and_its_end_leaves_the_newer_unreachable() {
    let name =
        "seed_s0::of_two_overlapping_servers_the_older_is_named_and_its_end_leaves_the_newer_unreachable";
    isolated(name, |world| {
        let socket = world.path("app.sock");
        let Some(mut older) = uvicorn(world, &socket, 2) else { return skip(name, "no uvicorn") };
        let newer = overlap(world, &socket);

        let document = json([Path::new("inspect"), &socket]);
        let finding = assert_first(&document, "SD103");
        assert_eq!(codes(&document), ["SD103", "SD206"], "uvicorn lets everybody in");
        let target = &document["data"]["targets"][0];
        assert_eq!(pids(&target["holders"]), BTreeSet::from([newer.pid().as_raw()]));
        let roles: BTreeSet<&str> =
            target["sockets"].as_array().unwrap().iter().map(|seen| seen["role"].as_str().unwrap()).collect();
        assert_eq!(roles, BTreeSet::from(["replaced", "serves_path"]), "{target:#}");
        let proof = evidence(finding);
        for seen in target["sockets"].as_array().unwrap() {
            assert!(proof.contains(&format!("inode {}", seen["inode"])), "{proof}");
        }
        assert_eq!(finding["fix"][0]["command"], format!("kill {}", older.pid()));

        // As the fix warns, the older one takes the newer one's file with it.
        paste_fix(finding);
        assert!(older.ended(SOON).is_some());
        assert!(!socket.exists());
        let document = json([Path::new("inspect"), &socket]);
        let finding = assert_first(&document, "SD102");
        assert_eq!(codes(&document), ["SD102"]);
        assert!(evidence(finding).contains(&format!("pid {}", newer.pid())), "{document:#}");
    });
}

#[test]
fn a_single_worker_ended_by_sigterm_leaves_a_stale_file_which_the_next_start_replaces() {
    let name = "seed_s0::a_single_worker_ended_by_sigterm_leaves_a_stale_file_which_the_next_start_replaces";
    isolated(name, |world| {
        let socket = world.path("app.sock");
        let Some(mut server) = uvicorn(world, &socket, 1) else { return skip(name, "no uvicorn") };
        assert_healthy(&socket);
        server.signal(Signal::SIGTERM);
        assert!(server.ended(SOON).is_some());
        assert!(socket.exists());
        let document = json([Path::new("inspect"), &socket]);
        assert_first(&document, "SD104");
        assert_eq!(codes(&document), ["SD104"]);
        let _again = uvicorn(world, &socket, 1);
        assert_healthy(&socket);
    });
}

#[test]
fn gunicorn_is_healthy_before_during_and_after_an_upgrade_in_place() {
    let name = "seed_s0::gunicorn_is_healthy_before_during_and_after_an_upgrade_in_place";
    isolated(name, |world| {
        let socket = world.path("app.sock");
        let Some(mut command) = gunicorn_command(world, &socket, 2) else { return skip(name, "no gunicorn") };
        let mut old = serving_http(&mut command, &socket);
        complete(&socket, 3);
        let before = assert_healthy(&socket);
        let inode = before["socket"]["inode"].clone();
        assert_eq!(pids(&before["holders"]), holders_of(&inode));

        old.signal(Signal::SIGUSR2);
        let successor = || std::fs::read_to_string(world.path("g.pid.2")).ok()?.trim().parse().ok();
        assert!(until(SOON, || successor().is_some()), "no second master");
        let master: i32 = successor().unwrap();
        // Both generations, each with a master and two workers.
        assert!(until(SOON, || holders_of(&inode).len() == 6), "{:?}", holders_of(&inode));
        let during = assert_healthy(&socket);
        assert_eq!(during["sockets"].as_array().unwrap().len(), 1, "one socket: {during:#}");
        assert_eq!(pids(&during["holders"]), holders_of(&inode));

        old.signal(Signal::SIGTERM);
        assert!(old.ended(SOON).is_some());
        let after = assert_healthy(&socket);
        assert_eq!(after["socket"]["inode"], inode, "the same socket all along");
        assert!(pids(&after["holders"]).contains(&master));
        assert!(answers_http(&socket));
        kill(Pid::from_raw(master), Signal::SIGKILL).unwrap();
    });
}

#[test]
fn haproxy_which_renames_what_it_binds_is_worth_a_note_and_no_more() {
    let name = "seed_s0::haproxy_which_renames_what_it_binds_is_worth_a_note_and_no_more";
    isolated(name, |world| {
        let socket = world.path("h.sock");
        let Some(server) = haproxy(world, &socket) else { return skip(name, "no haproxy") };
        let target = assert_healthy(&socket);
        assert_eq!(target["verdict"], "info", "{target:#}");
        let document = json([Path::new("inspect"), &socket]);
        assert_eq!(codes(&document), ["SD113"], "{document:#}");
        let bound = format!("{}.{}.tmp", socket.display(), server.pid());
        assert_eq!(target["socket"]["name"], bound);
        assert_eq!(target["socket"]["role"], "serves_path");
    });
}

#[test]
fn a_healthy_haproxy_is_no_error_in_the_overview_nor_when_its_directory_is_inspected() {
    let name = "seed_s0::a_healthy_haproxy_is_no_error_in_the_overview_nor_when_its_directory_is_inspected";
    isolated(name, |world| {
        let socket = world.path("h.sock");
        let Some(_server) = haproxy(world, &socket) else { return skip(name, "no haproxy") };
        let listed = json(["list", "--match", &format!("{}/*", world.dir.display())]);
        let row = &listed["data"]["sockets"][0];
        assert_eq!([&row["file"]["state"], &row["verdict"]], ["renamed", "info"], "{listed:#}");
        assert_healthy(&world.dir);
    });
}

#[test]
fn a_message_bus_is_healthy() {
    let name = "seed_s0::a_message_bus_is_healthy";
    isolated(name, |world| {
        let socket = world.path("bus.sock");
        let Some(bus) = dbus(world, &socket) else { return skip(name, "no dbus-daemon") };
        let target = assert_healthy(&socket);
        assert_ok(&target);
        assert_eq!(pids(&target["holders"]), BTreeSet::from([bus.pid().as_raw()]));
    });
}
