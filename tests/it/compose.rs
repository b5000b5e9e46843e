//! `preflight --compose`: what is found in each Compose file, and where; as an ordinary user, without any engine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::binary::{document, json, run, sockdoctor};
use crate::fuse::{Fault, Fuse};
use crate::process::finish;
use crate::world::{isolated, skip};

/// Flags, file, and each finding as `code severity line:column words of its summary`.
const EXPECTED: [(&str, &str, &[&str]); 48] = [
    // S4: a directory of the host, and the named volume that stands in its place.
    ("macos", "s4-wrong.yml", &["SD612 error 4:9 mounted by database, backend"]),
    ("windows", "s4-wrong.yml", &["SD612 error 4:9 mounted by database, backend"]),
    ("linux", "s4-wrong.yml", &["SD612 warning 4:9 mounted by database, backend"]),
    ("macos", "s4-right.yml", &[]),
    ("macos", "s4-whole.yml", &[]),
    ("macos", "s4-host-path.yml", &["SD612 error 8:9 mounted by database, backend"]),
    ("linux", "s4-host-path.yml", &["SD612 warning 8:9 /opt/cultivate/volumes/socket"]),
    // S2: HAProxy and two applications on one volume, read-only for the client.
    ("linux", "s2.yml", &[]),
    ("macos", "s2.yml", &[]),
    ("linux", "s2-read-only-server.yml", &["SD612 warning 6:9 app1 is to bind"]),
    ("linux", "anchors.yml", &["SD612 warning 3:7 mounted by app, proxy"]),
    ("linux", "base.yml", &[]),
    ("linux", "bind-volume.yml", &["SD612 warning 5:9 /srv/pg of the host"]),
    ("linux", "docker-socket.yml", &["SD612 info 5:9 /var/run/docker.sock"]),
    ("macos", "docker-socket.yml", &["SD612 info 5:9 /var/run/docker.sock"]),
    ("linux", "host-is-file.yml", &["SD609 error 4:21 it wants the directory"]),
    ("linux", "hosts-server.yml", &[]),
    ("macos", "hosts-server.yml", &["SD612 error 6:9 /var/run/postgresql of the host"]),
    ("linux", "localhost.yml", &["SD609 error 9:26 looks for MySQL on localhost"]),
    ("linux", "localhost-shared.yml", &[]),
    ("linux", "named-twice.yml", &["SD612 warning 4:19 in another volume"]),
    ("linux", "nfs.yml", &["SD612 warning 9:7 a filesystem of the network (nfs)"]),
    ("linux", "no-healthcheck.yml", &["SD612 warning 2:3 db has no healthcheck"]),
    ("linux", "no-mount.yml", &["SD612 error 9:15 mounts nothing that db has"]),
    ("linux", "no-waiting.yml", &["SD612 warning 7:9 not when its socket is there"]),
    ("linux", "nothing.yml", &[]),
    ("macos", "nothing.yml", &[]),
    ("linux", "other-project.yml", &["SD612 warning 6:9 no service of this project"]),
    ("linux", "other-project-named.yml", &[]),
    ("linux", "profiles.yml", &[]),
    ("linux --profile dev", "profiles.yml", &["SD612 warning 6:9 ./sock of the host"]),
    ("linux", "read-only-root.yml", &["SD612 error 3:5 its root is read-only"]),
    ("linux", "read-only-server.yml", &["SD612 error 6:17 read-only for it"]),
    ("linux", "server-without-mount.yml", &["SD612 error 6:15 where nobody else can see it"]),
    ("linux", "silenced.yml", &[]),
    ("linux", "socket-directories.yml", &["SD612 warning 6:9 ./run of the host"]),
    ("linux", "socket-file.yml", &["SD612 warning 5:9 /srv/app/app.sock itself"]),
    ("linux", "sub-paths.yml", &["SD612 error 12:17 different directories of it: / and /app"]),
    ("linux", "too-long.yml", &["SD108 error 4:19 108 bytes; a socket address holds 107"]),
    ("macos", "too-long-for-macos.yml", &["SD108 error 4:19 a socket address holds 103"]),
    ("linux", "too-long-for-macos.yml", &[]),
    ("linux", "no-dependency.yml", &["SD612 warning 9:15 app does not wait for db"]),
    ("macos", "long-syntax.yml", &["SD612 error 6:17 ./sockets of the host"]),
    ("linux", "two-volumes.yml", &["SD612 error 8:21 in another volume"]),
    ("linux", "uids.yml", &["SD612 warning 6:3 uid 99 and app as uid 1000"]),
    ("linux", "uids-one-group.yml", &[]),
    ("linux", "wrong-directory.yml", &["SD609 error 10:21 has its socket in /var/run/postgresql"]),
    ("linux", "wrong-port.yml", &["SD609 error 11:21 db makes .s.PGSQL.5433"]),
];

fn fixture(name: &str) -> String {
    format!("{}/fixtures/compose/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The arguments that judge a fixture.
fn preflight(target: &str, files: &[&str]) -> Vec<String> {
    let flags = target.split(' ').map(str::to_owned);
    let files = files.iter().map(|name| fixture(name));
    ["preflight", "--compose"]
        .map(str::to_owned)
        .into_iter()
        .chain(files)
        .chain(["--target-os".into()])
        .chain(flags)
        .collect()
}

fn found(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    let line = |finding: &Value| {
        let at = &finding["locations"][0];
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let (code, severity, summary) = (&finding["code"], &finding["severity"], &finding["summary"]);
        format!("{} {} {}:{} {}", word(code), word(severity), at["line"], at["column"], word(summary))
    };
    findings.map(line).collect()
}

#[test]
fn each_compose_file_has_its_findings_at_their_lines() {
    for (target, file, expected) in EXPECTED {
        let document = json(preflight(target, &[file]));
        let found = found(&document);
        let fits = |found: &String, expected: &&str| {
            let mut parts = expected.splitn(4, ' ');
            let head = parts.by_ref().take(3).collect::<Vec<_>>().join(" ");
            found.starts_with(&format!("{head} ")) && found.contains(parts.next().unwrap())
        };
        assert_eq!(found.len(), expected.len(), "{target} {file}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(fits(found, expected), "{target} {file}: {found}, not {expected}");
        }
        let broken = expected.iter().any(|line| line.contains(" error "));
        assert_eq!(document["exit_code"], i32::from(broken), "{target} {file}");
        for finding in document["findings"].as_array().unwrap() {
            assert_eq!(finding["subject"]["kind"], "config");
            assert_eq!(
                finding["evidence"][0]["source"].as_str().unwrap().split(':').next(),
                Some(&*fixture(file))
            );
        }
    }
}

#[test]
fn variables_and_override_files_decide() {
    let env = fixture("variables.env");
    let with_env = json(preflight(&format!("linux --env-file {env}"), &["variables.yml"]));
    assert!(found(&with_env)[0].contains("/srv/sockets of the host"), "{with_env}");
    assert!(found(&json(preflight("linux", &["variables.yml"]))).is_empty());
    let mut shell = sockdoctor();
    shell.args(preflight(&format!("linux --env-file {env}"), &["variables.yml"])).arg("--json");
    let of_shell = document(&finish(shell.env("SOCKETS", "./of-the-shell"), Duration::from_secs(30)));
    assert!(found(&of_shell)[0].contains("./of-the-shell of the host"), "{of_shell}");
    let both = json(preflight("linux", &["base.yml", "base.override.yml"]));
    assert_eq!(both["findings"][0]["locations"][0]["file"], fixture("base.override.yml"));
    assert_eq!(both["data"]["files"].as_array().unwrap().len(), 2);
}

#[test]
fn a_line_of_ci_names_the_line_that_is_wrong() {
    let output = run(preflight("macos --format github", &["s4-wrong.yml"]));
    let start =
        format!("::error file={},line=4,col=9,title=SD612 compose-socket-volume::", fixture("s4-wrong.yml"));
    assert!(output.status == 1 && output.stdout.starts_with(&start), "{}", output.stdout);
    assert_eq!(run(preflight("macos --format github", &["s4-right.yml"])).status, 0);
    let text = run(preflight("macos", &["s4-wrong.yml"])).stdout;
    assert!(text.starts_with("✗ error SD612") || text.starts_with("x error SD612"), "{text}");
    assert!(text.lines().next().unwrap().ends_with("s4-wrong.yml:4:9"), "{text}");
}

#[test]
fn what_is_malformed_has_one_line_and_the_others_are_judged() {
    let output = run(preflight("macos --json", &["malformed.yml", "s4-wrong.yml"]));
    let document = document(&output);
    let place = format!("{}:4:13: ", fixture("malformed.yml"));
    assert!(document["error"]["message"].as_str().unwrap().starts_with(&place), "{document}");
    assert_eq!((output.status, found(&document).len()), (2, 1));
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    let text = run(preflight("macos", &["s4-wrong.yml", "malformed.yml"]));
    assert!(text.status == 2 && text.stdout.contains("SD612"), "{}", text.stdout);
    let missing = run(preflight("linux", &["no-such-file.yml"]));
    assert!(missing.status == 2 && missing.stderr.contains("No such file"), "{}", missing.stderr);
}

#[test]
fn a_directory_on_the_files_of_a_process_is_an_error_here_too() {
    let name = "compose::a_directory_on_the_files_of_a_process_is_an_error_here_too";
    isolated(name, |world| {
        let share = world.path("share");
        std::fs::create_dir(&share).unwrap();
        let Some(_fuse) = Fuse::mount(&share, "grpcfuse", Fault::None) else { return skip(name, "no FUSE") };
        let text = "services:\n  db:\n    image: postgres:16\n    volumes:\n      - ./x/../share/pg:/run/postgresql\n";
        let file = world.write("compose.yml", text);
        let here = json(["preflight", "--compose", file.to_str().unwrap()]);
        assert_eq!(found(&here)[0].split(" ./").next(), Some("SD612 error 5:9"));
        assert_eq!(here["findings"][0]["evidence"][1]["source"], "mountinfo");
        let elsewhere = json(["preflight", "--compose", file.to_str().unwrap(), "--target-os", "linux"]);
        assert_eq!(found(&elsewhere)[0].split(" ./").next(), Some("SD612 warning 5:9"));
    });
}

/// Applies the patch of a file, and judges what came of it.
fn patched(target: &str, name: &str) -> (String, Value) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    std::fs::copy(fixture(name), &file).unwrap();
    let preflight = |more: &[&str]| {
        let mut command = sockdoctor();
        command
            .current_dir(dir.path())
            .args(["preflight", "--compose", name, "--target-os", target])
            .args(more);
        finish(&mut command, Duration::from_secs(30))
    };
    let patch = preflight(&["-q", "--diff"]).stdout;
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, applied(&before, &patch)).unwrap();
    (patch, document(&preflight(&["--json"])))
}

/// What patch(1) makes of a text: an independent reader of the format.
fn applied(text: &str, patch: &str) -> String {
    let old: Vec<&str> = text.lines().collect();
    let (mut at, mut new) = (0, Vec::new());
    for line in patch.lines().skip(2) {
        if let Some(head) = line.strip_prefix("@@ -") {
            let (start, length) = head.split(' ').next().unwrap().split_once(',').unwrap();
            let start: usize = start.parse().unwrap();
            let from = if length == "0" { start } else { start - 1 };
            new.extend_from_slice(&old[at..from]);
            at = from;
            continue;
        }
        let (mark, content) = line.split_at(1);
        if mark != "+" {
            assert_eq!(old[at], content, "{patch}");
            at += 1;
        }
        if mark != "-" {
            new.push(content);
        }
    }
    new.extend_from_slice(&old[at..]);
    new.join("\n") + "\n"
}

#[test]
fn the_patch_cures_and_touches_nothing_else() {
    for (target, name, removed, added) in [
        ("macos", "s4-wrong.yml", 2, 5),
        ("macos", "s4-host-path.yml", 2, 5),
        ("macos", "anchors.yml", 1, 4),
        ("macos", "bind-volume.yml", 0, 0),
        ("macos", "long-syntax.yml", 2, 5),
        ("linux", "no-mount.yml", 0, 2),
        ("linux", "no-dependency.yml", 0, 5),
        ("linux", "two-volumes.yml", 1, 1),
        ("linux", "read-only-server.yml", 1, 1),
        ("linux", "s2-read-only-server.yml", 1, 1),
        ("linux", "socket-file.yml", 1, 1),
        ("macos", "nothing.yml", 0, 0),
    ] {
        let (patch, after) = patched(target, name);
        let count = |mark: &str, head: &str| {
            patch.lines().filter(|line| line.starts_with(mark) && !line.starts_with(head)).count()
        };
        assert_eq!((count("-", "---"), count("+", "+++")), (removed, added), "{name}: {patch}");
        if added > 0 {
            assert_eq!(after["summary"]["error"], 0, "{name}: {after}");
            let code_stays =
                after["findings"].as_array().unwrap().iter().all(|finding| finding["severity"] != "error");
            assert!(code_stays && after["exit_code"] == 0, "{name}: {after}");
        }
    }
}

#[test]
fn sarif_fingerprints_stay_when_lines_move() {
    let fingerprints = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("c.yml"), text).unwrap();
        let mut command = sockdoctor();
        command.current_dir(dir.path()).args([
            "preflight",
            "--compose",
            "c.yml",
            "--target-os",
            "macos",
            "--format",
            "sarif",
        ]);
        let document: Value =
            serde_json::from_str(&finish(&mut command, Duration::from_secs(30)).stdout).unwrap();
        let results = document["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect::<Vec<_>>()
    };
    let text = std::fs::read_to_string(fixture("s4-wrong.yml")).unwrap();
    let before = fingerprints(&text);
    assert_eq!((before.len(), &before), (1, &fingerprints(&format!("# a line more\n{text}"))));
}

#[test]
fn a_project_of_thousands_of_services_is_judged_in_bounds() {
    let service = |number: usize| {
        let (image, mounts) = ("image: postgres:16", format!("v{number}:/run/p{number}, all:/run/x"));
        format!(
            "  s{number}: {{{image}, environment: {{PGHOST: /run/p{number}, A_SOCKET: /run/x/x.sock}}, volumes: [{mounts}]}}\n"
        )
    };
    let services: Vec<String> = (0..2_000).map(service).collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("compose.yml");
    std::fs::write(&file, format!("services:\n{}", services.concat())).unwrap();
    let document = json(["preflight", "--compose", file.to_str().unwrap(), "--target-os", "linux"]);
    let reason = document["not_checked"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("only the first 200 services"), "{reason}");
}

#[test]
fn the_snippets_for_ci_are_yaml_that_calls_what_there_is() {
    for name in ["github-actions.yml", "gitlab-ci.yml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().find(|line| line.contains("sockdoctor preflight")).unwrap();
        let words = line.split("sockdoctor ").nth(1).unwrap().split_whitespace();
        let words: Vec<String> = words
            .map(|word| if word == "compose.yml" { fixture("s4-right.yml") } else { word.to_owned() })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let mut command: Command = sockdoctor();
        let output = finish(command.current_dir(dir.path()).args(words), Duration::from_secs(30));
        assert_eq!(output.status, 0, "{name}: {line}\n{}", output.stderr);
    }
}
