//! `scan` and the declarations against real servers, without systemd: SD112, SD303, and `--probe`.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;

use serde_json::Value;

use crate::access_nginx::Proxy;
use crate::binary::json;
use crate::process::{Process, finish};
use crate::seed_s1::SOON;
use crate::servers::{gunicorn_command, serving_http};
use crate::world::{isolated, isolated_root, need, skip};

/// The findings about one socket, of a host that has more.
fn about(document: &Value, name: &str) -> Vec<Value> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["subject"]["name"] == name).cloned().collect()
}

fn codes(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_file_and_an_abstract_name_of_the_same_characters_are_told_apart() {
    isolated("scan_live::a_file_and_an_abstract_name_of_the_same_characters_are_told_apart", |world| {
        let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name("sdmixup").unwrap()).unwrap();
        let path = world.path("@sdmixup");
        let name = path.to_str().unwrap();
        let findings = about(&json(["inspect", name]), name);
        assert_eq!(codes(&findings), ["SD112"], "{findings:#?}");
        // A file that is really named so, and is served.
        let file = UnixListener::bind(&path).unwrap();
        assert!(!codes(&about(&json(["inspect", name]), name)).contains(&"SD112"));
        drop(file);

        // The other way round.
        std::env::set_current_dir(&world.dir).unwrap();
        let _file = UnixListener::bind("@sdother").unwrap();
        let document = json(["inspect", "@sdother"]);
        assert_eq!(document["findings"][0]["code"], "SD112", "{document:#}");
        assert_eq!(document["summary"]["error"], 1, "{document:#}");
    });
}

#[test]
fn a_backlog_that_the_kernel_clamps_is_told_with_its_line_and_the_printed_sysctl_heals_it() {
    let name =
        "scan_live::a_backlog_that_the_kernel_clamps_is_told_with_its_line_and_the_printed_sysctl_heals_it";
    isolated(name, |world| {
        let socket = world.path("app.sock");
        let Some(mut command) = gunicorn_command(world, &socket, 1) else { return skip(name, "no gunicorn") };
        command.args(["--backlog", "100000"]);
        let server = serving_http(&mut command, &socket);
        let path = socket.to_str().unwrap();
        let findings = about(&json(["scan"]), path);
        let clamped = findings.iter().find(|finding| finding["code"] == "SD303");
        let clamped = clamped.unwrap_or_else(|| panic!("{findings:#?}"));
        assert!(clamped["evidence"].to_string().contains("--backlog 100000"), "{clamped:#}");
        let sysctl = clamped["fix"][0]["command"].as_str().unwrap();
        let limit = sysctl.strip_prefix("sysctl -w net.core.somaxconn=").unwrap();
        std::fs::write("/proc/sys/net/core/somaxconn", limit).unwrap();
        drop(server);
        let _again = serving_http(&mut command, &socket);
        assert!(!codes(&about(&json(["scan"]), path)).contains(&"SD303"));
    });
}

#[test]
fn the_limit_that_counts_is_that_of_the_servers_network_namespace() {
    let name = "scan_live::the_limit_that_counts_is_that_of_the_servers_network_namespace";
    isolated_root(name, |world| {
        let socket = world.path("app.sock");
        let Some(gunicorn) = gunicorn_command(world, &socket, 1) else { return skip(name, "no gunicorn") };
        let Some(mut command) = need("unshare") else { return skip(name, "no unshare") };
        command.current_dir(&world.dir).arg("--net").arg(gunicorn.get_program()).args(gunicorn.get_args());
        // Here it would not be cut.
        std::fs::write("/proc/sys/net/core/somaxconn", "200000").unwrap();
        let _server = serving_http(command.args(["--backlog", "100000"]), &socket);
        let findings = about(&json(["scan"]), socket.to_str().unwrap());
        let clamped = findings.iter().find(|finding| finding["code"] == "SD303");
        let clamped = clamped.unwrap_or_else(|| panic!("{findings:#?}"));
        let fix = clamped["fix"][0]["command"].as_str().unwrap();
        let (enter, _) = fix.split_once(" sysctl -w net.core.somaxconn=100000").unwrap();
        let limit = || {
            let read = format!("{enter} cat /proc/sys/net/core/somaxconn");
            finish(Command::new("sh").args(["-c", &read]), SOON).stdout
        };
        assert_eq!(limit(), "4096\n");
        assert_eq!(finish(Command::new("sh").args(["-c", fix]), SOON).status, 0);
        assert_eq!(limit(), "100000\n");
    });
}

/// Accepts and never says a word.
const SILENT: &str = "import socket,sys,time\n\
    s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); c=[]\n\
    while True: c.append(s.accept())";

#[test]
fn a_server_that_nginx_sends_http_to_is_asked_with_probe_alone() {
    let name = "scan_live::a_server_that_nginx_sends_http_to_is_asked_with_probe_alone";
    isolated_root(name, |world| {
        let socket = world.path("app.sock");
        let path = socket.to_str().unwrap();
        let Some(mut command) = gunicorn_command(world, &socket, 1) else { return skip(name, "no gunicorn") };
        let server = serving_http(&mut command, &socket);
        let Some(_proxy) = Proxy::start_as(world, "root", 0, &socket) else { return skip(name, "no nginx") };
        let errors = |document: &Value| {
            let found = about(document, path).into_iter();
            found.filter(|finding| finding["severity"] == "error").collect::<Vec<_>>()
        };
        assert_eq!(errors(&json(["scan", "--probe"])), Vec::<Value>::new());
        drop(server);
        let _ = std::fs::remove_file(&socket);

        let mut python = crate::world::need("python3").unwrap();
        let _silent = Process::start(python.args(["-c", SILENT]).arg(&socket));
        assert!(crate::process::until(std::time::Duration::from_secs(30), || socket.exists()));
        assert_eq!(errors(&json(["scan"])), Vec::<Value>::new());
        let asked = errors(&json(["scan", "--probe"]));
        assert_eq!(codes(&asked), ["SD401"], "{asked:#?}");
    });
}
