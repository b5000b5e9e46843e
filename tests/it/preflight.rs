//! `preflight` on directories that permissions, FUSE servers and names make good or bad.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;
use serde_json::Value;

use crate::binary::{document, everybodys, json, run, sockdoctor};
use crate::fuse::{Fault, Fuse};
use crate::make::tmpfs;
use crate::process::{finish, finish_in_group, until};
use crate::rules_1xx::own_tmpfiles;
use crate::seen::{inspect, text};
use crate::world::{World, isolated_root, need, skip};

/// What `sockdoctor preflight` said of one directory.
pub(crate) struct Tried(pub(crate) Value);

/// Tries a directory.
pub(crate) fn preflight(directory: &Path, flags: &[&str]) -> Tried {
    Tried(json(["preflight", text(directory)].iter().chain(flags)))
}

impl Tried {
    /// What a step came to: `ok`, `ignored`, or its errno.
    pub(crate) fn step(&self, name: &str) -> &str {
        let steps = self.0["data"]["trial"].as_array().unwrap();
        let Some(step) = steps.iter().find(|step| step["step"] == name) else { return "not tried" };
        match step["outcome"].as_str().unwrap() {
            "failed" => step["errno"].as_str().unwrap(),
            outcome => outcome,
        }
    }

    /// The codes with their severities, the cause first.
    pub(crate) fn found(&self) -> Vec<(&str, &str)> {
        let findings = self.0["findings"].as_array().unwrap().iter();
        findings.map(|found| (found["code"].as_str().unwrap(), found["severity"].as_str().unwrap())).collect()
    }

    /// Every step passed, and nothing was found.
    #[track_caller]
    pub(crate) fn is_fine(&self) {
        assert_eq!(self.found(), [], "{:#}", self.0);
        assert_eq!((&self.0["verdict"], &self.0["exit_code"]), (&"ok".into(), &0.into()), "{:#}", self.0);
        let steps = self.0["data"]["trial"].as_array().unwrap();
        assert!(steps.len() == 13 && steps.iter().all(|step| step["outcome"] == "ok"), "{:#}", self.0);
    }

    /// A step failed so, and that is the one error.
    #[track_caller]
    pub(crate) fn is_stopped_by(&self, code: &str, step: &str, errno: &str) {
        assert_eq!(self.found(), [(code, "error")], "{:#}", self.0);
        assert_eq!(self.step(step), errno, "{:#}", self.0);
        assert_eq!(self.0["exit_code"], 1, "{:#}", self.0);
    }
}

/// The names in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A directory of the world.
fn made(world: &World, name: &str, mode: u32) -> std::path::PathBuf {
    let path = world.path(name);
    std::fs::create_dir(&path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    path
}

/// A directory served by a FUSE server of ours under a name.
fn served(world: &World, name: &str, fault: Fault) -> Option<(Fuse, std::path::PathBuf)> {
    let dir = made(world, name, 0o755);
    Some((Fuse::mount(&dir, name, fault)?, dir))
}

#[test]
fn a_fuse_server_that_does_everything_is_fine() {
    let name = "preflight::a_fuse_server_that_does_everything_is_fine";
    isolated_root(name, |world| {
        let Some((_fuse, dir)) = served(world, "test", Fault::None) else {
            return skip(name, "no /dev/fuse");
        };
        preflight(&dir, &[]).is_fine();
        assert_eq!(names(&dir), [""; 0]);
    });
}

#[test]
fn sd501_a_fuse_server_without_socket_files() {
    let name = "preflight::sd501_a_fuse_server_without_socket_files";
    isolated_root(name, |world| {
        for errno in [Errno::EPERM, Errno::ENOSYS, Errno::EOPNOTSUPP, Errno::ENXIO] {
            let Some((_fuse, dir)) = served(world, &format!("{errno:?}").to_lowercase(), Fault::Mknod(errno))
            else {
                return skip(name, "no /dev/fuse");
            };
            let seen = preflight(&dir, &[]);
            seen.is_stopped_by("SD501", "bind", &format!("{errno:?}"));
            assert_eq!(seen.step("type"), "not tried");
            assert_eq!(names(&dir), [""; 0]);
        }
    });
}

#[test]
fn sd501_a_server_that_refuses_a_mode_for_sockets_alone() {
    let name = "preflight::sd501_a_server_that_refuses_a_mode_for_sockets_alone";
    isolated_root(name, |world| {
        let fault = Fault::ChmodOfSocket(Errno::EINVAL);
        let Some((_fuse, dir)) = served(world, "grpc", fault) else { return skip(name, "no /dev/fuse") };
        let seen = preflight(&dir, &[]);
        seen.is_stopped_by("SD501", "chmod", "EINVAL");
        assert_eq!([seen.step("chmod_file"), seen.step("mode_before_bind"), seen.step("connect")], ["ok"; 3]);
        let cause = seen.0["findings"][0]["cause"].as_str().unwrap();
        assert!(cause.contains("Apple's virtiofs"), "{cause}");
        assert!(seen.0["findings"][0]["fix"].to_string().contains("umask"), "{:#}", seen.0);
        assert_eq!(names(&dir), [""; 0]);
    });
}

#[test]
fn sd501_a_mode_that_is_ignored_in_silence() {
    let name = "preflight::sd501_a_mode_that_is_ignored_in_silence";
    isolated_root(name, |world| {
        let Some((_fuse, dir)) = served(world, "test", Fault::ChmodIgnored) else {
            return skip(name, "no /dev/fuse");
        };
        let seen = preflight(&dir, &[]);
        seen.is_stopped_by("SD501", "chmod", "ignored");
        assert_eq!(seen.0["data"]["trial"][3]["after"]["mode"], "0755");
        assert_eq!(seen.0["data"]["trial"][3]["errno"], Value::Null);
    });
}

#[test]
fn sd501_a_node_of_another_type_is_removed_again() {
    let name = "preflight::sd501_a_node_of_another_type_is_removed_again";
    isolated_root(name, |world| {
        let Some((_fuse, dir)) = served(world, "test", Fault::RegularNode) else {
            return skip(name, "no /dev/fuse");
        };
        preflight(&dir, &[]).is_stopped_by("SD501", "bind", "EIO");
        assert_eq!(names(&dir), [""; 0]);
    });
}

#[test]
fn sd501_a_server_that_forgets_its_nodes() {
    let name = "preflight::sd501_a_server_that_forgets_its_nodes";
    isolated_root(name, |world| {
        let Some((_fuse, dir)) = served(world, "test", Fault::NewNodeEachLookup) else {
            return skip(name, "no /dev/fuse");
        };
        preflight(&dir, &[]).is_stopped_by("SD501", "connect", "ECONNREFUSED");
        assert_eq!(names(&dir), [""; 0]);
    });
}

#[test]
fn sd502_a_share_is_named_and_its_dead_file_is_not_called_stale_for_certain() {
    let name = "preflight::sd502_a_share_is_named_and_its_dead_file_is_not_called_stale_for_certain";
    isolated_root(name, |world| {
        let Some((_fuse, dir)) = served(world, "sshfs", Fault::None) else {
            return skip(name, "no /dev/fuse");
        };
        let seen = preflight(&dir, &[]);
        assert_eq!(seen.found(), [("SD502", "warning")], "{:#}", seen.0);
        assert_eq!(seen.0["exit_code"], 0);
        assert_eq!(seen.0["data"]["mount"]["fstype"], "fuse.sshfs");
        let listener = UnixListener::bind(dir.join("s")).unwrap();
        assert!(!inspect(dir.join("s")).codes().contains(&"SD502"));
        drop(listener);
        let seen = inspect(dir.join("s"));
        assert!(seen.codes().contains(&"SD502"), "{:#}", seen.0);
        let stale = seen.findings().find(|finding| finding["code"] == "SD104");
        assert!(stale.is_none_or(|stale| stale["certainty"] == "likely"), "{:#}", seen.0);
    });
}

#[test]
fn a_server_that_does_not_answer_leaves_the_question_open() {
    let name = "preflight::a_server_that_does_not_answer_leaves_the_question_open";
    isolated_root(name, |world| {
        let Some((fuse, dir)) = served(world, "test", Fault::None) else { return skip(name, "no /dev/fuse") };
        fuse.set(Fault::HangLookup);
        let mut command = sockdoctor();
        command.args(["preflight", "--json", "--timeout", "1s"]).arg(&dir);
        let (output, group) = finish_in_group(&mut command, Duration::from_secs(20));
        let seen = document(&output);
        assert_eq!((&seen["exit_code"], &seen["verdict"]), (&3.into(), &"unknown".into()), "{seen:#}");
        assert!(seen["not_checked"].to_string().contains("did not come back in time"), "{seen:#}");
        drop(fuse);
        assert!(until(Duration::from_secs(5), || group.group().is_empty()), "a process stays");
    });
}

#[test]
fn sd208_the_trial_is_made_as_the_server() {
    isolated_root("preflight::sd208_the_trial_is_made_as_the_server", |world| {
        let (own, roots, closed) =
            (made(world, "own", 0o755), made(world, "roots", 0o755), made(world, "closed", 0o700));
        chown(&own, Some(4711), Some(4711)).unwrap();
        let seen = preflight(&own, &["--server", "4711"]);
        seen.is_fine();
        let born = &seen.0["data"]["directories"][0]["new_socket"];
        assert_eq!((&born["uid"], &born["mode"]), (&4711.into(), &"0755".into()), "{:#}", seen.0);
        preflight(&roots, &["--server", "4711"]).is_stopped_by("SD208", "bind", "EACCES");
        std::fs::create_dir(closed.join("in")).unwrap();
        chown(closed.join("in"), Some(4711), None).unwrap();
        preflight(&closed.join("in"), &["--server", "4711"]).is_stopped_by("SD208", "enter", "EACCES");
        assert_eq!(
            [names(&own), names(&roots), names(&closed.join("in"))],
            [vec![], vec![], vec![] as Vec<String>]
        );
        let fixed = preflight(&roots, &["--server", "4711"]);
        let fix = fixed.0["findings"][0]["fix"].to_string();
        assert!(fix.contains("setfacl -m u:4711:wx"), "{fix}");
    });
}

/// A command run by an ordinary user of the world.
fn as_user(program: &Path, uid: u32) -> Option<Command> {
    let mut command = need("setpriv")?;
    let id = uid.to_string();
    command.args([&format!("--reuid={id}"), &format!("--regid={id}"), "--clear-groups", "--"]).arg(program);
    Some(command)
}

#[test]
fn sd208_an_ordinary_user_is_told_what_it_may_not() {
    let name = "preflight::sd208_an_ordinary_user_is_told_what_it_may_not";
    isolated_root(name, |world| {
        let program = everybodys(world);
        let Some(mut user) = as_user(&program, 4711) else { return skip(name, "no setpriv") };
        let dir = made(world, "roots", 0o755);
        let output = finish(user.args(["--json", "preflight"]).arg(&dir), Duration::from_secs(20));
        let seen = Tried(document(&output));
        seen.is_stopped_by("SD208", "bind", "EACCES");
        assert!(seen.0["findings"][0]["fix"].to_string().contains("--server"), "{:#}", seen.0);
        let mut user = as_user(&program, 4711).unwrap();
        let other = ["--json", "preflight", "--server", "4712"];
        chown(&dir, Some(4712), None).unwrap();
        let seen = document(&finish(user.args(other).arg(&dir), Duration::from_secs(20)));
        assert_eq!(seen["exit_code"], 3, "{seen:#}");
        assert!(seen["not_checked"][0]["would_help"].as_str().unwrap().starts_with("sudo "), "{seen:#}");
        let mut user = as_user(&program, 4711).unwrap();
        chown(&dir, Some(4711), None).unwrap();
        Tried(document(&finish(user.args(["--json", "preflight"]).arg(&dir), Duration::from_secs(20))))
            .is_fine();
    });
}

#[test]
fn sd208_a_file_of_somebody_else_keeps_its_name_in_a_sticky_directory() {
    isolated_root("preflight::sd208_a_file_of_somebody_else_keeps_its_name_in_a_sticky_directory", |world| {
        let dir = made(world, "sticky", 0o1777);
        drop(UnixListener::bind(dir.join("app.sock")).unwrap());
        let seen = preflight(&dir, &["--server", "4711", "--name", "app.sock"]);
        assert_eq!(seen.found(), [("SD208", "error")], "{:#}", seen.0);
        preflight(&dir, &["--server", "4711", "--name", "other.sock"]).is_fine();
    });
}

#[test]
fn sd202_the_consumer_is_asked_at_every_directory() {
    isolated_root("preflight::sd202_the_consumer_is_asked_at_every_directory", |world| {
        let dir = made(world, "closed", 0o710);
        let seen = preflight(&dir, &["--uid", "33"]);
        assert_eq!(seen.found(), [("SD202", "error")], "{:#}", seen.0);
        preflight(&dir, &["--uid", "33", "--gid", "0"]).is_fine();
    });
}

#[test]
fn sd108_the_name_counts() {
    isolated_root("preflight::sd108_the_name_counts", |world| {
        let dir = made(world, "d", 0o755);
        let room = 107 - (dir.as_os_str().len() + 1);
        preflight(&dir, &["--name", &"x".repeat(room)]).is_fine();
        let seen = preflight(&dir, &["--name", &"x".repeat(room + 1)]);
        assert_eq!(seen.found(), [("SD108", "error")], "{:#}", seen.0);
        assert_eq!(seen.0["data"]["directories"][0]["address_bytes"], 108);
    });
}

#[test]
fn sd114_a_directory_whose_old_files_are_removed() {
    let name = "preflight::sd114_a_directory_whose_old_files_are_removed";
    isolated_root(name, |world| {
        let Some(rules) = own_tmpfiles(world) else { return skip(name, "no directory of tmpfiles.d") };
        let dir = made(world, "d", 0o755);
        std::fs::write(rules.join("world.conf"), format!("d {} - - - 10d\n", text(&dir))).unwrap();
        let seen = preflight(&dir, &["--name", "app.sock"]);
        assert_eq!(seen.found(), [("SD114", "warning")], "{:#}", seen.0);
    });
}

#[test]
fn nothing_is_made_where_it_is_only_looked() {
    isolated_root("preflight::nothing_is_made_where_it_is_only_looked", |world| {
        let dir = made(world, "d", 0o755);
        let dead = dir.join(".sockdoctor-trial-0123456789abcdef");
        drop(UnixListener::bind(&dead).unwrap());
        let before = std::fs::metadata(&dir).unwrap().modified().unwrap();
        let seen = preflight(&dir, &["--no-trial"]);
        assert_eq!(
            (&seen.0["exit_code"], &seen.0["data"]["trial"]),
            (&0.into(), &Value::Null),
            "{:#}",
            seen.0
        );
        assert_eq!(std::fs::metadata(&dir).unwrap().modified().unwrap(), before);
        assert!(dead.exists());
    });
}

#[test]
fn what_an_earlier_trial_left_is_removed_and_nothing_else() {
    isolated_root("preflight::what_an_earlier_trial_left_is_removed_and_nothing_else", |world| {
        let dir = made(world, "d", 0o755);
        let ours =
            |digit: &str, ending: &str| dir.join(format!(".sockdoctor-trial-{}{ending}", digit.repeat(16)));
        drop(UnixListener::bind(ours("1", "")).unwrap());
        drop(UnixListener::bind(ours("1", "-next")).unwrap());
        std::fs::write(ours("2", ""), "").unwrap();
        // None of these is a dead one of ours.
        let _live = UnixListener::bind(ours("3", "")).unwrap();
        std::fs::write(ours("4", "-file"), "precious").unwrap();
        symlink("elsewhere", ours("5", "")).unwrap();
        drop(UnixListener::bind(dir.join("app.sock")).unwrap());
        let seen = preflight(&dir, &[]);
        seen.is_fine();
        assert_eq!(seen.0["data"]["directories"][0]["removed"].as_array().unwrap().len(), 3, "{:#}", seen.0);
        let left = [ours("3", ""), ours("4", "-file"), ours("5", ""), dir.join("app.sock")];
        assert_eq!(names(&dir), left.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()));
    });
}

#[test]
fn what_the_directory_does_to_new_files_is_said() {
    let name = "preflight::what_the_directory_does_to_new_files_is_said";
    isolated_root(name, |world| {
        let dir = made(world, "d", 0o755);
        tmpfs(&dir);
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o3777)).unwrap();
        chown(&dir, None, Some(50)).unwrap();
        let Some(mut setfacl) = need("setfacl") else { return skip(name, "no setfacl") };
        let set = finish(setfacl.args(["-d", "-m", "u:33:rw"]).arg(&dir), Duration::from_secs(10));
        assert_eq!(set.status, 0, "{}", set.stderr);
        let output = run(["preflight", text(&dir)]);
        for said in [
            "sticky",
            "setgid: a new socket belongs to group 50",
            "u:33:rw-",
            "volatile",
            ":50 under umask",
            "all 13 steps pass",
        ] {
            assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
        }
    });
}

#[test]
fn what_is_no_directory_leaves_the_question_open() {
    isolated_root("preflight::what_is_no_directory_leaves_the_question_open", |world| {
        world.write("file", "");
        for path in [world.path("missing"), world.path("file")] {
            let seen = preflight(&path, &[]);
            assert_eq!(
                (&seen.0["exit_code"], &seen.0["verdict"]),
                (&3.into(), &"unknown".into()),
                "{:#}",
                seen.0
            );
        }
        assert_eq!(run(["preflight", "@abstract"]).status, 2);
        assert_eq!(run(["preflight"]).status, 2);
        assert_eq!(run(["preflight", "/tmp", "--name", "a/b"]).status, 2);
        assert_eq!(run(["preflight", "/tmp", "--server", "nobody-has-this-name"]).status, 2);
    });
}

#[test]
fn the_worst_directory_comes_first_in_every_format() {
    let name = "preflight::the_worst_directory_comes_first_in_every_format";
    isolated_root(name, |world| {
        let good = made(world, "good", 0o755);
        let Some((_fuse, bad)) = served(world, "test", Fault::Mknod(Errno::EPERM)) else {
            return skip(name, "no /dev/fuse");
        };
        let seen = json(["preflight", text(&good), text(&bad)]);
        assert_eq!(seen["data"]["directories"][0]["target"], text(&bad));
        assert_eq!(seen["data"]["trial"][1]["errno"], "EPERM");
        for format in ["text", "plain", "markdown", "github", "sarif", "junit"] {
            let output = run(["preflight", "--format", format, text(&good), text(&bad)]);
            assert_eq!(output.status, 1, "{format}: {}", output.stderr);
            assert!(
                output.stdout.contains("SD501") || output.stdout.contains("fs-cannot-hold-sockets"),
                "{format}"
            );
        }
        assert_eq!(run(["preflight", "--format", "ndjson", text(&good)]).status, 2);
    });
}
