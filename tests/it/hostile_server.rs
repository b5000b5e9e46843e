//! Servers that no client would wish for, each a thread of the test.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// What one does with a connection.
pub(crate) type Manner = fn(&mut UnixStream) -> std::io::Result<()>;

/// Starts one; it ends with the test's process.
pub(crate) fn serve(path: &Path, manner: Manner) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || stream.and_then(|mut stream| manner(&mut stream)));
        }
    });
}

fn request(stream: &mut UnixStream) -> std::io::Result<String> {
    let mut request = [0; 8192];
    let length = stream.read(&mut request)?;
    Ok(String::from_utf8_lossy(&request[..length]).into_owned())
}

fn answer(stream: &mut UnixStream, reply: &[u8]) -> std::io::Result<()> {
    request(stream)?;
    stream.write_all(reply)
}

/// Takes the connection and the request, and that is all.
pub(crate) fn silent(stream: &mut UnixStream) -> std::io::Result<()> {
    request(stream)?;
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

/// One byte a second.
pub(crate) fn dripping(stream: &mut UnixStream) -> std::io::Result<()> {
    request(stream)?;
    b"HTTP/1.1 200 OK\r\nX-Slow: yes\r\n".iter().cycle().try_for_each(|byte| {
        stream.write_all(&[*byte])?;
        std::thread::sleep(Duration::from_secs(1));
        Ok(())
    })
}

/// Header fields without end.
pub(crate) fn endless_head(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\n")?;
    loop {
        stream.write_all(&[b"X-More: ", &[b'x'; 1000][..], b"\r\n"].concat())?;
    }
}

/// A body without length or end.
pub(crate) fn endless_body(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\n\r\n")?;
    loop {
        stream.write_all(&vec![b'x'; 65536])?;
    }
}

/// A body of 1 GiB, announced.
pub(crate) fn huge_body(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")?;
    (0..16384).try_for_each(|_| stream.write_all(&vec![b'x'; 65536]))
}

/// Three bytes of ten, then nothing.
pub(crate) fn half_way(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")?;
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

/// Three bytes of ten, then the end.
pub(crate) fn cut_short(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
}

/// Takes the request and closes.
pub(crate) fn closing(stream: &mut UnixStream) -> std::io::Result<()> {
    request(stream).map(|_| ())
}

/// Closes with the request unread: the client gets ECONNRESET.
pub(crate) fn resetting(stream: &mut UnixStream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 1])
}

/// Bytes of nothing, invalid UTF-8 and an escape sequence among them.
pub(crate) fn garbage(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"\xff\xfe\x00\x1b[31m\n garbage")
}

/// A reply of HTTP whose status line is no UTF-8.
pub(crate) fn invalid_utf8(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.\xff 200 \xfe\r\n\r\n")
}

/// A body of three MiB.
pub(crate) fn long(stream: &mut UnixStream) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 3 << 20);
    answer(stream, &[head.as_bytes(), &vec![b'x'; 3 << 20]].concat())
}

/// Two lengths of one body.
pub(crate) fn contradictory(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")
}

/// A chunk whose length is no number.
pub(crate) fn bad_chunk(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n")
}

/// A whole reply, and a bad one.
pub(crate) fn failing(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 500 Oops\r\nServer: x/1\xff\r\nContent-Length: 2\r\n\r\nno")
}

/// A right reply, in JSON.
pub(crate) fn healthy(stream: &mut UnixStream) -> std::io::Result<()> {
    let reply =
        b"HTTP/1.1 200 OK\r\nServer: x/1\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n";
    answer(stream, &[&reply[..], b"{\"status\":\"ok\"}"].concat())
}

/// Events without end, which are meant so.
pub(crate) fn events(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")?;
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

/// Answers one name alone.
pub(crate) fn particular(stream: &mut UnixStream) -> std::io::Result<()> {
    let known = request(stream)?.contains("Host: 127.0.0.1\r\n");
    let status = if known { "200 OK" } else { "400 Bad Request" };
    stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())
}

/// Redis behind a password.
pub(crate) fn locked(stream: &mut UnixStream) -> std::io::Result<()> {
    answer(stream, b"-NOAUTH Authentication required.\r\n")
}
