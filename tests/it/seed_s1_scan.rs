//! The situation of socket activation, scanned: what the files of nginx and systemd say against what is there.
//!
//! Each fix that is printed as a command is run in the guest as it stands, and has to heal.

use crate::binary::document;
use crate::process::{finish, until};
use crate::seed_s1::{APP_SOCKET, NGINX, SOCKET, SOON, Site, gunicorn_service};
use crate::seen::{Inspected, inspect_by};
use crate::servers::http_status;
use crate::world::{isolated_root, skip};

impl Site {
    pub(crate) fn scan(&self) -> Inspected {
        Inspected(document(&finish(self.guest.command("sockdoctor").args(["scan", "--json"]), SOON)))
    }

    /// Nothing worse than a remark.
    #[track_caller]
    pub(crate) fn is_healthy(&self) {
        let seen = self.scan();
        let worse = seen.findings().find(|finding| finding["severity"] != "info");
        assert!(worse.is_none(), "{:#}", seen.0);
    }

    /// Asserts what comes first and one of the lines it names, and pastes its fixes.
    #[track_caller]
    pub(crate) fn heals(&self, code: &str, line: &str) -> Vec<String> {
        let seen = self.scan();
        assert_eq!(seen.codes().first(), Some(&code), "{:#}", seen.0);
        let locations = seen.findings().next().unwrap()["locations"].as_array().unwrap();
        let places: Vec<String> =
            locations.iter().map(|at| format!("{}:{}", at["file"].as_str().unwrap(), at["line"])).collect();
        assert!(places.iter().any(|place| place == line), "{places:?} {:#}", seen.0);
        self.paste_fixes(&seen)
    }

    /// With another configuration of nginx.
    pub(crate) fn nginx(&self, text: &str) {
        self.guest.write("/srv/nginx.conf", text);
        self.guest.systemctl(["restart", "front.service"]);
        assert!(until(SOON, || self.answers().is_some()), "nginx does not listen");
    }
}

#[test]
fn paths_and_directories_that_disagree_are_named_with_their_lines_and_healed() {
    let name = "seed_s1_scan::paths_and_directories_that_disagree_are_named_with_their_lines_and_healed";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        site.is_healthy();
        assert_eq!(site.answers(), Some(200));
        site.is_healthy();

        // Nobody listens.
        site.guest.systemctl(["stop", "app.socket"]);
        assert_eq!(site.answers(), Some(502));
        assert_eq!(site.heals("SD601", "/srv/nginx.conf:5"), ["systemctl start app.socket"]);
        assert_eq!(site.answers(), Some(200));

        // nginx sends one letter past it.
        site.nginx(&NGINX.replace("app.sock", "apps.sock"));
        assert_eq!(site.answers(), Some(502));
        // Of the socket alone, the lines of both sides are named too.
        let seen = inspect_by(&mut site.guest.command("sockdoctor"), "/run/gunicorn/apps.sock");
        seen.is_broken_by("SD101", "likely");
        let locations = seen.0["findings"][0]["locations"].to_string();
        for file in ["/srv/nginx.conf", "/etc/systemd/system/app.socket"] {
            assert!(locations.contains(file), "{:#}", seen.0);
        }
        assert!(seen.fixes().any(|fix| fix["command"].to_string().contains("sed -i '5s|")), "{:#}", seen.0);
        let fixes = site.heals("SD601", "/srv/nginx.conf:5");
        assert!(fixes[0].starts_with("sed -i '5s|"), "{fixes:?}");
        assert!(until(SOON, || site.answers() == Some(200)));

        // The service binds for itself, in a directory that somebody made by hand, and that a boot took.
        site.guest.systemctl(["stop", "app.service", "app.socket"]);
        site.guest.unit("app.socket", "[Socket]\nListenStream=127.0.0.1:9\n");
        site.guest.unit("app.service", &gunicorn_service("", "", SOCKET));
        let of_root =
            "systemctl reset-failed app.service; install -d /run/gunicorn && systemctl start app.service";
        assert_ne!(site.guest.run(["bash", "-c", of_root]).status, 0);
        let seen = site.scan();
        assert_eq!(seen.codes()[..2], ["SD601", "SD208"], "{:#}", seen.0);
        assert!(
            seen.0["findings"][1]["summary"].as_str().unwrap().ends_with("in /run/gunicorn."),
            "{:#}",
            seen.0
        );
        let by_hand = "install -d -o www-data /run/gunicorn && systemctl restart app.service";
        assert_eq!(site.guest.run(["bash", "-c", by_hand]).status, 0);
        assert!(until(SOON, || site.answers() == Some(200)));
        let seen = site.scan();
        assert_eq!((seen.codes()[0], &seen.0["findings"][0]["severity"]), ("SD115", &"warning".into()));
        let boot = "systemctl stop app.service; rm -r /run/gunicorn; systemctl start app.service";
        assert_ne!(site.guest.run(["bash", "-c", boot]).status, 0);
        assert_eq!(site.answers(), Some(502));
        let fixes = site.heals("SD115", "/etc/systemd/system/app.service:8");
        assert!(fixes[0].contains("RuntimeDirectory=gunicorn"), "{fixes:?}");
        assert!(until(SOON, || site.answers() == Some(200)));
        site.is_healthy();

        // On another path.
        site.guest.unit("app.service", &gunicorn_service("", "", "/run/gunicorn/ap.sock"));
        site.guest.systemctl(["restart", "app.service"]);
        assert_eq!(site.answers(), Some(502));
        site.heals("SD601", "/etc/systemd/system/app.service:8");
        assert!(until(SOON, || site.answers() == Some(200)));
        site.is_healthy();
    });
}

#[test]
fn a_directory_that_a_service_takes_along_is_named_before_and_after() {
    let name = "seed_s1_scan::a_directory_that_a_service_takes_along_is_named_before_and_after";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        let unit = gunicorn_service("Requires=app.socket", "RuntimeDirectory=gunicorn", SOCKET);
        site.guest.unit("app.service", &unit);
        assert_eq!(site.answers(), Some(200));
        assert_eq!(site.scan().codes()[0], "SD605", "it is said while all is well");
        site.guest.systemctl(["stop", "app.service"]);
        assert_eq!(site.answers(), Some(502));
        site.heals("SD605", "/etc/systemd/system/app.service:4");
        assert_eq!(site.answers(), Some(200));
        site.guest.systemctl(["stop", "app.service"]);
        assert_eq!(site.answers(), Some(200), "and it does not come back");
        site.is_healthy();
    });
}

#[test]
fn who_may_connect_and_what_the_unit_gives_are_named_with_their_lines_and_healed() {
    let name = "seed_s1_scan::who_may_connect_and_what_the_unit_gives_are_named_with_their_lines_and_healed";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        // Edited, and not restarted.
        let closed = APP_SOCKET.replace("SocketUser=www-data", "SocketUser=root");
        let closed = closed.replace("0660", "0600");
        site.guest.unit("app.socket", &closed);
        assert_eq!(site.answers(), Some(200));
        site.heals("SD607", "/etc/systemd/system/app.socket:6");
        // As the unit says now: nginx is locked out, and that is named too.
        assert_eq!(site.answers(), Some(502));
        // So does access, with the line that has the last word.
        let access = ["sockdoctor", "access", SOCKET, "--as", "www-data"];
        let said = site.guest.run(access).stdout;
        assert!(said.contains("as /etc/systemd/system/app.socket:6 says"), "{said}");
        site.heals("SD201", "/srv/nginx.conf:5");
        assert!(until(SOON, || site.answers() == Some(200)), "{:#}", site.scan().0);

        // A directory that was there before systemd could give it a mode.
        site.guest.run(["install", "-d", "/run/g"]);
        site.guest.unit("g.service", "[Service]\nExecStart=/bin/sleep infinity\n");
        site.guest.unit("g.socket", "[Socket]\nListenStream=/run/g/g.sock\nDirectoryMode=0750\n");
        site.guest.systemctl(["start", "g.socket"]);
        let fixes = site.heals("SD607", "/etc/systemd/system/g.socket:3");
        assert_eq!(fixes, ["chmod 0750 /run/g"]);
        site.is_healthy();

        // nginx runs as somebody else.
        site.guest.unit("app.socket", APP_SOCKET);
        site.guest.run(["bash", "-c", "rm -rf /etc/systemd/system/app.socket.d; systemctl daemon-reload"]);
        site.guest.systemctl(["stop", "app.service"]);
        site.guest.systemctl(["restart", "app.socket"]);
        site.nginx(&NGINX.replace("user www-data", "user nobody nogroup"));
        assert_eq!(site.answers(), Some(502));
        site.heals("SD201", "/srv/nginx.conf:5");
        assert!(until(SOON, || site.answers() == Some(200)), "{:#}", site.scan().0);
    });
}

#[test]
fn what_systemd_says_of_the_units_is_named_and_healed() {
    let name = "seed_s1_scan::what_systemd_says_of_the_units_is_named_and_healed";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        let good = gunicorn_service("Requires=app.socket", "", SOCKET);

        // Asked for, and its start waits for another that does not come up.
        let unit =
            "[Unit]\nRequires=slow.service\nAfter=slow.service\n[Service]\nExecStart=/bin/sleep infinity\n";
        site.guest.unit("slow.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n");
        site.guest.unit("app.service", unit);
        site.is_healthy();
        let client = std::os::unix::net::UnixStream::connect(site.guest.path(SOCKET)).unwrap();
        assert!(until(SOON, || site.scan().codes().first() == Some(&"SD311")), "{:#}", site.scan().0);
        let seen = site.scan();
        assert!(
            seen.0["findings"][0]["summary"].as_str().unwrap().contains("connections wait"),
            "{:#}",
            seen.0
        );
        drop(client);
        // Its own status tells of the jobs that this cancels.
        site.guest.run(["systemctl", "stop", "app.socket", "app.service", "slow.service"]);
        site.guest.systemctl(["start", "app.socket"]);

        // A failed start by hand: PID 1 goes on listening.
        site.guest.unit("app.service", "[Service]\nExecStart=/bin/false\n");
        site.guest.systemctl(["start", "app.service"]);
        let failed = || site.guest.run(["systemctl", "is-failed", "app.service"]).status == 0;
        assert!(until(SOON, failed));
        assert_eq!(site.scan().codes()[0], "SD311");

        // A crash loop up to the limit: the socket fails too.
        let failed = || {
            site.answers();
            site.guest.run(["systemctl", "is-failed", "app.socket"]).status == 0
        };
        assert!(until(SOON, failed), "the socket does not fail");
        let seen = site.scan();
        assert_eq!(seen.codes()[0], "SD606", "{:#}", seen.0);
        site.guest.unit("app.service", &good);
        site.paste_fixes(&seen);
        assert_eq!(site.answers(), Some(200));

        // It runs, and has closed what it was given.
        site.guest.systemctl(["stop", "app.service"]);
        site.guest
            .unit("app.service", "[Service]\nExecStart=/bin/bash -c 'exec 3<&-; exec sleep infinity'\n");
        site.guest.systemctl(["start", "app.socket", "app.service"]);
        let closed = || site.scan().codes().first() == Some(&"SD608");
        assert!(until(SOON, closed), "{:#}", site.scan().0);
        assert!(site.scan().proof().contains("LISTEN_FDS=1 LISTEN_PID="), "{}", site.scan().proof());
        site.guest.unit("app.service", &good);
        let seen = site.scan();
        site.paste_fixes(&seen);
        assert_eq!(http_status(&site.guest.path("/run/front.sock")), Some(200));
        site.is_healthy();
    });
}
