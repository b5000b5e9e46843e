//! A real Prometheus, which scrapes a real node_exporter, whose textfile collector reads our gauges.

use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::binary::run;
use crate::process::{Process, finish, until};
use crate::world::{World, isolated, need, skip};

const SOON: Duration = Duration::from_secs(30);

const CONFIG: &str = "
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [alerts.yml]
scrape_configs: [{ job_name: node, static_configs: [{ targets: ['127.0.0.1:9100'] }] }]
";

/// What Prometheus answers; nothing while it cannot.
fn asked(path: &str) -> String {
    run(["probe", "tcp:127.0.0.1:9090", "--http", path, "--body-only"]).stdout
}

fn quietly(command: &mut Command) -> Process {
    Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// Both, started on the world's own loopback. `Err`: what is missing.
fn started(world: &World) -> Result<[Process; 2], &'static str> {
    let mut ip = need("ip").ok_or("no ip")?;
    assert_eq!(finish(ip.args(["link", "set", "lo", "up"]), SOON).status, 0);
    let rules = include_str!("../../contrib/prometheus/alerts.yml").replace("for: 3m", "for: 1s");
    world.write("alerts.yml", &rules);
    let config = world.write("prometheus.yml", CONFIG);
    let mut exporter = need("prometheus-node-exporter").ok_or("no node_exporter")?;
    exporter.args([
        "--collector.disable-defaults",
        "--collector.textfile",
        "--web.listen-address=127.0.0.1:9100",
    ]);
    exporter.arg(format!("--collector.textfile.directory={}", world.dir.display()));
    let mut prometheus = need("prometheus").ok_or("no prometheus")?;
    prometheus.arg("--web.listen-address=127.0.0.1:9090").current_dir(&world.dir);
    prometheus.arg(format!("--config.file={}", config.display()));
    prometheus.arg(format!("--storage.tsdb.path={}", world.path("tsdb").display()));
    Ok([quietly(&mut exporter), quietly(&mut prometheus)])
}

#[test]
fn an_alert_fires_for_a_broken_socket_and_resolves_when_it_is_healed() {
    let name = "prometheus::an_alert_fires_for_a_broken_socket_and_resolves_when_it_is_healed";
    isolated(name, |world| {
        let _both = match started(world) {
            Ok(both) => both,
            Err(reason) => return skip(name, reason),
        };
        let (path, file) = (world.path("app.sock"), world.path("sockdoctor.prom"));
        let write = || {
            let (path, file) = (path.to_str().unwrap(), file.to_str().unwrap());
            let words = ["inspect", path, "--format", "openmetrics", "--fail-on", "never", "-o", file];
            assert_eq!(run(words).status, 0);
        };
        let fires = || asked("/api/v1/alerts").contains("\"alertname\":\"SocketNotListening\"");
        let _first = UnixListener::bind(&path).unwrap();
        write();
        let query = "/api/v1/query?query=sockdoctor_socket_listening";
        assert!(until(SOON, || asked(query).contains(",\"1\"]")), "not scraped: {}", asked(query));
        assert!(!fires());
        std::fs::remove_file(&path).unwrap();
        write();
        let firing = || fires() && asked("/api/v1/alerts").contains("\"state\":\"firing\"");
        assert!(until(SOON, firing), "{}", asked("/api/v1/alerts"));
        assert!(asked("/api/v1/alerts").contains(path.to_str().unwrap()));
        let _second = UnixListener::bind(&path).unwrap();
        write();
        assert!(until(SOON, || !fires()), "{}", asked("/api/v1/alerts"));
        assert!(!asked(query).is_empty(), "it answers still");
    });
}
