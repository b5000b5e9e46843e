//! The units of `contrib/`, as they are, under a real systemd.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::nspawn::Guest;
use crate::process::until;
use crate::seed_s1::{SOCKET, gunicorn_service};
use crate::servers::{APP, http_status};
use crate::world::{isolated_root, skip};

const SOON: Duration = Duration::from_secs(40);

/// The directory stays when the service fails, and the file in it: what a crash leaves.
const KEPT: &str = "RuntimeDirectory=gunicorn\nRuntimeDirectoryPreserve=yes";
/// Not a test's worth of waiting.
const OFTEN: &str = "[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=1s\n";

#[test]
fn the_timer_heals_a_service_that_was_killed_and_leaves_one_that_was_stopped() {
    let name = "guard_systemd::the_timer_heals_a_service_that_was_killed_and_leaves_one_that_was_stopped";
    isolated_root(name, |world| {
        let guest = match Guest::boot(world) {
            Ok(guest) => guest,
            Err(reason) => return skip(name, &reason),
        };
        let contrib = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib");
        for unit in ["sockdoctor-guard@.service", "sockdoctor-guard@.timer"] {
            guest.unit(unit, &std::fs::read_to_string(contrib.join(unit)).unwrap());
            let verified =
                guest.run(["systemd-analyze", "verify", "--man=no", &format!("/etc/systemd/system/{unit}")]);
            assert!(!verified.stderr.contains("sockdoctor-guard"), "{}", verified.stderr);
        }
        guest.write("/etc/systemd/system/sockdoctor-guard@app.timer.d/often.conf", OFTEN);
        guest.write("/etc/sockdoctor/guard-app.env", &format!("TARGET={SOCKET}\nHTTP=/\n"));
        guest.write("/srv/app.py", APP);
        guest.unit("app.service", &gunicorn_service("", KEPT, SOCKET));
        guest.systemctl(["start", "app.service"]);
        let answers = || http_status(&guest.path(SOCKET)) == Some(200);
        assert!(until(SOON, answers), "gunicorn does not serve");
        // While all is well a pass changes nothing, and succeeds.
        let main_pid = || guest.run(["systemctl", "show", "-P", "MainPID", "app.service"]).stdout;
        let first = main_pid();
        guest.systemctl(["start", "sockdoctor-guard@app.service"]);
        assert_eq!(main_pid(), first);

        guest.systemctl(["start", "sockdoctor-guard@app.timer"]);
        guest.systemctl(["kill", "-s", "KILL", "app.service"]);
        assert!(until(SOON, || main_pid() != first && answers()), "{}", journal(&guest));
        let record = || -> Value {
            let text = std::fs::read_to_string(guest.path("/var/lib/sockdoctor/guard-app.json")).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let healed = || record()["repairs"][0]["healed"] == true;
        assert!(until(SOON, healed), "{:#}\n{}", record(), journal(&guest));
        guest.systemctl(["stop", "sockdoctor-guard@app.timer", "sockdoctor-guard@app.service"]);
        assert_eq!(record()["repairs"].as_array().unwrap().len(), 1, "{}", journal(&guest));

        // What somebody stops in order is not started again.
        guest.systemctl(["stop", "app.service"]);
        let pass = guest.run(["systemctl", "start", "sockdoctor-guard@app.service"]);
        assert_ne!(pass.status, 0, "it does not answer, and that is said");
        assert!(journal(&guest).contains("stopped in order"), "{}", journal(&guest));
        assert!(!answers());
    });
}

fn journal(guest: &Guest) -> String {
    guest.run(["journalctl", "-n", "60", "--no-pager"]).stdout
}
