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
            (0, &["list", "--stale"][..]),
            (1, &["inspect", all, &healthy, &unlinked]),
            (1, &["scan"]),
            (1, &["probe", &healthy, &healthy, &unlinked, &tcp, "--timeout", "200ms"]),
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
            } else {
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
