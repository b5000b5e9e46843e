//! Each broken socket is recognised: the code comes first, and the facts of the document agree with it.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};
use sockdoctor::act::broken;

use crate::make::{holder, server, socket_ino};
use crate::process::Process;
use crate::seen::{Inspected, inspect, text};
use crate::world::{isolated, isolated_root};

#[test]
fn sd101_nothing_is_at_the_path() {
    isolated_root("inspect::sd101_nothing_is_at_the_path", |world| {
        let broken = broken::missing(&world.dir).unwrap();
        let seen = inspect(&broken.path);
        seen.is_broken_by("SD101", "certain");
        assert_eq!(seen.codes(), ["SD101"]);
        assert_eq!(seen.file_state(), "missing");
        assert_eq!(seen.target()["sockets"].as_array().unwrap().len(), 0);
        assert_eq!(seen.target()["socket"], serde_json::Value::Null);
    });
}

#[test]
fn sd101_shows_the_live_socket_that_was_meant() {
    isolated_root("inspect::sd101_shows_the_live_socket_that_was_meant", |world| {
        let _live = broken::listening(&world.dir).unwrap();
        let seen = inspect(world.path("app.sokc"));
        seen.is_broken_by("SD101", "certain");
        let expected = format!("sockdoctor inspect {}", text(&world.path("app.sock")));
        assert!(seen.fixes().any(|fix| fix["command"] == *expected), "{:#}", seen.0);
    });
}

#[test]
fn sd101_a_component_that_is_a_file_leads_nowhere() {
    isolated_root("inspect::sd101_a_component_that_is_a_file_leads_nowhere", |world| {
        let live = broken::listening(&world.dir).unwrap();
        let seen = inspect(live.path.join("request-uri"));
        seen.is_broken_by("SD101", "certain");
        assert_eq!(seen.file_state(), "missing");
        assert_eq!(seen.target()["file"]["errno"], "ENOTDIR");
    });
}

#[test]
fn sd102_an_unlinked_listener_is_found_with_all_its_holders() {
    isolated("inspect::sd102_an_unlinked_listener_is_found_with_all_its_holders", |world| {
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
    isolated("inspect::sd102_also_when_the_directory_went_with_the_file", |world| {
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
    isolated_root(
        "inspect::sd102_is_not_certain_while_the_file_may_have_moved_with_its_directory",
        |world| {
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
                let wrong = |finding: &serde_json::Value| {
                    finding["code"] == "SD102" && finding["certainty"] == "certain"
                };
                assert!(!seen.findings().any(wrong), "{:#}", seen.0);
            }
        },
    );
}

#[test]
fn sd102_also_when_the_directory_was_made_anew() {
    isolated("inspect::sd102_also_when_the_directory_was_made_anew", |world| {
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
    isolated("inspect::sd102_is_healed_by_its_own_fix", |world| {
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
    isolated("inspect::sd103_two_listeners_share_the_name_until_the_file_goes", |world| {
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
    isolated("inspect::sd103_is_healed_by_stopping_the_older", |world| {
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
    isolated("inspect::sd103_explains_the_dead_file_of_the_second_launch", |world| {
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
fn sd104_a_stale_file_is_healed_by_its_own_fix() {
    isolated("inspect::sd104_a_stale_file_is_healed_by_its_own_fix", |world| {
        let path = broken::stale(&world.dir).unwrap().path;
        let seen = inspect(&path);
        seen.is_broken_by("SD104", "certain");
        assert_eq!(seen.codes(), ["SD104"]);
        assert_eq!(seen.file_state(), "socket");
        assert_eq!(seen.target()["liveness"], "refused");
        assert_eq!(seen.target()["socket"], serde_json::Value::Null);
        healed_by_fix(&seen, &path);
    });
}

#[test]
fn sd105_a_bound_socket_that_never_listens() {
    isolated("inspect::sd105_a_bound_socket_that_never_listens", |world| {
        let broken = broken::bound_only(&world.dir).unwrap();
        let seen = inspect(&broken.path);
        seen.is_broken_by("SD105", "certain");
        assert_eq!(seen.codes(), ["SD105"]);
        assert_eq!(seen.file_state(), "socket");
        assert_eq!(seen.target()["socket"]["state"], "bound");
        assert_eq!(seen.target()["socket"]["role"], "serves_path");
    });
}

#[test]
fn sd106_a_regular_file_is_healed_by_its_own_fix() {
    isolated("inspect::sd106_a_regular_file_is_healed_by_its_own_fix", |world| {
        let path = broken::regular_file(&world.dir).unwrap().path;
        let seen = inspect(&path);
        seen.is_broken_by("SD106", "certain");
        assert_eq!(seen.file_state(), "not_a_socket");
        healed_by_fix(&seen, &path);
    });
}

#[test]
fn sd107_an_empty_directory_is_healed_by_its_own_fix() {
    isolated("inspect::sd107_an_empty_directory_is_healed_by_its_own_fix", |world| {
        let path = broken::empty_directory(&world.dir).unwrap().path;
        let seen = inspect(&path);
        seen.is_broken_by("SD107", "likely");
        assert_eq!(seen.codes(), ["SD107"]);
        assert_eq!(seen.file_state(), "not_a_socket");
        healed_by_fix(&seen, &path);
    });
}

/// What the cause says to do is done, and a server starts.
#[track_caller]
fn healed_by_fix(seen: &Inspected, path: &Path) {
    seen.paste_fix("sh");
    let _server = UnixListener::bind(path).unwrap();
    inspect(path).is_healthy();
}

#[test]
fn sd113_a_renamed_socket_works_and_its_old_name_does_not() {
    isolated("inspect::sd113_a_renamed_socket_works_and_its_old_name_does_not", |world| {
        let broken = broken::renamed(&world.dir).unwrap();
        let seen = inspect(&broken.path);
        seen.is_healthy();
        assert_eq!(seen.codes(), ["SD113"]);
        seen.ends_with(0, "info");
        let seen = inspect(world.path("app.sock.812.tmp"));
        seen.is_broken_by("SD113", "certain");
        assert_eq!(seen.codes(), ["SD113"]);
        assert_eq!(seen.file_state(), "renamed");
        let expected = format!("sockdoctor inspect {}", text(&broken.path));
        assert!(seen.fixes().any(|fix| fix["command"] == *expected), "{:#}", seen.0);
    });
}

#[test]
fn sd305_a_listener_that_was_shut_down_for_receiving() {
    isolated("inspect::sd305_a_listener_that_was_shut_down_for_receiving", |world| {
        let broken = broken::shut_down(&world.dir).unwrap();
        let seen = inspect(&broken.path);
        seen.is_broken_by("SD305", "certain");
        assert_eq!(seen.codes(), ["SD305"]);
        assert_eq!(seen.file_state(), "socket");
        assert_eq!(seen.target()["socket"]["state"], "shut_down");
        assert_eq!(seen.target()["socket"]["role"], "serves_path");
    });
}

#[test]
fn sd305_is_silent_when_only_sending_was_shut_down() {
    isolated("inspect::sd305_is_silent_when_only_sending_was_shut_down", |world| {
        let listener = UnixListener::bind(world.path("app.sock")).unwrap();
        shutdown(std::os::fd::AsRawFd::as_raw_fd(&listener), Shutdown::Write).unwrap();
        inspect(world.path("app.sock")).is_healthy();
    });
}
