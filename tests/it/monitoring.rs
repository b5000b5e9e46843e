//! What monitoring systems read: gauges by Prometheus' own tool, a plugin's line by its status.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use sockdoctor::act::broken;

use crate::binary::run;
use crate::process::{Output, finish};
use crate::world::{World, isolated, need, skip};

const SOON: Duration = Duration::from_secs(30);
const HOSTILE: &[u8] = b"a\n\x1b[31m\xff\"<|%`\\|@x";

/// What Prometheus says of a file of gauges; `None`: it is not here.
fn judged(file: &PathBuf) -> Option<Output> {
    let mut promtool = need("promtool")?;
    promtool.args(["check", "metrics"]).stdin(Stdio::from(std::fs::File::open(file).unwrap()));
    Some(finish(&mut promtool, SOON))
}

/// A stale file with a hostile name, a listener without its file, a healthy one with a hostile abstract twin.
fn built(world: &World) -> (impl Sized, [String; 2]) {
    drop(UnixListener::bind(world.dir.join(OsStr::from_bytes(HOSTILE))).unwrap());
    let unlinked = broken::unlinked(&world.dir).unwrap();
    let healthy = world.path("healthy.sock");
    let listener = UnixListener::bind(&healthy).unwrap();
    let name = SocketAddr::from_abstract_name(HOSTILE).unwrap();
    let hidden = UnixDatagram::bind_addr(&name).unwrap();
    let paths = [&unlinked.path, &healthy].map(|path| path.to_str().unwrap().to_owned());
    ((unlinked, listener, hidden), paths)
}

#[test]
fn prometheus_takes_the_gauges_of_every_command_that_has_them() {
    let name = "monitoring::prometheus_takes_the_gauges_of_every_command_that_has_them";
    isolated(name, |world| {
        let (_held, [unlinked, healthy]) = built(world);
        let (file, all) = (world.path("sockdoctor.prom"), world.dir.to_str().unwrap());
        let tcp = std::net::TcpListener::bind("127.0.0.1:0");
        let tcp = tcp.map_or_else(|_| healthy.clone(), |tcp| format!("tcp:{}", tcp.local_addr().unwrap()));
        for (status, words) in [
            (0, &["list", "--match", &format!("{all}/**")][..]),
            (1, &["inspect", all, &healthy, &unlinked]),
            (1, &["scan"]),
            (1, &["probe", &healthy, &healthy, &unlinked, &tcp, "--timeout", "200ms"]),
            (1, &["guard", &unlinked, "--dry-run", "--failures", "1"]),
        ] {
            let output = run(words.iter().chain(&["--format", "openmetrics", "-o", file.to_str().unwrap()]));
            assert_eq!((output.status, output.stdout.as_str()), (status, ""), "{words:?} {}", output.stderr);
            let text = std::fs::read_to_string(&file).unwrap();
            let Some(promtool) = judged(&file) else { return skip(name, "no promtool") };
            let silent = promtool.stdout.is_empty() && promtool.stderr.is_empty();
            assert!(promtool.status == 0 && silent, "{words:?}: {}\n{text}", promtool.stderr);
            assert!(text.ends_with("\n# EOF\n") && !text.contains('\u{1b}'), "{text}");
            let series: Vec<&str> = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|l| l.rsplit_once(' ').unwrap().0)
                .collect();
            let distinct: std::collections::HashSet<&str> = series.iter().copied().collect();
            assert_eq!(distinct.len(), series.len(), "a series twice: {text}");
            if words[0] == "probe" {
                assert!(
                    text.contains("phase=\"connect\"}") && text.contains("sockdoctor_probe_success{"),
                    "{text}"
                );
            } else if text.contains("\nsockdoctor_sockets_left_out 0\n") {
                let listening = |path: &str, value| {
                    text.contains(&format!("\nsockdoctor_socket_listening{{path=\"{path}\"}} {value}\n"))
                };
                assert!(listening(&healthy, 1) && listening(&unlinked, 0), "{words:?}: {text}");
                // Other tests have broken sockets too.
                assert!(text.contains("\nsockdoctor_findings{code=\"SD102\",severity=\"error\"} "), "{text}");
            }
        }
    });
}

#[test]
fn a_run_without_an_answer_leaves_the_last_gauges_alone() {
    isolated("monitoring::a_run_without_an_answer_leaves_the_last_gauges_alone", |world| {
        let file = world.write("sockdoctor.prom", "before\n");
        let words = ["list", "--match", "nothing/*", "--format", "openmetrics", "-o", file.to_str().unwrap()];
        let output = run(words);
        assert_eq!((output.status, output.stdout.as_str()), (3, ""));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "before\n");
        assert_eq!(std::fs::read_dir(&world.dir).unwrap().count(), 1, "nothing beside it");
    });
}

#[test]
fn a_plugin_says_one_line_and_its_status_is_its_word() {
    isolated("monitoring::a_plugin_says_one_line_and_its_status_is_its_word", |world| {
        let (_held, [unlinked, healthy]) = built(world);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&healthy, mode).unwrap();
        let open = world.path("open.sock");
        let _open = UnixListener::bind(&open).unwrap();
        std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let open = open.to_str().unwrap();
        for (status, words, says) in [
            (0, &["inspect", &healthy][..], "OK: nothing found"),
            (1, &["inspect", open, "--fail-on", "info"], "WARNING: SD206 world-connectable"),
            (0, &["inspect", open, "--fail-on", "error"], "OK: "),
            (2, &["inspect", &unlinked], "CRITICAL: SD102 listener-unlinked"),
            (2, &["inspect", &healthy, &unlinked], "CRITICAL: SD102 listener-unlinked"),
            (0, &["inspect", &unlinked, "--fail-on", "never"], "OK: "),
            // Other tests have broken sockets too.
            (2, &["list"], "CRITICAL: SD"),
            (2, &["scan"], "CRITICAL: SD"),
            (2, &["probe", &unlinked], "CRITICAL: SD102 listener-unlinked"),
            (2, &["guard", &unlinked, "--dry-run", "--failures", "1"], "CRITICAL: SD102 listener-unlinked"),
            // Nobody accepts here, which no rule calls certain after one look.
            (2, &["guard", open, "--dry-run", "--failures", "1", "--timeout", "1s"], "CRITICAL: "),
            (3, &["inspect", "inode:1"], "UNKNOWN: no socket of any visible network namespace has"),
            (3, &["inspect", ""], "UNKNOWN: "),
            (3, &["inspect", "--nonsense"], "UNKNOWN: unexpected argument"),
            (3, &["access", open], "UNKNOWN: `access` has no format `nagios`"),
            (3, &["list", "-o", "/nowhere/x"], ""),
        ] {
            let output = run(words.iter().chain(&["--format", "nagios"]));
            assert_eq!(output.status, status, "{words:?}: {} {}", output.stdout, output.stderr);
            assert!(output.stdout.starts_with(says), "{words:?}: {}", output.stdout);
            let lines = usize::from(!says.is_empty());
            assert_eq!((output.stdout.lines().count(), output.stdout.matches('|').count()), (lines, lines));
        }
        let hostile = run(["inspect", world.dir.to_str().unwrap(), &healthy, "--format", "nagios"]).stdout;
        assert!(hostile.contains(" 'waiting /tmp/") && !hostile.contains('\u{1b}'), "{hostile}");
        // Of another output the line is beside, the status is that output's.
        let beside = format!("nagios={}", world.path("line").display());
        assert_eq!(run(["inspect", &unlinked, "--report", &beside]).status, 1);
        let line = std::fs::read_to_string(world.path("line")).unwrap();
        assert!(line.starts_with("CRITICAL: SD102"), "{line}");
    });
}

/// A file of the repository, copied into the world.
fn copied(world: &World, path: &str) -> PathBuf {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    world.write(from.file_name().unwrap().to_str().unwrap(), &std::fs::read_to_string(&from).unwrap())
}

#[test]
fn the_alerts_fire_when_they_should_and_are_silent_else() {
    let name = "monitoring::the_alerts_fire_when_they_should_and_are_silent_else";
    isolated(name, |world| {
        let rules = copied(world, "contrib/prometheus/alerts.yml");
        let cases = copied(world, "fixtures/prometheus/alerts-test.yml");
        for (words, file) in [(["check", "rules"], &rules), (["test", "rules"], &cases)] {
            let Some(mut promtool) = need("promtool") else { return skip(name, "no promtool") };
            let output = finish(promtool.args(words).arg(file), SOON);
            assert_eq!(output.status, 0, "{words:?}: {}{}", output.stdout, output.stderr);
        }
        // They ask for gauges that there are, and every alert has its case.
        let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
        let (rules, cases, source) =
            (text(&rules), text(&cases), include_str!("../../src/report/openmetrics.rs"));
        let names = rules
            .split("sockdoctor_")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap());
        for gauge in names {
            assert!(source.contains(&format!("\"{gauge}\"")), "no gauge sockdoctor_{gauge}");
        }
        for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
            assert!(
                cases.contains(&format!("alertname: {alert}\n        exp_alerts:")),
                "{alert} never fires"
            );
        }
    });
}

#[test]
fn the_units_are_what_systemd_takes_and_their_command_is_ours() {
    let name = "monitoring::the_units_are_what_systemd_takes_and_their_command_is_ours";
    isolated(name, |world| {
        let service = copied(world, "contrib/prometheus/sockdoctor-metrics.service");
        let timer = copied(world, "contrib/prometheus/sockdoctor-metrics.timer");
        let text = std::fs::read_to_string(&service).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/sockdoctor ")).unwrap();
        let (words, file) = line.rsplit_once(" -o ").unwrap();
        assert_eq!(file.rsplit_once('.').unwrap().1, "prom", "the collector reads no other files: {file}");
        let file = world.path("sockdoctor.prom");
        let output = run(words.split(' ').chain(["-o", file.to_str().unwrap()]));
        assert_eq!((output.status, output.stdout.as_str()), (0, ""), "{}", output.stderr);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o444, 0o444, "the collector runs as another user");
        let there = text.replace("/usr/bin/sockdoctor ", &format!("{} ", env!("CARGO_BIN_EXE_sockdoctor")));
        std::fs::write(&service, there.replace("Documentation=man:sockdoctor(1)\n", "")).unwrap();
        let Some(mut systemd) = need("systemd-analyze") else { return skip(name, "no systemd-analyze") };
        let output = finish(systemd.args(["verify", "--man=no"]).arg(&service).arg(&timer), SOON);
        let about_us: Vec<&str> =
            output.stderr.lines().filter(|line| line.contains("sockdoctor-metrics")).collect();
        assert!(output.status == 0 && about_us.is_empty(), "{}", output.stderr);
    });
}
