//! Real 9p and real virtiofs, whose other side is another kernel: in a machine that QEMU emulates.
//!
//! `tests/run --vm` selects these tests; what they need, `tests/run --install --vm` fetches. All of them judge what
//! two boots told, one with the servers run by root, one with those that an ordinary user may run.

mod machine;
#[allow(dead_code, reason = "a program of its own: only its steps are run here")]
mod trial;

use std::sync::LazyLock;

use serde_json::Value;

use crate::binary::document;
use crate::preflight::Tried;
use crate::process::Output;
use crate::seen::Inspected;
use crate::world::skip;
use machine::{CACHES_9P, CACHES_VIRTIOFS, MODELS, Server};

/// Every step of a trial, as it ends where nothing is special: on tmpfs, ext4, xfs.
const FINE: [(&str, &str); 24] = [
    ("file", "ok"),
    ("file chmod", "ok"),
    ("file chown", "ok"),
    ("bind datagram", "ok"),
    ("bind", "ok"),
    ("lstat", "ok"),
    ("chmod", "ok"),
    ("chown", "ok"),
    ("connect", "ok"),
    ("connect uncached", "ok"),
    ("connect by symlink", "ok"),
    ("bind again", "EADDRINUSE"),
    ("connect stale", "ECONNREFUSED"),
    ("link", "ok"),
    ("connect link", "ok"),
    ("connect linked", "ok"),
    ("rename", "ok"),
    ("connect renamed", "ok"),
    ("connect old name", "ENOENT"),
    ("rename over", "ok"),
    ("connect over", "ok"),
    ("unlink", "ok"),
    ("connect unlinked", "ENOENT"),
    ("connect rebound", "ok"),
];

/// Steps that end otherwise, and how.
type Differences = &'static [(&'static str, &'static str)];

/// Everywhere nothing is left behind by a bind that fails, and then no step follows.
const NO_BIND: Differences = &[("bind datagram", "ENXIO"), ("bind", "ENXIO"), ("left behind", "ok")];

/// What a trial by root or by a user of the guest meets: QEMU 7.2 with its fix of CVE-2023-2861, the C virtiofsd,
/// Linux 6.1. The mode of the cache matters to hard links alone.
fn differences(server: Server, share: &str, cache: &str, who: &str) -> Differences {
    match (server, share, cache, who) {
        (_, "mapped-xattr" | "mapped-file", "none" | "mmap", _) => &[("connect link", "ECONNREFUSED")],
        // It may not give away what it makes, and the guest's root is not who it is.
        (Server::User, "passthrough", _, "root") => &[
            ("file", "EPERM"),
            ("file chmod", "ENOENT"),
            ("file chown", "ENOENT"),
            ("bind datagram", "EPERM"),
            ("bind", "EPERM"),
            ("left behind", "ok"),
        ],
        (Server::User, "none", _, "root") => {
            &[("file chown", "EPERM"), ("bind datagram", "ENXIO"), ("bind", "ENXIO"), ("left behind", "ok")]
        }
        (_, "passthrough" | "none", _, _) => NO_BIND,
        _ => &[],
    }
}

/// All shares of a machine: the name its cases have, the security model or `virtiofs`, and the mode of the cache.
fn shares(server: Server) -> Vec<(String, &'static str, &'static str)> {
    let name = server.name();
    let of_9p = MODELS.iter().flat_map(|model| CACHES_9P.map(|cache| (*model, cache)));
    let mut shares: Vec<_> =
        of_9p.map(|(model, cache)| (format!("{name}/{model}/{cache}"), model, cache)).collect();
    if server == Server::Root {
        let virtiofs = CACHES_VIRTIOFS.map(|cache| (format!("{name}/virtiofs-{cache}"), "virtiofs", cache));
        shares.extend(virtiofs);
    }
    shares
}

/// Whether a server in the guest can bind there at all.
fn binds(server: Server, share: &str, cache: &str) -> bool {
    differences(server, share, cache, "root").iter().all(|(step, _)| *step != "bind")
}

/// What the machines told, booted side by side by the first test that asks.
static TOLD: LazyLock<[Result<Vec<Value>, String>; 2]> = LazyLock::new(|| {
    let boots = [Server::Root, Server::User].map(|server| std::thread::spawn(move || machine::run(server)));
    boots.map(|boot| boot.join().unwrap())
});

/// Judges each machine by what it told.
fn judge(name: &str, judge: impl Fn(Server, &[Value])) {
    for (server, told) in [Server::Root, Server::User].into_iter().zip(TOLD.iter()) {
        match told {
            Ok(told) => judge(server, told),
            Err(reason) => return skip(name, reason),
        }
    }
}

/// What a command of sockdoctor said in the guest: valid, in time, and true about its status.
#[track_caller]
fn said(told: &[Value], case: &str, command: &str) -> Inspected {
    let line = told.iter().find(|line| line["case"] == case && line["says"] == command);
    let line = line.unwrap_or_else(|| panic!("{case}: {command} was not run"));
    let status = i32::try_from(line["status"].as_i64().unwrap()).unwrap();
    Inspected(document(&Output { status, stdout: line["document"].to_string(), stderr: case.to_owned() }))
}

/// The mount of the only target is the share, and not taken for what the host has below it.
#[track_caller]
fn is_on(inspected: &Inspected, share: &str) {
    let mount = &inspected.target()["mount"];
    let fstype = if share == "virtiofs" { "virtiofs" } else { "9p" };
    assert_eq!((&mount["fstype"], &mount["class"]), (&fstype.into(), &"foreign".into()), "{:#}", inspected.0);
}

#[test]
fn where_nothing_is_special_a_trial_is_fine() {
    let dir = tempfile::tempdir().unwrap();
    let owner = nix::unistd::geteuid().as_raw();
    let here: Vec<_> = FINE.into_iter().filter(|(step, _)| *step != "connect uncached").collect();
    let steps = trial::steps(dir.path(), owner);
    assert_eq!(steps.iter().map(|(step, outcome)| (*step, outcome.as_str())).collect::<Vec<_>>(), here);
}

#[test]
#[ignore = "tests/run --vm"]
fn every_share_does_with_a_socket_what_is_known_of_it() {
    judge("vm::every_share_does_with_a_socket_what_is_known_of_it", |server, told| {
        let mut wrong = Vec::new();
        for (case, share, cache) in shares(server) {
            for who in ["root", "user"] {
                let case = format!("{case}/{who}");
                let lines = told.iter().filter(|line| line["case"] == case.as_str());
                let steps: Vec<_> = lines
                    .filter_map(|line| Some((line["step"].as_str()?, line["outcome"].as_str()?)))
                    .collect();
                let differences = differences(server, share, cache, who);
                let mut known = FINE.to_vec();
                if let Some(end) = differences.iter().find(|(step, _)| *step == "left behind") {
                    known.truncate(5);
                    known.push(*end);
                }
                for (step, outcome) in &mut known {
                    if let Some((_, other)) = differences.iter().find(|(other, _)| other == step) {
                        *outcome = other;
                    }
                }
                if steps != known {
                    wrong.push(format!("{case}: {steps:?}\n  instead of {known:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
#[ignore = "tests/run --vm"]
fn a_live_socket_of_the_other_kernel_is_left_alone() {
    judge("vm::a_live_socket_of_the_other_kernel_is_left_alone", |server, told| {
        for (case, share, cache) in shares(server) {
            let host = format!("{case}/host");
            let inspected = said(told, &host, "inspect");
            inspected.is_broken_by("SD104", "likely");
            assert_eq!(inspected.codes(), ["SD104", "SD502"], "{host}: {:#}", inspected.0);
            inspected.leaves_the_file_alone();
            is_on(&inspected, share);
            if cache == "none" || share == "virtiofs" {
                for command in ["access", "probe"] {
                    let refused = said(told, &host, command);
                    assert_eq!(refused.0["exit_code"], 1, "{host}: {:#}", refused.0);
                    assert_eq!(refused.codes(), ["SD104", "SD502"], "{host}: {:#}", refused.0);
                    refused.leaves_the_file_alone();
                }
            }
        }
    });
}

#[test]
#[ignore = "tests/run --vm"]
fn two_live_sockets_of_this_kernel_are_told_apart() {
    judge("vm::two_live_sockets_of_this_kernel_are_told_apart", |server, told| {
        for (case, share, cache) in shares(server) {
            if !binds(server, share, cache) {
                assert!(told.iter().all(|line| line["case"] != format!("{case}/held")), "{case}");
                continue;
            }
            for name in ["held", "other"] {
                let inspected = said(told, &format!("{case}/{name}"), "inspect");
                inspected.is_healthy();
                is_on(&inspected, share);
                let bound = inspected.target()["socket"]["name"].as_str().unwrap();
                assert!(bound.ends_with(&format!("/{name}")), "{case}: {bound} serves {name}");
                let serve = inspected.target()["sockets"].as_array().unwrap().iter();
                let serve = serve.filter(|socket| socket["role"] == "serves_path").count();
                assert_eq!(serve, 1, "{case}: {:#}", inspected.0);
            }
        }
    });
}

/// Some of these mounts give the inode number 0 while a socket is bound, which is everybody's and nobody's.
#[test]
#[ignore = "tests/run --vm"]
fn an_unlinked_listener_is_not_taken_for_its_live_neighbours() {
    judge("vm::an_unlinked_listener_is_not_taken_for_its_live_neighbours", |server, told| {
        for (case, _, _) in shares(server).into_iter().filter(|(_, share, cache)| binds(server, share, cache))
        {
            let inspected = said(told, &format!("{case}/gone"), "inspect");
            assert!(!inspected.codes().contains(&"SD113"), "{case}: {:#}", inspected.0);
            assert_eq!(inspected.0["exit_code"], 1, "{case}: {:#}", inspected.0);
        }
    });
}

#[test]
#[ignore = "tests/run --vm"]
fn a_dead_socket_of_this_kernel_is_dead_at_most_likely() {
    judge("vm::a_dead_socket_of_this_kernel_is_dead_at_most_likely", |server, told| {
        for (case, share, _) in
            shares(server).into_iter().filter(|(_, share, cache)| binds(server, share, cache))
        {
            let inspected = said(told, &format!("{case}/left"), "inspect");
            inspected.is_broken_by("SD104", "likely");
            inspected.leaves_the_file_alone();
            is_on(&inspected, share);
        }
    });
}

/// What `preflight` is to find where a trial met this, the cause first, its exit status, and the step that failed.
type Foreseen = (&'static [(&'static str, &'static str)], i32, &'static str);

/// SD502 stands everywhere, for what the other kernel cannot do there. A hard link is no reason to go elsewhere.
fn foreseen(differences: Differences) -> Foreseen {
    let met = |step| differences.iter().any(|(other, _)| *other == step);
    if met("bind") {
        (&[("SD501", "error"), ("SD502", "warning")], 1, "bind")
    } else if met("connect link") {
        (&[("SD502", "warning"), ("SD501", "info")], 0, "connect_link")
    } else {
        (&[("SD502", "warning")], 0, "")
    }
}

#[test]
#[ignore = "tests/run --vm"]
fn preflight_foresees_what_a_trial_meets() {
    judge("vm::preflight_foresees_what_a_trial_meets", |server, told| {
        let mut wrong = Vec::new();
        for (case, share, cache) in shares(server) {
            for who in ["root", "user"] {
                let differences = differences(server, share, cache, who);
                let (found, status, failed) = foreseen(differences);
                let tried = Tried(said(told, &format!("{case}/{who}"), "preflight").0);
                let met = failed.replace('_', " ");
                let errno = differences.iter().find(|(step, _)| *step == met).map(|(_, errno)| *errno);
                let as_met = errno.is_none_or(|errno| tried.step(failed) == errno);
                if tried.found() != found || tried.0["exit_code"] != status || !as_met {
                    wrong.push(format!(
                        "{case}/{who}: {:?}, {}: {}",
                        tried.found(),
                        tried.0["exit_code"],
                        tried.0["data"]["trial"]
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
#[ignore = "tests/run --vm"]
fn a_share_is_not_searched_for_stale_files_and_that_is_said() {
    judge("vm::a_share_is_not_searched_for_stale_files_and_that_is_said", |server, told| {
        for (case, _, _) in shares(server).into_iter().filter(|(_, share, cache)| binds(server, share, cache))
        {
            let list = said(told, &format!("{case}/held"), "list").0;
            let rows = list["data"]["sockets"].as_array().unwrap();
            let mut names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
            names.sort_unstable();
            let live = |name: &&str| name.ends_with("/held") || name.ends_with("/other");
            assert!(names.len() == 2 && names.iter().all(live), "{case}: {list:#}");
            assert!(
                list["not_checked"].to_string().contains("not searched for stale files"),
                "{case}: {list:#}"
            );
            assert_eq!(list["findings"], Value::Array(vec![]), "{case}: {list:#}");
        }
    });
}
