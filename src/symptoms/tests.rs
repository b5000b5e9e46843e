//! Every text that is known, as its program prints it; and what no text may do.

use proptest::prelude::*;

use super::*;

/// text, errno, path, code of the first cause
type Row = (&'static str, Option<i32>, Option<&'static str>, &'static str);

const NGINX: &str = "2026/01/01 12:00:00 [crit] 7#7: *1 ";
const REST: &str = ", client: 10.0.0.1, server: _, request: \"GET /foo HTTP/1.1\", upstream: \"http://unix:/run/a.sock:/foo\", host: \"h\"";

fn meaning(text: &str) -> Meaning {
    recognise(text.as_bytes()).unwrap_or_else(|| panic!("not recognised: {text}"))
}

fn holds(text: &str, (_, errno, path, first): Row) {
    let found = meaning(text);
    let codes: Vec<_> = found.causes.iter().filter_map(|cause| cause.code).collect();
    assert_eq!(found.errno, errno, "{text}");
    assert_eq!(found.path.as_deref().map(String::from_utf8_lossy).as_deref(), path, "{text}");
    assert_eq!(codes.first().copied(), Some(first), "{text}");
}

#[test]
fn every_line_of_nginx_with_its_neighbourhood() {
    const A: Option<&str> = Some("/run/a.sock");
    let rows: [Row; 9] = [
        (
            "connect() to unix:/run/a.sock failed (2: No such file or directory) while connecting to upstream",
            Some(2),
            A,
            "SD101",
        ),
        (
            "connect() to unix:/run/a.sock failed (13: Permission denied) while connecting to upstream",
            Some(13),
            A,
            "SD201",
        ),
        (
            "connect() to unix:/run/a.sock failed (111: Connection refused) while connecting to upstream",
            Some(111),
            A,
            "SD104",
        ),
        (
            "connect() to unix:/run/a.sock failed (91: Protocol wrong type for socket) while connecting to upstream",
            Some(91),
            A,
            "SD116",
        ),
        (
            "connect() to unix:/run/a.sock failed (11: Resource temporarily unavailable) while connecting to upstream",
            Some(11),
            A,
            "SD301",
        ),
        (
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
            Some(110),
            A,
            "SD304",
        ),
        (
            "recv() failed (104: Connection reset by peer) while reading response header from upstream",
            Some(104),
            A,
            "SD402",
        ),
        (
            "upstream prematurely closed connection while reading response header from upstream",
            None,
            A,
            "SD402",
        ),
        (
            "connect() to unix:/run/a.sock/foo failed (20: Not a directory) while connecting to upstream",
            Some(20),
            Some("/run/a.sock/foo"),
            "SD602",
        ),
    ];
    for row in rows {
        holds(&format!("{NGINX}{}{REST}", row.0), row);
    }
}

const OTHER_PROGRAMS: &[Row] = &[
    (
        "nginx: [emerg] bind() to unix:/run/f.sock failed (98: Address already in use)",
        Some(98),
        Some("/run/f.sock"),
        "SD104",
    ),
    ("connect() to unix:@name failed (2: No such file or directory)", Some(2), Some("@name"), "SD112"),
    (
        "connect() failed (111: Connection refused) while connecting to upstream, upstream: \"http://127.0.0.1:5001/\"",
        Some(111),
        None,
        "SD117",
    ),
    ("502 Bad Gateway", None, None, "SD101"),
    ("ERROR:    [Errno 98] Address already in use", Some(98), None, "SD102"),
    ("OSError: [Errno 9] Bad file descriptor", Some(9), None, "SD314"),
    ("[Errno 24] Too many open files", Some(24), None, "SD306"),
    ("BrokenPipeError: [Errno 32] Broken pipe", Some(32), None, "SD314"),
    ("OSError: AF_UNIX path too long", None, None, "SD108"),
    ("PermissionError: [Errno 13] Permission denied", Some(13), None, "SD201"),
    ("FileNotFoundError: [Errno 2] No such file or directory", Some(2), None, "SD101"),
    ("ConnectionRefusedError: [Errno 111] Connection refused", Some(111), None, "SD104"),
    (
        "Server b/a is DOWN, reason: Socket error, info: \"General socket error (Connection refused)\"",
        Some(111),
        None,
        "SD104",
    ),
    ("b,a,DOWN,SOCKERR,General socket error (No such file or directory)", Some(2), None, "SD101"),
    ("L4CON in 0ms: Connection refused", Some(111), None, "SD117"),
    ("DOWN L7TOUT", Some(110), None, "SD304"),
    ("DOWN L7STS 503", None, None, "SD406"),
    ("'server b/a' : socket path '/tmp/aa' too long (max 97)", None, Some("/tmp/aa"), "SD108"),
    (
        "Binding [h.cfg:7] for frontend f: cannot bind UNIX socket (No such file or directory) [/nodir/x.sock]",
        Some(2),
        Some("/nodir/x.sock"),
        "SD115",
    ),
    (
        "$ ls -la /tmp/label-generator.sock\nls: cannot access '/tmp/label-generator.sock': No such file or directory",
        Some(2),
        Some("/tmp/label-generator.sock"),
        "SD101",
    ),
    (
        "$ curl --unix-socket /tmp/label-generator.sock http://localhost/\ncurl: (7) Failed to connect to localhost port 80: Could not connect to server",
        None,
        Some("/tmp/label-generator.sock"),
        "SD101",
    ),
    ("curl: (6) Unix socket path too long: '/aaa'", None, Some("/aaa"), "SD108"),
    ("curl: (52) Empty reply from server", None, None, "SD402"),
    ("curl: (56) Recv failure: Connection reset by peer", Some(104), None, "SD402"),
    ("dial unix /run/x.sock: connect: permission denied", Some(13), Some("/run/x.sock"), "SD201"),
    ("dial unix /run/x.sock: connect: no such file or directory", Some(2), Some("/run/x.sock"), "SD101"),
    ("listen unix /run/x.sock: bind: address already in use", Some(98), Some("/run/x.sock"), "SD104"),
    ("listen unix /run/x.sock: bind: invalid argument", Some(22), Some("/run/x.sock"), "SD108"),
    (
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/containers/json\": dial unix /var/run/docker.sock: connect: permission denied",
        Some(13),
        Some("/var/run/docker.sock"),
        "SD201",
    ),
    (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        None,
        Some("/var/run/docker.sock"),
        "SD101",
    ),
    ("Error: connect ENOENT /tmp/x", Some(2), Some("/tmp/x"), "SD101"),
    ("Error: connect ECONNREFUSED /tmp/x", Some(111), Some("/tmp/x"), "SD104"),
    ("Error: connect ECONNREFUSED 127.0.0.1:5001", Some(111), None, "SD117"),
    ("Error: listen EADDRINUSE: address already in use /tmp/x", Some(98), Some("/tmp/x"), "SD104"),
    (
        "LOG:  could not set permissions of file \"/var/run/postgresql/.s.PGSQL.5432\": Invalid argument\nWARNING:  could not create Unix-domain socket in directory \"/var/run/postgresql\"\nFATAL:  could not create any Unix-domain sockets",
        Some(22),
        Some("/var/run/postgresql/.s.PGSQL.5432"),
        "SD501",
    ),
    ("FATAL: could not create any Unix-domain sockets", None, None, "SD501"),
    (
        "LOG:  could not bind Unix address \"/run/.s.PGSQL.5432\": Address already in use",
        Some(98),
        Some("/run/.s.PGSQL.5432"),
        "SD104",
    ),
    (
        "psql: error: connection to server on socket \"/tmp/.s.PGSQL.5432\" failed: No such file or directory\n\tIs the server running locally and accepting connections on that socket?",
        Some(2),
        Some("/tmp/.s.PGSQL.5432"),
        "SD101",
    ),
    (
        "connection to server on socket \"/tmp/.s.PGSQL.5432\" failed: Connection refused",
        Some(111),
        Some("/tmp/.s.PGSQL.5432"),
        "SD104",
    ),
    (
        "psql: could not connect to server: No such file or directory\n\tIs the server running locally and accepting\n\tconnections on Unix domain socket \"/tmp/.s.PGSQL.5432\"?",
        Some(2),
        Some("/tmp/.s.PGSQL.5432"),
        "SD101",
    ),
    ("FATAL:  Peer authentication failed for user \"x\"", None, None, "SD407"),
    (
        "Error: P1001: Can't reach database server at `/var/run/postgresql:5432`",
        None,
        Some("/var/run/postgresql/.s.PGSQL.5432"),
        "SD703",
    ),
    (
        "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)",
        Some(2),
        Some("/run/mysqld/mysqld.sock"),
        "SD101",
    ),
    (
        "Could not connect to Redis at /run/redis.sock: Permission denied",
        Some(13),
        Some("/run/redis.sock"),
        "SD201",
    ),
    ("app.socket: Socket service app.service already active, refusing.", None, None, "SD608"),
    ("app.socket: Failed with result 'service-start-limit-hit'.", None, None, "SD606"),
    ("app.socket: Failed with result 'trigger-limit-hit'.", None, None, "SD606"),
];

#[test]
fn every_text_of_the_other_programs() {
    for row in OTHER_PROGRAMS {
        holds(row.0, *row);
    }
}

#[test]
fn every_symptom_knows_the_text_it_shows() {
    for family in FAMILIES {
        for symptom in family.symptoms {
            let found = meaning(symptom.seen);
            assert!(found.says.starts_with(symptom.says), "{} is taken for: {}", symptom.seen, found.says);
            assert!(!found.causes.is_empty(), "{}", symptom.seen);
            assert_eq!(symptom.says.matches(". ").count(), 0, "one sentence: {}", symptom.says);
        }
    }
}

#[test]
fn every_cause_has_a_code_of_the_catalogue_or_none() {
    let symptoms = FAMILIES.iter().flat_map(|family| family.symptoms).chain(errno::TABLE);
    for cause in symptoms.flat_map(|symptom| symptom.causes) {
        let shaped =
            |code: &str| code.len() == 5 && code.starts_with("SD") && code[2..].parse::<u16>().is_ok();
        assert!(cause.code.is_none_or(shaped), "{cause:?}");
    }
}

#[test]
fn an_errno_without_a_cause_of_ours_is_answered_too() {
    assert_eq!(of_errno(10).unwrap().causes, []);
    assert!(of_errno(0).is_none());
    assert!(recognise(b"hello, world").is_none());
}

#[test]
fn a_line_of_an_unknown_program_tells_by_its_call() {
    let bound = meaning("myserver: failed to bind /run/my.sock: Permission denied");
    assert_eq!(bound.causes[0].code, Some("SD208"));
    assert_eq!(bound.path.as_deref(), Some(b"/run/my.sock".as_slice()));
    let both = meaning("Permission denied");
    assert!(both.causes.iter().any(|cause| cause.call == Call::Bind));
    assert!(both.causes.iter().any(|cause| cause.call == Call::Connect));
}

#[test]
fn the_first_known_line_of_a_log_speaks() {
    let log = "Starting\nconnect() to unix:/run/a.sock failed (111: Connection refused) while\n\n\n\n\nOSError: [Errno 9] Bad file descriptor\n";
    assert_eq!(meaning(log).errno, Some(111));
}

#[test]
fn a_mebibyte_is_no_matter() {
    for unit in ["\n", "a", "unix:", "connect() to unix:/x failed (", "[Errno 98] \n", "(((((", "\"/x"] {
        let text = unit.repeat((1 << 20) / unit.len());
        let _ = recognise(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_do_harm(before in any::<Vec<u8>>(), after in any::<Vec<u8>>(), which in 0..FAMILIES.len()) {
        let _ = recognise(&before);
        let seen = FAMILIES[which].symptoms[before.len() % FAMILIES[which].symptoms.len()].seen;
        let text = [before.as_slice(), b"\n", seen.as_bytes(), b"\n", &after].concat();
        prop_assert!(recognise(&text).is_some());
    }
}
