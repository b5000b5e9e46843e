//! `explain`: codes, errnos and the texts that people paste, through the real binary.

use std::process::Command;
use std::time::Duration;

use crate::binary::{json, run, sockdoctor};
use crate::process::finish;

/// text, errno, path, code of the first cause
type Row = (&'static str, Option<&'static str>, Option<&'static str>, &'static str);

const PASTED: &[Row] = &[
    (
        "2026/01/01 12:00:00 [crit] 7#7: *1 connect() to unix:/tmp/label-generator.sock failed (2: No such file or \
         directory) while connecting to upstream, client: 10.0.0.1, server: _, request: \"GET / HTTP/1.1\", \
         upstream: \"http://unix:/tmp/label-generator.sock:/\", host: \"h\"",
        Some("ENOENT"),
        Some("/tmp/label-generator.sock"),
        "SD101",
    ),
    (
        "connect() to unix:/run/gunicorn/aclarknet.sock failed (13: Permission denied) while connecting to upstream",
        Some("EACCES"),
        Some("/run/gunicorn/aclarknet.sock"),
        "SD201",
    ),
    (
        "server mr_robot1 /var/run/mr_robot/mr_robot1.sock DOWN SOCKERR General socket error (Connection refused)",
        Some("ECONNREFUSED"),
        Some("/var/run/mr_robot/mr_robot1.sock"),
        "SD104",
    ),
    ("OSError: [Errno 9] Bad file descriptor", Some("EBADF"), None, "SD314"),
    (
        "LOG:  could not set permissions of file \"/var/run/postgresql/.s.PGSQL.5432\": Invalid argument\n\
         WARNING:  could not create Unix-domain socket in directory \"/var/run/postgresql\"\n\
         FATAL:  could not create any Unix-domain sockets",
        Some("EINVAL"),
        Some("/var/run/postgresql/.s.PGSQL.5432"),
        "SD501",
    ),
    (
        "Error: P1001: Can't reach database server at `/var/run/postgresql:5432`",
        None,
        Some("/var/run/postgresql/.s.PGSQL.5432"),
        "SD703",
    ),
];

#[test]
fn a_pasted_text_ends_with_the_command_to_run() {
    for (text, errno, path, first) in PASTED {
        let document = json(["explain", text]);
        let data = &document["data"];
        assert_eq!(
            (data["kind"].as_str(), document["verdict"].as_str()),
            (Some("text"), Some("ok")),
            "{text}"
        );
        assert_eq!((data["errno"].as_str(), data["path"].as_str()), (*errno, *path), "{text}");
        assert_eq!(data["causes"][0]["code"], *first, "{text}");
        let next = path.map(|path| format!("sockdoctor inspect {path}"));
        assert_eq!(data["next"].as_str(), next.as_deref(), "{text}");
        let shown = run(["explain", text]);
        assert_eq!(shown.status, 0, "{}", shown.stderr);
        let last = shown.stdout.lines().last().unwrap();
        assert!(last.ends_with(next.as_deref().unwrap_or("sockdoctor inspect PATH")), "{last}");
        assert!(shown.stdout.contains(first), "{}", shown.stdout);
    }
}

#[test]
fn quoting_is_optional_and_standard_input_will_do() {
    let words = ["explain", "dial", "unix", "/run/x.sock:", "connect:", "connection", "refused"];
    assert_eq!(json(words)["data"]["path"], "/run/x.sock");
    let mut piped = Command::new("sh");
    let line = "printf 'up\\nlisten unix /run/x.sock: bind: address already in use\\n' | \"$0\" explain --format plain -";
    let output = finish(piped.args(["-c", line]).arg(sockdoctor().get_program()), Duration::from_secs(30));
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(output.stdout.starts_with("text\tEADDRINUSE\t/run/x.sock\t"), "{}", output.stdout);
    assert!(output.stdout.ends_with("next\tsockdoctor inspect /run/x.sock\n"), "{}", output.stdout);
}

#[test]
fn a_rule_is_explained_by_code_and_by_name() {
    for word in ["SD102", "sd102", "listener-unlinked"] {
        let document = json(["explain", word]);
        assert_eq!((&document["data"]["kind"], &document["data"]["code"]), (&"rule".into(), &"SD102".into()));
        assert!(document["data"]["text"].as_str().unwrap().contains("# Fix"));
    }
    let shown = run(["explain", "SD102"]);
    assert!(
        ["What it means", "How it is known", "Not to be confused with", "Fix"]
            .iter()
            .all(|heading| { shown.stdout.lines().any(|line| line == *heading) })
    );
}

#[test]
fn every_errno_is_answered_with_connect_and_bind_apart() {
    for word in ["ECONNREFUSED", "111", "-111"] {
        let document = json(["explain", word]);
        assert_eq!(document["data"]["errno_number"], 111);
        assert_eq!(document["data"]["causes"][0]["code"], "SD104");
    }
    let shown = run(["explain", "ENOENT"]);
    assert!(shown.stdout.contains("at connect") && shown.stdout.contains("at bind"), "{}", shown.stdout);
    assert_eq!(json(["explain", "ECHILD"])["data"]["causes"].as_array().map(Vec::len), Some(0));
}

#[test]
fn what_is_not_known_is_said_in_one_line() {
    for (words, status, hint) in [
        (["explain", "SD999"], 2, "explain --list"),
        (["explain", "listener-unlnked"], 2, "listener-unlinked"),
        (["explain", ""], 2, "error text"),
        (["explain", "all is well"], 3, "as the program printed it"),
        (["explain", "2002"], 3, "whole error text"),
    ] {
        let output = run(words);
        assert_eq!((output.status, output.stdout.as_str()), (status, ""), "{words:?}");
        assert!(output.stderr.contains(hint) && output.stderr.lines().count() == 1, "{}", output.stderr);
        assert_eq!(json(words)["exit_code"], status);
    }
}

#[test]
fn the_list_has_every_code_and_every_family() {
    let document = json(["explain", "--list"]);
    let codes: Vec<&str> = document["data"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|rule| rule["code"].as_str())
        .collect();
    assert!(codes.is_sorted() && codes.contains(&"SD102"), "{codes:?}");
    let shown = run(["explain", "--list"]);
    assert!(codes.iter().all(|code| shown.stdout.contains(code)));
    assert!(["nginx", "HAProxy", "systemd"].iter().all(|family| shown.stdout.contains(family)));
}

#[test]
fn hostile_bytes_are_escaped_in_every_format() {
    use std::os::unix::ffi::OsStrExt;
    let text = std::ffi::OsStr::from_bytes(b"dial unix /run/\x1b[31m\xff'.sock: connect: connection refused");
    for format in ["text", "plain", "json"] {
        let words = ["explain".as_ref(), "--format".as_ref(), format.as_ref(), text];
        let output = run(words);
        assert_eq!(output.status, 0, "{}", output.stderr);
        assert!(!output.stdout.contains('\x1b'), "{format}");
        let command = r"sockdoctor inspect $'/run/\x1b[31m\xff\'.sock'";
        let command = if format == "json" { command.replace('\\', r"\\") } else { command.to_owned() };
        assert!(output.stdout.contains(&command), "{}", output.stdout);
    }
}
