//! Real servers on sockets in a world: started, waited for until they serve, ended when dropped.
//!
//! A starter gives `None` where its server is not installed; the test then skips.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{Process, until};
use crate::world::{World, need};

/// One application for both: `app` for uvicorn, `wsgi` for gunicorn.
pub(crate) const APP: &str = r#"
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]
"#;

/// uvicorn with so many workers; with one, the process itself serves.
pub(crate) fn uvicorn(world: &World, socket: &Path, workers: u32) -> Option<Process> {
    Some(serving_http(&mut uvicorn_command(world, socket, workers)?, socket))
}

/// The command of [`uvicorn`], for a start that is not meant to succeed.
pub(crate) fn uvicorn_command(world: &World, socket: &Path, workers: u32) -> Option<Command> {
    world.write("app.py", APP);
    let mut command = need("uvicorn")?;
    command.current_dir(&world.dir).args(["app:app", "--workers", &workers.to_string(), "--uds"]).arg(socket);
    Some(command)
}

/// gunicorn: a master that holds the socket, and one worker.
pub(crate) fn gunicorn(world: &World, socket: &Path) -> Option<Process> {
    Some(serving_http(&mut gunicorn_command(world, socket, 1)?, socket))
}

/// The command of [`gunicorn`], with so many workers; its pid stands in `g.pid`.
pub(crate) fn gunicorn_command(world: &World, socket: &Path, workers: u32) -> Option<Command> {
    world.write("app.py", APP);
    let mut command = need("gunicorn")?;
    let bind = format!("unix:{}", socket.display());
    let workers = workers.to_string();
    command.current_dir(&world.dir).args([
        "--workers",
        &workers,
        "--pid",
        "g.pid",
        "--bind",
        &bind,
        "app:wsgi",
    ]);
    Some(command)
}

/// haproxy, which binds a temporary name and renames it: the kernel shows `PATH.PID.tmp` ever after.
pub(crate) fn haproxy(world: &World, socket: &Path) -> Option<Process> {
    let mut command = need("haproxy")?;
    let config = world.write(
        "haproxy.cfg",
        &format!(
            "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
             frontend main\n bind unix@{}\n http-request return status 200\n",
            socket.display()
        ),
    );
    Some(serving_http(command.args(["-db", "-f"]).arg(config), socket))
}

/// A message bus, which speaks no HTTP.
pub(crate) fn dbus(world: &World, socket: &Path) -> Option<Process> {
    let mut command = need("dbus-daemon")?;
    let config = world.write(
        "bus.conf",
        &format!(
            "<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow user=\"*\"/></policy></busconfig>",
            socket.display()
        ),
    );
    command.args(["--nofork", "--nopidfile", "--config-file"]).arg(config);
    Some(serving(&mut command, || {
        exchange(socket, b"\0AUTH\r\n").is_some_and(|reply| reply.starts_with("REJECTED"))
    }))
}

/// Starts a server and waits until it answers HTTP on `socket`.
pub(crate) fn serving_http(command: &mut Command, socket: &Path) -> Process {
    serving(command, || answers_http(socket))
}

fn serving(command: &mut Command, serves: impl FnMut() -> bool) -> Process {
    // Not the test's stdout and stderr, which end only when all who hold them have.
    let process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    assert!(until(Duration::from_secs(30), serves), "{command:?} does not serve");
    process
}

/// Whether a server behind `socket` answers a request with 200.
pub(crate) fn answers_http(socket: &Path) -> bool {
    http_status(socket) == Some(200)
}

/// The status with which a server behind `socket` answers a request.
pub(crate) fn http_status(socket: &Path) -> Option<u16> {
    let reply = exchange(socket, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    reply.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// The first that comes back.
fn exchange(socket: &Path, request: &[u8]) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(request).ok()?;
    let mut reply = [0; 64];
    let length = stream.read(&mut reply).ok()?;
    Some(String::from_utf8_lossy(&reply[..length]).into_owned())
}

mod tests {
    use nix::sys::signal::Signal;

    use super::*;
    use crate::process::finish;
    use crate::world::{isolated, skip};

    /// How many listeners of this network namespace have a name that begins so.
    fn listeners(name: &Path) -> usize {
        // The fourth field, SO_ACCEPTCON, is what makes a listener; the eighth is the name.
        let table = std::fs::read_to_string("/proc/self/net/unix").unwrap();
        let rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| {
            row[3] == "00010000" && row.get(7).is_some_and(|bound| bound.starts_with(name.to_str().unwrap()))
        })
        .count()
    }

    #[test]
    fn a_second_uvicorn_unlinks_the_file_of_the_first() {
        let name = "servers::tests::a_second_uvicorn_unlinks_the_file_of_the_first";
        isolated(name, |world| {
            let socket = world.path("app.sock");
            let Some(_first) = uvicorn(world, &socket, 2) else { return skip(name, "no uvicorn") };
            let second = finish(&mut uvicorn_command(world, &socket, 2).unwrap(), Duration::from_secs(30));
            assert!(second.stderr.contains("[Errno 98] Address already in use"), "{}", second.stderr);
            assert_eq!(second.status, 1, "{}", second.stderr);
            assert!(!socket.exists());
            assert_eq!(listeners(&socket), 1, "and the first listens on");
        });
    }

    #[test]
    fn two_uvicorns_listen_under_one_name_and_the_first_to_go_takes_the_file() {
        let name = "servers::tests::two_uvicorns_listen_under_one_name_and_the_first_to_go_takes_the_file";
        isolated(name, |world| {
            let socket = world.path("app.sock");
            let Some(mut first) = uvicorn(world, &socket, 2) else { return skip(name, "no uvicorn") };
            let mut second =
                Process::start(uvicorn_command(world, &socket, 1).unwrap().stderr(Stdio::null()));
            assert!(until(Duration::from_secs(30), || listeners(&socket) == 2), "two LISTEN rows");
            assert!(answers_http(&socket));
            first.signal(Signal::SIGTERM);
            assert!(first.ended(Duration::from_secs(30)).is_some());
            assert!(!socket.exists(), "the first removes what is the second's file by now");
            assert_eq!(listeners(&socket), 1);
            assert!(second.ended(Duration::ZERO).is_none());
        });
    }

    #[test]
    fn the_other_servers_serve() {
        let name = "servers::tests::the_other_servers_serve";
        isolated(name, |world| {
            let socket = world.path("g.sock");
            let Some(_gunicorn) = gunicorn(world, &socket) else { return skip(name, "no gunicorn") };
            let socket = world.path("d.sock");
            let Some(_dbus) = dbus(world, &socket) else { return skip(name, "no dbus-daemon") };
            let socket = world.path("h.sock");
            let Some(haproxy) = haproxy(world, &socket) else { return skip(name, "no haproxy") };
            assert_eq!(listeners(&world.path(&format!("h.sock.{}.tmp", haproxy.pid()))), 1);
        });
    }
}
