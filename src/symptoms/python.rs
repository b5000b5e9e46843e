//! gunicorn, uvicorn and whatever else is written in Python.

use super::{Symptom, bind, connect, serve};
use crate::model::Call::{Bind, Connect};

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "ERROR:    [Errno 98] Address already in use",
        patterns: &[r"\bERROR:\s+\[Errno 98\]"],
        errno: Some(98),
        says: "A second start of uvicorn found the path taken.",
        causes: &[
            bind(
                "SD102",
                "the first server runs: with --workers or --reload this failed start has now removed its file (uvicorn 0.30 and later); restart the first",
            ),
            bind("SD104", "no server runs: one that was killed left its file; the next start may work"),
            bind("SD308", "its supervisor was killed and the workers still serve: end them, then start"),
        ],
        then: Some(Bind),
        note: Some("Start it once, from one place: a unit, not a unit and a shell."),
    },
    Symptom {
        seen: "You must pass the application as an import string to enable 'reload' or 'workers'.",
        patterns: &["must pass the application as an import string"],
        says: "uvicorn refused to start, and the launcher may have removed the running server's socket before.",
        causes: &[
            serve("SD102", "the launcher unlinks the path first: a server that runs has just lost its file"),
            serve(
                "SD611",
                "the launcher should not unlink at all; pass \"module:app\" instead of the object",
            ),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "[ERROR] Connection in use: /run/app.sock",
        patterns: &["Connection in use: "],
        errno: Some(98),
        says: "gunicorn cannot listen there, because something stands at the path.",
        then: Some(Bind),
        note: Some(
            "gunicorn removes an old socket by itself: what is left is no socket, or not its own to remove.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "[ERROR] connection to /run/app.sock failed: [Errno 13] Permission denied",
        patterns: &[r"connection to \S+ failed: \[Errno \d+\]", r"\[ERROR\] Can.?t connect to /"],
        says: "gunicorn cannot listen there (it calls that \"connection to\").",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "[CRITICAL] WORKER TIMEOUT (pid:812)",
        patterns: &[r"WORKER TIMEOUT \(pid"],
        says: "A gunicorn worker did not come back in time and was killed; its client got no answer.",
        causes: &[
            serve("SD304", "the queue grows meanwhile: all workers wait for something slow"),
            serve("SD402", "the client or proxy says the connection was closed or reset"),
        ],
        note: Some(
            "Behind a proxy that buffers, sync workers are right; else an idle client holds one for ever.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "OSError: AF_UNIX path too long",
        patterns: &["AF_UNIX path too long"],
        says: "The path does not fit into a socket address.",
        causes: &[connect("SD108", "107 bytes on Linux, 103 on macOS; use a short directory in /run")],
        ..Symptom::NONE
    },
    Symptom {
        seen: "OSError: [Errno 98] Address already in use",
        patterns: &[r"\[Errno (98|48)\]"],
        errno: Some(98),
        says: "The server cannot listen there, because something stands at the path, or on the port.",
        then: Some(Bind),
        note: Some("Do not `rm` the path first: a live server loses its file that way."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "OSError: [Errno 9] Bad file descriptor",
        patterns: &[r"\[Errno 9\]"],
        errno: Some(9),
        says: "The server used a descriptor that is already closed.",
        then: Some(Connect),
        note: Some(
            "The traceback names the second close. It is no reason to delete or re-create the socket.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "OSError: [Errno 24] Too many open files",
        patterns: &[r"\[Errno 24\]"],
        errno: Some(24),
        says: "The server has no descriptor left, so it accepts nobody: clients connect, wait and time out.",
        then: Some(Connect),
        note: Some(
            "gunicorn's sync and gthread workers die of it and come back; uvicorn's stay, and the queue grows.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "BrokenPipeError: [Errno 32] Broken pipe",
        patterns: &[r"\[Errno (32|104|54)\]"],
        says: "One side left while the other still wrote.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))",
        patterns: &[
            r"Connection aborted\.",
            "Cannot connect to unix socket",
            "Error while fetching server API version",
        ],
        says: "A Python client cannot connect.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "ConnectionRefusedError: [Errno 111] Connection refused",
        patterns: &[r"ConnectionRefusedError", r"BlockingIOError: \[Errno 11\]", r"\[Errno (111|91|61)\]"],
        says: "A Python program cannot connect.",
        then: Some(Connect),
        ..Symptom::NONE
    },
];
