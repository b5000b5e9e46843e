//! `probe` against real servers: each healthy, stopped, asked in the wrong protocol, and gone without its file.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use serde_json::Value;

use crate::binary::json;
use crate::postgres::Postgres;
use crate::process::{Process, until};
use crate::servers;
use crate::world::{isolated, isolated_root, need, skip};

/// What a healthy one says.
struct Expected {
    protocol: &'static str,
    known_by: &'static str,
    server: &'static str,
    /// Whether it tells its version.
    version: bool,
}

fn probe(path: &Path, more: &[&str]) -> Value {
    let words = ["probe", path.to_str().unwrap(), "--timeout", "2s"];
    json(words.iter().chain(more))
}

fn code(document: &Value) -> &str {
    document["findings"][0]["code"].as_str().unwrap_or("none")
}

/// Starts a server and waits until something listens on its socket.
fn listening(command: &mut Command, socket: &Path) -> Process {
    let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
    let listens = || {
        let table = std::fs::read_to_string("/proc/self/net/unix").unwrap();
        table.lines().any(|row| row.contains(" 00010000 ") && row.ends_with(socket.to_str().unwrap()))
    };
    assert!(until(Duration::from_secs(30), listens), "{command:?} does not listen");
    process
}

/// Healthy, in the wrong protocol, stopped, and killed: each with its finding.
fn check(path: &Path, server: &Process, expected: &Expected) {
    let mut document = Value::Null;
    // Listening is not yet serving: a database may still be starting.
    let healthy = until(Duration::from_secs(20), || {
        document = probe(path, &[]);
        let sample = &document["data"]["probes"][0];
        sample["ok"] == true && (!expected.version || sample["version"].is_string())
    });
    assert!(healthy, "{document:#}");
    let sample = &document["data"]["probes"][0];
    assert_eq!(document["exit_code"], 0, "{document:#}");
    assert_eq!(
        [&sample["protocol"], &sample["known_by"]],
        [expected.protocol, expected.known_by],
        "{document:#}"
    );
    assert!(sample["server"].as_str().unwrap_or_default().contains(expected.server), "{document:#}");
    let http = matches!(expected.protocol, "http" | "docker");
    let (flags, wrong) = if http { (["--expect", "418"], "SD408") } else { (["--http", "/"], "SD403") };
    if expected.protocol != "grpc" {
        let document = probe(path, &flags);
        assert_eq!((code(&document), &document["exit_code"]), (wrong, &1.into()), "{document:#}");
    }
    killpg(server.pid(), Signal::SIGSTOP).unwrap();
    let document = probe(path, &["--protocol", expected.protocol, "--timeout", "1s"]);
    // That nothing comes back follows from it.
    assert_eq!((code(&document), &document["exit_code"]), ("SD304", &1.into()), "{document:#}");
    assert!(!document["findings"].to_string().contains("SD401"), "{document:#}");
    killpg(server.pid(), Signal::SIGKILL).unwrap();
    let mut document = Value::Null;
    let stale = until(Duration::from_secs(10), || {
        document = probe(path, &[]);
        code(&document) == "SD104"
    });
    assert!(stale, "{document:#}");
}

#[test]
fn gunicorn_is_known_by_its_process() {
    let name = "probe_servers::gunicorn_is_known_by_its_process";
    isolated(name, |world| {
        let path = world.path("g.sock");
        let Some(server) = servers::gunicorn(world, &path) else { return skip(name, "no gunicorn") };
        let expected = Expected { protocol: "http", known_by: "holder", server: "gunicorn", version: false };
        check(&path, &server, &expected);
    });
}

#[test]
fn uvicorn_is_known_by_its_process() {
    let name = "probe_servers::uvicorn_is_known_by_its_process";
    isolated(name, |world| {
        let path = world.path("u.sock");
        let Some(server) = servers::uvicorn(world, &path, 1) else { return skip(name, "no uvicorn") };
        let expected = Expected { protocol: "http", known_by: "holder", server: "uvicorn", version: false };
        check(&path, &server, &expected);
    });
}

#[test]
fn a_websocket_is_opened_and_answers_a_ping() {
    let name = "probe_servers::a_websocket_is_opened_and_answers_a_ping";
    isolated(name, |world| {
        let path = world.path("ws.sock");
        world.write(
            "ws.py",
            "async def app(scope, receive, send):\n    \
                 if scope['type'] == 'websocket' and scope['path'] == '/ws':\n        \
                     await receive()\n        await send({'type': 'websocket.accept'})\n        \
                     await receive()\n",
        );
        let Some(mut uvicorn) = need("uvicorn") else { return skip(name, "no uvicorn") };
        uvicorn.current_dir(&world.dir).args(["ws:app", "--ws", "wsproto", "--uds"]).arg(&path);
        let _server = listening(&mut uvicorn, &path);
        let document = probe(&path, &["--websocket", "--http", "/ws"]);
        let sample = &document["data"]["probes"][0];
        assert_eq!([&sample["status"], &sample["message"]], [&Value::from(101), &"ping answered".into()]);
        assert_eq!(document["exit_code"], 0, "{document:#}");
        let refused = probe(&path, &["--websocket", "--http", "/other"]);
        assert_eq!((code(&refused), &refused["exit_code"]), ("SD408", &1.into()), "{refused:#}");
    });
}

#[test]
fn nginx_answers_http() {
    let name = "probe_servers::nginx_answers_http";
    isolated(name, |world| {
        let path = world.path("n.sock");
        let Some(mut nginx) = need("nginx") else { return skip(name, "no nginx") };
        let dir = world.dir.display();
        let config = world.write(
            "nginx.conf",
            &format!(
                "daemon off; user root; pid {dir}/pid; error_log {dir}/log; worker_processes 1;\n\
                 events {{}}\nhttp {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;\n\
                 fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n\
                 server {{ listen unix:{}; listen unix:{dir}/h2.sock http2; location / {{ return 200 ok; }} }} }}\n",
                path.display()
            ),
        );
        let server = listening(nginx.args(["-p"]).arg(&world.dir).arg("-c").arg(config), &path);
        check(
            &path,
            &server,
            &Expected { protocol: "http", known_by: "holder", server: "nginx", version: false },
        );
    });
}

#[test]
fn redis_tells_its_version_and_asks_for_its_password() {
    let name = "probe_servers::redis_tells_its_version_and_asks_for_its_password";
    isolated(name, |world| {
        for (file, password) in [("redis.sock", None), ("redis-locked.sock", Some("secret"))] {
            let path = world.path(file);
            let Some(mut redis) = need("redis-server") else { return skip(name, "no redis-server") };
            redis.current_dir(&world.dir).args(["--port", "0", "--save", "", "--unixsocket"]).arg(&path);
            redis.args(password.map(|password| ["--requirepass", password]).into_iter().flatten());
            let server = listening(&mut redis, &path);
            if password.is_some() {
                let document = probe(&path, &[]);
                assert_eq!((code(&document), &document["exit_code"]), ("SD407", &0.into()), "{document:#}");
            } else {
                let expected =
                    Expected { protocol: "redis", known_by: "path", server: "Redis", version: true };
                check(&path, &server, &expected);
            }
        }
    });
}

#[test]
fn memcached_tells_its_version() {
    let name = "probe_servers::memcached_tells_its_version";
    isolated(name, |world| {
        let path = world.path("m.sock");
        let Some(mut memcached) = need("memcached") else { return skip(name, "no memcached") };
        let server = listening(memcached.args(["-u", "root", "-s"]).arg(&path), &path);
        let expected =
            Expected { protocol: "memcached", known_by: "holder", server: "memcached", version: true };
        check(&path, &server, &expected);
    });
}

#[test]
fn php_fpm_tells_its_limits() {
    let name = "probe_servers::php_fpm_tells_its_limits";
    isolated(name, |world| {
        let path = world.path("php-fpm.sock");
        let Some(mut php) = need("php-fpm8.2") else { return skip(name, "no php-fpm8.2") };
        let config = world.write(
            "fpm.conf",
            &format!(
                "[global]\nerror_log = {}/log\n[www]\nuser = root\ngroup = root\nlisten = {}\npm = static\n\
                 pm.max_children = 1\n",
                world.dir.display(),
                path.display()
            ),
        );
        let server = listening(php.args(["-n", "-F", "-R", "-y"]).arg(config), &path);
        let expected = Expected { protocol: "fastcgi", known_by: "path", server: "FastCGI", version: false };
        check(&path, &server, &expected);
    });
}

#[test]
fn mariadb_greets() {
    let name = "probe_servers::mariadb_greets";
    isolated(name, |world| {
        let path = world.path("mysqld.sock");
        let Some(mut mariadb) = need("mariadbd") else { return skip(name, "no mariadbd") };
        std::fs::create_dir(world.path("data")).unwrap();
        mariadb.args(["--no-defaults", "--skip-grant-tables", "--skip-networking", "--user=root"]);
        let under = |flag: &str, name: &str| format!("{flag}={}", world.path(name).display());
        mariadb.args([
            under("--datadir", "data"),
            under("--socket", "mysqld.sock"),
            under("--pid-file", "pid"),
        ]);
        mariadb.args(["--innodb=OFF", "--default-storage-engine=MyISAM", "--lc-messages-dir=/nonexistent"]);
        let server = listening(&mut mariadb, &path);
        let expected =
            Expected { protocol: "mysql", known_by: "first_bytes", server: "MariaDB", version: true };
        check(&path, &server, &expected);
    });
}

#[test]
fn a_message_bus_lets_in_by_uid() {
    let name = "probe_servers::a_message_bus_lets_in_by_uid";
    isolated(name, |world| {
        let path = world.path("bus");
        let Some(server) = servers::dbus(world, &path) else { return skip(name, "no dbus-daemon") };
        check(
            &path,
            &server,
            &Expected { protocol: "dbus", known_by: "holder", server: "D-Bus", version: false },
        );
    });
}

#[test]
fn the_stats_socket_of_haproxy_tells_its_version() {
    let name = "probe_servers::the_stats_socket_of_haproxy_tells_its_version";
    isolated(name, |world| {
        std::fs::create_dir(world.path("haproxy")).unwrap();
        let path = world.path("haproxy/admin.sock");
        let Some(mut haproxy) = need("haproxy") else { return skip(name, "no haproxy") };
        let config = world.write(
            "haproxy.cfg",
            &format!(
                "global\n stats socket {}\ndefaults\n mode http\n timeout client 5s\n timeout server 5s\n \
                 timeout connect 5s\nfrontend main\n bind unix@{}/front.sock\n http-request return status 200\n",
                path.display(),
                world.dir.display()
            ),
        );
        let server =
            servers::serving_http(haproxy.args(["-db", "-f"]).arg(config), &world.path("front.sock"));
        let front = probe(&world.path("front.sock"), &["--http", "/"]);
        assert_eq!(front["data"]["probes"][0]["status"], 200, "{front:#}");
        check(
            &path,
            &server,
            &Expected { protocol: "haproxy", known_by: "path", server: "HAProxy", version: true },
        );
    });
}

#[test]
fn containerd_answers_a_grpc_health_check() {
    let name = "probe_servers::containerd_answers_a_grpc_health_check";
    isolated_root(name, |world| {
        let path = world.path("containerd.sock");
        let Some(mut containerd) = need("containerd") else { return skip(name, "no containerd") };
        let dir = world.dir.display();
        let config = world.write(
            "config.toml",
            &format!(
                "version = 2\nroot = \"{dir}/root\"\nstate = \"{dir}/state\"\n\
                 disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"{}\"\n",
                path.display()
            ),
        );
        let server = listening(containerd.arg("-c").arg(config), &path);
        let mut document = Value::Null;
        let healthy = until(Duration::from_secs(20), || {
            document = probe(&path, &[]);
            document["data"]["probes"][0]["message"] == "SERVING"
        });
        assert!(healthy, "{document:#}");
        assert_eq!(document["data"]["probes"][0]["protocol"], "grpc");
        let http1 = probe(&path, &["--http", "/"]);
        assert_eq!(http1["data"]["probes"][0]["protocol"], "http2", "it is gone on with: {http1:#}");
        assert!(!http1["findings"].to_string().contains("SD403"), "{http1:#}");
        let expected = Expected { protocol: "grpc", known_by: "first_bytes", server: "", version: false };
        check(&path, &server, &expected);
    });
}

#[test]
fn postgres_refuses_its_peer_and_the_socket_is_fine() {
    let name = "probe_servers::postgres_refuses_its_peer_and_the_socket_is_fine";
    isolated_root(name, |world| {
        let Some(postgres) = Postgres::init(world) else { return skip(name, "no postgres") };
        let run = world.path("run");
        std::fs::create_dir(&run).unwrap();
        std::os::unix::fs::chown(&run, Some(65534), Some(65534)).unwrap();
        let data = postgres.data.clone();
        let path = world.path("run/.s.PGSQL.5432");
        let server = listening(&mut postgres.server(&run), &path);
        let mut document = Value::Null;
        let ready = until(Duration::from_secs(20), || {
            document = probe(&path, &[]);
            document["data"]["probes"][0]["version"].is_string()
        });
        assert!(ready, "{document:#}");
        std::fs::write(data.join("pg_hba.conf"), "local all all peer\n").unwrap();
        server.signal(Signal::SIGHUP);
        let refused = until(Duration::from_secs(20), || {
            document = probe(&path, &[]);
            code(&document) == "SD407"
        });
        assert!(refused, "{document:#}");
        assert_eq!((&document["exit_code"], &document["verdict"]), (&0.into(), &"warning".into()));
        std::fs::write(data.join("pg_hba.conf"), "local all all trust\n").unwrap();
        server.signal(Signal::SIGHUP);
        let expected =
            Expected { protocol: "postgres", known_by: "path", server: "PostgreSQL", version: true };
        check(&path, &server, &expected);
    });
}

#[test]
fn without_a_target_only_those_known_to_speak_http_are_asked() {
    let name = "probe_servers::without_a_target_only_those_known_to_speak_http_are_asked";
    isolated(name, |world| {
        let path = world.path("g.sock");
        let Some(_server) = servers::gunicorn(world, &path) else { return skip(name, "no gunicorn") };
        let _mute = crate::make::server(&world.path("mute.sock"));
        let document = json(["probe", "--http", "/"]);
        let probed = document["data"]["probes"].as_array().unwrap();
        assert_eq!(probed.len(), 1, "{document:#}");
        assert_eq!(probed[0]["target"], path.to_str().unwrap());
        let left = document["data"]["not_probed"].as_array().unwrap();
        let of_ours =
            left.iter().find(|left| left["target"] == world.path("mute.sock").to_str().unwrap()).unwrap();
        assert_eq!(of_ours["reason"], "not known to speak HTTP");
    });
}
