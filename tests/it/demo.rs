//! The demos: each is recognised, each leaves nothing behind however it ends, and together with the scenarios of
//! the other files they leave no rule unproven.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary::{json, run, sockdoctor};
use crate::process::{Process, finish, until};

const LIMIT: Duration = Duration::from_secs(30);

/// `(name, code)` of every demo that is offered here.
fn offered() -> Vec<(String, String)> {
    let document = json(["demo", "--list"]);
    let demos = document["data"]["demos"].as_array().unwrap();
    let text = |demo: &Value, key: &str| demo[key].as_str().unwrap().to_owned();
    demos.iter().map(|demo| (text(demo, "name"), text(demo, "code"))).collect()
}

fn entries(directory: &Path) -> Vec<std::ffi::OsString> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

/// A demo with a TMPDIR of its own.
fn demo(name: &str, tmp: &Path) -> Command {
    let mut command = sockdoctor();
    command.args(["demo", "--json", name]).env("TMPDIR", tmp).current_dir("/");
    command
}

#[test]
fn every_demo_is_recognised_by_name_and_code_and_leaves_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let demos = offered();
    assert!(demos.len() >= 13, "{demos:?}");
    for (name, code) in &demos {
        for called in [name, code] {
            let output = finish(&mut demo(called, tmp.path()), LIMIT);
            let document: Value = serde_json::from_str(&output.stdout).unwrap();
            assert_eq!(entries(tmp.path()), Vec::<std::ffi::OsString>::new(), "{called} left something");
            let gaps = document["not_checked"].as_array().unwrap();
            if output.status == 3 && gaps.iter().any(|gap| gap["code"] == code.as_str()) {
                // Other users' namespaces are hidden from us, and absence cannot be shown.
                assert!(!nix::unistd::geteuid().is_root(), "{called}: {document:#}");
                continue;
            }
            assert_eq!(output.status, 0, "{called}: {document:#}");
            assert_eq!(document["findings"][0]["code"], code.as_str(), "{called}");
            assert_eq!(document["findings"][0]["name"], name.as_str(), "a demo is named as its rule");
        }
    }
}

#[test]
fn a_demo_without_a_name_is_the_unlinked_listener_and_an_unknown_one_is_usage() {
    assert_eq!(json(["demo"])["findings"][0]["code"], "SD102");
    assert_eq!(run(["demo", "no-such-rule"]).status, 2);
}

#[test]
fn a_demo_that_cannot_be_built_says_so_and_leaves_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let deep = tmp.path().join("d".repeat(100));
    std::fs::create_dir(&deep).unwrap();
    let output = finish(&mut demo("SD102", &deep), LIMIT);
    assert_eq!(output.status, 3, "{}", output.stderr);
    assert!(output.stderr.contains("could not be built"), "{}", output.stderr);
    assert!(entries(&deep).is_empty());
    assert_eq!(finish(&mut demo("SD102", &deep.join("gone")), LIMIT).status, 3);
}

#[test]
fn a_demo_that_is_killed_leaves_nothing_and_dies_of_the_signal() {
    let tmp = tempfile::tempdir().unwrap();
    let mut caught = 0;
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SD104 takes 300 ms and more, SD101 as good as none.
        for (name, delay) in [
            ("SD104", 0),
            ("SD104", 2),
            ("SD104", 10),
            ("SD104", 60),
            ("SD104", 200),
            ("SD110", 5),
            ("SD101", 3),
        ] {
            let quiet = |command: &mut Command| {
                command.stdout(Stdio::null()).stderr(Stdio::null());
            };
            let mut command = demo(name, tmp.path());
            quiet(&mut command);
            let mut process = Process::start(&mut command);
            if delay > 0 {
                // From the moment there is something to leave behind.
                until(Duration::from_secs(5), || !entries(tmp.path()).is_empty());
                std::thread::sleep(Duration::from_millis(delay));
            }
            process.signal(signal);
            let status = process.ended(LIMIT).expect("it ends");
            let died_of = std::os::unix::process::ExitStatusExt::signal(&status);
            assert!(
                died_of == Some(signal as i32) || matches!(status.code(), Some(0 | 3)),
                "{signal}: {status:?}"
            );
            caught += usize::from(died_of.is_some());
            assert!(entries(tmp.path()).is_empty(), "{name} {signal} {delay} ms: {:?}", entries(tmp.path()));
        }
    }
    assert!(caught >= 12, "only {caught} of 21 were hit while they ran");
}

#[test]
fn what_the_parent_had_it_ignore_stays_ignored() {
    let tmp = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" demo SD104", env!("CARGO_BIN_EXE_sockdoctor")]);
    shell.env("TMPDIR", tmp.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::start(&mut shell);
    assert!(until(Duration::from_secs(5), || !entries(tmp.path()).is_empty()));
    process.signal(Signal::SIGHUP);
    assert_eq!(process.ended(LIMIT).expect("it ends").code(), Some(0));
    assert!(entries(tmp.path()).is_empty());
}

#[test]
fn no_rule_is_without_a_demo_and_without_a_scenario() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let scenarios: String = std::fs::read_dir(here)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("tidy.rs") && !path.ends_with("demo.rs"))
        .map(|path| std::fs::read_to_string(path).unwrap_or_default())
        .collect();
    let demos = offered();
    let unproven = sockdoctor::rules::ALL.iter().filter(|rule| {
        // Offered to root alone.
        let shown = rule.code == "SD107" || demos.iter().any(|(_, code)| code == rule.code);
        !shown && !scenarios.contains(rule.code) && !crate::tidy::CAPTURED.contains(&rule.code)
    });
    let unproven: Vec<&str> = unproven.map(|rule| rule.code).collect();
    assert!(unproven.is_empty(), "neither a demo nor a scenario: {unproven:?}");
}
