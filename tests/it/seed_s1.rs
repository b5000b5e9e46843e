//! The situation of socket activation: systemd listens, gunicorn serves, nginx asks, and what answers 502 there.
//!
//! Everything is real. Each fix that is printed as a command is run in the guest as it stands, and has to heal.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::nspawn::Guest;
use crate::process::{Process, until};
use crate::seen::{Inspected, file_ino, inspect, inspect_by};
use crate::servers::{APP, http_status};
use crate::world::{World, isolated_root, skip};

pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) const SOCKET: &str = "/run/gunicorn/app.sock";

pub(crate) const APP_SOCKET: &str = "\
[Socket]
ListenStream=/run/gunicorn/app.sock
RuntimeDirectory=gunicorn
SocketUser=www-data
SocketGroup=www-data
SocketMode=0660
";

pub(crate) const NGINX: &str = "\
user www-data; worker_processes 1; daemon off; pid /run/front.pid; error_log /srv/error.log;
events { worker_connections 64; }
http {
  access_log off;
  upstream app { server unix:/run/gunicorn/app.sock fail_timeout=0; }
  server { listen unix:/run/front.sock; location / { proxy_pass http://app; } }
}
";

/// A worker that is told to end while it starts may miss that, and its master waits for it for so long.
const GRACE: &str = "--graceful-timeout=1";

/// A service that runs gunicorn on a path; where systemd passes a listener, on that.
pub(crate) fn gunicorn_service(unit: &str, service: &str, path: &str) -> String {
    format!(
        "[Unit]\n{unit}\n[Service]\n{service}\nType=notify\nUser=www-data\nWorkingDirectory=/srv\n\
         ExecStart=/usr/local/bin/gunicorn {GRACE} --workers 2 --bind unix:{path} app:wsgi\n"
    )
}

/// nginx in front of a service that is started by the first request.
pub(crate) struct Site {
    pub(crate) guest: Guest,
    front: PathBuf,
}

impl Site {
    pub(crate) fn up(world: &World) -> Result<Self, String> {
        let guest = Guest::boot(world)?;
        guest.write("/srv/app.py", APP);
        guest.write("/srv/nginx.conf", NGINX);
        guest.unit("app.socket", APP_SOCKET);
        guest.unit("app.service", &gunicorn_service("Requires=app.socket", "", SOCKET));
        guest.unit("front.service", "[Service]\nExecStart=/usr/sbin/nginx -c /srv/nginx.conf\n");
        guest.systemctl(["start", "app.socket", "front.service"]);
        let front = guest.path("/run/front.sock");
        assert!(until(SOON, || UnixStream::connect(&front).is_ok()), "nginx does not listen");
        Ok(Self { guest, front })
    }

    /// What a client of nginx gets.
    pub(crate) fn answers(&self) -> Option<u16> {
        http_status(&self.front)
    }

    fn inspect(&self, path: &str) -> Inspected {
        inspect_by(&mut self.guest.command("sockdoctor"), path)
    }

    /// The same as text.
    fn text(&self, path: &str) -> String {
        self.guest.run(["sockdoctor", path]).stdout
    }

    /// Runs the commands of [`changes`] as they would be pasted, in order.
    #[track_caller]
    pub(crate) fn paste_fixes(&self, seen: &Inspected) -> Vec<String> {
        let commands = changes(seen);
        for command in &commands {
            let output = self.guest.run(["bash", "-c", command]);
            assert_eq!(output.status, 0, "{command}: {}", output.stderr);
        }
        commands
    }

    /// gunicorn as somebody starts it who does not know of the units.
    fn gunicorn_by_hand(&self) -> Process {
        let before = file_ino(&self.guest.path(SOCKET));
        let bind = format!("unix:{SOCKET}");
        let mut command = self.guest.command("gunicorn");
        command.args([GRACE, "--chdir", "/srv", "--umask", "0", "--bind", &bind, "app:wsgi"]);
        let process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let path = self.guest.path(SOCKET);
        let taken = || path.exists() && file_ino(&path) != before && self.answers() == Some(200);
        assert!(until(SOON, taken), "it does not take the path");
        process
    }
}

/// The commands of the cause that change something.
fn changes(seen: &Inspected) -> Vec<String> {
    let fixes = seen.findings().next().unwrap()["fix"].as_array().unwrap();
    let changes = fixes.iter().filter(|fix| fix["changes_state"] == true);
    changes.map(|fix| fix["command"].as_str().unwrap().to_owned()).collect()
}

/// What holds the socket of a target: each process's unit.
fn units(seen: &Inspected) -> Vec<&str> {
    let holders = seen.target()["holders"].as_array().unwrap();
    holders.iter().map(|holder| holder["unit"].as_str().unwrap_or_default()).collect()
}

#[test]
fn an_activated_socket_is_healthy_before_during_and_after_its_service() {
    let name = "seed_s1::an_activated_socket_is_healthy_before_during_and_after_its_service";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        let all = |units: &[&str]| {
            let complete = || self::units(&site.inspect(SOCKET)) == units;
            assert!(until(SOON, complete), "{:?}", self::units(&site.inspect(SOCKET)));
            site.inspect(SOCKET).is_healthy();
            inspect(site.guest.path(SOCKET)).is_healthy();
        };
        all(&["app.socket"]);
        let text = site.text(SOCKET);
        assert!(text.contains("holders   systemd pid 1 (app.socket)\n"), "{text}");

        assert_eq!(site.answers(), Some(200));
        all(&["app.socket", "app.service", "app.service", "app.service"]);
        let outside = inspect(site.guest.path(SOCKET));
        let pids = outside.target()["holders"].as_array().unwrap();
        assert!(pids.iter().any(|holder| holder["pid"] == site.guest.leader().as_raw()), "{pids:?}");

        site.guest.systemctl(["stop", "app.service"]);
        all(&["app.socket"]);
        assert_eq!(site.answers(), Some(200), "the next request starts it again");
    });
}

#[test]
fn what_answers_502_is_named_and_the_printed_fix_heals_it() {
    let name = "seed_s1::what_answers_502_is_named_and_the_printed_fix_heals_it";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        site.guest.systemctl(["stop", "app.socket"]);
        assert_eq!(site.answers(), Some(502));
        // From inside a PID namespace nobody can be sure.
        let seen = site.inspect(SOCKET);
        seen.is_broken_by("SD101", "likely");
        assert_eq!(site.paste_fixes(&seen), ["systemctl start app.socket"]);
        assert_eq!(site.answers(), Some(200));

        let log = site.guest.run(["tail", "-n", "1", "/srv/error.log"]).stdout;
        assert!(log.contains("(2: No such file or directory)"), "{log}");
        let explained = site.guest.run(["sockdoctor", "explain", log.trim()]).stdout;
        assert!(explained.trim_end().ends_with(&format!("sockdoctor inspect {SOCKET}")), "{explained}");

        // With the service on it, and with PID 1 alone.
        for idle in [false, true] {
            if idle {
                site.guest.systemctl(["stop", "app.service"]);
            }
            std::fs::remove_file(site.guest.path(SOCKET)).unwrap();
            assert_eq!(site.answers(), Some(502));
            site.guest.systemctl(["is-active", "app.socket"]);
            let seen = site.inspect(SOCKET);
            seen.is_broken_by("SD102", "certain");
            assert!(seen.proof().contains("systemd pid 1 (app.socket)"), "{}", seen.proof());
            // Nobody outside is told to stop the guest's PID 1.
            let outside = inspect(site.guest.path(SOCKET));
            outside.is_broken_by("SD102", "certain");
            assert!(outside.fixes().all(|fix| fix["changes_state"] == false), "{:#}", outside.0);
            assert_eq!(site.paste_fixes(&seen), ["systemctl restart app.socket"]);
            site.inspect(SOCKET).is_healthy();
            assert_eq!(site.answers(), Some(200));
        }
    });
}

#[test]
fn a_server_started_by_hand_takes_the_path_and_then_the_file() {
    let name = "seed_s1::a_server_started_by_hand_takes_the_path_and_then_the_file";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        assert_eq!(site.answers(), Some(200));
        let mut by_hand = site.gunicorn_by_hand();
        let seen = site.inspect(SOCKET);
        seen.is_broken_by("SD103", "certain");
        assert!(!seen.fixes().any(|fix| fix["command"] == "kill 1"), "{:#}", seen.0);
        let commands = site.paste_fixes(&seen);
        assert!(
            commands[0].starts_with("kill ") && commands[1..] == ["systemctl restart app.socket"],
            "{commands:?}"
        );
        assert!(by_hand.ended(SOON).is_some());
        site.inspect(SOCKET).is_healthy();
        assert_eq!(site.answers(), Some(200));

        // Stopped, and no more.
        let mut by_hand = site.gunicorn_by_hand();
        site.guest.run(["bash", "-c", &changes(&site.inspect(SOCKET))[0]]);
        assert!(by_hand.ended(SOON).is_some());
        assert_eq!(site.answers(), Some(502));
        let seen = site.inspect(SOCKET);
        seen.is_broken_by("SD102", "certain");
        assert_eq!(site.paste_fixes(&seen), ["systemctl restart app.socket"]);
        assert_eq!(site.answers(), Some(200));
    });
}

#[test]
fn units_that_do_each_other_harm_are_healed_too() {
    let name = "seed_s1::units_that_do_each_other_harm_are_healed_too";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        let guest = &site.guest;

        // A service that goes on without its socket: systemd would refuse to start that beside it.
        let loose = "/run/loose.sock";
        guest.unit("loose.socket", "[Socket]\nListenStream=%t/loose.sock\n");
        guest.unit("loose.service", &gunicorn_service("", "", loose));
        guest.systemctl(["start", "loose.socket"]);
        assert_eq!(http_status(&guest.path(loose)), Some(200));
        std::fs::remove_file(guest.path(loose)).unwrap();
        let seen = site.inspect(loose);
        seen.is_broken_by("SD102", "certain");
        let commands = site.paste_fixes(&seen);
        assert_eq!(commands, ["systemctl stop loose.service && systemctl restart loose.socket"]);
        assert_eq!(http_status(&guest.path(loose)), Some(200));

        // One of two with the same directory ends, and takes that along.
        let shared = "/run/shared/a.sock";
        for (unit, path) in [("a.service", shared), ("b.service", "/run/shared/b.sock")] {
            guest.unit(unit, &gunicorn_service("", "RuntimeDirectory=shared", path));
            guest.systemctl(["start", unit]);
        }
        site.inspect(shared).is_healthy();
        guest.systemctl(["stop", "b.service"]);
        let seen = site.inspect(shared);
        seen.is_broken_by("SD605", "certain");
        assert_eq!(seen.0["findings"][0]["locations"][0]["file"], "/etc/systemd/system/b.service");
        let commands = site.paste_fixes(&seen);
        assert_eq!(commands[1], "systemctl daemon-reload && systemctl restart a.service");
        assert!(until(SOON, || http_status(&guest.path(shared)) == Some(200)));

        // A service that cannot start fails its socket, whose file then looks stale.
        let crash = "/run/crash.sock";
        guest.unit("crash.socket", &format!("[Socket]\nListenStream={crash}\n"));
        guest.unit("crash.service", "[Service]\nExecStart=/bin/false\n");
        guest.systemctl(["start", "crash.socket"]);
        let failed = || {
            http_status(&guest.path(crash));
            guest.run(["systemctl", "is-failed", "crash.socket"]).status == 0
        };
        assert!(until(SOON, failed), "the socket does not fail");
        let seen = site.inspect(crash);
        assert_eq!(seen.codes()[0], "SD104", "{:#}", seen.0);
        let commands: Vec<&str> = seen.fixes().filter_map(|fix| fix["command"].as_str()).collect();
        assert_eq!(commands, ["systemctl status --no-pager crash.socket", "systemctl restart crash.socket"]);
        let status = guest.run(["bash", "-c", commands[0]]).stdout;
        assert!(status.contains("service-start-limit-hit") && status.contains("crash.service"), "{status}");
        guest.unit("crash.service", &gunicorn_service("StartLimitIntervalSec=0", "", crash));
        site.paste_fixes(&seen);
        assert_eq!(http_status(&guest.path(crash)), Some(200));
    });
}
