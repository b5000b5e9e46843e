//! The situation of socket activation with what units can say of a path in a roundabout way: templates, variables,
//! and directories that are not what they are for others.

use crate::process::until;
use crate::seed_s1::{NGINX, SOON, Site, gunicorn_service};
use crate::world::{isolated_root, skip};

/// nginx in front of another socket.
fn sends_to(site: &Site, path: &str) {
    site.nginx(&NGINX.replace("/run/gunicorn/app.sock", path));
    assert_eq!(site.answers(), Some(502));
}

#[test]
fn a_path_that_only_a_template_or_a_variable_tells_is_joined_and_healed() {
    let name = "seed_s1_setups::a_path_that_only_a_template_or_a_variable_tells_is_joined_and_healed";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        site.guest.systemctl(["stop", "app.socket", "app.service"]);
        let socket = "[Socket]\nListenStream=/run/web-%i.sock\nSocketGroup=www-data\nSocketMode=0660\n";
        site.guest.unit("web@.socket", socket);
        let service = gunicorn_service("Requires=web@%i.socket", "", "/run/unused.sock");
        site.guest.unit("web@.service", &service.replace(" --bind unix:/run/unused.sock", ""));
        sends_to(&site, "/run/web-one.sock");
        let fixes = site.heals("SD601", "/etc/systemd/system/web@.socket:2");
        assert_eq!(fixes, ["systemctl start web@one.socket"]);
        assert_eq!(site.answers(), Some(200));
        site.is_healthy();

        // A variable that a file sets.
        site.guest.write("/etc/default/env", "BIND=unix:/run/env/app.sock\n");
        let service = gunicorn_service("", "RuntimeDirectory=env\nEnvironmentFile=/etc/default/env", "X");
        site.guest.unit("env.service", &service.replace("unix:X", "${BIND}"));
        sends_to(&site, "/run/env/app.sock");
        assert_eq!(site.heals("SD601", "/etc/systemd/system/env.service:9"), ["systemctl start env.service"]);
        assert!(until(SOON, || site.answers() == Some(200)));
        site.is_healthy();

        // A service that failed once, and is repaired: its .socket unit went on listening.
        let good = site.guest.run(["cat", "/etc/systemd/system/web@.service"]).stdout;
        site.nginx(&NGINX.replace("/run/gunicorn/app.sock", "/run/web-one.sock"));
        site.guest.systemctl(["stop", "web@one.service"]);
        site.guest.unit("web@.service", "[Service]\nExecStart=/bin/false\n");
        fails(&site, "web@one.service");
        let seen = site.scan();
        assert_eq!(seen.codes()[0], "SD311", "{:#}", seen.0);
        site.guest.unit("web@.service", &good);
        site.paste_fixes(&seen);
        assert!(until(SOON, || site.answers() == Some(200)));
        site.is_healthy();
    });
}

/// The service is started by hand and fails, which its .socket unit survives.
fn fails(site: &Site, service: &str) {
    site.guest.run(["systemctl", "start", service]);
    let failed = || site.guest.run(["systemctl", "is-failed", service]).status == 0;
    assert!(until(SOON, failed));
}

#[test]
fn what_keeps_server_and_client_apart_is_named_before_the_server_runs_and_healed() {
    let name =
        "seed_s1_setups::what_keeps_server_and_client_apart_is_named_before_the_server_runs_and_healed";
    isolated_root(name, |world| {
        let site = match Site::up(world) {
            Ok(site) => site,
            Err(reason) => return skip(name, &reason),
        };
        site.guest.systemctl(["stop", "app.socket", "app.service"]);
        site.guest.unit("tmp.service", &gunicorn_service("", "PrivateTmp=yes", "/tmp/app.sock"));
        sends_to(&site, "/tmp/app.sock");
        let seen = site.scan();
        assert_eq!(
            (seen.codes()[0], &seen.0["findings"][0]["certainty"]),
            ("SD701", &"likely".into()),
            "{:#}",
            seen.0
        );
        site.guest.systemctl(["start", "tmp.service"]);
        let seen = site.scan();
        assert_eq!(
            (seen.codes()[0], &seen.0["findings"][0]["certainty"]),
            ("SD701", &"certain".into()),
            "{:#}",
            seen.0
        );
        site.guest.systemctl(["stop", "tmp.service"]);

        site.guest.run(["install", "-d", "-o", "www-data", "/run/strict"]);
        site.guest.unit(
            "strict.service",
            &gunicorn_service("", "ProtectSystem=strict\nPrivateTmp=yes", "/run/strict/app.sock"),
        );
        sends_to(&site, "/run/strict/app.sock");
        assert_ne!(site.guest.run(["systemctl", "start", "strict.service"]).status, 0);
        let fixes = site.heals("SD506", "/etc/systemd/system/strict.service:4");
        assert!(fixes[0].contains("RuntimeDirectory=strict"), "{fixes:?}");
        assert!(until(SOON, || site.answers() == Some(200)));
        site.is_healthy();
    });
}
