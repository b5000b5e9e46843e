//! systemd: socket activation and its limits.

use super::{Symptom, bind, connect, serve};
use crate::model::Call::{Bind, Connect};

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "app.socket: Socket service app.service already active, refusing.",
        patterns: &[r"Socket service \S+ already active, refusing"],
        says: "The service was started before its socket, so systemd will not hand it one.",
        causes: &[
            serve("SD608", "the service was started by itself: stop it, start the .socket, then the service"),
            serve("SD604", "the service binds the path on its own (--bind): two owners; drop one"),
        ],
        note: Some("`Requires=app.socket` in the service makes the order right at every start."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "app.socket: Failed with result 'trigger-limit-hit'.",
        patterns: &["trigger-limit-hit", "Trigger limit hit"],
        says: "The service ended so often right after a connection that systemd gave up the socket.",
        causes: &[connect("SD606", "the file stays and refuses: it looks stale, but it is systemd's")],
        note: Some("Repair the service first (`journalctl -u`), then `systemctl restart` the .socket."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "app.socket: Failed with result 'service-start-limit-hit'.",
        patterns: &["start-limit-hit", "Start request repeated too quickly"],
        says: "The service failed to start so often that systemd no longer tries.",
        causes: &[
            connect(
                "SD606",
                "the .socket has failed with it: its file stays and refuses, as if it were stale",
            ),
            connect("SD311", "the .socket still listens, but nobody answers: only PID 1 holds it"),
        ],
        note: Some("Repair the service, `systemctl reset-failed` both units, then restart the .socket."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "app.socket: Failed to create listening socket (/run/app.sock): Address already in use",
        patterns: &["Failed to create listening socket", "Failed to listen on sockets?"],
        says: "systemd cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Failed to connect to bus: No such file or directory",
        patterns: &["Failed to connect to (user scope )?bus"],
        says: "The D-Bus socket is not reachable.",
        causes: &[
            connect(
                "SD706",
                "with --user: /run/user/UID goes at logout; `loginctl enable-linger USER` keeps it",
            ),
            connect("SD701", "in a container or chroot: the bus of the host is not in it"),
        ],
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "app.service: Failed at step RUNTIME_DIRECTORY",
        patterns: &["step RUNTIME_DIRECTORY", "Failed to set up (special execution|runtime) directory"],
        says: "systemd could not make the directory of the socket.",
        causes: &[bind("SD208", "a file, or a directory of another owner, stands at that name in /run")],
        ..Symptom::NONE
    },
];
