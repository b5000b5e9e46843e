//! A program of its own, linked statically, for a container that has nothing else: it answers every request on the
//! socket that is its argument with 200.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_default();
    let _ = std::fs::remove_file(&path);
    for client in UnixListener::bind(path)?.incoming() {
        let mut client = client?;
        if client.read(&mut [0; 65536])? > 0 {
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")?;
        }
    }
    Ok(())
}
