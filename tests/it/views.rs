//! One file in several views: mount namespaces, volumes, layers, chroots, network namespaces.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;

use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use sockdoctor::act::broken;

use crate::binary::{document, json, sockdoctor};
use crate::make::{apart, foreign_mntns, foreign_netns, overlay_view, server, tmpfs};
use crate::process::{Process, finish, until};
use crate::seen::{inspect, inspect_by, text};
use crate::world::{World, isolated_root, need, skip};

fn bind(source: &Path, point: &Path) {
    mount(Some(source), point, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}

fn directory(world: &World, name: &str) -> std::path::PathBuf {
    let path = world.path(name);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// A process that does nothing, in new namespaces that `build` furnishes.
fn idle(namespaces: CloneFlags, build: impl FnOnce() + Send) -> Process {
    apart(namespaces, || {
        build();
        Process::start(std::process::Command::new("sleep").arg("60").stdout(Stdio::null()))
    })
}

#[test]
fn sd701_names_the_view_that_has_the_file_and_the_path_that_leads_there_from_here() {
    isolated_root(
        "views::sd701_names_the_view_that_has_the_file_and_the_path_that_leads_there_from_here",
        |world| {
            let (volume, point) = (directory(world, "volume"), directory(world, "run"));
            let path = point.join("app.sock");
            let (ino, server) = apart(CloneFlags::CLONE_NEWNS, || {
                bind(&volume, &point);
                server(&path)
            });
            let seen = inspect(&path);
            seen.is_broken_by("SD701", "certain");
            assert_eq!(seen.file_state(), "other_view");
            assert_eq!(seen.socket(ino)["role"], "other_view");
            assert!(
                seen.proof().contains(&format!("in the root of pid {}", server.pid())),
                "{}",
                seen.proof()
            );
            let here = volume.join("app.sock");
            let look = format!("sockdoctor inspect {}", text(&here));
            assert!(seen.fixes().any(|fix| fix["command"] == look), "{:#}", seen.0);
            let healthy = inspect(&here);
            healthy.is_healthy();
            let places = healthy.target()["socket"]["seen_as"].as_array().unwrap();
            assert_eq!(places[0]["path"], text(&path), "{places:?}");
            assert_eq!(places[0]["pid"], server.pid().as_raw());
        },
    );
}

#[test]
fn a_list_shows_names_as_a_process_sees_them() {
    isolated_root("views::a_list_shows_names_as_a_process_sees_them", |world| {
        let (volume, point) = (directory(world, "volume"), directory(world, "run"));
        let path = point.join("app.sock");
        let (_, server) = apart(CloneFlags::CLONE_NEWNS, || {
            bind(&volume, &point);
            server(&path)
        });
        let state = |more: &[&str]| {
            let rows = json([&["list", "--match", text(&path)], more].concat());
            rows["data"]["sockets"][0]["file"]["state"].clone()
        };
        assert_eq!(state(&[]), "other_view");
        assert_eq!(state(&["--view", &server.pid().to_string()]), "socket");
        assert_eq!(json(["list", "--view", "4194305"])["exit_code"], 3);
        assert!(json(["list", "--view", "no-such-container"])["error"]["message"].is_string());
    });
}

#[test]
fn sd701_is_silent_for_what_is_gone_in_both_views() {
    isolated_root("views::sd701_is_silent_for_what_is_gone_in_both_views", |world| {
        let path = directory(world, "tmp").join("app.sock");
        let (_, holder) = foreign_mntns(&path);
        std::fs::remove_file(format!("/proc/{}/root{}", holder.pid(), text(&path))).unwrap();
        inspect(&path).is_broken_by("SD102", "likely");
    });
}

#[test]
fn sd702_is_worth_knowing_for_a_path_and_the_end_of_an_abstract_name() {
    isolated_root("views::sd702_is_worth_knowing_for_a_path_and_the_end_of_an_abstract_name", |world| {
        let path = world.path("net.sock");
        let _server = foreign_netns(&path);
        let seen = inspect(&path);
        seen.is_healthy();
        assert!(seen.codes().contains(&"SD702"), "{:#}", seen.0);
        UnixStream::connect(&path).unwrap();
        let name = format!("sockdoctor-test-{}", std::process::id());
        let _there = apart(CloneFlags::CLONE_NEWNET, || broken_abstract(&name));
        inspect(format!("@{name}")).is_broken_by("SD702", "certain");
        let here = format!("{name}-here");
        let _here = broken_abstract(&here);
        let healthy = inspect(format!("@{here}"));
        assert!(!healthy.codes().contains(&"SD702"), "{:#}", healthy.0);
        // The client counts, not who asks: one in a network namespace of its own does not see ours.
        let client = idle(CloneFlags::CLONE_NEWNET, || {});
        let asked = json(["access", &format!("@{here}"), "--pid", &client.pid().to_string()]);
        assert_eq!(
            (&asked["findings"][0]["code"], &asked["data"]["allowed"]),
            (&"SD702".into(), &false.into()),
            "{asked:#}"
        );
    });
}

fn broken_abstract(name: &str) -> Process {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    crate::make::holder(&listener)
}

#[test]
fn sd703_tells_two_volumes_from_one() {
    isolated_root("views::sd703_tells_two_volumes_from_one", |world| {
        let [first, second, point] = ["p1_sockets", "p2_sockets", "run"].map(|name| directory(world, name));
        let path = point.join("app.sock");
        let (_, _server) = apart(CloneFlags::CLONE_NEWNS, || {
            bind(&first, &point);
            server(&path)
        });
        let access = |volume: &Path| {
            let client = idle(CloneFlags::CLONE_NEWNS, || bind(volume, &point));
            json(["access", text(&path), "--pid", &client.pid().to_string()])
        };
        let apart = access(&second);
        assert_eq!(apart["findings"][0]["code"], "SD703", "{apart:#}");
        assert_eq!((&apart["exit_code"], &apart["data"]["allowed"]), (&1.into(), &false.into()));
        let shared = access(&first);
        assert_eq!(shared["data"]["allowed"], true, "{shared:#}");
        assert!(
            shared["findings"].as_array().unwrap().iter().all(|finding| finding["severity"] == "info"),
            "{shared:#}"
        );
    });
}

#[test]
fn sd503_is_certain_where_a_fuse_shows_the_source_and_its_hard_links_as_others() {
    let name = "views::sd503_is_certain_where_a_fuse_shows_the_source_and_its_hard_links_as_others";
    isolated_root(name, |world| {
        let Some(mut bindfs) = need("bindfs") else { return skip(name, "no bindfs") };
        let (source, point) = (directory(world, "source"), directory(world, "point"));
        let _fuse = Process::start(bindfs.arg("-f").args([&source, &point]).stderr(Stdio::null()));
        let is_there = || std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(text(&point));
        if !until(std::time::Duration::from_secs(5), is_there) {
            return skip(name, "bindfs could not mount");
        }
        let live = broken::listening(&point).unwrap();
        inspect(&live.path).is_healthy();
        // On the side of the source nobody is bound to it.
        let source_side = source.join(live.path.file_name().unwrap());
        assert!(UnixStream::connect(&source_side).is_err());
        inspect(&source_side).is_broken_by("SD503", "certain");
        // libfuse keeps a node for each path: the hard link has the listener's number and device, and refuses.
        let linked = point.join("linked.sock");
        std::fs::hard_link(&live.path, &linked).unwrap();
        assert!(UnixStream::connect(&linked).is_err());
        inspect(&linked).is_broken_by("SD503", "likely");
    });
}

#[test]
fn sd503_is_certain_on_both_sides_of_an_overlay() {
    let name = "views::sd503_is_certain_on_both_sides_of_an_overlay";
    isolated_root(name, |world| {
        let Some(overlay) = overlay_view(world, false) else { return skip(name, "no overlay") };
        let live = broken::listening(&overlay.merged).unwrap();
        inspect(&live.path).is_healthy();
        let through_upper = overlay.upper.join("app.sock");
        assert!(UnixStream::connect(&through_upper).is_err(), "the layer hides the listener");
        let _below = UnixListener::bind(overlay.upper.join("upper.sock")).unwrap();
        let through_merged = overlay.merged.join("upper.sock");
        assert!(UnixStream::connect(&through_merged).is_err(), "and the overlay hides the layer's");
        for path in [through_upper, through_merged] {
            let seen = inspect(&path);
            seen.is_broken_by("SD503", "certain");
            assert!(seen.fixes().all(|fix| fix["changes_state"] == false), "{:#}", seen.0);
        }
    });
}

#[test]
fn sd504_becomes_sd505_when_the_server_restarts() {
    isolated_root("views::sd504_becomes_sd505_when_the_server_restarts", |world| {
        let (path, point) = (world.path("api.sock"), world.write("mounted.sock", ""));
        let old = server(&path).1;
        bind(&path, &point);
        let seen = inspect(&point);
        assert_eq!((seen.codes()[0], &seen.0["verdict"]), ("SD504", &"warning".into()), "{:#}", seen.0);
        inspect(&path).is_healthy();
        drop(old);
        std::fs::remove_file(&path).unwrap();
        let (_, _new) = server(&path);
        let dead = inspect(&point);
        dead.is_broken_by("SD505", "certain");
        assert!(dead.fixes().all(|fix| fix["changes_state"] == false), "{:#}", dead.0);
        assert!(dead.fixes().any(|fix| fix["text"].as_str().unwrap().contains("mount the directory")));
        inspect(&path).is_healthy();
    });
}

#[test]
fn sd506_warns_of_the_servers_read_only_mount_and_not_of_the_clients() {
    isolated_root("views::sd506_warns_of_the_servers_read_only_mount_and_not_of_the_clients", |world| {
        let [volume, point, client] = ["volume", "run", "client"].map(|name| directory(world, name));
        let path = point.join("app.sock");
        let (_, _server) = apart(CloneFlags::CLONE_NEWNS, || {
            bind(&volume, &point);
            let made = server(&path);
            let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            mount(None::<&str>, &point, None::<&str>, read_only, None::<&str>).unwrap();
            made
        });
        let seen = inspect(volume.join("app.sock"));
        assert_eq!((seen.codes()[0], &seen.0["verdict"]), ("SD506", &"warning".into()), "{:#}", seen.0);
        let other = server(&volume.join("other.sock")).1;
        bind(&volume, &client);
        let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &client, None::<&str>, read_only, None::<&str>).unwrap();
        inspect(client.join("other.sock")).is_healthy();
        drop(other);
    });
}

#[test]
fn sd704_is_root_over_nobody() {
    let name = "views::sd704_is_root_over_nobody";
    isolated_root(name, |world| {
        let path = world.path("app.sock");
        let (_, _server) = server(&path);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&path, Some(4242), Some(4242)).unwrap();
        let Some(mut unshare) = need("unshare") else { return skip(name, "no unshare") };
        let client = Process::start(unshare.args(["-Ur", "sleep", "60"]));
        let map = format!("/proc/{}/uid_map", client.pid());
        assert!(until(std::time::Duration::from_secs(5), || !std::fs::read_to_string(&map)
            .unwrap()
            .trim()
            .is_empty()));
        let seen = json(["access", text(&path), "--pid", &client.pid().to_string()]);
        assert_eq!(seen["findings"][0]["code"], "SD704", "{seen:#}");
        assert_eq!(
            (&seen["data"]["allowed"], &seen["data"]["kernel_verdict"]),
            (&false.into(), &"denied".into())
        );
        std::os::unix::fs::chown(&path, Some(0), Some(0)).unwrap();
        let mapped = json(["access", text(&path), "--pid", &client.pid().to_string()]);
        assert_eq!(
            (&mapped["data"]["allowed"], &mapped["data"]["kernel_verdict"]),
            (&true.into(), &"allowed".into()),
            "{mapped:#}"
        );
    });
}

#[test]
fn sd706_is_the_directory_that_went_with_its_user() {
    isolated_root("views::sd706_is_the_directory_that_went_with_its_user", |world| {
        let run = Path::new("/run");
        tmpfs(run);
        std::fs::create_dir_all("/run/systemd/system").unwrap();
        std::fs::create_dir_all("/run/user").unwrap();
        let lib = directory(world, "lib");
        if Path::new("/var/lib/systemd").is_dir() {
            bind(&lib, Path::new("/var/lib/systemd"));
        }
        let path = "/run/user/33/podman/podman.sock";
        inspect(path).is_broken_by("SD706", "certain");
        std::fs::create_dir("/run/user/33").unwrap();
        inspect(path).is_broken_by("SD101", "certain");
    });
}

#[test]
fn sd709_is_a_client_in_a_jail_and_the_printed_mount_lets_it_out() {
    let name = "views::sd709_is_a_client_in_a_jail_and_the_printed_mount_lets_it_out";
    isolated_root(name, |world| {
        let Some(mut python) = need("python3") else { return skip(name, "no python3") };
        let (jail, run) = (directory(world, "jail"), directory(world, "run"));
        let path = run.join("app.sock");
        let (_, _server) = server(&path);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        let script = "import os,sys,time; os.chroot(sys.argv[1]); os.chdir('/'); time.sleep(60)";
        let client = Process::start(python.args(["-c", script]).arg(&jail));
        let root = format!("/proc/{}/root", client.pid());
        let jailed = || std::fs::read_link(&root).is_ok_and(|link| link == jail);
        assert!(until(std::time::Duration::from_secs(5), jailed));
        let asked = || {
            document(&finish(
                sockdoctor().args(["--json", "access", text(&path), "--pid", &client.pid().to_string()]),
                std::time::Duration::from_secs(30),
            ))
        };
        let seen = asked();
        assert_eq!(
            (&seen["findings"][0]["code"], &seen["data"]["allowed"]),
            (&"SD709".into(), &false.into()),
            "{seen:#}"
        );
        let fix = seen["findings"][0]["fix"][0]["command"].as_str().unwrap();
        let healed =
            finish(std::process::Command::new("sh").args(["-c", fix]), std::time::Duration::from_secs(5));
        assert_eq!(healed.status, 0, "{fix}: {}", healed.stderr);
        let seen = asked();
        assert_eq!(
            (&seen["data"]["allowed"], &seen["data"]["kernel_verdict"]),
            (&true.into(), &"allowed".into()),
            "{seen:#}"
        );
    });
}

#[test]
fn sd707_is_seen_by_the_name_of_the_sandbox() {
    let name = "views::sd707_is_seen_by_the_name_of_the_sandbox";
    isolated_root(name, |world| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        // No gVisor here: a process of that name holds the socket, as its sentry does.
        let sentry = world.path("runsc-sandbox");
        std::os::unix::fs::symlink("/bin/sleep", &sentry).unwrap();
        let mut command = std::process::Command::new(&sentry);
        let _holder = Process::start(
            command.arg("60").stdin(Stdio::from(std::os::fd::OwnedFd::from(listener.try_clone().unwrap()))),
        );
        // It shares no listener with another program, which would be a finding of its own.
        drop((command, listener));
        let held = || inspect(&path).codes().contains(&"SD707");
        assert!(until(std::time::Duration::from_secs(5), held));
        let seen = inspect_by(&mut sockdoctor(), &path);
        assert_eq!((seen.codes()[0], &seen.0["verdict"]), ("SD707", &"warning".into()), "{:#}", seen.0);
    });
}
