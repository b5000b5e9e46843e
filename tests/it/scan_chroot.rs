//! HAProxy below a chroot, with a master, a directory of parts and a relative `-f`: scanned as it sees its servers.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::binary::json;
use crate::process::{Process, until};
use crate::seed_s2_scan::instance;
use crate::world::{isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn each_server_of_a_chrooted_haproxy_is_judged_and_asked_as_it_sees_it() {
    let name = "scan_chroot::each_server_of_a_chrooted_haproxy_is_judged_and_asked_as_it_sees_it";
    isolated_root(name, |world| {
        for directory in ["jail/run", "conf.d"] {
            std::fs::create_dir_all(world.path(directory)).unwrap();
        }
        let dir = world.dir.display();
        world.write(
            "conf.d/00.cfg",
            &format!(
                "global\n chroot {dir}/jail\n user nobody\n stats socket {dir}/admin.sock\ndefaults\n mode http\n \
                 timeout connect 1s\n timeout client 5s\n timeout server 5s\n option httpchk GET /health\n"
            ),
        );
        world.write(
            "conf.d/10.cfg",
            &format!(
                "backend app\n server ok /run/sd-ok.sock check\n server sick /run/sd-sick.sock check\n \
                 server dead /run/sd-dead.sock check\n server out {dir}/out.sock check\n"
            ),
        );
        let unix = [("USE_UNIX_SOCKET", "true")];
        let says = [
            ("jail/run/sd-ok", "200"),
            ("jail/run/sd-sick", "404"),
            ("jail/run/sd-dead", "200"),
            ("out", "200"),
        ];
        let mut servers = says.map(|(name, says)| instance(world, name, says, &unix));
        servers[2].signal(nix::sys::signal::Signal::SIGKILL);
        assert!(servers[2].ended(SOON).is_some());
        let Some(mut haproxy) = need("haproxy") else { return skip(name, "no haproxy") };
        haproxy
            .current_dir(&world.dir)
            .args(["-W", "-f", "conf.d"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let _haproxy = Process::start(&mut haproxy);
        assert!(until(SOON, || world.path("admin.sock").exists()), "haproxy does not start");
        let parts = world.path("conf.d/10.cfg");
        let scanned = || json(["scan", "--probe", "--timeout", "60s"]);
        let made = |document: &Value| -> Vec<String> {
            let checks = document["data"]["checks"].as_array().unwrap().iter();
            let own = checks.filter(|check| check["file"].as_str() == parts.to_str());
            own.map(|check| {
                format!("{} {}", check["server"].as_str().unwrap(), check["verdict"].as_str().unwrap())
            })
            .collect()
        };
        // Its worker has changed its root by then.
        assert!(until(SOON, || made(&scanned()).contains(&"ok L7OK".to_owned())), "{:#}", scanned());
        let document = scanned();
        assert_eq!(made(&document), ["ok L7OK", "sick L7STS"], "{document:#}");
        let lines = |finding: &Value| -> Vec<String> {
            let places = finding["locations"].as_array().unwrap().iter();
            let own = places.filter(|at| at["file"].as_str() == parts.to_str());
            own.map(|at| format!("{}:{}", finding["code"].as_str().unwrap(), at["line"])).collect()
        };
        let mut found: Vec<String> =
            document["findings"].as_array().unwrap().iter().flat_map(lines).collect();
        found.sort();
        assert_eq!(found, ["SD104:4", "SD406:3", "SD603:5"], "{document:#}");
        let remarks = document["findings"].as_array().unwrap().iter();
        let mut remarks = remarks
            .filter(|finding| finding["code"] == "SD113" && finding["subject"]["name"] == "/run/sd-ok.sock");
        assert_eq!(remarks.next(), None, "below the chroot its name is shorter");
    });
}
