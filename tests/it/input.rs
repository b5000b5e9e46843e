//! What is given to `inspect`: bad input is one clear line, a directory is its sockets.

use std::ffi::OsStr;

use sockdoctor::act::broken;

use crate::binary::{document, run};
use crate::process::Output;
use crate::seen::{Inspected, inspect, text};
use crate::world::{isolated, isolated_root};

/// One line that says what is wrong, and nothing else; with `--json` one document too.
#[track_caller]
fn is_refused(arguments: &[&OsStr], status: i32) {
    let plain: Output = run(arguments);
    assert_eq!((plain.status, plain.stdout.as_str()), (status, ""), "{arguments:?}: {}", plain.stderr);
    assert_eq!(plain.stderr.lines().count(), 1, "{arguments:?}: {}", plain.stderr);
    assert!(plain.stderr.starts_with("sockdoctor: "), "{}", plain.stderr);
    let with_json = run(arguments.iter().copied().chain([OsStr::new("--json")]));
    let refused = document(&with_json);
    assert_eq!(with_json.stderr, plain.stderr, "{arguments:?}");
    assert_eq!(refused["exit_code"], status);
    assert_eq!(refused["verdict"], "unknown");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(!message.is_empty() && plain.stderr.contains(message), "{message}: {}", plain.stderr);
    assert_eq!(refused["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn targets_that_mean_nothing_are_refused_in_one_line() {
    for target in [
        "",
        "unix:",
        "inode:",
        "inode:0",
        "inode:abc",
        "inode:-1",
        "inode:99999999999",
        "http+unix://",
        "http+unix://%00",
        "http+unix://%zz",
        "tcp:x",
        "https://host/",
    ] {
        is_refused(&[OsStr::new("inspect"), OsStr::new(target)], 2);
    }
}

#[test]
fn one_bad_target_among_good_ones_is_refused() {
    is_refused(&["inspect", "/run/x.sock", "inode:abc"].map(OsStr::new), 2);
}

#[test]
fn a_rule_that_is_none_is_refused() {
    is_refused(&["inspect", "/run/x.sock", "--only", "SD999"].map(OsStr::new), 2);
}

#[test]
fn an_inode_that_no_socket_has_leaves_the_question_open() {
    is_refused(&["inspect", "inode:4294967295"].map(OsStr::new), 3);
}

#[test]
fn flags_that_are_none_leave_one_document_too() {
    let output = run(["inspect", "/run/x.sock", "--json", "--no-such-flag"]);
    let document = document(&output);
    assert_eq!(document["exit_code"], 2);
    assert!(document["error"]["message"].as_str().unwrap().contains("--no-such-flag"));
}

#[test]
fn a_directory_without_sockets_is_a_finding() {
    isolated_root("input::a_directory_without_sockets_is_a_finding", |world| {
        std::fs::create_dir(world.path("empty")).unwrap();
        let seen = inspect(world.path("empty"));
        seen.is_broken_by("SD106", "certain");
        assert_eq!(seen.file_state(), "not_a_socket");
        assert_eq!(seen.0["findings"][0]["subject"]["kind"], "directory");
    });
}

#[test]
fn a_directory_is_inspected_socket_by_socket() {
    isolated("input::a_directory_is_inspected_socket_by_socket", |world| {
        let live = broken::listening(&world.dir).unwrap();
        let receiver = broken::datagram(&world.dir).unwrap();
        for given in [text(&world.dir).to_owned(), format!("{}/", text(&world.dir))] {
            let Inspected(document) = inspect(given);
            assert_eq!(document["exit_code"], 0, "{document:#}");
            assert_eq!(document["summary"]["subjects"], 2);
            let targets = document["data"]["targets"].as_array().unwrap();
            let names: Vec<&str> = targets.iter().map(|target| target["target"].as_str().unwrap()).collect();
            assert_eq!(names, [text(&live.path), text(&receiver.path)]);
            assert!(targets.iter().all(|target| target["verdict"] == "ok"), "{document:#}");
        }
    });
}

#[test]
fn a_directory_also_means_the_listeners_that_lost_their_file_in_it() {
    isolated("input::a_directory_also_means_the_listeners_that_lost_their_file_in_it", |world| {
        let _unlinked = broken::unlinked(&world.dir).unwrap();
        let receiver = broken::datagram(&world.dir).unwrap();
        let Inspected(document) = inspect(&world.dir);
        assert_eq!(document["exit_code"], 1);
        assert_eq!(document["findings"][0]["code"], "SD102");
        let targets = document["data"]["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 2, "{document:#}");
        assert_eq!((&targets[0]["verdict"], &targets[1]["verdict"]), (&"error".into(), &"ok".into()));
        assert_eq!(targets[1]["target"], text(&receiver.path));
    });
}

#[test]
fn every_spelling_of_a_path_is_the_path() {
    isolated("input::every_spelling_of_a_path_is_the_path", |world| {
        let live = broken::listening(&world.dir).unwrap();
        let path = text(&live.path);
        let encoded = path.replace('/', "%2F");
        for spelling in [format!("unix:{path}"), format!("http+unix://{encoded}/status"), format!("/.{path}")]
        {
            inspect(spelling).is_healthy();
        }
    });
}
