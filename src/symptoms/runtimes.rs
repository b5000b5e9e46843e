//! Error texts that a language's runtime makes, whatever the program; and strace.

use super::{Symptom, bind, connect};
use crate::model::Call::{Bind, Connect};

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "listen unix /run/app.sock: bind: invalid argument",
        patterns: &["(bind|connect): invalid argument"],
        errno: Some(22),
        says: "The kernel refuses the address: almost always the path is too long.",
        causes: &[
            bind("SD108", "more than 107 bytes: `printf %s PATH | wc -c`"),
            bind("SD501", "short enough: the filesystem cannot hold sockets"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "dial unix /run/app.sock: connect: connection refused",
        patterns: &[r"\bdial unix(gram|packet)? .*: (connect: )?."],
        says: "A Go program cannot connect.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "listen unix /run/app.sock: bind: address already in use",
        patterns: &[r"\blisten unix(gram|packet)? .*: bind: "],
        says: "A Go program cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "read unix @->/run/app.sock: i/o timeout",
        patterns: &[r"\b(read|write) unix .*i/o timeout", r"context deadline exceeded.*unix"],
        errno: Some(110),
        says: "A Go program connected, and no answer came in time.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "write unix @->/run/app.sock: write: broken pipe",
        patterns: &[r"\b(read|write) unix .*->.*: (read|write): "],
        says: "A Go program was connected, and the other side went away.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Error: connect ECONNREFUSED 127.0.0.1:5001",
        patterns: &[r"connect ECONNREFUSED ([0-9.]+|\[?[0-9a-f:]+\]?):\d+"],
        errno: Some(111),
        says: "The client connects by TCP, and nothing listens on that port.",
        causes: &[connect(
            "SD117",
            "`ss -tln` lacks the port: the server is down, or listens on a Unix socket instead",
        )],
        ..Symptom::NONE
    },
    Symptom {
        seen: "Error: connect ENOENT /run/app.sock",
        patterns: &[r"\bconnect E[A-Z]+ [/@]", r"\bconnect E[A-Z]{3,}\b"],
        says: "A Node.js program cannot connect.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Error: listen EADDRINUSE: address already in use /run/app.sock",
        patterns: &[r"\b(listen|bind) E[A-Z]{3,}: "],
        says: "A Node.js program cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Address already in use - bind(2) for /run/app.sock (Errno::EADDRINUSE)",
        patterns: &[r" - bind\(2\)"],
        says: "A Ruby program cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "No such file or directory - connect(2) for /run/app.sock (Errno::ENOENT)",
        patterns: &[r" - connect\(2\)"],
        says: "A Ruby program cannot connect.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "connect(3, {sa_family=AF_UNIX, sun_path=\"/run/app.sock\"}, 110) = -1 ECONNREFUSED (Connection refused)",
        patterns: &[r"\bconnect\(\d+.*AF_UNIX.* = -1 E"],
        says: "A connect failed under strace.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "bind(3, {sa_family=AF_UNIX, sun_path=\"/run/app.sock\"}, 110) = -1 EADDRINUSE (Address already in use)",
        patterns: &[r"\bbind\(\d+.*AF_UNIX.* = -1 E"],
        says: "A bind failed under strace.",
        then: Some(Bind),
        ..Symptom::NONE
    },
];
