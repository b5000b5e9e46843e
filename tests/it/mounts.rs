//! The same name through other filesystems, layers and mount namespaces.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};

use nix::sched::CloneFlags;
use sockdoctor::act::broken;

use crate::binary::sockdoctor;
use crate::fuse::Fault;
use crate::make::{
    apart, btrfs, foreign_mntns, on_fuse, overlay_over, overlay_view, server, socket_ino, tmpfs,
};
use crate::seen::{file_ino, inspect, inspect_by, text};
use crate::world::{isolated_root, need, skip};

#[test]
fn btrfs_where_stat_and_kernel_disagree_on_the_device_is_healthy() {
    let name = "mounts::btrfs_where_stat_and_kernel_disagree_on_the_device_is_healthy";
    isolated_root(name, |world| {
        let dir = match btrfs(world) {
            Ok(dir) => dir,
            Err(reason) => return skip(name, &reason),
        };
        let live = broken::listening(&dir).unwrap();
        let seen = inspect(&live.path);
        seen.is_healthy();
        assert!(seen.codes().is_empty(), "{:#}", seen.0);
        let device = std::fs::metadata(&live.path).unwrap().dev();
        let (major, minor) = (nix::libc::major(device), nix::libc::minor(device));
        assert_ne!(seen.target()["socket"]["vfs"]["dev"], format!("{major}:{minor}"), "the trap is set");
    });
}

#[test]
fn an_overlay_whose_upper_is_elsewhere_is_healthy() {
    let name = "mounts::an_overlay_whose_upper_is_elsewhere_is_healthy";
    isolated_root(name, |world| {
        let Some(overlay) = overlay_view(world, true) else { return skip(name, "no overlay") };
        let live = broken::listening(&overlay.merged).unwrap();
        let seen = inspect(&live.path);
        seen.is_healthy();
        assert!(seen.codes().is_empty(), "{:#}", seen.0);
    });
}

#[test]
fn sd104_is_only_likely_for_a_dead_file_in_an_overlay() {
    let name = "mounts::sd104_is_only_likely_for_a_dead_file_in_an_overlay";
    isolated_root(name, |world| {
        let Some(overlay) = overlay_view(world, false) else { return skip(name, "no overlay") };
        let dead = broken::stale(&overlay.merged).unwrap();
        for path in [dead.path, overlay.upper.join("app.sock")] {
            let seen = inspect(&path);
            seen.is_broken_by("SD104", "likely");
            seen.leaves_the_file_alone();
        }
    });
}

#[test]
fn a_fuse_that_hides_the_listener_gets_no_advice_to_remove_anything() {
    let name = "mounts::a_fuse_that_hides_the_listener_gets_no_advice_to_remove_anything";
    isolated_root(name, |world| {
        let Some((_fuse, live)) = on_fuse(world, Fault::NewNodeEachLookup) else {
            return skip(name, "no /dev/fuse");
        };
        let seen = inspect(&live.path);
        assert_ne!(seen.0["exit_code"], 0, "{:#}", seen.0);
        seen.leaves_the_file_alone();
    });
}

#[test]
fn sd103_is_only_likely_where_a_fuse_has_a_second_node_for_the_file() {
    let name = "mounts::sd103_is_only_likely_where_a_fuse_has_a_second_node_for_the_file";
    isolated_root(name, |world| {
        let Some((fuse, live)) = on_fuse(world, Fault::None) else { return skip(name, "no /dev/fuse") };
        fuse.set(Fault::NewNodeEachLookup);
        std::fs::symlink_metadata(&live.path).unwrap();
        fuse.set(Fault::None);
        assert!(UnixStream::connect(&live.path).is_err(), "the listener is on the first node");
        let seen = inspect(&live.path);
        seen.is_broken_by("SD103", "likely");
        seen.leaves_the_file_alone();
    });
}

#[test]
fn sd503_is_certain_where_an_overlay_covers_the_listeners_directory() {
    let name = "mounts::sd503_is_certain_where_an_overlay_covers_the_listeners_directory";
    isolated_root(name, |world| {
        let live = broken::listening(&world.dir).unwrap();
        let Some(()) = overlay_over(world) else { return skip(name, "no overlay") };
        assert!(UnixStream::connect(&live.path).is_err(), "the overlay hides the listener");
        let seen = inspect(&live.path);
        seen.is_broken_by("SD503", "certain");
        assert!(seen.fixes().all(|fix| fix["changes_state"] == false), "{:#}", seen.0);
    });
}

#[test]
fn sd103_is_certain_within_one_overlay() {
    let name = "mounts::sd103_is_certain_within_one_overlay";
    isolated_root(name, |world| {
        let Some(overlay) = overlay_view(world, true) else { return skip(name, "no overlay") };
        let live = broken::replaced(&overlay.merged).unwrap();
        inspect(&live.path).is_broken_by("SD103", "certain");
    });
}

#[test]
fn two_listeners_whose_files_have_one_number_are_told_apart() {
    let name = "mounts::two_listeners_whose_files_have_one_number_are_told_apart";
    isolated_root(name, |world| {
        let Some((_fuse, live)) = on_fuse(world, Fault::OneIno) else {
            return skip(name, "no /dev/fuse");
        };
        let other = live.path.with_file_name("other.sock");
        let _listener = UnixListener::bind(&other).unwrap();
        assert_eq!(file_ino(&live.path), file_ino(&other));
        for path in [&live.path, &other] {
            let inspected = inspect(path);
            inspected.is_healthy();
            assert_eq!(inspected.target()["socket"]["name"], text(path), "{:#}", inspected.0);
            assert_eq!(inspected.target()["sockets"].as_array().unwrap().len(), 1, "{:#}", inspected.0);
        }
        std::fs::remove_file(&live.path).unwrap();
        inspect(&live.path).is_broken_by("SD102", "certain");
    });
}

#[test]
fn a_fuse_with_wide_inode_numbers_is_healthy() {
    let name = "mounts::a_fuse_with_wide_inode_numbers_is_healthy";
    isolated_root(name, |world| {
        let Some((_fuse, live)) = on_fuse(world, Fault::InoOffset(1 << 33)) else {
            return skip(name, "no /dev/fuse");
        };
        inspect(&live.path).is_healthy();
    });
}

#[test]
fn sd104_a_decoy_is_stale_here_while_its_name_listens_elsewhere() {
    let name = "mounts::sd104_a_decoy_is_stale_here_while_its_name_listens_elsewhere";
    isolated_root(name, |world| {
        let stale = broken::stale(&world.dir).unwrap();
        let (ino, server) = foreign_mntns(&stale.path);
        let seen = inspect(&stale.path);
        seen.is_broken_by("SD104", "certain");
        assert_eq!(seen.socket(ino)["role"], "other_view", "{:#}", seen.0);
        let Some(mut there) = need("nsenter") else { return skip(name, "no nsenter") };
        there.args(["--mount", "--target", &server.pid().to_string()]).arg(sockdoctor().get_program());
        let seen = inspect_by(&mut there, &stale.path);
        seen.is_healthy();
        assert!(seen.codes().is_empty(), "{:#}", seen.0);
    });
}

#[test]
fn a_listener_with_its_own_file_elsewhere_is_neither_missing_nor_unlinked() {
    let name = "mounts::a_listener_with_its_own_file_elsewhere_is_neither_missing_nor_unlinked";
    isolated_root(name, |world| {
        let path = world.path("app.sock");
        let (ino, _server) = foreign_mntns(&path);
        let seen = inspect(&path);
        let wrong = ["SD101", "SD102", "SD113"];
        assert!(!seen.codes().iter().any(|code| wrong.contains(code)), "{:#}", seen.0);
        assert_ne!(seen.0["exit_code"], 0, "{:#}", seen.0);
        assert_eq!(seen.file_state(), "other_view");
        assert_eq!(seen.socket(ino)["role"], "other_view");
    });
}

#[test]
fn a_listener_renamed_elsewhere_has_no_new_name_here() {
    let name = "mounts::a_listener_renamed_elsewhere_has_no_new_name_here";
    isolated_root(name, |world| {
        let (path, moved) = (world.path("app.sock"), world.path("moved.sock"));
        let (_, _server) = apart(CloneFlags::CLONE_NEWNS, || {
            tmpfs(&world.dir);
            let server = server(&path);
            std::fs::rename(&path, &moved).unwrap();
            server
        });
        let seen = inspect(&path);
        assert!(!seen.codes().contains(&"SD113"), "{:#}", seen.0);
        assert_ne!(seen.0["exit_code"], 0, "{:#}", seen.0);
        assert_eq!(seen.file_state(), "missing");
    });
}

#[test]
fn the_same_name_in_two_mount_namespaces_is_healthy_in_both() {
    let name = "mounts::the_same_name_in_two_mount_namespaces_is_healthy_in_both";
    isolated_root(name, |world| {
        let path = world.path("app.sock");
        let here = UnixListener::bind(&path).unwrap();
        let (there, _server) = foreign_mntns(&path);
        let seen = inspect(&path);
        seen.is_healthy();
        assert_eq!(seen.target()["socket"]["inode"], socket_ino(&here));
        assert_eq!(seen.socket(there)["role"], "other_view");
    });
}

#[test]
fn sd102_a_listener_unlinked_in_its_own_mount_namespace() {
    let name = "mounts::sd102_a_listener_unlinked_in_its_own_mount_namespace";
    isolated_root(name, |world| {
        let path = world.path("app.sock");
        let (ino, _server) = apart(CloneFlags::CLONE_NEWNS, || {
            tmpfs(&world.dir);
            let server = server(&path);
            std::fs::remove_file(&path).unwrap();
            server
        });
        let seen = inspect(&path);
        seen.is_broken_by("SD102", "likely");
        assert!(seen.fixes().all(|fix| fix["changes_state"] == false), "perhaps a stranger: {:#}", seen.0);
        assert_eq!(seen.socket(ino)["role"], "unlinked");
    });
}

#[test]
fn a_stranger_of_the_same_name_is_neither_the_cause_nor_the_same_file() {
    let name = "mounts::a_stranger_of_the_same_name_is_neither_the_cause_nor_the_same_file";
    isolated_root(name, |world| {
        // Each tmpfs counts its inodes from the same number on.
        tmpfs(&world.dir);
        let stale = broken::stale(&world.dir).unwrap();
        let (_, _live) = foreign_mntns(&stale.path);
        let (_, _unlinked) = apart(CloneFlags::CLONE_NEWNS, || {
            tmpfs(&world.dir);
            let server = server(&stale.path);
            std::fs::remove_file(&stale.path).unwrap();
            server
        });
        let seen = inspect(&stale.path);
        seen.is_broken_by("SD104", "certain");
        assert_eq!(seen.codes(), ["SD104"], "{:#}", seen.0);
        // The client's own listener lost its file: nobody else's counts.
        std::fs::remove_file(&stale.path).unwrap();
        let (ino, own) = server(&stale.path);
        std::fs::remove_file(&stale.path).unwrap();
        let seen = inspect(&stale.path);
        seen.is_broken_by("SD102", "certain");
        assert_eq!(seen.codes(), ["SD102"], "{:#}", seen.0);
        assert_eq!(seen.holders(ino), [i64::from(own.pid().as_raw())]);
        let kill = format!("kill {}", own.pid());
        let kills: Vec<_> = seen.fixes().filter(|fix| fix["changes_state"] == true).collect();
        assert!(kills.iter().all(|fix| fix["command"] == kill.as_str()), "{kills:#?}");
    });
}
