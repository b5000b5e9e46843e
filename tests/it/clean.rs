//! `clean`: what is proven stale goes, and nothing else, whatever stands there and whatever it is called.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary::{json, run, sockdoctor};
use crate::make::{apart, foreign_netns, overlay_view, tmpfs};
use crate::process::{Process, finish};
use crate::world::{isolated, isolated_host, skip};

pub(crate) fn stale(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn state<'d>(document: &'d Value, path: &Path) -> &'d str {
    let candidates = document["data"]["candidates"].as_array().unwrap();
    let found = candidates.iter().find(|one| one["path"] == text(path));
    found.unwrap_or_else(|| panic!("{}: {document:#}", path.display()))["state"].as_str().unwrap()
}

#[test]
fn a_plan_changes_nothing_and_apply_removes_what_is_proven() {
    isolated("clean::a_plan_changes_nothing_and_apply_removes_what_is_proven", |world| {
        let dir = world.path("d");
        std::fs::create_dir_all(dir.join("below")).unwrap();
        let (dead, deep) = (dir.join("dead"), dir.join("below/dead"));
        stale(&dead);
        stale(&deep);
        let _live = UnixListener::bind(dir.join("live")).unwrap();
        std::fs::write(dir.join("file"), "").unwrap();
        let plan = json(["clean", text(&dir)]);
        assert_eq!((&plan["exit_code"], &plan["data"]["applied"]), (&0.into(), &false.into()));
        assert_eq!((state(&plan, &dead), state(&plan, &deep)), ("stale", "stale"));
        assert_eq!(plan["data"]["candidates"].as_array().unwrap().len(), 2, "{plan:#}");
        assert_eq!(plan["findings"][0]["code"], "SD104");
        let proof = plan["data"]["candidates"][0]["proof"].to_string();
        assert!(proof.contains("ECONNREFUSED") && proof.contains("over 300 ms"), "{proof}");
        assert_eq!(names(&dir), ["below", "dead", "file", "live"]);
        assert_eq!(run(["clean", "--fail-on", "error", "-q", text(&dir)]).status, 1);

        let done = json(["clean", "--apply", text(&dir)]);
        assert_eq!((&done["exit_code"], &done["verdict"]), (&0.into(), &"ok".into()));
        assert_eq!((state(&done, &dead), state(&done, &deep)), ("removed", "removed"));
        assert_eq!(
            (names(&dir), names(&dir.join("below"))),
            (["below", "file", "live"].map(str::to_owned).to_vec(), vec![])
        );
    });
}

#[test]
fn what_lives_survives_by_whatever_name_it_was_bound() {
    isolated("clean::what_lives_survives_by_whatever_name_it_was_bound", |world| {
        let dir = world.path("d");
        std::fs::create_dir(&dir).unwrap();
        let path = |name: &str| dir.join(name);
        let _listener = UnixListener::bind(path("listener")).unwrap();
        let _renamed = UnixListener::bind(path("before")).unwrap();
        std::fs::rename(path("before"), path("renamed")).unwrap();
        let _receiver = UnixDatagram::bind(path("dgram")).unwrap();
        let _elsewhere = foreign_netns(&path("elsewhere"));
        let _bound = apart(CloneFlags::CLONE_FS, || {
            std::env::set_current_dir(&dir).unwrap();
            UnixListener::bind("relative").unwrap()
        });
        std::fs::hard_link(path("listener"), path("second_name")).unwrap();
        let before = names(&dir);
        for name in &before {
            let one = json(["clean", "--apply", text(&path(name))]);
            assert_eq!((&one["exit_code"], state(&one, &path(name))), (&0.into(), "alive"), "{one:#}");
        }
        assert_eq!(json(["clean", "--apply", text(&dir)])["data"]["candidates"], Value::Array(vec![]));
        assert_eq!(names(&dir), before);
    });
}

#[test]
fn what_is_no_stale_socket_is_left_alone_and_said_so() {
    isolated("clean::what_is_no_stale_socket_is_left_alone_and_said_so", |world| {
        let file = world.write("file", "");
        let document = json(["clean", "--apply", text(&file), text(&world.path("none"))]);
        assert_eq!(document["exit_code"], 0);
        assert_eq!(state(&document, &file), "not_a_socket");
        assert_eq!(state(&document, &world.path("none")), "missing");
        assert!(file.exists());
        for wrong in ["@name", "inode:7", "tcp:127.0.0.1:80"] {
            assert_eq!(run(["clean", wrong]).status, 2, "{wrong}");
        }
        assert_eq!(run(["--root", "/", "clean"]).status, 2);
        // A link is not what is stale.
        let (dead, link) = (world.path("dead"), world.path("link"));
        stale(&dead);
        std::os::unix::fs::symlink("dead", &link).unwrap();
        assert_eq!(state(&json(["clean", "--apply", text(&link)]), &dead), "removed");
        assert!(!dead.exists() && link.symlink_metadata().is_ok());
    });
}

#[test]
fn an_overlay_and_a_mount_point_are_never_touched() {
    let name = "clean::an_overlay_and_a_mount_point_are_never_touched";
    isolated(name, |world| {
        let (source, point) = (world.path("source"), world.path("point"));
        stale(&source);
        std::fs::write(&point, "").unwrap();
        let bind = nix::mount::MsFlags::MS_BIND;
        nix::mount::mount(Some(&source), &point, None::<&str>, bind, None::<&str>).unwrap();
        let document = json(["clean", "--apply", text(&point)]);
        assert_eq!(state(&document, &point), "unproven", "{document:#}");
        assert!(point.symlink_metadata().is_ok() && source.exists());
        let Some(overlay) = overlay_view(world, true) else { return skip(name, "no overlay here") };
        let merged = overlay.merged.join("s");
        let _live = UnixListener::bind(&merged).unwrap();
        stale(&overlay.merged.join("dead"));
        // The upper layer by another way than its own.
        let bound = world.path("bound");
        std::fs::create_dir(&bound).unwrap();
        nix::mount::mount(Some(&overlay.upper), &bound, None::<&str>, bind, None::<&str>).unwrap();
        let dead = [&overlay.merged, &overlay.upper, &bound].map(|dir| dir.join("dead"));
        for path in dead.into_iter().chain([merged.clone(), overlay.upper.join("s"), bound.join("s")]) {
            let document = json(["clean", "--apply", text(&path)]);
            assert!(["alive", "unproven"].contains(&state(&document, &path)), "{document:#}");
            assert!(path.symlink_metadata().is_ok(), "{}", path.display());
        }
    });
}

#[test]
fn what_a_cut_short_removal_left_is_a_candidate_and_stays_where_it_lives() {
    let name = "clean::what_a_cut_short_removal_left_is_a_candidate_and_stays_where_it_lives";
    isolated(name, |world| {
        let dir = world.path("d");
        std::fs::create_dir(&dir).unwrap();
        let [dead, live, own] =
            [".sockdoctor-stale-1", ".sockdoctor-stale-2", "app"].map(|name| dir.join(name));
        stale(&dead);
        let _live = UnixListener::bind(&own).unwrap();
        std::fs::rename(&own, &live).unwrap();
        let document = json(["clean", "--apply", text(&dir)]);
        assert_eq!((state(&document, &dead), state(&document, &live)), ("removed", "alive"));
        assert_eq!(document["exit_code"], 1, "what lives under such a name is reported");
        let command =
            document["data"]["candidates"].as_array().unwrap().iter().find_map(|one| one["command"].as_str());
        assert_eq!(command, Some(format!("mv -nT {} {}", live.display(), own.display()).as_str()));
        assert_eq!(names(&dir), [".sockdoctor-stale-2"]);
    });
}

#[test]
fn a_hostile_name_goes_like_any_other_and_is_escaped() {
    isolated("clean::a_hostile_name_goes_like_any_other_and_is_escaped", |world| {
        let dir = world.path("d");
        std::fs::create_dir(&dir).unwrap();
        stale(&dir.join(std::ffi::OsStr::from_bytes(b"a\n\x1b[31m\xff$(x)")));
        for format in ["text", "plain", "markdown"] {
            let output = run(["clean", "--format", format, text(&dir)]);
            assert_eq!(output.status, 0);
            assert!(!output.stdout.contains('\x1b') && output.stdout.contains("\\x1b"), "{}", output.stdout);
        }
        let document = json(["clean", "--apply", text(&dir)]);
        assert!(document["data"]["candidates"][0]["path_b64"].is_string(), "{document:#}");
        assert_eq!(names(&dir), Vec::<String>::new());
    });
}

#[test]
fn without_a_path_the_host_is_searched_on_the_same_mounts() {
    let name = "clean::without_a_path_the_host_is_searched_on_the_same_mounts";
    isolated_host(name, |_| {
        // Kept open: what is mounted may hide it.
        let binary = std::fs::File::open(env!("CARGO_BIN_EXE_sockdoctor")).unwrap();
        let program = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&binary));
        for point in ["/run", "/tmp"] {
            tmpfs(Path::new(point));
        }
        let here = Path::new("/run/clean-test");
        std::fs::create_dir_all(here.join("1/2/3/4/5")).unwrap();
        std::fs::create_dir(here.join("mounted")).unwrap();
        tmpfs(&here.join("mounted"));
        for name in ["dead", "1/2/dead", "1/2/3/4/5/too_deep", "mounted/other"] {
            stale(&here.join(name));
        }
        stale(Path::new("/tmp/dead"));
        let output = finish(
            std::process::Command::new(program).args(["--json", "clean", "--apply"]),
            Duration::from_secs(30),
        );
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        let removed: Vec<&str> = document["data"]["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["state"] == "removed")
            .map(|one| one["path"].as_str().unwrap())
            .collect();
        assert_eq!(
            removed,
            ["/run/clean-test/1/2/dead", "/run/clean-test/dead", "/tmp/dead"],
            "{document:#}"
        );
        assert!(document["not_checked"].to_string().contains("deeper than 4 levels"), "{document:#}");
        assert!(here.join("mounted/other").exists() && here.join("1/2/3/4/5/too_deep").exists());
    });
}

#[test]
fn a_signal_leaves_nothing_aside() {
    isolated("clean::a_signal_leaves_nothing_aside", |world| {
        let dir = world.path("d");
        std::fs::create_dir(&dir).unwrap();
        for number in 0..1500 {
            stale(&dir.join(number.to_string()));
        }
        let mut command = sockdoctor();
        command.args(["clean", "--apply"]).arg(&dir).stdout(Stdio::null()).stderr(Stdio::null());
        let mut cleaner = Process::start(&mut command);
        // As soon as it acts.
        assert!(crate::process::until(Duration::from_secs(30), || names(&dir).len() < 1500));
        for _ in 0..3 {
            let _ = nix::sys::signal::kill(cleaner.pid(), Signal::SIGTERM);
        }
        assert!(cleaner.ended(Duration::from_secs(30)).is_some());
        assert!(!names(&dir).iter().any(|name| name.starts_with('.')), "{:?}", names(&dir));
        let rest = json(["clean", "--apply", text(&dir)]);
        assert_eq!((rest["exit_code"].as_i64(), names(&dir).len()), (Some(0), 0));
    });
}

#[test]
fn a_directory_that_is_not_ours_keeps_its_stale_files() {
    let name = "clean::a_directory_that_is_not_ours_keeps_its_stale_files";
    crate::world::isolated_root(name, |world| {
        let dir = world.path("d");
        std::fs::create_dir(&dir).unwrap();
        let path = dir.join("dead");
        stale(&path);
        let program = crate::binary::everybodys(world);
        let as_nobody = || {
            let mut command = crate::world::need("setpriv").unwrap();
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program);
            crate::binary::document(&finish(
                command.args(["--json", "clean", "--apply"]).arg(&path),
                Duration::from_secs(30),
            ))
        };
        // We may not even write to it: what is bound to it cannot be asked.
        let document = as_nobody();
        assert_eq!(
            (state(&document, &path), document["exit_code"].as_i64()),
            ("unproven", Some(3)),
            "{document:#}"
        );
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let document = as_nobody();
        assert_eq!(
            (state(&document, &path), document["exit_code"].as_i64()),
            ("failed", Some(1)),
            "{document:#}"
        );
        let command = document["data"]["candidates"][0]["command"].as_str().unwrap();
        assert_eq!(command, format!("sudo sockdoctor clean --apply {}", path.display()));
        assert!(path.exists());
    });
}
