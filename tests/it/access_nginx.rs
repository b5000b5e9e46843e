//! nginx is told `(13: Permission denied)`: which component it is, and that the printed fix is enough.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::binary::json;
use crate::permit::{changes, paste, permit, setfacl};
use crate::process::{Process, until};
use crate::seen::text;
use crate::servers::http_status;
use crate::world::{World, isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// nginx as it is packaged: a master of root, and workers of another user, before one upstream.
pub(crate) struct Proxy {
    process: Process,
    front: PathBuf,
    log: PathBuf,
}

impl Proxy {
    fn start(world: &World, number: usize, upstream: &Path) -> Option<Self> {
        Self::start_as(world, "www-data", number, upstream)
    }

    pub(crate) fn start_as(world: &World, user: &str, number: usize, upstream: &Path) -> Option<Self> {
        let [front, log] = ["front.sock", "error.log"].map(|name| world.path(&format!("{number}-{name}")));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/nginx.tmp;", world.dir.display()));
        let config = format!(
            "user {user}; worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {log};\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; {temporary} upstream app {{ server unix:{up} fail_timeout=0; }}\n\
             server {{ listen unix:{front}; location / {{ proxy_pass http://app; }} }} }}\n",
            dir = world.dir.display(),
            log = log.display(),
            temporary = temporary.join(" "),
            up = upstream.display(),
            front = front.display(),
        );
        let config = world.write("nginx.conf", &config);
        let mut nginx = need("nginx")?;
        nginx.arg("-e").arg(&log).arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
        let process = Process::start(&mut nginx);
        let started = Self { process, front, log };
        assert!(until(SOON, || started.answers().is_some()), "nginx does not answer");
        Some(started)
    }

    pub(crate) fn answers(&self) -> Option<u16> {
        http_status(&self.front)
    }

    /// The pid of its worker.
    fn worker(&self) -> String {
        let mut worker = None;
        let master = self.process.pid().as_raw();
        assert!(until(SOON, || {
            worker = self.process.group().into_iter().find(|pid| *pid != master);
            worker.is_some()
        }));
        worker.unwrap().to_string()
    }
}

/// Answers every request with 200, for as long as the test runs.
fn serve(path: &Path) -> OwnedFd {
    let listener = UnixListener::bind(path).unwrap();
    let held = listener.try_clone().unwrap().into();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    held
}

type Break = fn(&Path);

/// How it is broken, the code, the component that says no, and the one command that heals it.
const BROKEN: [(Break, &str, &str, &str); 5] = [
    (|socket| permit(socket, 0o660, 0, 0), "SD201", "SOCKET", "chgrp www-data SOCKET"),
    (|socket| permit(socket, 0o640, 0, www_data()), "SD201", "SOCKET", "chmod g+w SOCKET"),
    (
        |socket| {
            permit(socket, 0o666, 0, 0);
            permit(socket.parent().unwrap(), 0o700, 0, 0);
        },
        "SD202",
        "DIRECTORY",
        "setfacl -m u:www-data:x DIRECTORY",
    ),
    (
        |socket| {
            permit(socket, 0o600, 0, 0);
            setfacl("u:www-data:rw,m::r", socket);
        },
        "SD204",
        "SOCKET",
        "setfacl -m m::rw SOCKET",
    ),
    (
        // What a chmod 600 makes of it.
        |socket| {
            setfacl("u:www-data:rw", socket);
            permit(socket, 0o600, 0, 0);
        },
        "SD204",
        "SOCKET",
        "setfacl -m m::rw SOCKET",
    ),
];

fn www_data() -> u32 {
    nix::unistd::User::from_name("www-data").unwrap().unwrap().gid.as_raw()
}

#[test]
fn what_nginx_is_denied_by_is_named_and_the_printed_fix_heals_it() {
    let name = "access_nginx::what_nginx_is_denied_by_is_named_and_the_printed_fix_heals_it";
    isolated_root(name, |world| {
        if need("setfacl").is_none() || need("nginx").is_none() {
            return skip(name, "no setfacl or nginx");
        }
        if nix::unistd::User::from_name("www-data").unwrap().is_none() {
            return skip(name, "no user www-data");
        }
        for (number, (damage, code, blocker, heals)) in BROKEN.into_iter().enumerate() {
            let directory = world.path(&number.to_string());
            std::fs::create_dir(&directory).unwrap();
            let socket = directory.join("app.sock");
            let _server = serve(&socket);
            damage(&socket);
            let proxy = Proxy::start(world, number, &socket).unwrap();
            assert_eq!(proxy.answers(), Some(502));
            let log = std::fs::read_to_string(&proxy.log).unwrap();
            assert!(log.contains("failed (13: Permission denied)"), "{log}");

            let access = || json(["access", text(&socket), "--pid", &proxy.worker()]);
            let document = access();
            assert_eq!(document["findings"][0]["code"], code, "{document:#}");
            assert_eq!((&document["exit_code"], &document["data"]["allowed"]), (&1.into(), &false.into()));
            assert_eq!(document["data"]["kernel_verdict"], "denied", "{document:#}");
            let named = |text: &str| {
                text.replace("SOCKET", self::text(&socket)).replace("DIRECTORY", self::text(&directory))
            };
            let walk = document["data"]["walk"].as_array().unwrap();
            let stops: Vec<&Value> = walk.iter().filter(|gate| gate["allowed"] == false).collect();
            assert_eq!(stops[0]["path"], named(blocker), "{document:#}");
            let commands = changes(&document);
            assert_eq!(commands, [named(heals)], "{document:#}");
            paste(&commands[0]);
            assert_eq!(proxy.answers(), Some(200), "{code} after {commands:?}");
            let document = access();
            assert_eq!(document["data"]["allowed"], true, "{document:#}");
        }
    });
}
