//! `probe` against servers that behave, and servers that do not: what is found, and that it stays within bounds.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary::{everybodys, json, run, sockdoctor};
use crate::hostile_server::{self as server, Manner};
use crate::process::{Process, finish, until};
use crate::world::{World, isolated, isolated_root, need, skip};

const ENOUGH: Duration = Duration::from_secs(30);

/// Probes it over HTTP, with more words.
fn probe(path: &Path, more: &[&str]) -> Value {
    let path = path.to_str().unwrap();
    let words = ["probe", path, "--http", "/", "--timeout", "1500ms"];
    json(words.iter().chain(more))
}

/// A server of this manner, probed.
fn probed(world: &World, name: &str, manner: Manner, more: &[&str]) -> Value {
    let path = world.path(name);
    server::serve(&path, manner);
    probe(&path, more)
}

fn first_code(document: &Value) -> &str {
    document["findings"][0]["code"].as_str().unwrap_or("none")
}

#[test]
fn every_hostile_server_has_its_finding() {
    isolated("probe::every_hostile_server_has_its_finding", |world| {
        let cases: [(&str, Manner, &str, &str); 13] = [
            ("silent", server::silent, "SD401", "no_reply"),
            ("closing", server::closing, "SD402", "closed"),
            ("resetting", server::resetting, "SD402", "closed"),
            ("garbage", server::garbage, "SD403", "foreign"),
            ("invalid", server::invalid_utf8, "SD403", "foreign"),
            ("dripping", server::dripping, "SD409", "unfinished"),
            ("endless-head", server::endless_head, "SD409", "unfinished"),
            ("endless-body", server::endless_body, "SD409", "unfinished"),
            ("huge-body", server::huge_body, "SD409", "unfinished"),
            ("half-way", server::half_way, "SD409", "unfinished"),
            ("cut-short", server::cut_short, "SD409", "unfinished"),
            ("contradictory", server::contradictory, "SD409", "unfinished"),
            ("bad-chunk", server::bad_chunk, "SD409", "unfinished"),
        ];
        for (name, manner, code, outcome) in cases {
            let document = probed(world, name, manner, &[]);
            assert_eq!(first_code(&document), code, "{name}: {document:#}");
            assert_eq!(document["exit_code"], 1, "{name}");
            assert_eq!(document["data"]["probes"][0]["outcome"], outcome, "{name}: {document:#}");
        }
    });
}

#[test]
fn a_reply_is_held_against_what_was_expected() {
    isolated("probe::a_reply_is_held_against_what_was_expected", |world| {
        let path = world.path("ok.sock");
        server::serve(&path, server::healthy);
        let met = ["--expect", "2xx", "--expect-header", "content-type: json", "--expect-json", "/status=ok"];
        let document = probe(&path, &[&met[..], &["--expect-body", "ok"]].concat());
        assert_eq!((first_code(&document), &document["exit_code"]), ("none", &0.into()), "{document:#}");
        let sample = &document["data"]["probes"][0];
        assert_eq!([&sample["status"], &sample["body_bytes"]], [200, 15]);
        assert_eq!(sample["server"], "x/1");
        assert_eq!(sample["steps"].as_array().unwrap().len(), 4);
        for missed in [["--expect", "204"], ["--expect-json", "/status=down"], ["--expect-header", "X-Not"]] {
            let document = probe(&path, &missed);
            assert_eq!((first_code(&document), &document["exit_code"]), ("SD408", &1.into()), "{missed:?}");
        }
        let document = probed(world, "500.sock", server::failing, &[]);
        assert_eq!(first_code(&document), "SD408");
        assert_eq!(document["data"]["probes"][0]["misses"][0]["got"], "500");
        assert_eq!(probed(world, "events.sock", server::events, &[])["exit_code"], 0, "a stream is its head");
    });
}

#[test]
fn a_body_that_is_asked_for_is_whole_and_alone_on_standard_output() {
    isolated("probe::a_body_that_is_asked_for_is_whole_and_alone_on_standard_output", |world| {
        let body = |name: &str, manner: Manner, more: &[&str]| {
            let path = world.path(name);
            server::serve(&path, manner);
            run([&["probe", path.to_str().unwrap(), "--http", "/", "--body-only"], more].concat())
        };
        let whole = body("long", server::long, &[]);
        assert_eq!((whole.status, whole.stdout.len(), whole.stderr.as_str()), (0, 3 << 20, ""));
        let failed = body("failing", server::failing, &[]);
        assert_eq!((failed.status, failed.stdout.as_str()), (1, "no"));
        assert!(failed.stderr.contains("SD408"), "{}", failed.stderr);
        let cut = body("longer", server::long, &["--max-body", "1M"]);
        assert!(cut.status == 1 && cut.stderr.contains("SD409"), "{}", cut.stderr);
    });
}

#[test]
fn sd405_a_400_that_goes_with_another_host() {
    isolated("probe::sd405_a_400_that_goes_with_another_host", |world| {
        let document = probed(world, "host.sock", server::particular, &[]);
        assert_eq!(first_code(&document), "SD405", "{document:#}");
        assert_eq!(document["summary"]["suppressed"], 1, "SD408 follows from it");
        let fixed = probe(&world.path("host.sock"), &["--host", "127.0.0.1"]);
        assert_eq!(fixed["exit_code"], 0, "the printed fix");
    });
}

#[test]
fn sd407_a_password_is_a_warning_and_no_failure() {
    isolated("probe::sd407_a_password_is_a_warning_and_no_failure", |world| {
        let path = world.path("locked.sock");
        server::serve(&path, server::locked);
        let document = json(["probe", path.to_str().unwrap(), "--protocol", "redis"]);
        assert_eq!((first_code(&document), &document["exit_code"]), ("SD407", &0.into()), "{document:#}");
        assert_eq!(document["data"]["probes"][0]["outcome"], "auth_refused");
        // Known by its path it is first listened to, which is no time of the server's.
        let path = world.path("redis.sock");
        server::serve(&path, server::locked);
        let document = json(["probe", path.to_str().unwrap()]);
        let steps = document["data"]["probes"][0]["steps"].as_array().unwrap();
        let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
        assert_eq!(names, ["connect", "listen", "send", "first_byte", "reply"]);
    });
}

#[test]
fn each_failure_to_connect_keeps_its_errno_and_has_its_cause() {
    isolated("probe::each_failure_to_connect_keeps_its_errno_and_has_its_cause", |world| {
        let missing = probe(&world.path("missing.sock"), &[]);
        assert_eq!(
            (first_code(&missing), &missing["data"]["probes"][0]["errno"]),
            ("SD101", &"ENOENT".into())
        );
        drop(UnixListener::bind(world.path("stale.sock")).unwrap());
        let stale = probe(&world.path("stale.sock"), &[]);
        assert_eq!(
            (first_code(&stale), &stale["data"]["probes"][0]["errno"]),
            ("SD104", &"ECONNREFUSED".into())
        );
        world.write("file.sock", "");
        let file = probe(&world.path("file.sock"), &[]);
        assert_eq!(first_code(&file), "SD106", "{file:#}");
        let nothing = json(["probe", "127.0.0.1:5001", "--http", "/"]);
        assert_eq!(nothing["exit_code"], 1);
        assert!(nothing["data"]["probes"][0]["errno"].is_string(), "{nothing:#}");
    });
}

#[test]
fn who_is_denied_is_told_by_what() {
    let name = "probe::who_is_denied_is_told_by_what";
    isolated_root(name, |world| {
        let path = world.path("closed.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let Some(mut setpriv) = need("setpriv") else { return skip(name, "no setpriv") };
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(everybodys(world));
        let output = finish(setpriv.args(["probe", "--http", "/", "--json"]).arg(&path), ENOUGH);
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!((first_code(&document), output.status), ("SD201", 1), "{document:#}");
    });
}

#[test]
fn sd301_a_full_queue_names_who_waits_and_is_asked_once() {
    isolated("probe::sd301_a_full_queue_names_who_waits_and_is_asked_once", |world| {
        let path = world.path("full.sock");
        let listener = UnixListener::bind(&path).unwrap();
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
        let client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let waits = crate::make::holder(&client);
        let document = probe(&path, &["-n", "5"]);
        assert_eq!(first_code(&document), "SD301", "{document:#}");
        assert_eq!(document["data"]["probes"][0]["errno"], "EAGAIN");
        assert_eq!(document["data"]["series"][0]["count"], 1, "once is enough");
        let evidence = document["findings"][0]["evidence"].to_string();
        assert!(evidence.contains("queue 1/0"), "{evidence}");
        drop((client, waits));
        let document = probe(&path, &[]);
        assert!(
            document["findings"][0]["evidence"].to_string().contains("client has given up"),
            "{document:#}"
        );
        let inspected = json(["inspect", path.to_str().unwrap()]);
        assert_eq!(first_code(&inspected), "SD301", "and inspect sees it without a probe");
        drop(listener.accept());
        assert_ne!(first_code(&json(["inspect", path.to_str().unwrap()])), "SD301");
    });
}

#[test]
fn a_series_that_is_interrupted_tells_what_it_has() {
    isolated("probe::a_series_that_is_interrupted_tells_what_it_has", |world| {
        let path = world.path("ok.sock");
        server::serve(&path, server::healthy);
        let mut series = sockdoctor();
        series.args(["probe", "--http", "/", "-n", "1000", "--interval", "1m", "--json"]).arg(&path);
        let out = world.path("out");
        let mut series = Process::start(series.stdout(std::fs::File::create(&out).unwrap()));
        // It pauses for a minute once the signal would be held back.
        let pid = series.pid();
        let blocked = || {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("SigBlk") && line.ends_with('2'))
        };
        assert!(until(ENOUGH, blocked));
        series.signal(Signal::SIGINT);
        assert_eq!(series.ended(ENOUGH).and_then(|status| status.code()), Some(0));
        let document: Value = serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap();
        let series = &document["data"]["series"][0];
        assert_eq!(
            (&series["count"], &series["stopped"]),
            (&1.into(), &"interrupted".into()),
            "{document:#}"
        );
    });
}

#[test]
fn a_series_has_its_times_and_leaves_no_descriptor_open() {
    isolated("probe::a_series_has_its_times_and_leaves_no_descriptor_open", |world| {
        let path = world.path("ok.sock");
        server::serve(&path, server::healthy);
        // With a limit far below their number, a leak would end the series.
        let mut limited = Command::new("sh");
        limited.args([
            "-c",
            "ulimit -n 32; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_sockdoctor"),
            "--json",
            "probe",
        ]);
        let output = finish(limited.arg(&path).args(["--http", "/", "-n", "2000"]), ENOUGH);
        let document = crate::binary::document(&output);
        let series = &document["data"]["series"][0];
        assert_eq!([&series["count"], &series["failed"]], [2000, 0], "{:#}", document["findings"]);
        assert!(series["p50_s"].as_f64() <= series["p99_s"].as_f64() && series["p99_s"].is_number());
        let lines =
            run(["probe", path.to_str().unwrap(), "--http", "/", "-n", "3", "--format", "ndjson"]).stdout;
        assert_eq!(lines.lines().count(), 3);
        assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["ok"] == true));
        let text = run(["probe", path.to_str().unwrap(), "--http", "/", "-n", "30"]).stdout;
        assert!(text.contains("p50 ") && text.contains("30 of 30 fine"), "{text}");
    });
}

#[test]
fn a_hostile_reply_is_shown_and_costs_little_memory() {
    isolated("probe::a_hostile_reply_is_shown_and_costs_little_memory", |world| {
        for (name, manner) in [("head", server::endless_head as Manner), ("body", server::endless_body)] {
            let path = world.path(name);
            server::serve(&path, manner);
            let mut child = sockdoctor()
                .args(["-q", "probe"])
                .arg(&path)
                .args(["--http", "/", "--max-body", "1G"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let mut peak = 0;
            while child.try_wait().unwrap().is_none() {
                let status =
                    std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
                let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
                peak = peak.max(line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0));
            }
            // The binary of a test build alone maps several MiB.
            assert!((1..32 << 10).contains(&peak), "{name}: {peak} KiB");
        }
        let path = world.path("evil.sock");
        server::serve(&path, server::failing);
        let text = run(["probe", path.to_str().unwrap(), "--http", "/", "-i"]).stdout;
        assert!(text.contains("x/1\\xff"), "{text}");
        let body = run(["probe", path.to_str().unwrap(), "--http", "/", "--body-only", "--expect", "500"]);
        assert_eq!((body.stdout.as_str(), body.status), ("no", 0));
    });
}

#[test]
fn every_format_escapes_what_strangers_chose() {
    use std::os::unix::ffi::OsStrExt;
    isolated("probe::every_format_escapes_what_strangers_chose", |world| {
        for (manner, word) in [(server::failing as Manner, "SD408"), (server::healthy, "HTTP/1.1 200")] {
            let path = world.dir.join(std::ffi::OsStr::from_bytes(b"a\n\x1b[31m\xff\"<|%`"));
            let _ = std::fs::remove_file(&path);
            server::serve(&path, manner);
            for format in ["text", "plain", "markdown", "json", "ndjson"] {
                let mut command = sockdoctor();
                let output =
                    finish(command.arg("probe").arg(&path).args(["--http", "/", "--format", format]), ENOUGH);
                assert!(!output.stdout.contains('\x1b'), "{format}: {}", output.stdout);
                let lossy = output.stdout.contains('\u{fffd}');
                assert!(format.contains("json") || !lossy, "{format}: {}", output.stdout);
                assert!(
                    format.contains("json") || output.stdout.contains(word),
                    "{format}: {}",
                    output.stdout
                );
                let mut lines = output.stdout.lines();
                assert!(
                    format != "plain" || lines.all(|line| line.matches('\t').count() == 5),
                    "{}",
                    output.stdout
                );
            }
        }
    });
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    isolated("probe::what_cannot_be_meant_is_a_usage_error", |world| {
        let path = world.path("x.sock");
        let path = path.to_str().unwrap();
        for wrong in [
            &["probe"][..],
            &["probe", path, "--expect", "20"],
            &["probe", path, "--expect-body", "("],
            &["probe", path, "-H", "no field"],
            &["probe", path, "--http", "relative"],
            &["probe", path, "--max-body", "huge"],
            &["probe", path, "--send", "\\q"],
            &["probe", path, "-n", "0"],
            &["probe", path, "--protocol", "telnet"],
            &["probe", path, "-X", "GE T"],
            &["probe", "inode:7"],
        ] {
            assert_eq!(run(wrong).status, 2, "{wrong:?}");
        }
        assert_eq!(run(["probe", "--http", "/"]).status, 3, "nothing was tried");
    });
}

#[test]
fn a_server_that_nothing_is_known_of_is_not_spoken_to() {
    isolated("probe::a_server_that_nothing_is_known_of_is_not_spoken_to", |world| {
        let path = world.path("mute.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let document = json(["probe", path.to_str().unwrap()]);
        assert_eq!(document["data"]["probes"][0]["outcome"], "connected");
        let mut said = String::new();
        std::io::Read::read_to_string(&mut listener.accept().unwrap().0, &mut said).unwrap();
        assert_eq!((said.as_str(), &document["exit_code"]), ("", &0.into()));
    });
}
