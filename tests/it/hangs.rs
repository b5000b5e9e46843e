//! A FUSE server that does not answer: sockdoctor ends by itself, says that it cannot tell, and leaves nothing.

use std::path::Path;
use std::time::Duration;

use sockdoctor::act::broken::{self, Broken};

use crate::binary::{document, sockdoctor};
use crate::fuse::{Fault, Fuse};
use crate::make::on_fuse;
use crate::process::{finish_in_group, until};
use crate::seen::{Inspected, inspect, text};
use crate::world::{World, isolated_root, skip};

/// More than any answer needs, less than somebody waits for a command that hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// A listener in a file system that stops to answer.
fn hung(world: &World, fault: Fault) -> Option<(Fuse, Broken)> {
    let (fuse, live) = on_fuse(world, Fault::None)?;
    fuse.set(fault);
    Some((fuse, live))
}

/// Inspects a path that hangs; `after` gets the server and what was left running.
fn gives_up(name: &str, fault: Fault, after: impl FnOnce(Fuse, &dyn Fn() -> bool)) {
    isolated_root(name, |world| {
        let Some((fuse, live)) = hung(world, fault) else { return skip(name, "no /dev/fuse") };
        let mut command = sockdoctor();
        command.arg("inspect").arg(&live.path).args(["--timeout", "2s", "--json"]);
        let (output, group) = finish_in_group(&mut command, LIMIT);
        let seen = Inspected(document(&output));
        seen.ends_with(3, "unknown");
        assert!(seen.findings().all(|finding| finding["severity"] == "info"), "{:#}", seen.0);
        let gaps = seen.0["not_checked"].to_string();
        assert!(gaps.contains(text(&world.path("fuse"))), "it names the mount: {gaps}");
        after(fuse, &|| group.group().is_empty());
    });
}

#[test]
fn a_lookup_without_an_answer_is_given_up_on() {
    let name = "hangs::a_lookup_without_an_answer_is_given_up_on";
    gives_up(name, Fault::HangLookup, |fuse, nothing_runs| {
        drop(fuse);
        assert!(until(Duration::from_secs(5), nothing_runs), "a helper outlives the server");
    });
}

#[test]
fn a_server_that_reads_nothing_is_given_up_on_and_no_process_stays() {
    let name = "hangs::a_server_that_reads_nothing_is_given_up_on_and_no_process_stays";
    gives_up(name, Fault::Deaf, |_fuse, nothing_runs| {
        assert!(until(Duration::from_secs(1), nothing_runs), "a helper stays behind");
    });
}

#[test]
fn a_healthy_path_does_not_care_what_hangs_elsewhere() {
    let name = "hangs::a_healthy_path_does_not_care_what_hangs_elsewhere";
    isolated_root(name, |world| {
        let Some((_fuse, live)) = hung(world, Fault::HangLookup) else { return skip(name, "no /dev/fuse") };
        let healthy = broken::listening(&world.dir).unwrap();
        let seen = inspect(&healthy.path);
        seen.is_healthy();
        assert!(seen.codes().is_empty(), "{:#}", seen.0);
        let listed = list(world);
        assert_eq!(verdict(&listed, &healthy.path), "ok");
        assert_eq!(verdict(&listed, &live.path), "unknown");
    });
}

#[test]
fn a_missing_path_does_not_care_what_hangs_under_the_same_last_name() {
    let name = "hangs::a_missing_path_does_not_care_what_hangs_under_the_same_last_name";
    isolated_root(name, |world| {
        let Some((_fuse, _live)) = hung(world, Fault::HangLookup) else { return skip(name, "no /dev/fuse") };
        let missing = broken::missing(&world.dir).unwrap();
        let mut command = sockdoctor();
        command.arg("inspect").arg(&missing.path).args(["--timeout", "2s", "--json"]);
        let (output, _group) = finish_in_group(&mut command, LIMIT);
        Inspected(document(&output)).is_broken_by("SD101", "certain");
    });
}

fn list(world: &World) -> serde_json::Value {
    let mut command = sockdoctor();
    command.args(["list", "--json", "--timeout", "2s", "--match"]).arg(world.path("*"));
    document(&finish_in_group(&mut command, LIMIT).0)
}

#[track_caller]
fn verdict<'d>(listed: &'d serde_json::Value, path: &Path) -> &'d str {
    let rows = listed["data"]["sockets"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == text(path));
    row.unwrap_or_else(|| panic!("no row for {}: {listed:#}", path.display()))["verdict"].as_str().unwrap()
}

#[test]
fn a_probe_and_an_access_are_given_up_on_too() {
    let name = "hangs::a_probe_and_an_access_are_given_up_on_too";
    isolated_root(name, |world| {
        let Some((fuse, live)) = hung(world, Fault::Deaf) else { return skip(name, "no /dev/fuse") };
        for (arguments, status) in [(&["probe", "--http", "/"][..], 1), (&["access", "--as", "33"], 3)] {
            let mut command = sockdoctor();
            command.args(arguments).arg(&live.path).args(["--timeout", "2s", "--json"]);
            let (output, group) = finish_in_group(&mut command, LIMIT);
            let seen = document(&output);
            assert_eq!(seen["exit_code"], status, "{seen:#}");
            if status == 1 {
                assert_eq!(seen["data"]["probes"][0]["errno"], "ETIMEDOUT", "{seen:#}");
            } else {
                assert_eq!(seen["data"]["allowed"], serde_json::Value::Null, "{seen:#}");
            }
            assert!(until(Duration::from_secs(1), || group.group().is_empty()), "a helper stays behind");
        }
        drop(fuse);
    });
}
