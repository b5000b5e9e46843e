//! `access --unit` and `--container` where a real systemd makes the socket.

use std::time::Duration;

use serde_json::Value;

use crate::binary::{document, json};
use crate::nspawn::Guest;
use crate::permit::changes;
use crate::process::{finish, until};
use crate::servers::{APP, http_status};
use crate::world::{isolated_root, skip};

const SOON: Duration = Duration::from_secs(30);

const SOCKET: &str = "/run/gunicorn/app.sock";

const APP_SOCKET: &str = "\
[Socket]
ListenStream=/run/gunicorn/app.sock
RuntimeDirectory=gunicorn
SocketUser=www-data
SocketGroup=www-data
SocketMode=0660
";

const APP_SERVICE: &str = "\
[Unit]
Requires=app.socket
[Service]
Type=notify
User=www-data
WorkingDirectory=/srv
ExecStart=/usr/local/bin/gunicorn --graceful-timeout=1 --bind unix:/run/gunicorn/app.sock app:wsgi
";

const NGINX: &str = "\
user www-data; worker_processes 1; daemon off; pid /run/front.pid; error_log /srv/error.log;
events { worker_connections 64; }
http {
  access_log off;
  upstream app { server unix:/run/gunicorn/app.sock fail_timeout=0; }
  server { listen unix:/run/front.sock; location / { proxy_pass http://app; } }
}
";

fn access(guest: &Guest, how: &[&str]) -> Value {
    let mut program = guest.command("sockdoctor");
    document(&finish(program.args(["--json", "access", SOCKET]).args(how), SOON))
}

/// Uid and answer of each consumer.
fn consumers(document: &Value) -> Vec<(u64, bool)> {
    let consumers = document["data"]["consumers"].as_array().unwrap();
    let mut found: Vec<(u64, bool)> = consumers
        .iter()
        .map(|seen| (seen["consumer"]["uid"].as_u64().unwrap(), seen["allowed"].as_bool().unwrap()))
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn a_unit_is_told_who_of_it_gets_in_and_a_socket_unit_is_changed_where_it_is_made() {
    let name =
        "access_systemd::a_unit_is_told_who_of_it_gets_in_and_a_socket_unit_is_changed_where_it_is_made";
    isolated_root(name, |world| {
        let guest = match Guest::boot(world) {
            Ok(guest) => guest,
            Err(reason) => return skip(name, &reason),
        };
        guest.write("/srv/app.py", APP);
        guest.write("/srv/nginx.conf", NGINX);
        guest.unit("app.socket", APP_SOCKET);
        guest.unit("app.service", APP_SERVICE);
        guest.unit("nginx.service", "[Service]\nExecStart=/usr/sbin/nginx -c /srv/nginx.conf\n");
        guest.unit("idle.service", "[Service]\nUser=nobody\nExecStart=/bin/sleep 1000\n");
        guest.systemctl(["start", "app.socket", "nginx.service", "idle.service"]);
        let front = guest.path("/run/front.sock");
        assert!(until(SOON, || http_status(&front) == Some(200)), "nginx does not answer");

        let document = access(&guest, &["--unit", "nginx"]);
        assert_eq!(consumers(&document), [(0, true), (33, true)], "master and worker: {document:#}");
        assert_eq!(document["exit_code"], 0, "{document:#}");
        let document = access(&guest, &["--as", "www-data"]);
        assert_eq!((&document["data"]["allowed"], &document["exit_code"]), (&true.into(), &0.into()));
        for unit in ["no-such-unit", "no-such-unit.service"] {
            assert_eq!(access(&guest, &["--unit", unit])["exit_code"], 2, "{unit}");
        }

        // Not started it is who it would be; started it is who it is.
        let document = access(&guest, &["--unit", "idle"]);
        let consumer = &document["data"]["consumer"];
        assert_eq!((&consumer["user"], consumer["pid"].is_u64()), (&"nobody".into(), true), "{document:#}");
        guest.systemctl(["stop", "idle.service"]);
        let document = access(&guest, &["--unit", "idle.service"]);
        let consumer = &document["data"]["consumer"];
        assert_eq!((&consumer["user"], consumer["pid"].is_null()), (&"nobody".into(), true), "{document:#}");
        assert_eq!(document["findings"][0]["code"], "SD201", "{document:#}");
        let walk = document["data"]["walk"].as_array().unwrap();
        assert_eq!((&walk[0]["path"], &walk[0]["allowed"]), (&"/".into(), &true.into()));
        let stops = walk.iter().find(|gate| gate["allowed"] == false).unwrap();
        assert_eq!(stops["path"], SOCKET, "{document:#}");

        // Its group may: that has members already, so the other joins it. As it is printed.
        guest.systemctl(["start", "idle.service"]);
        let commands = changes(&access(&guest, &["--unit", "idle"]));
        assert_eq!(commands, ["usermod -aG www-data nobody", "systemctl restart idle.service"]);
        let paste = |commands: &[String]| {
            for command in commands {
                let done = guest.run(["sh", "-c", command]);
                assert_eq!(done.status, 0, "{command}: {}", done.stderr);
            }
        };
        paste(&commands[..1]);
        let stale = access(&guest, &["--unit", "idle"]);
        assert_eq!(stale["findings"][0]["code"], "SD203", "{stale:#}");
        assert_eq!(changes(&stale), commands[1..]);
        paste(&commands[1..]);
        assert_eq!(consumers(&access(&guest, &["--unit", "idle"])), [(65534, true)]);

        // Nobody but root may: changed where it is made, and no chmod.
        guest.unit("app.socket", &APP_SOCKET.replace("=www-data", "=root"));
        guest.systemctl(["restart", "app.socket"]);
        assert_eq!(http_status(&front), Some(502));
        let document = access(&guest, &["--unit", "nginx"]);
        assert_eq!(consumers(&document), [(0, true), (33, false)], "{document:#}");
        assert_eq!((&document["findings"][0]["code"], &document["exit_code"]), (&"SD201".into(), &1.into()));
        let commands = changes(&document);
        assert_eq!(commands.len(), 1, "{commands:?}");
        assert!(!commands[0].contains("chmod") && commands[0].contains("daemon-reload"), "{commands:?}");
        paste(&commands);
        let healed = access(&guest, &["--unit", "nginx"]);
        assert_eq!(consumers(&healed), [(0, true), (33, true)], "after {commands:?}: {healed:#}");
        assert_eq!(http_status(&front), Some(200), "{commands:?}");

        // From outside the guest is a container, and its processes are asked in its view.
        let machine = world.dir.file_name().unwrap().to_str().unwrap();
        let document = json(["access", SOCKET, "--container", machine]);
        let found = consumers(&document);
        assert!(found.contains(&(0, true)) && found.contains(&(33, true)), "{document:#}");
        assert!(document["data"]["consumers"].as_array().unwrap().iter().all(|consumer| {
            consumer["consumer"]["same_view"] == false && consumer["kernel_verdict"] == "allowed"
        }));
    });
}
