//! nginx: lines of its error log, and what its clients are shown.

use super::{Symptom, bind, connect, unseen};
use crate::model::Call::{Bind, Connect};

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "connect() to unix:@app failed (2: No such file or directory) while connecting to upstream",
        patterns: &[r"connect\(\) to unix:@.* failed \(2: "],
        errno: Some(2),
        says: "nginx looked for a file of this name: it has no abstract sockets.",
        causes: &[connect("SD112", "the server is bound to an abstract name; give it a path under /run")],
        then: None,
        note: Some("`nginx -t` accepts unix:@name and says nothing."),
    },
    Symptom {
        seen: "connect() to unix:/run/app.sock/api failed (20: Not a directory) while connecting to upstream",
        patterns: &[r"connect\(\) to unix:.* failed \(20: "],
        errno: Some(20),
        says: "nginx took the URI for a part of the socket's path.",
        causes: &[
            connect("SD602", "proxy_pass needs a colon after the socket: http://unix:/run/app.sock:/api"),
            unseen(Connect, "a directory of the path is a file: `namei -l PATH`"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "connect() to unix:/run/app.sock failed (13: Permission denied) while connecting to upstream",
        patterns: &[r"connect\(\) to unix:.* failed \(13: "],
        errno: Some(13),
        says: "The user of nginx's workers may not connect to the socket; clients get 502.",
        then: Some(Connect),
        note: Some(
            "The user is that of `user` in nginx.conf, not root. Give the server a group it shares with nginx, \
             not mode 666; a chmod of the socket lasts until the next bind.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "connect() to unix:/run/app.sock failed (11: Resource temporarily unavailable) while connecting to upstream",
        patterns: &[r"connect\(\) to unix:.* failed \(11: "],
        errno: Some(11),
        says: "The upstream listens, but its accept queue is full; clients get 502.",
        then: Some(Connect),
        note: Some(
            "It is no permission. A larger backlog helps against bursts only, not against slow workers.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "connect() to unix:/run/app.sock failed (111: Connection refused) while connecting to upstream",
        patterns: &[r"connect\(\) to unix:.* failed \(\d+: "],
        says: "nginx could not connect to its upstream; clients get 502.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "bind() to unix:/run/front.sock failed (98: Address already in use)",
        patterns: &[r"bind\(\) to unix:.* failed \(98: "],
        errno: Some(98),
        says: "nginx cannot listen there, because something already stands at the path.",
        causes: &[bind(
            "SD104",
            "no nginx runs: one that got SIGKILL or SIGQUIT left its file; stop it with SIGTERM",
        )],
        then: Some(Bind),
        note: Some("Prove that nobody is behind the file before it is removed."),
    },
    Symptom {
        seen: "bind() to unix:/run/front.sock failed (2: No such file or directory)",
        patterns: &[r"bind\(\) to unix:.* failed \(\d+: "],
        says: "nginx cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "nginx: [emerg] still could not bind()",
        patterns: &[r"still could not bind\(\)"],
        errno: Some(98),
        says: "nginx gave up after five tries: something stands at one of its addresses; the lines above name it.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "upstream timed out (110: Connection timed out) while reading response header from upstream",
        patterns: &[r"upstream timed out \(\d+: .* while (reading|sending)"],
        errno: Some(110),
        says: "The upstream took the request and did not answer in time; clients get 504.",
        then: Some(Connect),
        note: Some("A longer proxy_read_timeout only helps a handler that is known to be slow."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "upstream timed out (110: Connection timed out) while connecting to upstream",
        patterns: &[r"upstream timed out \(\d+: "],
        errno: Some(110),
        says: "The upstream did not take the connection in time; clients get 504.",
        causes: &[unseen(Connect, "a TCP upstream: a firewall drops packets, or the host is gone")],
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "recv() failed (104: Connection reset by peer) while reading response header from upstream",
        patterns: &[r"(recv|readv|send|writev)\(\) failed \(\d+: "],
        says: "The upstream took the connection and then dropped it; clients get 502.",
        causes: &[connect(
            "SD402",
            "the server or its worker died or closed on this request; its log says why",
        )],
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "upstream prematurely closed connection while reading response header from upstream",
        patterns: &[r"upstream prematurely closed (FastCGI |uwsgi )?(connection|stdout|request)"],
        says: "The upstream read the request and closed without an answer; clients get 502.",
        causes: &[
            connect("SD402", "a worker crashed or was killed by its own timeout; the server's log says so"),
            connect(
                "SD404",
                "it happens to every request: proxy_pass to a FastCGI or uwsgi server, or the reverse",
            ),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "connect() failed (111: Connection refused) while connecting to upstream",
        patterns: &[r"connect\(\) failed \(111: "],
        errno: Some(111),
        says: "nginx connects by TCP, and nothing listens on that port; clients get 502.",
        causes: &[connect(
            "SD117",
            "`ss -tln` lacks the port: the server is down, or listens on a Unix socket instead",
        )],
        ..Symptom::NONE
    },
    Symptom {
        seen: "no live upstreams while connecting to upstream",
        patterns: &["no live upstreams"],
        says: "nginx has marked every server of the upstream as failed; an earlier line of its log says why.",
        causes: &[
            connect("SD104", "that line says (111: Connection refused)"),
            connect("SD101", "that line says (2: No such file or directory)"),
            connect("SD201", "that line says (13: Permission denied)"),
        ],
        then: None,
        note: Some("With one server, `fail_timeout=0` keeps nginx trying."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "502 Bad Gateway",
        patterns: &["Bad Gateway"],
        says: "The proxy got no usable answer from its upstream; its error log has the errno.",
        causes: &[
            connect("SD101", "the log says (2: No such file or directory)"),
            connect("SD104", "the log says (111: Connection refused)"),
            connect("SD201", "the log says (13: Permission denied)"),
            connect("SD301", "the log says (11: Resource temporarily unavailable)"),
            connect("SD402", "the log says \"prematurely closed\" or (104: Connection reset by peer)"),
        ],
        note: Some("Paste that line: tail -n 20 /var/log/nginx/error.log"),
        ..Symptom::NONE
    },
    Symptom {
        seen: "504 Gateway Time-out",
        patterns: &[r"\b504 Gateway Time-?out"],
        errno: Some(110),
        says: "The upstream took the request and did not answer in time.",
        then: Some(Connect),
        ..Symptom::NONE
    },
];
