//! Healthy sockets of every kind: no error, no warning, exit status 0, and nothing of it is felt by the server.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener};

use sockdoctor::act::broken;

use crate::binary::sockdoctor;
use crate::make::{foreign_netns, holder, socket_ino};
use crate::seen::{file_ino, inspect, inspect_by, text};
use crate::world::isolated;

#[test]
fn a_plain_listener_is_healthy_and_does_not_notice() {
    isolated("healthy::a_plain_listener_is_healthy_and_does_not_notice", |world| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let seen = inspect(&path);
        seen.is_healthy();
        seen.ends_with(0, "ok");
        assert!(seen.codes().is_empty());
        let target = seen.target();
        assert_eq!(target["target"], text(&path));
        assert_eq!(target["file"]["inode"], file_ino(&path));
        assert_eq!(target["socket"]["inode"], socket_ino(&listener));
        assert_eq!(target["socket"]["type"], "stream");
        assert_eq!(target["socket"]["state"], "listening");
        assert_eq!(target["queue"]["waiting"], 0);
        assert_eq!(seen.holders(socket_ino(&listener)), [i64::from(std::process::id())]);
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn prefork_workers_that_share_one_listener_are_healthy() {
    isolated("healthy::prefork_workers_that_share_one_listener_are_healthy", |world| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let workers = [holder(&listener), holder(&listener), holder(&listener)];
        let ino = socket_ino(&listener);
        drop(listener);
        let seen = inspect(&path);
        seen.is_healthy();
        assert!(seen.codes().is_empty(), "{:#}", seen.0);
        assert_eq!(seen.holders(ino), workers.map(|worker| i64::from(worker.pid().as_raw())));
    });
}

#[test]
fn a_datagram_receiver_and_a_seqpacket_listener_are_healthy() {
    isolated("healthy::a_datagram_receiver_and_a_seqpacket_listener_are_healthy", |world| {
        let kinds = [(broken::datagram(&world.dir), "dgram"), (broken::seqpacket(&world.dir), "seqpacket")];
        for (built, kind) in kinds {
            let built = built.unwrap();
            let seen = inspect(&built.path);
            seen.is_healthy();
            assert!(seen.codes().is_empty(), "{:#}", seen.0);
            assert_eq!(seen.target()["socket"]["type"], kind);
        }
    });
}

#[test]
fn a_listener_is_healthy_through_symlinks() {
    isolated("healthy::a_listener_is_healthy_through_symlinks", |world| {
        std::fs::create_dir(world.path("run")).unwrap();
        let built = broken::listening(&world.path("run")).unwrap();
        symlink("run", world.path("directory")).unwrap();
        symlink(&built.path, world.path("file")).unwrap();
        for path in ["directory/app.sock", "file", "directory/../run/./app.sock"] {
            let seen = inspect(world.path(path));
            seen.is_healthy();
            assert!(seen.codes().is_empty(), "{path}: {:#}", seen.0);
            assert_eq!(seen.target()["file"]["path"], text(&built.path), "{path}");
        }
    });
}

#[test]
fn a_listener_bound_through_a_symlink_is_healthy() {
    isolated("healthy::a_listener_bound_through_a_symlink_is_healthy", |world| {
        std::fs::create_dir(world.path("run")).unwrap();
        symlink("run", world.path("short")).unwrap();
        let _listener = UnixListener::bind(world.path("short/app.sock")).unwrap();
        for path in ["run/app.sock", "short/app.sock"] {
            let seen = inspect(world.path(path));
            seen.is_healthy();
            assert!(seen.codes().is_empty(), "{path}: {:#}", seen.0);
        }
    });
}

#[test]
fn a_listener_in_another_network_namespace_is_healthy_by_its_path() {
    isolated("healthy::a_listener_in_another_network_namespace_is_healthy_by_its_path", |world| {
        let path = world.path("app.sock");
        let (ino, server) = foreign_netns(&path);
        let seen = inspect(&path);
        seen.is_healthy();
        assert_ne!(seen.socket(ino)["netns"], seen.0["host"]["netns"]);
        assert_eq!(seen.holders(ino), [i64::from(server.pid().as_raw())]);
    });
}

#[test]
fn a_relative_name_is_healthy_from_everywhere() {
    isolated("healthy::a_relative_name_is_healthy_from_everywhere", |world| {
        std::env::set_current_dir(&world.dir).unwrap();
        let listener = UnixListener::bind("app.sock").unwrap();
        std::env::set_current_dir("/").unwrap();
        let seen = inspect(world.path("app.sock"));
        seen.is_healthy();
        assert_eq!(seen.target()["socket"]["name"], "app.sock");
        let seen = inspect_by(sockdoctor().current_dir(&world.dir), "app.sock");
        seen.is_healthy();
        assert_eq!(seen.target()["socket"]["inode"], socket_ino(&listener));
    });
}

#[test]
fn an_abstract_name_is_healthy() {
    isolated("healthy::an_abstract_name_is_healthy", |world| {
        let name = format!("{}/abstract", text(&world.dir));
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let seen = inspect(format!("@{name}"));
        seen.ends_with(0, "ok");
        assert_eq!(seen.target()["socket"]["inode"], socket_ino(&listener));
        assert_eq!(seen.target()["file"], serde_json::Value::Null);
        let seen = inspect(format!("inode:{}", socket_ino(&listener)));
        seen.ends_with(0, "ok");
    });
}
