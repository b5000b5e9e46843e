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
    assert_eq!(reading.families[0].count, 2);
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
