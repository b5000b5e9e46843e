//! TCP servers, by what the kernel lists: nothing here connects to what is examined.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use nix::sys::socket::{Backlog, listen};

use crate::binary::json;
use crate::process::finish;
use crate::seen::{Inspected, inspect};
use crate::world::{World, isolated, need, skip};

/// The world's own network namespace has its loopback down.
fn with_loopback(name: &str, body: impl FnOnce(&World)) {
    isolated(name, |world| {
        let Some(mut ip) = need("ip") else { return skip(name, "no ip") };
        assert_eq!(finish(ip.args(["link", "set", "lo", "up"]), Duration::from_secs(10)).status, 0);
        body(world);
    });
}

#[test]
fn sd117_nobody_listens_there() {
    with_loopback("health_tcp::sd117_nobody_listens_there", |_| {
        let seen = inspect("tcp:127.0.0.1:5001");
        seen.is_broken_by("SD117", "certain");
        assert_eq!(seen.findings().next().unwrap()["subject"]["kind"], "tcp");
        let _near = TcpListener::bind("127.0.0.1:5000").unwrap();
        let fix = "sockdoctor inspect tcp:127.0.0.1:5000";
        let seen = inspect("http://127.0.0.1:5001/health");
        assert!(seen.fixes().any(|each| each["command"] == fix), "{:#}", seen.0);
        for wildcard in ["0.0.0.0:5001", "[::]:5001"] {
            let listener = TcpListener::bind(wildcard);
            let Ok(_listener) = listener else { continue };
            for target in ["tcp:127.0.0.1:5001", "tcp:localhost:5001"] {
                assert!(inspect(target).codes().is_empty(), "{wildcard} serves {target}");
            }
        }
        let elsewhere = inspect("tcp:192.0.2.1:80");
        assert!(elsewhere.not_checked("SD117").is_some(), "{:#}", elsewhere.0);
    });
}

#[test]
fn sd117_what_it_offers_can_be_inspected_and_is_nearly_what_was_meant() {
    with_loopback("health_tcp::sd117_what_it_offers_can_be_inspected_and_is_nearly_what_was_meant", |_| {
        let _unrelated = [TcpListener::bind("127.0.0.1:5801"), TcpListener::bind("127.0.0.1:501")];
        let offered = |target: &str| {
            let seen = inspect(target);
            let commands = seen.fixes().filter_map(|fix| Some(fix["command"].as_str()?.to_owned()));
            commands.filter_map(|line| Some(line.strip_prefix("sockdoctor inspect ")?.to_owned())).collect()
        };
        let none: Vec<String> = offered("tcp:127.0.0.1:5001");
        assert!(none.is_empty(), "{none:?}");
        let Ok(_both) = TcpListener::bind("[::]:5002") else { return };
        let near: Vec<String> = offered("tcp:127.0.0.1:5001");
        assert_eq!(near, ["'tcp:[::]:5002'"]);
        for spelt in ["tcp:[::]:5002", "tcp:*:5002", "tcp:127.0.0.1:5002"] {
            assert!(inspect(spelt).codes().is_empty(), "{spelt}");
        }
    });
}

#[test]
fn a_listener_shows_its_holder_and_a_full_queue() {
    with_loopback("health_tcp::a_listener_shows_its_holder_and_a_full_queue", |_| {
        let listener = TcpListener::bind("127.0.0.1:5001").unwrap();
        listen(&listener, Backlog::new(1).unwrap()).unwrap();
        let seen: Inspected = inspect("tcp:127.0.0.1:5001");
        assert!(seen.codes().is_empty(), "{:?}", seen.codes());
        assert_eq!(seen.target()["socket"]["name"], "127.0.0.1:5001");
        assert_eq!(seen.target()["holders"][0]["pid"], std::process::id());
        assert!(seen.target()["health"]["holders"][0]["fds"]["limit"].is_number());
        let clients =
            [TcpStream::connect("127.0.0.1:5001").unwrap(), TcpStream::connect("127.0.0.1:5001").unwrap()];
        let seen = inspect("tcp:127.0.0.1:5001");
        assert_eq!(seen.codes(), ["SD301"], "{:#}", seen.0);
        assert_eq!(seen.target()["health"]["waiting"]["clients"][0]["pid"], std::process::id());
        drop(clients);
        assert_eq!(inspect("tcp:127.0.0.1:5001").codes(), ["SD301", "SD304"]);
    });
}

#[test]
fn list_has_tcp_listeners_when_asked() {
    with_loopback("health_tcp::list_has_tcp_listeners_when_asked", |_| {
        let _listener = TcpListener::bind("127.0.0.1:5001").unwrap();
        let named = |document: &serde_json::Value| {
            let sockets = document["data"]["sockets"].as_array().unwrap();
            sockets.iter().any(|socket| {
                socket["name"] == "127.0.0.1:5001" && socket["holders"][0]["pid"] == std::process::id()
            })
        };
        assert!(named(&json(["list", "--tcp"])) && !named(&json(["list"])));
    });
}
