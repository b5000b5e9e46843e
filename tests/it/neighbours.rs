//! Neighbours that nobody chose: every byte in every name in every format, directories with a hundred thousand entries,
//! and hardly anything left to work with.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;

use crate::binary::{json, run, sockdoctor};
use crate::nspawn::Cgroups;
use crate::process::{Output, Process, finish, until};
use crate::world::{World, isolated, isolated_host, need, skip};

const SOON: Duration = Duration::from_secs(60);

/// A file with each byte that a name can have, by that byte.
fn every_byte(world: &World) -> Vec<PathBuf> {
    let bytes = (1..=255_u8).filter(|byte| *byte != b'/');
    bytes.map(|byte| world.dir.join(OsStr::from_bytes(&[b'n', byte, b'.', b's']))).collect()
}

/// Reads a format with what Python has for it, and writes how many things it found.
const READERS: [(&str, &str); 5] = [
    ("json", "import json; print(len(json.load(sys.stdin)['findings']))"),
    ("sarif", "import json; print(len(json.load(sys.stdin)['runs'][0]['results']))"),
    (
        "junit",
        "import xml.dom.minidom as m; d = m.parse(sys.stdin.buffer); print(len(d.getElementsByTagName('failure')))",
    ),
    ("github", "print(sum(line.startswith('::') and line.count('::') >= 2 for line in sys.stdin))"),
    (
        "plain",
        "print(sum(len(line.rstrip('\\n').split('\\t')) == 6 and line.split('\\t')[1] != '-' for line in sys.stdin))",
    ),
];

/// What that reader counts in an output.
fn counted(reader: &str, output: &Output) -> usize {
    let mut python = need("python3").unwrap();
    let script = format!("import sys\n{reader}");
    let command =
        python.args(["-c", &script]).env("PYTHONUTF8", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = output.stdout.clone();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, text.as_bytes()));
    let read = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(read.status.success(), "{reader} cannot read\n{}", output.stdout);
    String::from_utf8(read.stdout).unwrap().trim().parse().unwrap()
}

/// No character that a terminal acts upon, but the ends of lines and the tabs of records.
fn assert_harmless(output: &Output, tabs: bool) {
    let found = output.stdout.chars().find(|c| c.is_control() && *c != '\n' && !(tabs && *c == '\t'));
    assert_eq!(found, None, "raw in\n{}", output.stdout);
}

#[test]
fn every_byte_of_a_name_comes_through_every_format() {
    let name = "neighbours::every_byte_of_a_name_comes_through_every_format";
    isolated(name, |world| {
        if need("python3").is_none() {
            return skip(name, "no python3");
        }
        let paths = every_byte(world);
        for path in &paths {
            drop(UnixListener::bind(path).unwrap());
        }
        let inspect = |format: &str| {
            let mut command = sockdoctor();
            finish(command.args(["inspect", "--only", "SD104", "--format", format]).args(&paths), SOON)
        };
        for (format, reader) in READERS {
            let output = inspect(format);
            assert_eq!(output.status, 1, "{format}: {}", output.stderr);
            assert_harmless(&output, format == "plain");
            // GitHub shows ten annotations of a kind.
            let expected = if format == "github" { 10 } else { paths.len() };
            assert_eq!(counted(reader, &output), expected, "{format}\n{}", output.stdout);
        }
        for format in ["text", "markdown", "openmetrics", "nagios"] {
            assert_harmless(&inspect(format), false);
        }
        // And the very bytes are in the document.
        let document: Value = serde_json::from_str(&inspect("json").stdout).unwrap();
        let named = |finding: &Value| {
            let subject = &finding["subject"];
            let exact = subject["name_b64"].as_str().map(|exact| BASE64_STANDARD.decode(exact).unwrap());
            exact.unwrap_or_else(|| subject["name"].as_str().unwrap().as_bytes().to_vec())
        };
        let found: BTreeSet<Vec<u8>> = document["findings"].as_array().unwrap().iter().map(named).collect();
        assert_eq!(found, paths.iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect());
    });
}

#[test]
fn every_byte_of_an_abstract_name_and_of_a_holders_is_shown_harmless() {
    let name = "neighbours::every_byte_of_an_abstract_name_and_of_a_holders_is_shown_harmless";
    isolated_host(name, |world| {
        let names: Vec<Vec<u8>> = (0..=255_u8).map(|byte| vec![b'a', byte, b'z']).collect();
        let held: Vec<_> = names
            .iter()
            .map(|name| UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap())
            .collect();
        // A holder whose name, arguments and variables are all bytes but NUL, sixteen at a time.
        let mut holders = Vec::new();
        for first in (0..=255_u8).step_by(15) {
            let bytes: Vec<u8> = (first..=first.saturating_add(14)).filter(|byte| *byte != 0).collect();
            let mut bash = Command::new("bash");
            bash.args([
                "-c",
                "printf %s \"$1\" >/proc/self/comm; echo >>ready; read -r _ </dev/fd/9 || sleep 60",
                "bash",
            ]);
            holders.push(Process::start(
                bash.arg(OsStr::from_bytes(&bytes)).current_dir(&world.dir).stdin(Stdio::null()),
            ));
        }
        let ready = || std::fs::read_to_string(world.path("ready")).unwrap_or_default().lines().count();
        assert!(until(SOON, || ready() == holders.len()));
        let output = |format: &str| finish(sockdoctor().args(["list", "--all", "--format", format]), SOON);
        for format in ["text", "plain", "json", "ndjson", "markdown", "openmetrics", "nagios"] {
            assert_harmless(&output(format), format == "plain");
        }
        let rows = json(["list"])["data"]["sockets"].clone();
        let exact = |row: &Value| {
            let coded = row["name_b64"].as_str().map(|exact| BASE64_STANDARD.decode(exact).unwrap());
            coded.unwrap_or_else(|| row["name"].as_str().unwrap_or_default().as_bytes().to_vec())
        };
        let seen: BTreeSet<Vec<u8>> = rows.as_array().unwrap().iter().map(exact).collect();
        assert!(names.iter().all(|name| seen.contains(name)), "{rows:#}");
        drop(held);
    });
}

#[test]
fn every_byte_of_a_containers_name_is_shown_harmless() {
    let name = "neighbours::every_byte_of_a_containers_name_is_shown_harmless";
    isolated_host(name, |world| {
        let mut held = Vec::new();
        let mut containers = BTreeSet::new();
        // All bytes that a cgroup's name can have, fifteen at a time.
        for first in (1..=255_u8).step_by(15) {
            let bytes = (first..=first.saturating_add(14)).filter(|byte| !matches!(byte, b'/' | b'\n'));
            let container =
                [world.dir.file_name().unwrap().as_bytes(), b"-", &bytes.collect::<Vec<_>>()].concat();
            let cgroups = match Cgroups::make(OsStr::from_bytes(&container)) {
                Ok(cgroups) => cgroups,
                Err(reason) => return skip(name, &reason),
            };
            let listener = UnixListener::bind(world.path(&format!("{first}.sock"))).unwrap();
            let holder =
                Process::start(Command::new("sleep").arg("300").stdin(Stdio::from(OwnedFd::from(listener))));
            cgroups.take(holder.pid());
            containers.insert(String::from_utf8_lossy(&container).into_owned());
            held.push((holder, cgroups));
        }
        for (command, formats) in [
            ("list", &["text", "plain", "json", "ndjson", "markdown", "openmetrics", "nagios"][..]),
            ("graph", &["text", "plain", "json", "markdown", "mermaid", "dot"][..]),
            ("inspect", &["text", "plain", "json", "markdown", "sarif", "junit", "github"][..]),
        ] {
            for format in formats {
                let mut sockdoctor = sockdoctor();
                sockdoctor.args([command, "-v", "--format", format]);
                sockdoctor.args((command != "list").then_some(&world.dir));
                assert_harmless(&finish(&mut sockdoctor, SOON), *format == "plain");
            }
        }
        let document = json([OsStr::new("inspect"), world.dir.as_os_str()]);
        let text = document.to_string();
        let missing: Vec<_> = containers
            .iter()
            .filter(|name| !text.contains(&Value::from(name.as_str()).to_string()))
            .collect();
        assert!(missing.is_empty(), "{missing:?} in\n{document:#}");
        if let Some(mut dot) = need("dot") {
            let diagram =
                finish(sockdoctor().args(["graph", "--format", "dot"]).arg(&world.dir), SOON).stdout;
            let drawn = finish(dot.arg("-Tplain").arg(world.write("graph.dot", &diagram)), SOON);
            assert_eq!((drawn.status, drawn.stderr.as_str()), (0, ""), "{diagram}");
        }
        drop(held);
    });
}

/// Lines whose like a diagram, a page or a metric might take for its own.
const TRICKS: [&[u8]; 5] = [b"%\\n\"<>", b"\\l\\N\\G", b"&lt;&amp;&#1;", b"</script>]]>--", b"{$x}|;"];

#[test]
fn diagrams_and_metrics_are_read_by_the_programs_they_are_for() {
    let name = "neighbours::diagrams_and_metrics_are_read_by_the_programs_they_are_for";
    isolated(name, |world| {
        let (Some(mut dot), Some(promtool)) = (need("dot"), need("promtool")) else {
            return skip(name, "no dot, or no promtool");
        };
        let names: Vec<Vec<u8>> =
            (0..=255_u8).map(|byte| vec![b'a', byte, b'z']).chain(TRICKS.map(<[u8]>::to_vec)).collect();
        let bound =
            |name: &Vec<u8>| UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
        let _held: Vec<_> = names.iter().map(bound).collect();
        let diagram = run(["graph", "--format", "dot"]).stdout;
        let drawn = finish(dot.arg("-Tplain").arg(world.write("graph.dot", &diagram)), SOON);
        assert_eq!((drawn.status, drawn.stderr.as_str()), (0, ""), "{diagram}");
        let nodes = drawn.stdout.lines().filter(|line| line.starts_with("node s")).count();
        // Those of other network namespaces are there too.
        assert_eq!(
            nodes,
            diagram.lines().filter(|line| line.contains("[shape=ellipse, ")).count(),
            "{diagram}"
        );
        assert!(nodes >= names.len(), "{diagram}");
        let metrics = run(["list", "--format", "openmetrics"]).stdout;
        assert!(metrics.ends_with("# EOF\n"));
        // promtool reads the older format, to which that line is a comment.
        let file = world.write("metrics", &metrics);
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" check metrics <\"$1\""]).arg(promtool.get_program()).arg(file);
        shell.envs(promtool.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let read = finish(&mut shell, SOON);
        assert_eq!((read.status, read.stderr.as_str()), (0, ""), "{metrics}");
    });
}

#[test]
fn a_directory_with_a_hundred_thousand_entries_is_no_matter() {
    isolated("neighbours::a_directory_with_a_hundred_thousand_entries_is_no_matter", |world| {
        let dir = world.path("many");
        std::fs::create_dir(&dir).unwrap();
        // In memory: the disk is not what is looked at.
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("none"), &dir, Some("tmpfs"), flags, None::<&str>).unwrap();
        for number in 0..100_001 {
            std::fs::File::create(dir.join(number.to_string())).unwrap();
        }
        let live = dir.join("live.sock");
        let _listener = UnixListener::bind(&live).unwrap();
        drop(UnixListener::bind(dir.join("old.sock")).unwrap());
        let (dir, live) = (dir.to_str().unwrap(), live.to_str().unwrap());
        assert_eq!(json(["inspect", live])["exit_code"], 0);
        assert_eq!(json(["list", "--match", live])["data"]["sockets"][0]["verdict"], "ok");
        // It stops where it says it does, and says so.
        let document = json(["clean", dir]);
        let gaps = document["not_checked"].to_string();
        assert!(gaps.contains("100000 entries"), "{document:#}");
        assert_eq!(json(["preflight", dir])["exit_code"], 0);
    });
}

#[test]
fn with_hardly_anything_left_nothing_false_is_said() {
    let name = "neighbours::with_hardly_anything_left_nothing_false_is_said";
    isolated_host(name, |world| {
        if need("prlimit").is_none() {
            return skip(name, "no prlimit");
        }
        let live = world.path("live.sock");
        let _listener = UnixListener::bind(&live).unwrap();
        drop(UnixListener::bind(world.path("old.sock")).unwrap());
        // Nobody accepts there, and what knocks stays in its queue.
        let knocked = world.path("knocked.sock");
        let _knocked = UnixListener::bind(&knocked).unwrap();
        let (dir, live, knocked) =
            (world.dir.to_str().unwrap(), live.to_str().unwrap(), knocked.to_str().unwrap());
        let limits = [
            "--nofile=8",
            "--nofile=5",
            "--nproc=1",
            "--as=200000000",
            "--stack=1048576",
            "--data=16000000",
            "--fsize=0",
        ];
        for limit in limits {
            for line in [
                &["list"][..],
                &["inspect", live],
                &["access", live, "--as", "nobody"],
                &["preflight", dir],
                &["clean", dir],
                &["scan"],
                &["probe", knocked],
            ] {
                let mut prlimit = need("prlimit").unwrap();
                prlimit
                    .arg(limit)
                    .arg(sockdoctor().get_program())
                    .arg("--json")
                    .args(line)
                    .env_remove("RUST_BACKTRACE");
                let output = finish(&mut prlimit, SOON);
                let said =
                    || format!("{limit} {line:?}: {} {}\n{}", output.status, output.stderr, output.stdout);
                assert!(output.status <= 3 && !output.stderr.contains("panicked"), "{}", said());
                let Ok(document) = serde_json::from_str::<Value>(&output.stdout) else {
                    assert!(output.status >= 2, "{}", said());
                    continue;
                };
                let findings = document["findings"].as_array().unwrap().iter();
                let mut broken =
                    findings.filter(|one| one["severity"] == "error" && one["subject"]["name"] == live);
                // Nobody may write to another's socket: that is true.
                assert!(broken.all(|one| one["code"] == "SD201"), "{}", said());
                assert!(line[0] != "preflight" || document["exit_code"] != 1, "{}", said());
            }
        }
    });
}
