//! PostgreSQL and what connects to it, MySQL and MariaDB, Redis.

use super::{Symptom, bind, connect};
use crate::model::Call::{Bind, Connect};

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "could not set permissions of file \"/var/run/postgresql/.s.PGSQL.5432\": Invalid argument",
        patterns: &["could not set permissions of file .*PGSQL"],
        says: "PostgreSQL made its socket, but the filesystem refuses to chmod it.",
        causes: &[
            bind(
                "SD501",
                "the directory is shared from macOS or Windows into the VM: use a named volume instead",
            ),
            bind("SD502", "`findmnt -T DIR` says 9p, virtiofs or fuse: the file belongs to another kernel"),
        ],
        note: Some(
            "Data on such a share may be fine; the socket directory must be a named volume or a tmpfs.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "could not create Unix-domain socket in directory \"/var/run/postgresql\"",
        patterns: &[
            "could not create Unix-domain socket in directory",
            "could not create any Unix-domain sockets",
        ],
        says: "PostgreSQL could not listen in any socket directory; the first line of the three has the errno.",
        causes: &[
            bind("SD501", "that line says Invalid argument or Operation not permitted: the filesystem"),
            bind("SD208", "that line says Permission denied: the directory is not the server's"),
            bind("SD115", "that line says No such file or directory: /run is empty after every boot"),
            bind("SD104", "that line says Address already in use: a server, or the file of a dead one"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "could not bind Unix address \"/run/postgresql/.s.PGSQL.5432\": Address already in use",
        patterns: &["could not bind Unix (address|socket)"],
        says: "PostgreSQL cannot listen there.",
        then: Some(Bind),
        note: Some("Its hint to remove the file is right only when no server is behind it."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "could not create lock file \"/var/run/postgresql/.s.PGSQL.5432.lock\": No such file or directory",
        patterns: &["could not create lock file"],
        says: "PostgreSQL cannot write to its socket directory.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "lock file \"/run/postgresql/.s.PGSQL.5432.lock\" already exists",
        patterns: &["lock file .*PGSQL.* already exists"],
        says: "Another PostgreSQL server holds, or held, this socket.",
        causes: &[
            bind("SD604", "the process whose number is in the lock file runs: two servers want one port"),
            bind("SD104", "it does not run: the server was killed; a start removes both files by itself"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "Unix-domain socket path \"/…/.s.PGSQL.5432\" is too long (maximum 107 bytes)",
        patterns: &["Unix-domain socket path .* too long"],
        says: "Directory and socket name together exceed what an address holds.",
        causes: &[connect("SD108", "107 bytes at most, /.s.PGSQL.5432 included")],
        ..Symptom::NONE
    },
    Symptom {
        seen: "connection to server on socket \"/run/postgresql/.s.PGSQL.5432\" failed: FATAL:  Peer authentication failed",
        patterns: &["connection to server on socket .* failed: FATAL", "Peer authentication failed"],
        says: "The socket works: PostgreSQL answered, and refused this user or database.",
        causes: &[connect(
            "SD407",
            "pg_hba.conf and pg_ident.conf decide; `peer` wants the same name in both",
        )],
        ..Symptom::NONE
    },
    Symptom {
        seen: "connection to server on socket \"/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory",
        patterns: &[
            "connection to server on socket .* failed: No such file",
            "could not connect to server: No such file",
        ],
        errno: Some(2),
        says: "No PostgreSQL socket stands where this client looks.",
        causes: &[
            connect("SD101", "no server runs: `ss -xl | grep PGSQL` is empty"),
            connect(
                "SD609",
                "a server runs in another directory or with another port: compare with `ss -xl`",
            ),
        ],
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "connection to server on socket \"/run/postgresql/.s.PGSQL.5432\" failed: Connection refused",
        patterns: &["connection to server on socket .* failed:", "could not connect to server: "],
        says: "The client cannot reach PostgreSQL.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Is the server running locally and accepting connections on that socket?",
        patterns: &["Is the server running locally", "connections on Unix domain socket"],
        says: "The client cannot reach PostgreSQL; the line before has the errno.",
        causes: &[
            connect("SD101", "that line says No such file or directory, and no server runs"),
            connect("SD609", "the same, and a server runs in another directory or with another port"),
            connect("SD104", "that line says Connection refused"),
            connect("SD201", "that line says Permission denied"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "Error: P1001: Can't reach database server at `/var/run/postgresql:5432`",
        patterns: &[r"Can.?t reach database server at .?/", "P1001.*at .?/"],
        says: "Prisma found no live socket .s.PGSQL.PORT in that directory.",
        causes: &[
            connect("SD703", "two containers, different volumes: compose prefixes a volume with its project"),
            connect("SD101", "the database is not up yet: `depends_on` needs `condition: service_healthy`"),
            connect("SD501", "the database's own log says it could not create its socket there"),
            connect("SD609", "`host=` of the URL names another directory, or the port differs"),
            connect("SD201", "the file is there, and the client's user may not write to it"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)",
        patterns: &[r"Can.?t connect to local .*server through socket", r"SQLSTATE\[HY000\] \[2002\]"],
        says: "The client cannot reach MySQL or MariaDB; for them `localhost` is the socket, not TCP.",
        then: Some(Connect),
        note: Some(
            "Server and client may disagree about the path: compare `ss -xl | grep mysql` with --socket=.",
        ),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Can't start server : Bind on unix socket: Address already in use",
        patterns: &["Bind on unix socket", "Do you already have another .* server running on socket"],
        says: "MySQL or MariaDB cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Could not connect to Redis at /run/redis/redis.sock: No such file or directory",
        patterns: &["Could not connect to Redis at /", "connecting to /.*redis.*sock"],
        says: "The client cannot reach Redis.",
        then: Some(Connect),
        note: Some("Redis makes no socket unless redis.conf has `unixsocket`; `unixsocketperm` is its mode."),
        ..Symptom::NONE
    },
    Symptom {
        seen: "Failed opening Unix socket: bind: No such file or directory",
        patterns: &["Failed opening Unix socket"],
        says: "Redis cannot listen on its Unix socket.",
        then: Some(Bind),
        ..Symptom::NONE
    },
];
