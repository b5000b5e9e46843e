//! Network namespaces that no process is in: a thread, an open descriptor, a mount elsewhere or a socket keeps each,
//! and a listener in it is found all the same.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns};

use crate::binary::json;
use crate::make::{apart, holder, socket_ino};
use crate::process::Process;
use crate::seen::{inspect, text};
use crate::world::isolated_root;

/// A network namespace with a listener in it, whose file is gone.
fn namespace_with_listener(path: &Path) -> (File, UnixListener) {
    apart(CloneFlags::CLONE_NEWNET, || {
        let listener = UnixListener::bind(path).unwrap();
        std::fs::remove_file(path).unwrap();
        (File::open("/proc/thread-self/ns/net").unwrap(), listener)
    })
}

/// The listener is called what it is, and `list` shows it with the namespace.
#[track_caller]
fn is_found(path: &Path, ino: u64, netns: u64) {
    let rows = json(["list", "--match", text(path)]);
    let row = &rows["data"]["sockets"][0];
    assert_eq!((&row["inode"], &row["netns"]), (&ino.into(), &netns.into()), "{rows:#}");
    assert!(row["netns_name"].is_string(), "{rows:#}");
    let seen = inspect(path);
    assert_eq!(seen.codes(), ["SD102"], "{:#}", seen.0);
    assert_eq!(seen.socket(ino)["netns"], netns, "{:#}", seen.0);
}

#[test]
fn sd102_a_listener_in_a_namespace_that_a_descriptor_keeps() {
    isolated_root("kept::sd102_a_listener_in_a_namespace_that_a_descriptor_keeps", |world| {
        let path = world.path("app.sock");
        let (namespace, listener) = namespace_with_listener(&path);
        let (ino, netns) = (socket_ino(&listener), socket_ino(&namespace));
        let _holders = (holder(&listener), holder(&namespace));
        drop((listener, namespace));
        is_found(&path, ino, netns);
    });
}

#[test]
fn sd102_a_listener_in_a_namespace_that_a_thread_keeps() {
    isolated_root("kept::sd102_a_listener_in_a_namespace_that_a_thread_keeps", |world| {
        let path = world.path("app.sock");
        let (namespace, listener) = namespace_with_listener(&path);
        let (ino, netns) = (socket_ino(&listener), socket_ino(&namespace));
        let (ready, is_ready) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            ready.send(()).unwrap();
            let _ = ended.recv();
        });
        is_ready.recv().unwrap();
        is_found(&path, ino, netns);
        drop(end);
        thread.join().unwrap();
    });
}

#[test]
fn sd102_a_listener_in_a_namespace_that_is_mounted_in_another_view() {
    isolated_root("kept::sd102_a_listener_in_a_namespace_that_is_mounted_in_another_view", |world| {
        let (path, point) = (world.path("app.sock"), world.write("pinned", ""));
        let (namespace, listener) = namespace_with_listener(&path);
        let (ino, netns) = (socket_ino(&listener), socket_ino(&namespace));
        let _there = apart(CloneFlags::CLONE_NEWNS, || {
            let from = format!("/proc/self/fd/{}", namespace.as_raw_fd());
            mount(Some(from.as_str()), &point, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
            Process::start(Command::new("sleep").arg("60").stdin(Stdio::null()).stdout(Stdio::null()))
        });
        let _holder = holder(&listener);
        drop((listener, namespace));
        is_found(&path, ino, netns);
    });
}

#[test]
fn sd102_a_listener_in_a_namespace_that_only_its_socket_keeps() {
    isolated_root("kept::sd102_a_listener_in_a_namespace_that_only_its_socket_keeps", |world| {
        let path = world.path("app.sock");
        let (namespace, listener) = namespace_with_listener(&path);
        let (ino, netns) = (socket_ino(&listener), socket_ino(&namespace));
        let holder = holder(&listener);
        drop((listener, namespace));
        let seen = inspect(&path);
        assert_eq!(seen.codes(), ["SD102"], "{:#}", seen.0);
        assert_eq!(seen.socket(ino)["netns"], netns, "{:#}", seen.0);
        drop(holder);
        inspect(&path).is_broken_by("SD101", "certain");
    });
}
