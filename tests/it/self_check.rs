//! `self-check` as root, as an ordinary user, in a user namespace: what is seen differs, and every run answers.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::binary::{document, everybodys, json, run, sockdoctor};
use crate::process::finish;
use crate::world::{World, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// The document of a `self-check` behind other programs.
fn checked_by(command: &mut Command) -> Value {
    let document = document(&finish(command.args(["self-check", "--json"]), SOON));
    assert_eq!((&document["exit_code"], &document["verdict"]), (&0.into(), &"ok".into()), "{document:#}");
    document
}

fn line<'d>(document: &'d Value, name: &str) -> &'d Value {
    let checks = document["data"]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {document:#}"))
}

fn state<'d>(document: &'d Value, name: &str) -> &'d str {
    line(document, name)["state"].as_str().unwrap()
}

fn as_nobody(world: &World) -> Option<Command> {
    let mut command = need("setpriv")?;
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(everybodys(world));
    Some(command)
}

const CAPABILITIES: [&str; 5] =
    ["cap-sys-ptrace", "cap-sys-admin", "cap-net-admin", "cap-dac-read-search", "cap-dac-override"];

#[test]
fn root_sees_it_all() {
    isolated_root("self_check::root_sees_it_all", |_| {
        let seen = checked_by(&mut sockdoctor());
        for name in
            CAPABILITIES.iter().chain(&["kernel", "unix-diag", "bound-file", "path-walk", "user-namespace"])
        {
            assert_eq!(state(&seen, name), "ok", "{seen:#}");
        }
        assert_eq!(seen["summary"]["subjects"], seen["data"]["checks"].as_array().unwrap().len());
    });
}

#[test]
fn an_ordinary_user_is_told_what_is_hidden_and_the_line_that_shows_it() {
    let name = "self_check::an_ordinary_user_is_told_what_is_hidden_and_the_line_that_shows_it";
    isolated_root(name, |world| {
        let Some(mut command) = as_nobody(world) else { return skip(name, "no setpriv") };
        let seen = checked_by(&mut command);
        for name in CAPABILITIES.iter().chain(&["bound-file"]) {
            assert_eq!(state(&seen, name), "missing", "{seen:#}");
            assert_eq!(line(&seen, name)["would_help"], "sudo sockdoctor self-check");
        }
        assert_eq!(state(&seen, "processes"), "limited");
        assert_eq!(
            state(&seen, "network-namespaces"),
            "limited",
            "this world has one, and the machine another"
        );
        assert_eq!((state(&seen, "unix-diag"), state(&seen, "user-namespace")), ("ok", "ok"));
        assert_ne!(state(&seen, "file-events"), "ok");
    });
}

#[test]
fn root_of_a_user_namespace_is_told_that_it_is_not_root_of_the_machine() {
    let name = "self_check::root_of_a_user_namespace_is_told_that_it_is_not_root_of_the_machine";
    let Some(mut command) = need("unshare") else { return skip(name, "no unshare") };
    let inside = command.args(["--user", "--map-root-user", env!("CARGO_BIN_EXE_sockdoctor")]);
    let output = finish(inside.args(["self-check", "--json"]), SOON);
    if output.stderr.starts_with("unshare: ") {
        return skip(name, output.stderr.trim());
    }
    let seen = document(&output);
    assert_eq!(seen["exit_code"], 0);
    for name in CAPABILITIES.iter().chain(&["user-namespace"]) {
        assert_eq!(state(&seen, name), "limited", "{seen:#}");
        let help = line(&seen, name)["would_help"].as_str().unwrap();
        assert!(help.contains("outside of") && help.ends_with("sudo sockdoctor self-check"), "{help}");
    }
    assert_eq!(line(&seen, "user-namespace")["detail"], "one of its own, it knows 1 of all uids");
    // The sockets belong to a network namespace of the machine.
    assert_eq!(state(&seen, "bound-file"), "missing");
    assert_ne!(state(&seen, "file-events"), "ok");
}

#[test]
fn a_pid_namespace_of_its_own_is_not_the_machine() {
    let name = "self_check::a_pid_namespace_of_its_own_is_not_the_machine";
    isolated_root(name, |_| {
        let mut command = need("unshare").unwrap();
        let seen =
            checked_by(command.args(["--pid", "--fork", "--mount-proc", env!("CARGO_BIN_EXE_sockdoctor")]));
        assert_eq!((state(&seen, "container"), state(&seen, "processes")), ("limited", "ok"), "{seen:#}");
    });
}

#[test]
fn hidden_processes_and_a_missing_proc_are_said() {
    let name = "self_check::hidden_processes_and_a_missing_proc_are_said";
    isolated_root(name, |world| {
        let Some(mut command) = as_nobody(world) else { return skip(name, "no setpriv") };
        let mount = |arguments: &[&str]| {
            let mounted = finish(Command::new("mount").args(arguments), SOON);
            assert_eq!(mounted.status, 0, "{}", mounted.stderr);
        };
        // In a pid namespace of the world's own the option would change the machine's /proc: a new one is mounted.
        mount(&["-t", "proc", "-o", "hidepid=invisible", "proc", "/proc"]);
        let seen = checked_by(&mut command);
        assert_eq!((state(&seen, "hidepid"), state(&seen, "processes")), ("limited", "limited"), "{seen:#}");
        assert!(line(&seen, "hidepid")["detail"].as_str().unwrap().contains("hidepid="));
        let by_root = checked_by(&mut sockdoctor());
        assert_eq!(state(&by_root, "hidepid"), "ok", "{by_root:#}");
        mount(&["-t", "tmpfs", "tmpfs", "/proc"]);
        let blind = checked_by(&mut Command::new(world.path("sockdoctor")));
        for name in ["hidepid", "cap-sys-admin", "user-namespace"] {
            assert_eq!(state(&blind, name), "unknown", "{blind:#}");
        }
        assert_ne!(state(&blind, "processes"), "ok", "{blind:#}");
    });
}

/// What is pasted into a public report: no user, no home, no command line, whatever was typed.
#[test]
fn it_names_nobody() {
    let dir = tempfile::Builder::new().prefix("secret-home").tempdir().unwrap();
    let file = dir.path().join("report.json");
    let mut command = sockdoctor();
    command
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .env("USER", "secret-user")
        .env("LOGNAME", "secret-user");
    let output = finish(command.args(["self-check", "--json", "-o"]).arg(&file), SOON);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let text = std::fs::read_to_string(file).unwrap() + &run(["self-check"]).stdout;
    for secret in ["secret", "/home/", "/root/", "report.json"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn text_and_plain_say_the_same_and_nothing_fails_it() {
    let document = json(["self-check", "--require-complete", "--fail-on", "info"]);
    assert_eq!(document["exit_code"], 0);
    let names: Vec<&str> = document["data"]["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    let plain = run(["self-check", "--format", "plain"]);
    let columns: Vec<Vec<&str>> = plain.stdout.lines().map(|line| line.split('\t').collect()).collect();
    assert!(columns.iter().all(|columns| columns.len() == 5), "{}", plain.stdout);
    assert_eq!(columns.iter().map(|columns| columns[0]).collect::<Vec<_>>(), names);
    let text = run(["self-check"]).stdout;
    assert!(names.iter().all(|name| text.contains(&format!("  {name}: "))), "{text}");
    assert!(text.lines().last().unwrap().contains(" ok"), "{text}");
    assert_eq!(run(["self-check", "-q"]).stdout.lines().count(), names.len());
}
