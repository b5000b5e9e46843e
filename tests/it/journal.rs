//! What `--logs` and `--log` read: the journal of a real journald, to which a unit's gunicorn writes, and files of any
//! size.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::binary::{document, json};
use crate::nspawn::Guest;
use crate::process::{finish, until};
use crate::seed_s1::{SOCKET, gunicorn_service};
use crate::seen::{Inspected, text};
use crate::servers::http_status;
use crate::world::{isolated, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(60);

/// Closes its client's descriptor, which gunicorn then uses.
const APP: &str = r#"
def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/close":
        environ["gunicorn.socket"].close()
    start_response("200 OK", [])
    return [b"ok"]
"#;

#[test]
fn the_journal_of_a_unit_tells_of_a_closed_descriptor() {
    let name = "journal::the_journal_of_a_unit_tells_of_a_closed_descriptor";
    isolated_root(name, |world| {
        let guest = match Guest::boot(world) {
            Ok(guest) => guest,
            Err(reason) => return skip(name, &reason),
        };
        guest.write("/srv/app.py", APP);
        guest.unit("app.service", &gunicorn_service("", "RuntimeDirectory=gunicorn", SOCKET));
        guest.systemctl(["start", "app.service"]);
        let socket = guest.path(SOCKET);
        assert!(until(SOON, || http_status(&socket) == Some(200)), "gunicorn does not serve");
        let journal = || guest.run(["journalctl", "--quiet", "--no-pager", "--unit", "app.service"]).stdout;
        let told = || journal().matches("[Errno 9] Bad file descriptor").count();
        for expected in 1..=2 {
            let mut client = UnixStream::connect(&socket).unwrap();
            client.write_all(b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let _ = client.read(&mut [0; 64]);
            assert!(until(SOON, || told() >= expected), "{}", journal());
        }
        let looked = |mut command: std::process::Command| {
            Inspected(document(&finish(command.args(["inspect", SOCKET, "--logs", "--json"]), SOON)))
        };
        let seen = looked(guest.command("sockdoctor"));
        let found = seen.findings().find(|finding| finding["code"] == "SD314");
        let found = found.unwrap_or_else(|| panic!("{:#}", seen.0));
        assert_eq!((&found["severity"], &found["certainty"]), (&"warning".into(), &"certain".into()));
        let log = &seen.target()["health"]["logs"][0];
        assert_eq!(log["name"], "journal of app.service");
        let family = &log["families"][0];
        assert_eq!((&family["family"], &family["older"]), (&"EBADF".into(), &0.into()), "{log:#}");
        assert_eq!(family["count"], told(), "{log:#}");
        assert!(family["first"].is_string() && family["last"].is_string(), "{log:#}");
        // Without journalctl nothing can be said, and that is said.
        let mut blind = guest.command("env");
        blind.args(["PATH=/nonexistent", "/usr/bin/sockdoctor"]);
        let seen = looked(blind);
        let gap = seen.not_checked("SD314").unwrap_or_else(|| panic!("{:#}", seen.0));
        assert!(gap["reason"].as_str().unwrap().contains("no journalctl"), "{gap:#}");
        assert!(gap["would_help"].as_str().unwrap().contains("--log FILE"), "{gap:#}");
    });
}

#[test]
fn a_log_that_is_larger_than_the_memory_is_read_whole() {
    let name = "journal::a_log_that_is_larger_than_the_memory_is_read_whole";
    isolated(name, |world| {
        let Some(mut prlimit) = need("prlimit") else { return skip(name, "no prlimit") };
        let (socket, log) = (world.path("s"), world.path("log"));
        let _listener = UnixListener::bind(&socket).unwrap();
        let line = b"ERROR Too many open files\n";
        let mut file = std::fs::File::create(&log).unwrap();
        file.write_all(line).unwrap();
        // A hole reads as zeros: one line without an end.
        file.set_len(256 << 20).unwrap();
        let mut file = std::fs::File::options().append(true).open(&log).unwrap();
        file.write_all(&[&b"\n"[..], line].concat()).unwrap();
        prlimit.arg("--as=200000000").arg(env!("CARGO_BIN_EXE_sockdoctor"));
        prlimit.args(["inspect", text(&socket), "--log", text(&log), "--json"]);
        let seen = Inspected(document(&finish(&mut prlimit, SOON)));
        let read = &seen.target()["health"]["logs"][0];
        assert_eq!((&read["lines"], &read["long_lines"]), (&3.into(), &1.into()), "{read:#}");
        assert_eq!(
            (&read["families"][0]["family"], &read["families"][0]["count"]),
            (&"EMFILE".into(), &2.into())
        );
        // An overview takes the log of the one server that it shows.
        std::fs::write(&log, line).unwrap();
        let listed = json(["list", "--match", text(&socket), "--log", text(&log)]);
        assert_eq!(listed["findings"][0]["code"], "SD314", "{listed:#}");
    });
}
