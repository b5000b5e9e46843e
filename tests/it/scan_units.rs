//! `scan` and a systemd that has much to tell, or takes its time.

use std::fs::set_permissions;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::binary::document;
use crate::nspawn::Guest;
use crate::process::{finish, until};
use crate::seed_s1::SOON;
use crate::world::{isolated_root, skip};

/// Tells of the first two units that it is asked about, and of no more in any time. All else is systemctl(1)'s.
const SLOW: &str = "#!/bin/sh\n[ \"$1\" = show ] || exec /usr/bin/systemctl \"$@\"\n\
                    /usr/bin/systemctl \"$@\" | head -n 12\nexec sleep 60\n";

fn scan(guest: &Guest) -> Value {
    document(&finish(guest.command("sockdoctor").args(["scan", "--json"]), SOON))
}

/// The sockets whose services have failed.
fn failed(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap().iter();
    let failed = findings.filter(|finding| finding["code"] == "SD311");
    failed.map(|finding| finding["subject"]["name"].as_str().unwrap()).collect()
}

#[test]
fn an_instance_that_systemd_has_started_is_known_by_the_lines_of_its_template() {
    let name = "scan_units::an_instance_that_systemd_has_started_is_known_by_the_lines_of_its_template";
    isolated_root(name, |world| {
        let guest = match Guest::boot(world) {
            Ok(guest) => guest,
            Err(reason) => return skip(name, &reason),
        };
        guest.write("/etc/systemd/system/t@.socket", "[Socket]\nListenStream=/run/t-%i.sock\n");
        guest.unit("t@.service", "[Service]\nExecStart=false\n");
        guest.systemctl(["start", "t@one.socket"]);
        assert_eq!(failed(&scan(&guest)), Vec::<&str>::new());
        guest.systemctl(["start", "t@one.service"]);
        assert!(until(SOON, || guest.run(["systemctl", "is-failed", "t@one.service"]).status == 0));
        let document = scan(&guest);
        assert_eq!(failed(&document), ["/run/t-one.sock"], "{document:#}");
    });
}

#[test]
fn what_systemd_tells_in_time_is_kept_and_the_rest_is_named() {
    let name = "scan_units::what_systemd_tells_in_time_is_kept_and_the_rest_is_named";
    isolated_root(name, |world| {
        let guest = match Guest::boot(world) {
            Ok(guest) => guest,
            Err(reason) => return skip(name, &reason),
        };
        for app in ["a", "b", "idle"] {
            let socket = format!("[Socket]\nListenStream=/run/{app}.sock\n");
            guest.write(&format!("/etc/systemd/system/{app}.socket"), &socket);
            guest.unit(&format!("{app}.service"), "[Service]\nExecStart=false\n");
            guest.systemctl(["start", &format!("{app}.socket")]);
        }
        for app in ["a", "b"] {
            guest.systemctl(["start", &format!("{app}.service")]);
            let is_failed = ["systemctl", "is-failed", &format!("{app}.service")];
            assert!(until(SOON, || guest.run(is_failed).status == 0));
        }
        let whole = scan(&guest);
        assert_eq!(failed(&whole), ["/run/a.sock", "/run/b.sock"], "{whole:#}");
        assert!(whole["findings"].to_string().contains("Result=exit-code"), "{whole:#}");
        assert!(!whole["not_checked"].to_string().contains("systemctl"), "{whole:#}");

        let stand_in = "/usr/local/bin/systemctl";
        guest.write(stand_in, SLOW);
        set_permissions(guest.path(stand_in), PermissionsExt::from_mode(0o755)).unwrap();
        // As one that is slow too is not waited for, on a machine that has much to do.
        let mut part = Value::Null;
        let kept = until(SOON, || {
            part = scan(&guest);
            failed(&part) == ["/run/a.sock"]
        });
        assert!(kept, "{part:#}");
        let gaps = part["not_checked"].to_string();
        assert!(
            gaps.contains("systemctl show: no answer within 2 s about b.service, b.socket\""),
            "{part:#}"
        );
    });
}
