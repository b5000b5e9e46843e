//! What people try by hand: curl, docker, ls, socat, nc.

use super::{Symptom, connect, unseen};
use crate::model::Call::Connect;

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "curl: (6) Unix socket path too long: '/…'",
        patterns: &["Unix socket path too long"],
        says: "The path does not fit into a socket address.",
        causes: &[connect("SD108", "107 bytes at most; a short symbolic link to it works")],
        ..Symptom::NONE
    },
    Symptom {
        seen: "curl: (6) Could not resolve host: app",
        patterns: &[r"curl: \(6\)"],
        says: "curl did not get as far as a socket: it cannot resolve the host.",
        causes: &[unseen(Connect, "without --unix-socket the name goes to DNS; with it, any host will do")],
        ..Symptom::NONE
    },
    Symptom {
        seen: "curl: (7) Failed to connect to localhost port 80 after 0 ms: Couldn't connect to server",
        patterns: &[r"curl: \(7\)"],
        says: "The connect failed, and curl does not say why: the host and port it names are not the socket.",
        causes: &[
            connect("SD101", "`ls` finds no file, and `ss -xl` no listener: the server is not running"),
            connect("SD102", "`ls` finds no file, but `ss -xl` a listener: the file was removed"),
            connect("SD104", "the file is there, and nobody listens: its server died"),
            connect("SD201", "`sudo curl` works: the mode of the socket or of a directory"),
            connect("SD301", "`ss -xl` shows Recv-Q above Send-Q: the queue is full"),
            connect("SD116", "`ss -xa` says u_dgr or u_seq: another type of socket"),
            connect("SD117", "no --unix-socket was given: nothing listens on that TCP port"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "curl: (28) Operation timed out after 3001 milliseconds with 0 bytes received",
        patterns: &[r"curl: \(28\)"],
        errno: Some(110),
        says: "The connection was queued or accepted, and no answer came.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "curl: (52) Empty reply from server",
        patterns: &[r"curl: \(52\)"],
        says: "The server took the request and closed without a byte.",
        causes: &[
            connect(
                "SD402",
                "the server's log has an error for this request: a crash, a timeout, a bad descriptor",
            ),
            connect(
                "SD403",
                "the server does not speak HTTP: php-fpm, D-Bus, PostgreSQL and memcached do this",
            ),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "curl: (56) Recv failure: Connection reset by peer",
        patterns: &[r"curl: \(56\)"],
        says: "The connection broke while the answer was awaited or read.",
        causes: &[
            connect("SD402", "no byte came: the server closed with the request unread"),
            connect(
                "SD606",
                "only the first try says this, the next are refused: a .socket whose service crashes",
            ),
            connect("SD409", "an answer had begun: its headers or body broke off"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "curl: (18) transfer closed with 7 bytes remaining to read",
        patterns: &[r"curl: \(18\)"],
        says: "The answer is shorter than its Content-Length.",
        causes: &[connect(
            "SD409",
            "the handler or its worker ended in the middle; the server's log says why",
        )],
        ..Symptom::NONE
    },
    Symptom {
        seen: "curl: (1) Received HTTP/0.9 when not allowed",
        patterns: &["Received HTTP/0.9"],
        says: "The server answered with something that is not HTTP/1.",
        causes: &[connect(
            "SD403",
            "a database, FastCGI, uwsgi, or HTTP/2 alone (curl --http2-prior-knowledge)",
        )],
        ..Symptom::NONE
    },
    Symptom {
        seen: "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
        patterns: &["permission denied while trying to connect to the docker"],
        errno: Some(13),
        says: "The Docker daemon's socket is there, but this user may not write to it.",
        causes: &[
            connect(
                "SD201",
                "`id` lacks the group that `ls -l` shows for the socket: usermod -aG docker USER",
            ),
            connect(
                "SD203",
                "`getent group docker` has the user, `id` has not: log in again, or `newgrp docker`",
            ),
            connect("SD704", "in a container or rootless: the socket's group has no number here"),
        ],
        note: Some("A restart of the daemon does not help. Membership of that group is as good as root."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        patterns: &["Cannot connect to the Docker daemon", "Is the docker daemon running"],
        says: "The docker client could not connect; it says the same for a missing and for a refusing socket.",
        causes: &[
            connect(
                "SD101",
                "no file: the daemon is down (`systemctl status docker`), or DOCKER_HOST names another path",
            ),
            connect("SD104", "a file, and nobody listens: the daemon was killed"),
            connect("SD107", "an empty directory: a container mounted the path before the daemon ran"),
            connect("SD505", "in a container: the daemon was restarted, and the mounted file is the old one"),
            connect("SD102", "the daemon runs and `ss -xl` shows the path, but the file is gone"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "invalid mount config for type \"bind\": bind source path does not exist: /run/app.sock",
        patterns: &["bind source path does not exist"],
        errno: Some(2),
        says: "The socket to be mounted does not exist on the host.",
        causes: &[
            connect("SD101", "its server is not running; start it before the container"),
            connect("SD504", "mount the directory instead of the file: it may come later, and be replaced"),
        ],
        note: Some("`-v` would make an empty directory there instead of failing (SD107)."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "ls: cannot access '/run/app.sock': No such file or directory",
        patterns: &[r"\b(ls|stat|chmod|chown): (cannot|can't) (access|stat|statx|open)? ?.*No such file"],
        errno: Some(2),
        says: "No file stands at that path in this view.",
        causes: &[
            connect(
                "SD101",
                "`ss -xl` has no such name either: the server is not running, or uses another path",
            ),
            connect("SD102", "`ss -xl` shows the listener: its file was removed; restart the owner"),
            connect(
                "SD701",
                "`ss -xl` shows it, and its process has another /tmp or root: PrivateTmp=, a container",
            ),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "ls: cannot access '/run/app/app.sock': Permission denied",
        patterns: &[r"\b(ls|stat): (cannot|can't) (access|stat|statx|open)? ?.*Permission denied"],
        errno: Some(13),
        says: "A directory on the way has no x for you.",
        causes: &[connect(
            "SD202",
            "`namei -l PATH` shows which; a client of this user is stopped there too",
        )],
        ..Symptom::NONE
    },
    Symptom {
        seen: "socat[812] E connect(5, AF=1 \"/run/app.sock\", 15): Connection refused",
        patterns: &[r"socat\[\d+\] . connect\(", r"\bnc: unix connect failed", r"\bnc: /.*: "],
        says: "A connect by hand failed.",
        then: Some(Connect),
        ..Symptom::NONE
    },
];
