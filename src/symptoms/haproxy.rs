//! HAProxy: health checks, its log, its configuration.

use super::{Symptom, bind, connect};
use crate::model::Call::{Bind, Connect};

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "'server b/a' : socket path '/run/….sock' too long (max 97)",
        patterns: &[r"too long \(max 97\)"],
        says: "HAProxy takes 97 bytes of path, ten fewer than the kernel: it binds PATH.<pid>.tmp first.",
        causes: &[bind(
            "SD108",
            "97 bytes pass, 98 do not, for `bind` and `server` alike; use a short directory in /run",
        )],
        ..Symptom::NONE
    },
    Symptom {
        seen: "cannot bind UNIX socket (Address already in use) [/run/front.sock]",
        patterns: &["cannot bind UNIX socket"],
        says: "HAProxy cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Server b/a is DOWN, reason: Socket error, info: \"General socket error (No such file or directory)\"",
        patterns: &[r"(SOCKERR|Socket error).*No such file or directory"],
        errno: Some(2),
        says: "HAProxy does not find the socket, from inside its own chroot if it has one.",
        causes: &[
            connect(
                "SD101",
                "`ls` does not find the file either, and `ss -xl` no listener: start the server",
            ),
            connect("SD603", "`ls` finds the file, and haproxy.cfg has `chroot`: the path counts from there"),
        ],
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Server b/a is DOWN, reason: Socket error, info: \"General socket error (Connection refused)\"",
        patterns: &[r"\bSOCKERR\b", r"reason: Socket error"],
        says: "HAProxy's check could not connect; clients get 503.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Server b/a is DOWN, reason: Layer4 connection problem, info: \"Connection refused\"",
        patterns: &[r"\bL4CON\b", "Layer4 connection problem"],
        says: "HAProxy's check could not connect; clients get 503.",
        causes: &[connect("SD117", "the server line has a TCP address: `ss -tln` lacks the port")],
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Server b/a is DOWN, reason: Layer7 timeout",
        patterns: &[r"\bL[47]TOUT\b", "Layer[47] timeout"],
        errno: Some(110),
        says: "The server took HAProxy's check and did not answer it in time.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Server b/a is DOWN, reason: Layer7 wrong status, code: 503",
        patterns: &[r"\bL7STS\b", "Layer7 wrong status"],
        says: "The socket works: the server answered HAProxy's check, but with another status than expected.",
        causes: &[
            connect(
                "SD406",
                "the same request by curl gets the same status: the health route, or `http-check expect`",
            ),
            connect("SD405", "it is 400 and goes away with a Host header: `http-check send hdr Host`"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "Server b/a is DOWN, reason: Layer7 invalid response",
        patterns: &[r"\bL7RSP\b", "Layer7 invalid response"],
        says: "The server answered HAProxy's check with something that is not HTTP.",
        causes: &[
            connect("SD403", "the server speaks another protocol (FastCGI, uwsgi, a database)"),
            connect("SD402", "the server closes before it answers; its log says why"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "backend 'b' has no server available!",
        patterns: &["has no server available"],
        says: "Every server of the backend is down; the lines before say why.",
        causes: &[
            connect("SD104", "a line before says Connection refused"),
            connect("SD101", "a line before says No such file or directory"),
            connect("SD406", "a line before says Layer7 wrong status"),
        ],
        ..Symptom::NONE
    },
];
