//! `--root` and `--proc`: a container with its host's files and processes, and an image without any.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sockdoctor::act::broken;

use crate::binary::{document, json, run, sockdoctor};
use crate::make::server;
use crate::process::finish;
use crate::seen::{Inspected, text};
use crate::world::{World, isolated, isolated_host, need, skip};

/// Namespaces of its own and a root of its own, in which the host's is at /host, read-only. `$1`: an empty
/// directory for the root, the rest: a command there.
const CONTAINER: &str = r#"
root=$1; shift
mount -t tmpfs container "$root"
mkdir -p "$root/host" "$root/proc" "$root/bin"
for dir in lib lib64 usr; do
    [ -e "/$dir" ] || continue
    mkdir "$root/$dir" && mount --rbind "/$dir" "$root/$dir"
done
cp "$SOCKDOCTOR" "$root/bin/sockdoctor"
mount --rbind / "$root/host"
mount --make-rslave "$root/host"
mount -o remount,bind,ro "$root/host"
mount --rbind /proc "$root/host/proc"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
"#;

/// What a container has of its own.
const ALL: [&str; 3] = ["--mount", "--net", "--pid"];

/// The same but pids, as with `hostPID: true`.
const HOST_PIDS: [&str; 2] = ["--mount", "--net"];

/// `sockdoctor --root /host --proc /host/proc ARGS --json` in a container.
fn contained(world: &World, own: &[&str], wrapper: &[&str], args: &[&str]) -> Option<Value> {
    let root = world.path("container");
    std::fs::create_dir_all(&root).unwrap();
    let mut unshare = need("unshare")?;
    unshare.args(own).args(["--fork", "--kill-child", "--propagation", "private"]);
    unshare.args(["sh", "-ec", CONTAINER, "sh"]).arg(&root).args(wrapper);
    unshare.args(["/bin/sockdoctor", "--root", "/host", "--proc", "/host/proc"]).args(args).arg("--json");
    unshare.env("SOCKDOCTOR", sockdoctor().get_program());
    Some(document(&finish(&mut unshare, Duration::from_secs(30))))
}

/// What has to be the same from inside and outside.
fn essence(document: &Value) -> Value {
    let findings: Vec<Value> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| json!([finding["code"], finding["certainty"], finding["subject"]]))
        .collect();
    let sockets = |sockets: &Value| -> Vec<Value> {
        let told = |socket: &Value| {
            let holders = socket["holders"].as_array().into_iter().flatten();
            let pids: Vec<&Value> = holders.map(|holder| &holder["pid"]).collect();
            json!([socket["inode"], socket["state"], socket["role"], socket["netns"], pids])
        };
        sockets.as_array().into_iter().flatten().map(told).collect()
    };
    let targets: Vec<Value> = document["data"]["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|target| json!([target["file"]["state"], target["verdict"], sockets(&target["sockets"])]))
        .collect();
    json!([
        document["exit_code"],
        document["verdict"],
        document["host"]["netns"],
        findings,
        targets,
        sockets(&document["data"]["sockets"])
    ])
}

/// A healthy, an unlinked, a stale, a replaced and a missing socket.
fn zoo(world: &World) -> (Vec<PathBuf>, impl Sized + use<>) {
    let place = |name: &str| {
        let dir = world.path(name);
        std::fs::create_dir(&dir).unwrap();
        dir
    };
    let path = |name: &str| place(name).join("app.sock");
    let (healthy, unlinked, replaced) = (path("healthy"), path("unlinked"), path("replaced"));
    let servers = [&healthy, &unlinked, &replaced].map(|path| server(path));
    std::fs::remove_file(&unlinked).unwrap();
    std::fs::remove_file(&replaced).unwrap();
    drop(UnixListener::bind(&replaced).unwrap());
    let stale = broken::stale(&place("stale")).unwrap().path;
    (vec![healthy, unlinked, replaced, stale, world.path("none.sock")], servers)
}

/// From another pid namespace no descriptor can be borrowed, which is one proof less that a file has no name left.
fn with_the_descriptor(mut inside: Value) -> Value {
    for finding in inside["findings"].as_array_mut().into_iter().flatten() {
        if finding["code"] == "SD102" {
            // The directories are younger than their server: the one proof that is left is not to be had.
            assert_eq!(finding["certainty"], "likely");
            finding["certainty"] = "certain".into();
        }
    }
    inside
}

#[test]
fn a_container_with_the_hosts_root_and_proc_gives_the_hosts_answers() {
    let name = "rerooted::a_container_with_the_hosts_root_and_proc_gives_the_hosts_answers";
    isolated_host(name, |world| {
        let (paths, _servers) = zoo(world);
        let mut codes = Vec::new();
        for path in &paths {
            let outside = json(["inspect", text(path)]);
            let inspect = ["inspect", text(path)];
            let Some(inside) = contained(world, &HOST_PIDS, &[], &inspect) else {
                return skip(name, "no unshare");
            };
            assert_eq!(essence(&inside), essence(&outside), "{inside:#}\n{outside:#}");
            let inside = with_the_descriptor(contained(world, &ALL, &[], &inspect).unwrap());
            assert_eq!(essence(&inside), essence(&outside), "{inside:#}\n{outside:#}");
            codes.push(outside["findings"][0]["code"].as_str().unwrap_or("-").to_owned());
        }
        assert_eq!(codes, ["-", "SD102", "SD103", "SD104", "SD101"]);
        let access = ["access", text(&paths[0]), "--uid", "65534", "--gid", "65534"];
        let (outside, inside) = (json(access), contained(world, &ALL, &[], &access).unwrap());
        assert_eq!(inside["data"]["targets"][0]["consumers"], outside["data"]["targets"][0]["consumers"]);
        assert_eq!(essence(&inside), essence(&outside), "{inside:#}");
        let glob = format!("{}/*", text(&world.dir));
        let list = ["list", "--match", &glob, "--stale"];
        let inside = with_the_descriptor(contained(world, &ALL, &[], &list).unwrap());
        assert_eq!(essence(&inside), essence(&json(list)), "{inside:#}");
        assert!(inside["data"]["sockets"].as_array().unwrap().len() >= 4, "{inside:#}");
    });
}

#[test]
fn without_the_right_to_trace_it_never_says_more_than_it_sees() {
    let name = "rerooted::without_the_right_to_trace_it_never_says_more_than_it_sees";
    isolated_host(name, |world| {
        let (paths, _servers) = zoo(world);
        let bounded = ["/usr/bin/setpriv", "--bounding-set=-sys_ptrace,-sys_admin"];
        if !Path::new(bounded[0]).exists() {
            return skip(name, "no setpriv");
        }
        let seen = |path: &Path| {
            Inspected(contained(world, &ALL, &bounded, &["inspect", text(path)]).expect("unshare was there"))
        };
        let [healthy, unlinked, replaced, stale, _] = &paths[..] else { panic!() };
        assert!(seen(healthy).codes().iter().all(|code| *code == "SD708"), "{:#}", seen(healthy).0);
        assert!(!seen(unlinked).codes().contains(&"SD101"), "{:#}", seen(unlinked).0);
        assert!(!seen(replaced).codes().contains(&"SD101"), "{:#}", seen(replaced).0);
        seen(stale).is_broken_by("SD104", "certain");
    });
}

#[test]
fn of_an_image_only_the_files_are_judged() {
    isolated("rerooted::of_an_image_only_the_files_are_judged", |world| {
        let image = world.path("image");
        std::fs::create_dir_all(image.join("run/dir.sock")).unwrap();
        std::fs::create_dir(image.join("etc")).unwrap();
        std::fs::write(image.join("etc/passwd"), "web:x:0:0::/:/bin/sh\n").unwrap();
        // Links of an image are meant in it.
        std::os::unix::fs::symlink("/run", image.join("link")).unwrap();
        std::os::unix::fs::symlink("/nowhere/x.sock", image.join("run/dangling.sock")).unwrap();
        std::fs::create_dir(world.path("run")).unwrap();
        drop(UnixListener::bind(image.join("run/app.sock")).unwrap());
        let root = ["--root", text(&image)];
        let inspect = |target: &str| Inspected(json([root[0], root[1], "inspect", target]));

        for target in ["/run/app.sock", "/link/app.sock", "run/app.sock"] {
            let seen = inspect(target);
            seen.ends_with(3, "unknown");
            assert!(seen.codes().is_empty(), "{:#}", seen.0);
            assert_eq!((seen.file_state(), &seen.target()["file"]["owner"]), ("socket", &"web".into()));
            assert_eq!(seen.0["host"]["netns"], Value::Null);
            let gaps = seen.0["not_checked"].as_array().unwrap();
            assert_eq!(gaps.len(), 1, "{:#}", seen.0);
            assert!(gaps[0]["would_help"].as_str().unwrap().contains("--proc"), "{:#}", seen.0);
        }
        let missing = inspect("/run/none.sock");
        missing.ends_with(3, "unknown");
        assert_eq!((missing.codes(), missing.file_state()), (vec![], "missing"));
        inspect("/run/dangling.sock").is_broken_by("SD111", "certain");
        assert_eq!(inspect(&format!("/run/{}.sock", "n".repeat(110))).codes()[0], "SD108");
        let directory = inspect("/run/dir.sock");
        assert!(!directory.codes().is_empty() && directory.0["exit_code"] == 1, "{:#}", directory.0);
        let whole = inspect("/run");
        assert_eq!(whole.target()["target"], "/run/app.sock", "{:#}", whole.0);
        let wish = ["--root", root[1], "inspect", "/run/app.sock", "--expect-mode", "0600"];
        assert_eq!(Inspected(json(wish)).codes(), ["SD213"]);
        let access = json([root[0], root[1], "access", "/run/app.sock", "--as", "web"]);
        assert_eq!(access["findings"], json!([]), "{access:#}");
    });
}

#[test]
fn what_has_no_answer_for_another_root_is_refused_with_a_hint() {
    isolated("rerooted::what_has_no_answer_for_another_root_is_refused_with_a_hint", |world| {
        let root = text(&world.dir).to_owned();
        let none = format!("{root}/none");
        for args in [
            vec!["--root", &root, "list"],
            vec!["--root", &root, "wait", "/x", "--once"],
            vec!["--root", &root, "watch", "/x"],
            vec!["--root", &root, "demo"],
            vec!["--root", &root, "self-check"],
            vec!["--root", &root, "inspect", "@name"],
            vec!["--root", &root, "inspect", "inode:7"],
            vec!["--root", &root, "access", "/x", "--pid", "1"],
            vec!["--root", &none, "inspect", "/x"],
            vec!["--root", &root, "--proc", &none, "inspect", "/x"],
            vec!["--proc", "/proc", "inspect", "/x"],
        ] {
            let output = run(&args);
            assert_eq!(output.status, 2, "{args:?}: {}{}", output.stdout, output.stderr);
            assert!(output.stderr.contains("--"), "{args:?}: {}", output.stderr);
        }
    });
}
