//! `graph`: who talks to whom, as text, as Mermaid, and as what the real dot draws.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::{json, run};
use crate::process::{Process, finish};
use crate::world::{isolated, need, skip};

const SOON: Duration = Duration::from_secs(30);
const HOSTILE: &[u8] = b"a\n\x1b[31m\xff\"<|%`\\|@x];end";

fn consumers(socket: &Value) -> Vec<(u64, u64)> {
    let each = socket["consumers"].as_array().unwrap().iter();
    each.map(|one| (one["pid"].as_u64().unwrap(), one["connections"].as_u64().unwrap())).collect()
}

#[test]
fn a_client_the_socket_and_its_server_are_one_line_of_edges() {
    let name = "graph::a_client_the_socket_and_its_server_are_one_line_of_edges";
    isolated(name, |world| {
        let path = world.path("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        // A process of its own, so that consumer and holder differ: it connects twice and waits.
        let client = "import socket, sys\ns = [socket.socket(socket.AF_UNIX) for _ in range(2)]\n\
            [x.connect(sys.argv[1]) for x in s]\nsys.stdin.read()";
        let Some(mut python) = need("python3") else { return skip(name, "no python3") };
        let python = python.args(["-c", client]).arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let client = Process::start(python);
        let accepted: Vec<UnixStream> = (0..2).map(|_| listener.accept().unwrap().0).collect();
        let (own, theirs) = (u64::from(std::process::id()), u64::try_from(client.pid().as_raw()).unwrap());
        let target = path.to_str().unwrap();
        let document = json(["graph", target]);
        let sockets = document["data"]["sockets"].as_array().unwrap();
        assert_eq!(sockets.len(), 1, "{document:#}");
        assert_eq!(sockets[0]["holders"][0]["pid"], own, "{document:#}");
        assert_eq!(consumers(&sockets[0]), [(theirs, 2)]);
        let text = run(["graph", target]).stdout;
        let edge = format!(" pid {theirs}: 2 connections");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains(target) && lines[0].contains("stream listening, queue 0/"), "{text}");
        assert!(lines[1].contains("consumer") && lines[1].ends_with(&edge), "{text}");
        assert!(lines[2].contains("holder") && lines[2].contains(&format!(" pid {own}")), "{text}");
        let plain = run(["graph", target, "--format", "plain"]).stdout;
        assert!(plain.contains(&format!("\t{theirs}\t")) && plain.ends_with("\t0\n"), "{plain}");
        // Without a target it is among all.
        let all = json(["graph"]);
        let same =
            all["data"]["sockets"].as_array().unwrap().iter().find(|one| one["name"] == target).unwrap();
        assert_eq!(consumers(same), [(theirs, 2)]);
        drop(accepted);
        // Who waits to be accepted is there too, and told apart.
        let waits = UnixStream::connect(&path).unwrap();
        let document = json(["graph", target]);
        let consumer = &document["data"]["sockets"][0]["consumers"][0];
        assert_eq!((&consumer["pid"], &consumer["waiting"]), (&own.into(), &1.into()), "{document:#}");
        let text = run(["graph", target]).stdout;
        assert!(text.contains(&format!(" pid {own}: 1 connection, 1 waiting\n")), "{text}");
        drop(waits);
    });
}

#[test]
fn senders_to_a_datagram_socket_and_abstract_clients_are_consumers() {
    isolated("graph::senders_to_a_datagram_socket_and_abstract_clients_are_consumers", |world| {
        let log = world.path("log");
        let _receiver = UnixDatagram::bind(&log).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&log).unwrap();
        let address = SocketAddr::from_abstract_name("graph").unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let _client = UnixStream::connect_addr(&address).unwrap();
        let _accepted = listener.accept().unwrap();
        let own = u64::from(std::process::id());
        for target in [log.to_str().unwrap(), "@graph"] {
            let document = json(["graph", target]);
            assert_eq!(consumers(&document["data"]["sockets"][0]), [(own, 1)], "{target}: {document:#}");
        }
    });
}

#[test]
fn what_is_broken_is_drawn_and_fails_only_when_asked_to() {
    isolated("graph::what_is_broken_is_drawn_and_fails_only_when_asked_to", |world| {
        let built = broken::unlinked(&world.dir).unwrap();
        let target = built.path.to_str().unwrap();
        let output = run(["graph", target]);
        assert_eq!(output.status, 0, "{}", output.stderr);
        assert!(
            output.stdout.contains("error SD102  ") && output.stdout.contains(", unlinked"),
            "{}",
            output.stdout
        );
        assert_eq!(run(["graph", target, "--fail-on", "error"]).status, 1);
        let nobody = world.path("nobody.sock");
        let missing = run(["graph", nobody.to_str().unwrap()]);
        assert!(missing.status == 0 && missing.stdout.contains("no socket"), "{}", missing.stdout);
        json(["graph", nobody.to_str().unwrap()]);
        assert_eq!((run(["graph", "inode:1"]).status, run(["graph", ""]).status), (3, 2));
        assert_eq!(run(["list", "--format", "dot"]).status, 2);
    });
}

/// What dot(1) makes of a digraph: its own plain format, a line a node or edge.
fn drawn(digraph: &str) -> Option<String> {
    let mut dot = need("dot")?;
    // A program that was only unpacked has no list of its plugins.
    let libraries = dot.get_envs().find(|(key, _)| *key == "LD_LIBRARY_PATH").and_then(|(_, value)| value);
    if let Some(libraries) = libraries.and_then(|all| std::env::split_paths(all).next()) {
        dot.env("GVBINDIR", libraries.join("graphviz"));
        finish(need("dot")?.env("GVBINDIR", libraries.join("graphviz")).arg("-c"), SOON);
    }
    dot.arg("-Tplain").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = dot.spawn().unwrap();
    child.stdin.take().unwrap().write_all(digraph.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}\n{digraph}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_real_dot_draws_hostile_names_as_they_are_shown() {
    let name = "graph::the_real_dot_draws_hostile_names_as_they_are_shown";
    isolated(name, |world| {
        let path = world.dir.join(OsStr::from_bytes(HOSTILE));
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let _accepted = listener.accept().unwrap();
        let _built = broken::unlinked(&world.dir).unwrap();
        // The directory alone: other tests have sockets of their own.
        let dir = world.dir.to_str().unwrap();
        let output = run(["graph", dir, "--format", "dot"]);
        assert_eq!((output.status, output.stderr.as_str()), (0, ""));
        let Some(plain) = drawn(&output.stdout) else { return skip(name, "no dot") };
        let sockets = json(["graph", dir])["data"]["sockets"].as_array().unwrap().len();
        let count = |kind: &str| plain.lines().filter(|line| line.starts_with(kind)).count();
        assert_eq!(count("node s"), sockets, "{plain}");
        assert!(count("edge p") >= 1 && count("edge s") >= 2, "{plain}");
        assert!(plain.contains(r#"a\\x0a\\x1b[31m\\xff\"<|%`\\|@x];end"#), "{plain}");
        // In Mermaid nothing of a name is left that could be syntax.
        let output = run(["graph", dir, "--format", "mermaid"]).stdout;
        let syntax = |line: &str| {
            let quoted = line.matches('"').count();
            let label = line.split('"').nth(1).unwrap_or_default().replace("<br/>", "");
            let plain = |c: char| c.is_alphanumeric() || " /.,:-_()#;".contains(c);
            (quoted == 0 || quoted == 2) && label.chars().all(plain)
        };
        assert!(output.starts_with("flowchart LR\n") && output.lines().all(syntax), "{output}");
        assert!(output.contains("a#92;x0a#92;x1b#91;31m"), "{output}");
    });
}
