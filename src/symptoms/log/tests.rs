use proptest::prelude::*;

use super::*;

fn read(text: &[u8]) -> LogReading {
    let mut reader = Reader::new(b"x", None);
    reader.take(text);
    reader.finish(false)
}

fn kind(line: &str) -> Option<LogFamily> {
    read(line.as_bytes()).families.first().map(|family| family.family)
}

#[test]
fn each_family_is_known_by_real_lines() {
    for (line, family) in [
        ("OSError: [Errno 9] Bad file descriptor", LogFamily::Ebadf),
        ("[2024-05-01 12:00:00 +0000] [7] [ERROR] OSError(9, 'Bad file descriptor')", LogFamily::Ebadf),
        ("can't send: Bad file descriptor, it isn't open", LogFamily::Ebadf),
        ("accept: Bad file descriptor", LogFamily::Ebadf),
        ("OSError: [Errno 24] Too many open files", LogFamily::Emfile),
        ("http: Accept error: accept unix /x: accept4: too many open files; retrying", LogFamily::Emfile),
        ("Error: EMFILE: too many open files, open '/x'", LogFamily::Emfile),
        ("2024/05/01 12:00:00 [crit] 7#7: accept4() failed (24: Too many open files)", LogFamily::Emfile),
        ("ERROR Too many open files", LogFamily::Emfile),
        ("2026-11-22 10:00:00,123 Too many open files", LogFamily::Emfile),
        ("[ERROR] Too many open files", LogFamily::Emfile),
        ("app - ERROR - Too many open files", LogFamily::Emfile),
        ("Error: Os { code: 24, kind: Uncategorized, message: \"Too many open files\" }", LogFamily::Emfile),
        ("ERROR accept failed: Too many open files (os error 24)", LogFamily::Emfile),
        ("java.io.IOException: Too many open files", LogFamily::Emfile),
        ("java.net.SocketException: Too many open files (Accept failed)", LogFamily::Emfile),
        ("java.io.FileNotFoundException: /x (Too many open files)", LogFamily::Emfile),
        ("Error: connect EMFILE /run/x.sock - Local (undefined:undefined)", LogFamily::Emfile),
        ("#<Errno::EMFILE: Too many open files - accept(2)>", LogFamily::Emfile),
        ("panic: dial unix /x: socket: too many open files", LogFamily::Emfile),
        ("{\"level\":\"error\",\"msg\":\"accept unix /x: accept4: too many open files\"}", LogFamily::Emfile),
        ("Error: Os { code: 9, kind: Uncategorized, message: \"Bad file descriptor\" }", LogFamily::Ebadf),
        ("Error: EBADF: bad file descriptor, close", LogFamily::Ebadf),
        (
            "thread 'x' panicked: Os { code: 32, kind: BrokenPipe, message: \"Broken pipe\" }",
            LogFamily::Epipe,
        ),
        ("Error: write EPIPE", LogFamily::Epipe),
        ("java.io.IOException: Broken pipe", LogFamily::Epipe),
        ("java.net.SocketException: Connection reset", LogFamily::Econnreset),
        ("Error: read ECONNRESET", LogFamily::Econnreset),
        ("read unix @->/x: read: connection reset by peer", LogFamily::Econnreset),
        ("BrokenPipeError: [Errno 32] Broken pipe", LogFamily::Epipe),
        ("write unix /x->@: write: broken pipe", LogFamily::Epipe),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", LogFamily::Econnreset),
        ("[2024-05-01 12:00:00 +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:812)", LogFamily::WorkerTimeout),
        (
            "2024/05/01 12:00:00 [error] 7#7: *1 connect() to unix:/x failed (111: Connection refused) while connecting to upstream, client: 1.2.3.4",
            LogFamily::Nginx(111),
        ),
        (
            "Server b/s is DOWN, reason: Socket error, info: \"Connection refused\", check",
            LogFamily::HaproxySockerr,
        ),
        (
            "LOG:  could not bind Unix address \"/x/.s.PGSQL.5432\": Address already in use",
            LogFamily::Postgres,
        ),
        ("LOG:  could not receive data from client: Connection reset by peer", LogFamily::Postgres),
        (
            "{\"log\":\"OSError: [Errno 9] Bad file descriptor\\n\",\"time\":\"2024-05-01T12:00:00Z\"}",
            LogFamily::Ebadf,
        ),
    ] {
        assert_eq!(kind(line), Some(family), "{line}");
    }
}

#[test]
fn the_words_of_others_are_nobodys_error() {
    for line in [
        "127.0.0.1 - - [01/May/2024:12:00:00 +0000] \"GET /?q=: bad file descriptor HTTP/1.1\" 200 2",
        "INFO:     1.2.3.4:0 - \"GET /[Errno 9] HTTP/1.1\" 404 Not Found",
        "INFO feedback: 'I saw: Bad file descriptor'",
        "INFO he said, 'I saw: Bad file descriptor'",
        "2024/05/01 12:00:00 [info] 7#7: *1 recv() failed (104: Connection reset by peer) while reading client request",
        "2024/05/01 12:00:00 [error] 7#7: *1 writev() failed (32: Broken pipe) while sending to client, client: 1.2.3.4",
        "too many open files in system",
        "ERROR Too many open files in system",
        "INFO page about too many open files",
        "2026-11-22 10:00:00 INFO the page 'Too many open files' was read",
        "VFS: too many open files in system",
        "{\"request\":\"GET /?x=[Errno 9]\",\"status\":200}",
        "a Unix socket",
    ] {
        assert_eq!(kind(line), None, "{line}");
    }
}

#[test]
fn a_traceback_gives_its_time_and_its_innermost_place() {
    let text = b"[2024-05-01 12:00:00 +0000] [7] [ERROR] Error handling request /\n\
Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\n    x()\n  File \"/app.py\", line 5, in g\n    y()\n\
OSError: [Errno 9] Bad file descriptor\n\
[2024-05-01 12:01:00 +0000] [7] [ERROR] OSError: [Errno 9] Bad file descriptor\n";
    let mut reader = Reader::new(b"x", Some(1_714_564_830));
    for piece in text.chunks(7) {
        reader.take(piece);
    }
    let reading = reader.finish(false);
    let family = &reading.families[0];
    assert_eq!((family.count, family.older, reading.lines), (2, 1, 8));
    assert_eq!(family.last.unwrap() - family.first.unwrap(), 60);
    assert_eq!(family.from.as_deref(), Some(&b"File \"/app.py\", line 5, in g"[..]));
}

#[test]
fn a_line_without_an_end_costs_no_memory() {
    let mut reader = Reader::new(b"x", None);
    reader.take(b"ok\nOSError: [Errno 9] Bad file descriptor ");
    for _ in 0..1000 {
        reader.take(&[b'x'; 4096]);
        assert!(reader.kept.len() < 2 * BEFORE + LINE, "{}", reader.kept.len());
    }
    reader.take(b"\nOSError: [Errno 9] Bad file descriptor\n");
    let reading = reader.finish(false);
    assert_eq!((reading.families[0].count, reading.long_lines), (2, 1));
}

#[test]
fn a_long_line_is_said_to_be_cut_wherever_it_ends() {
    let long = [&vec![b'x'; LINE + 1][..], b" Bad file descriptor\n"].concat();
    for text in [[&long[..], b"ok\n"].concat(), [b"ok\n", &long[..]].concat(), long.repeat(3)] {
        let expected = text.windows(3).filter(|bytes| *bytes == b"or\n").count() as u64;
        for size in [text.len(), 1000] {
            let mut reader = Reader::new(b"x", None);
            text.chunks(size).for_each(|piece| reader.take(piece));
            assert_eq!(reader.finish(false).long_lines, expected, "in pieces of {size}");
        }
    }
    assert_eq!(read(&vec![b'\n'; 3 * LINE]).long_lines, 0);
}

proptest! {
    #[test]
    fn however_it_is_cut_it_is_counted_alike(cuts in prop::collection::vec(1_usize..60, 1..20)) {
        let text = b"a\nOSError: [Errno 9] Bad file descriptor\nb\nBrokenPipeError: [Errno 32] Broken pipe\n".repeat(3);
        let mut reader = Reader::new(b"x", None);
        let (mut rest, mut cuts) = (&text[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, next) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            reader.take(piece);
            rest = next;
        }
        let reading = reader.finish(false);
        let counts: Vec<u64> = reading.families.iter().map(|family| family.count).collect();
        prop_assert_eq!((counts, reading.lines), (vec![3, 3], 12));
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&text);
    }
}

#[test]
fn the_words_of_a_request_are_its_clients() {
    for line in [
        "GET /x?e=[Errno 9] Bad file descriptor",
        "INFO  127.0.0.1 GET /search/[Errno 24] Too many open files 200 3ms",
        "INFO: path=/docs/[Errno 32] Broken pipe status=200",
        "10.0.0.1 - - POST /[Errno 104] 404",
    ] {
        assert_eq!(kind(line), None, "{line}");
    }
}
