//! `merge`: reports of many hosts, read by us and by jq.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::{json, run, sockdoctor};
use crate::process::finish;
use crate::world::{isolated, need, skip};

const SOON: Duration = Duration::from_secs(60);

/// Reports of two hosts: one socket is broken on both, another one on one of them.
fn reports(dir: &Path) -> Vec<PathBuf> {
    let shared = broken::unlinked(dir).unwrap();
    let alone = dir.join("alone");
    std::fs::create_dir(&alone).unwrap();
    drop(std::os::unix::net::UnixListener::bind(alone.join("b\n\x1b.sock")).unwrap());
    let path = shared.path.to_str().unwrap();
    let one = dir.join("web1.json");
    let two = dir.join("web2.json");
    run(["inspect", path, "--json", "-o", one.to_str().unwrap()]);
    run(["inspect", alone.to_str().unwrap(), path, "--json", "-o", two.to_str().unwrap()]);
    vec![one, two]
}

#[test]
fn hosts_that_share_a_finding_are_named_beside_it() {
    isolated("merge::hosts_that_share_a_finding_are_named_beside_it", |world| {
        let files = reports(&world.dir);
        let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
        let document = json(["merge"].iter().chain(&files));
        assert_eq!((&document["exit_code"], &document["verdict"]), (&1.into(), &"error".into()));
        let merged = document["data"]["merged"].as_array().unwrap();
        assert_eq!(merged[0]["code"], "SD102", "most hosts first: {document:#}");
        assert_eq!(merged[0]["hosts"], serde_json::json!(["web1", "web2"]));
        let stale = merged.iter().find(|one| one["code"] == "SD104").unwrap();
        assert_eq!(stale["hosts"], serde_json::json!(["web2"]));
        let errors = merged.iter().filter(|one| one["severity"] == "error").count();
        assert_eq!(document["summary"]["error"], errors);
        let text = run(["merge"].iter().chain(&files));
        assert_eq!((text.status, text.stderr.as_str()), (1, ""));
        assert!(text.stdout.lines().next().unwrap().ends_with("2 of 2 hosts"), "{}", text.stdout);
        assert!(text.stdout.contains("web1, web2\n") && !text.stdout.contains('\u{1b}'), "{}", text.stdout);
        let again = json(["merge"].iter().chain(&files).chain(&files[..1]));
        assert_eq!(again["data"]["hosts"], 2, "a file that is named twice is one host");
        assert_eq!(run(["merge", "--fail-on", "never"].iter().chain(&files)).status, 0);
        for format in ["plain", "markdown"] {
            let output = run(["merge", "--format", format].iter().chain(&files));
            assert!(output.status == 1 && output.stdout.contains("SD102"), "{format}: {}", output.stdout);
            assert!(!output.stdout.contains('\u{1b}'), "{format}");
        }
    });
}

#[test]
fn a_malformed_file_is_named_and_the_others_are_merged() {
    isolated("merge::a_malformed_file_is_named_and_the_others_are_merged", |world| {
        let mut files = reports(&world.dir);
        files.push(world.write("half.json", &std::fs::read_to_string(&files[0]).unwrap()[..200]));
        files.push(world.write("other.json", "{\"schema\": \"of something else\"}"));
        files.push(world.path("missing.json"));
        // A host whose own run failed is no malformed file, and no healthy host.
        let failed = world.path("failed.json");
        run(["inspect", "inode:1", "--json", "-o", failed.to_str().unwrap()]);
        files.push(failed);
        let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
        let output = run(["merge", "--format", "plain"].iter().chain(&files));
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{}", output.stderr);
        for name in ["half.json", "other.json", "missing.json"] {
            assert!(output.stderr.contains(name), "{}", output.stderr);
        }
        assert!(output.stdout.contains("\tweb1,web2\n"), "{}", output.stdout);
        let text = run(["merge"].iter().chain(&files));
        assert_eq!(text.status, 2);
        assert!(text.stdout.contains("half.json: not merged: "), "{}", text.stdout);
        assert!(text.stdout.contains("failed: its own run failed: no socket"), "{}", text.stdout);
        let document = json(["merge"].iter().chain(&files));
        assert!(document["exit_code"] == 2 && document["error"]["message"].is_string(), "{document:#}");
        assert_eq!(document["data"]["hosts"], 3, "{document:#}");
        let gaps: Vec<&str> = document["not_checked"]
            .as_array()
            .unwrap()
            .iter()
            .map(|gap| gap["reason"].as_str().unwrap())
            .collect();
        assert_eq!(gaps.len(), 4, "{gaps:#?}");
    });
}

#[test]
fn three_thousand_reports_are_counted_as_jq_counts_them_in_bounded_memory() {
    let name = "merge::three_thousand_reports_are_counted_as_jq_counts_them_in_bounded_memory";
    isolated(name, |world| {
        let files = reports(&world.dir);
        let text = std::fs::read_to_string(&files[1]).unwrap();
        let fleet = world.path("fleet");
        std::fs::create_dir(&fleet).unwrap();
        let paths: Vec<PathBuf> =
            (0..3000).map(|number| fleet.join(format!("host{number:04}.json"))).collect();
        for (number, path) in paths.iter().enumerate() {
            // Each host has a finding of its own beside those it shares.
            std::fs::write(path, text.replace("alone/", &format!("alone{number}/"))).unwrap();
        }
        let mut limited = sockdoctor();
        limited.arg("merge").args(["--json"]).args(&paths);
        let output = finish(&mut limited, SOON);
        assert_eq!((output.status, output.stderr.as_str()), (1, ""));
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        let merged = document["data"]["merged"].as_array().unwrap();
        assert_eq!((&merged[0]["code"], &merged[0]["count"]), (&"SD102".into(), &3000.into()));
        let Some(mut jq) = need("jq") else { return skip(name, "no jq") };
        let query = "[.[].findings[] | .code + .subject.name] | unique | length";
        let counted = finish(jq.args(["-s", query]).args(&paths), SOON);
        assert_eq!(counted.stdout.trim(), merged.len().to_string(), "{}", counted.stderr);
        let Some(mut prlimit) = need("prlimit") else { return skip(name, "no prlimit") };
        // Address space, which is more than memory: the program itself, and the stacks of threads there are none of.
        prlimit.arg("--as=200000000").arg(env!("CARGO_BIN_EXE_sockdoctor")).arg("merge").args(&paths);
        let output = finish(prlimit.arg("-q"), SOON);
        assert_eq!(output.status, 1, "{}", output.stderr);
    });
}
