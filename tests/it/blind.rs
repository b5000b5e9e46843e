//! Where a quick look would be wrong: other views, other pid namespaces, names that mean something else.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, UnixAddr, bind, shutdown, socket};
use sockdoctor::act::broken;

use crate::binary::{everybodys, json, sockdoctor};
use crate::make::{foreign_mntns, foreign_netns, holder, server};
use crate::seen::{inspect, inspect_by, text};
use crate::world::{isolated, isolated_root, need, skip};

fn below(path: &Path, suffix: &str) -> OsString {
    OsString::from_vec([path.as_os_str().as_bytes(), suffix.as_bytes()].concat())
}

#[test]
fn from_a_pid_namespace_nobody_is_called_dead_whose_network_namespace_is_out_of_sight() {
    let name = "blind::from_a_pid_namespace_nobody_is_called_dead_whose_network_namespace_is_out_of_sight";
    isolated_root(name, |world| {
        let path = world.path("net.sock");
        let _server = foreign_netns(&path);
        let Some(mut setpriv) = need("setpriv") else { return skip(name, "no setpriv") };
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        let program = everybodys(world);
        setpriv.args(["unshare", "-Urpf", "--mount-proc"]).arg(&program);
        let seen = inspect_by(&mut setpriv, &path);
        seen.ends_with(3, "unknown");
        assert!(seen.not_checked("SD104").is_some(), "{:#}", seen.0);
        let inside = |target: &Path| {
            let mut unshare = Command::new("unshare");
            unshare.args(["-pf", "--mount-proc"]).arg(&program);
            inspect_by(&mut unshare, target)
        };
        inside(&world.path("none.sock")).is_broken_by("SD101", "likely");
    });
}

#[test]
fn a_path_in_the_root_of_a_process_is_looked_up_there() {
    isolated_root("blind::a_path_in_the_root_of_a_process_is_looked_up_there", |world| {
        let dir = world.path("private");
        std::fs::create_dir(&dir).unwrap();
        broken::stale(&dir).unwrap();
        let path = dir.join("app.sock");
        let (_, server) = foreign_mntns(&path);
        inspect(format!("/proc/{}/root{}", server.pid(), text(&path))).is_healthy();
        inspect(&path).is_broken_by("SD104", "certain");
        let rows = json(["list", "--match", text(&path)]);
        assert_eq!(rows["data"]["sockets"][0]["file"]["state"], "other_view", "{rows:#}");
    });
}

#[test]
fn a_name_in_a_directory_that_is_gone_is_nowhere() {
    isolated_root("blind::a_name_in_a_directory_that_is_gone_is_nowhere", |world| {
        let (_, _server) = server(&world.path("app.sock"));
        let gone = world.path("gone");
        std::fs::create_dir(&gone).unwrap();
        let relative = text(&world.path("app.sock")).trim_start_matches('/').to_owned();
        let mut there = Command::new("sh");
        there.current_dir(&gone).args(["-c", "rmdir ../gone && exec \"$0\" \"$@\""]);
        there.arg(sockdoctor().get_program());
        inspect_by(&mut there, relative).is_broken_by("SD101", "certain");
    });
}

#[test]
fn what_demands_a_directory_is_not_the_socket() {
    isolated_root("blind::what_demands_a_directory_is_not_the_socket", |world| {
        let path = world.path("app.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        for suffix in ["/", "/."] {
            let seen = inspect(below(&path, suffix));
            seen.is_broken_by("SD101", "certain");
            assert_eq!(seen.target()["file"]["errno"], "ENOTDIR");
        }
    });
}

#[test]
fn a_socket_without_file_that_does_not_listen_is_no_answer() {
    isolated_root("blind::a_socket_without_file_that_does_not_listen_is_no_answer", |world| {
        let bound = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        let path = world.path("bound.sock");
        bind(std::os::fd::AsRawFd::as_raw_fd(&bound), &UnixAddr::new(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (shut, other) = (world.path("shut.sock"), world.dir.join("*.sock"));
        let listener = UnixListener::bind(&shut).unwrap();
        shutdown(std::os::fd::AsRawFd::as_raw_fd(&listener), Shutdown::Read).unwrap();
        std::fs::remove_file(&shut).unwrap();
        for path in [&path, &shut] {
            inspect(path).is_broken_by("SD101", "certain");
        }
        let rows = json(["list", "--match", text(&other)]);
        let verdicts: Vec<_> = rows["data"]["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(verdicts, ["error", "error"], "{rows:#}");
    });
}

#[test]
fn a_relative_name_is_found_after_its_server_moved_on() {
    isolated_root("blind::a_relative_name_is_found_after_its_server_moved_on", |world| {
        std::env::set_current_dir(&world.dir).unwrap();
        let listener = UnixListener::bind("app.sock").unwrap();
        std::env::set_current_dir("/").unwrap();
        let _holder = holder(&listener);
        std::fs::remove_file(world.path("app.sock")).unwrap();
        inspect(world.path("app.sock")).is_broken_by("SD102", "certain");
    });
}

#[test]
fn a_relative_name_is_found_after_its_file_was_renamed() {
    isolated_root("blind::a_relative_name_is_found_after_its_file_was_renamed", |world| {
        std::env::set_current_dir(&world.dir).unwrap();
        let _listener = UnixListener::bind("app.sock").unwrap();
        std::env::set_current_dir("/").unwrap();
        std::fs::rename(world.path("app.sock"), world.path("new.sock")).unwrap();
        let seen = inspect(world.path("app.sock"));
        seen.is_broken_by("SD113", "likely");
        assert!(seen.proof().contains("new.sock"), "{}", seen.proof());
        inspect(world.path("other.sock")).is_broken_by("SD101", "certain");
    });
}

#[test]
fn a_stale_file_is_asked_three_times_and_says_so() {
    isolated("blind::a_stale_file_is_asked_three_times_and_says_so", |world| {
        let seen = inspect(&broken::stale(&world.dir).unwrap().path);
        let asked: u32 =
            (3..=4).filter(|tries| seen.proof().contains(&format!("ECONNREFUSED {tries} times"))).sum();
        assert!(asked > 0, "{}", seen.proof());
    });
}
