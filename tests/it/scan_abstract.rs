//! HAProxy and abstract names, scanned: what it makes of `abns@`, and who is not there under that.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::binary::json;
use crate::process::{Process, until};
use crate::world::{isolated_root, need, skip};

const SOON: Duration = Duration::from_secs(30);

/// The name as HAProxy gives it to the kernel.
fn filled(name: &str) -> SocketAddr {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(107, 0);
    SocketAddr::from_abstract_name(bytes).unwrap()
}

#[test]
fn an_abstract_server_is_looked_for_under_the_name_that_haproxy_makes() {
    let name = "scan_abstract::an_abstract_server_is_looked_for_under_the_name_that_haproxy_makes";
    isolated_root(name, |world| {
        let Some(mut haproxy) = need("haproxy") else { return skip(name, "no haproxy") };
        let config = world.write(
            "haproxy.cfg",
            "defaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n\
             frontend own\n bind abns@sd-own\n http-request return status 200\n\
             backend app\n server own abns@sd-own check\n server gone abns@sd-gone check\n server short abns@sd-short check\n",
        );
        let _short = UnixListener::bind_addr(&SocketAddr::from_abstract_name("sd-short").unwrap()).unwrap();
        haproxy.arg("-db").arg("-f").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let _haproxy = Process::start(&mut haproxy);
        assert!(until(SOON, || UnixStream::connect_addr(&filled("sd-own")).is_ok()), "it fills another name");

        let document = json(["scan", "--probe", "--timeout", "60s"]);
        let own = |finding: &&Value| {
            let named = finding["subject"]["name"].as_str().unwrap().starts_with("sd-");
            named && finding["severity"] != "info"
        };
        let found: Vec<&Value> = document["findings"].as_array().unwrap().iter().filter(own).collect();
        let [gone, short] = found.as_slice() else { panic!("{found:#?}") };
        for (finding, line) in [(gone, 11), (short, 12)] {
            assert_eq!(finding["code"], "SD101", "{finding:#}");
            let at = &finding["locations"][0];
            assert_eq!((at["file"].as_str(), &at["line"]), (config.to_str(), &line.into()), "{finding:#}");
        }
        assert!(short["cause"].as_str().unwrap().contains("fills the names of abns@ with NULs"), "{short:#}");
        assert!(!short["fix"].to_string().contains("sed -i"), "{short:#}");
        let checks = document["data"]["checks"].as_array().unwrap().iter();
        let mut checks = checks.filter(|check| check["file"].as_str() == config.to_str());
        let check = checks.next().unwrap_or_else(|| panic!("{document:#}"));
        assert_eq!((&check["server"], &check["verdict"]), (&"own".into(), &"L4OK".into()));
        assert!(checks.next().is_none(), "who is known not to be there is not asked");
    });
}
