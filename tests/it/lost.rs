//! Listeners that lost their file, or the name to another (SD102, SD103).

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use sockdoctor::act::broken;

use crate::make::{holder, server, socket_ino};
use crate::process::Process;
use crate::seen::{Inspected, inspect};
use crate::world::{isolated, isolated_root};

#[test]
fn sd102_an_unlinked_listener_is_found_with_all_its_holders() {
    isolated("lost::sd102_an_unlinked_listener_is_found_with_all_its_holders", |world| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let ino = socket_ino(&listener);
        let workers = [holder(&listener), holder(&listener), holder(&listener)];
        drop(listener);
        std::fs::remove_file(&path).unwrap();
        let seen = inspect(&path);
        is_unlinked(&seen, &[ino]);
        assert_eq!(seen.codes(), ["SD102"]);
        let pids = workers.each_ref().map(|worker| i64::from(worker.pid().as_raw()));
        assert_eq!(seen.holders(ino), pids);
        for pid in pids {
            assert!(seen.proof().contains(&format!("pid {pid}")), "{:#}", seen.0);
        }
    });
}

#[test]
fn sd102_also_when_the_directory_went_with_the_file() {
    isolated("lost::sd102_also_when_the_directory_went_with_the_file", |world| {
        let dir = world.path("run");
        std::fs::create_dir(&dir).unwrap();
        let (ino, _server) = server(&dir.join("app.sock"));
        std::fs::remove_dir_all(&dir).unwrap();
        let seen = inspect(dir.join("app.sock"));
        assert_eq!(seen.codes(), ["SD102"]);
        seen.ends_with(1, "error");
        assert_eq!(seen.file_state(), "missing");
        assert_eq!(seen.socket(ino)["role"], "unlinked");
    });
}

#[test]
fn sd102_is_not_certain_while_the_file_may_have_moved_with_its_directory() {
    isolated_root("lost::sd102_is_not_certain_while_the_file_may_have_moved_with_its_directory", |world| {
        let dir = world.path("run");
        std::fs::create_dir(&dir).unwrap();
        let (_, _server) = server(&dir.join("app.sock"));
        std::fs::rename(&dir, world.path("moved")).unwrap();
        inspect(world.path("moved/app.sock")).is_healthy();
        for again in [false, true] {
            if again {
                std::fs::create_dir(&dir).unwrap();
            }
            let seen = inspect(dir.join("app.sock"));
            let wrong =
                |finding: &serde_json::Value| finding["code"] == "SD102" && finding["certainty"] == "certain";
            assert!(!seen.findings().any(wrong), "{:#}", seen.0);
        }
    });
}

#[test]
fn sd102_also_when_the_directory_was_made_anew() {
    isolated("lost::sd102_also_when_the_directory_was_made_anew", |world| {
        let dir = world.path("run");
        std::fs::create_dir(&dir).unwrap();
        let (ino, _server) = server(&dir.join("app.sock"));
        std::fs::remove_dir_all(&dir).unwrap();
        std::fs::create_dir(&dir).unwrap();
        is_unlinked(&inspect(dir.join("app.sock")), &[ino]);
    });
}

#[test]
fn sd102_is_healed_by_its_own_fix() {
    isolated("lost::sd102_is_healed_by_its_own_fix", |world| {
        let path = world.path("app.sock");
        let (ino, mut owner) = server(&path);
        std::fs::remove_file(&path).unwrap();
        let seen = inspect(&path);
        is_unlinked(&seen, &[ino]);
        assert!(seen.fixes().any(|fix| fix["command"] == format!("kill {}", owner.pid())), "{:#}", seen.0);
        seen.paste_fix("sh");
        assert!(owner.ended(Duration::from_secs(5)).is_some(), "the fix stops the owner");
        let _again = server(&path);
        inspect(&path).is_healthy();
    });
}

#[test]
fn sd102_a_datagram_receiver_and_a_seqpacket_listener_lose_their_files_too() {
    isolated("lost::sd102_a_datagram_receiver_and_a_seqpacket_listener_lose_their_files_too", |world| {
        for built in [broken::datagram(&world.dir), broken::seqpacket(&world.dir)] {
            let built = built.unwrap();
            std::fs::remove_file(&built.path).unwrap();
            inspect(&built.path).is_broken_by("SD102", "certain");
        }
    });
}

/// The listeners with these inodes, and no others, have lost their file.
#[track_caller]
fn is_unlinked(seen: &Inspected, listeners: &[u64]) {
    seen.is_broken_by("SD102", "certain");
    assert_eq!(seen.file_state(), "missing", "{:#}", seen.0);
    assert_eq!(seen.target()["sockets"].as_array().unwrap().len(), listeners.len(), "{:#}", seen.0);
    assert_eq!(seen.target()["socket"], serde_json::Value::Null);
    for ino in listeners {
        assert_eq!(seen.socket(*ino)["role"], "unlinked");
        assert_eq!(seen.socket(*ino)["state"], "listening");
        assert!(seen.proof().contains(&format!("inode {ino}")), "{:#}", seen.0);
    }
}

/// Two servers on one path; the second has the file.
fn overlapping(path: &Path) -> [(u64, Process); 2] {
    let older = server(path);
    std::fs::remove_file(path).unwrap();
    [older, server(path)]
}

#[test]
fn sd103_two_listeners_share_the_name_until_the_file_goes() {
    isolated("lost::sd103_two_listeners_share_the_name_until_the_file_goes", |world| {
        let path = world.path("app.sock");
        let [(older, _first), (newer, _second)] = overlapping(&path);
        let seen = inspect(&path);
        seen.is_broken_by("SD103", "certain");
        assert_eq!(seen.codes(), ["SD103"]);
        assert_eq!(seen.file_state(), "socket");
        assert_eq!(seen.socket(older)["role"], "replaced");
        assert_eq!(seen.socket(newer)["role"], "serves_path");
        assert_eq!(seen.target()["socket"]["inode"], newer);
        std::fs::remove_file(&path).unwrap();
        is_unlinked(&inspect(&path), &[older, newer]);
    });
}

#[test]
fn sd103_is_healed_by_stopping_the_older() {
    isolated("lost::sd103_is_healed_by_stopping_the_older", |world| {
        let path = world.path("app.sock");
        let [(_, mut older), (_, mut newer)] = overlapping(&path);
        inspect(&path).paste_fix("sh");
        assert!(older.ended(Duration::from_secs(5)).is_some());
        assert!(newer.ended(Duration::ZERO).is_none());
        inspect(&path).is_healthy();
    });
}

#[test]
fn sd103_explains_the_dead_file_of_the_second_launch() {
    isolated("lost::sd103_explains_the_dead_file_of_the_second_launch", |world| {
        let path = world.path("app.sock");
        let [(older, _first), (_, second)] = overlapping(&path);
        drop(second);
        let seen = inspect(&path);
        seen.is_broken_by("SD103", "certain");
        assert_eq!(seen.codes(), ["SD103"]);
        assert!(seen.0["summary"]["suppressed"].as_u64().unwrap() >= 1, "{:#}", seen.0);
        assert_eq!(seen.socket(older)["role"], "replaced");
        assert_eq!(seen.file_state(), "replaced");
    });
}

#[test]
fn sd102_a_relative_name_whose_file_is_gone() {
    isolated("lost::sd102_a_relative_name_whose_file_is_gone", |world| {
        std::env::set_current_dir(&world.dir).unwrap();
        let listener = UnixListener::bind("app.sock").unwrap();
        std::fs::remove_file("app.sock").unwrap();
        let seen = inspect(world.path("app.sock"));
        seen.is_broken_by("SD102", "certain");
        assert_eq!(seen.socket(socket_ino(&listener))["role"], "unlinked");
    });
}
