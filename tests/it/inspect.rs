//! Each broken socket is recognised: the code comes first, and the facts of the document agree with it.

use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

use nix::sched::CloneFlags;
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, UnixAddr, bind, listen, shutdown, socket,
};
use sockdoctor::act::broken;

use crate::make::{apart, holder, socket_ino};
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
fn sd101_a_symlink_leads_nowhere() {
    isolated_root("inspect::sd101_a_symlink_leads_nowhere", |world| {
        std::os::unix::fs::symlink("gone/app.sock", world.path("link.sock")).unwrap();
        let seen = inspect(world.path("link.sock"));
        seen.is_broken_by("SD111", "certain");
        assert_eq!(seen.0["summary"]["suppressed"], 1, "SD101 follows from it");
        assert_eq!(seen.target()["file"]["path"], text(&world.path("gone/app.sock")));
    });
}

#[test]
fn sd101_is_open_where_a_symlink_leads_to_itself() {
    isolated_root("inspect::sd101_is_open_where_a_symlink_leads_to_itself", |world| {
        std::os::unix::fs::symlink("loop.sock", world.path("loop.sock")).unwrap();
        let seen = inspect(world.path("loop.sock"));
        assert_ne!(seen.0["exit_code"], 0, "{:#}", seen.0);
        assert_eq!(seen.target()["file"]["errno"], "ELOOP");
        let reasons = format!("{} {}", seen.0["findings"], seen.0["not_checked"]);
        assert!(reasons.contains("Too many levels of symbolic links"), "{:#}", seen.0);
    });
}

#[test]
fn sd702_an_abstract_name_is_bound_in_another_network_namespace_only() {
    isolated("inspect::sd702_an_abstract_name_is_bound_in_another_network_namespace_only", |world| {
        let name = text(&world.dir).to_owned();
        let listener = apart(CloneFlags::CLONE_NEWNET, || {
            let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
            (socket_ino(&listener), holder(&listener))
        });
        let seen = inspect(format!("@{name}"));
        seen.is_broken_by("SD702", "certain");
        assert_eq!(seen.target()["file"], serde_json::Value::Null);
        assert_eq!(seen.holders(listener.0), [i64::from(listener.1.pid().as_raw())]);
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
fn sd105_is_silent_on_a_server_that_listens_a_little_later() {
    isolated("inspect::sd105_is_silent_on_a_server_that_listens_a_little_later", |world| {
        let path = world.path("app.sock");
        let (family, kind) = (AddressFamily::Unix, SockType::Stream);
        let late = socket(family, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(late.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(150));
                listen(&late, Backlog::new(5).unwrap()).unwrap();
            });
            inspect(&path).is_healthy();
        });
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
        shutdown(listener.as_raw_fd(), Shutdown::Write).unwrap();
        inspect(world.path("app.sock")).is_healthy();
    });
}
