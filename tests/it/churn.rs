//! Servers that restart while they are looked at: nothing is claimed that was never true.

use std::process::Stdio;
use std::time::Duration;

use crate::process::{Process, until};
use crate::seen::{Inspected, inspect};
use crate::world::{isolated, need, skip};

/// Binds under another name, listens, renames: a connect finds a listener at every instant.
const RENAME_OVER: &str = r#"
import itertools, os, socket, sys
path, old = sys.argv[1], None
for n in itertools.count():
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{path}.{n}.tmp")
    s.listen(5)
    os.rename(f"{path}.{n}.tmp", path)
    if old: old.close()
    old = s
"#;

/// Stops, removes the file, binds: no listener ever loses its file, or has it replaced.
const UNLINK_AND_BIND: &str = r"
import os, socket, sys, time
path = sys.argv[1]
while True:
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(5)
    time.sleep(0.001)
    s.close()
    os.unlink(path)
";

/// How many look at a time.
const LOOKERS: usize = 10;

/// Inspects a path again and again while a server restarts on it.
fn restarting(name: &str, server: &str, looks: usize, judge: impl Fn(&Inspected) + Sync) {
    isolated(name, |world| {
        let Some(mut python) = need("python3") else { return skip(name, "no python3") };
        let path = world.path("app.sock");
        let mut server =
            Process::start(python.args(["-c", server]).arg(&path).stdin(Stdio::null()).stdout(Stdio::null()));
        assert!(until(Duration::from_secs(10), || path.exists()));
        // Most of a look is waiting, so many look at once.
        std::thread::scope(|scope| {
            for _ in 0..LOOKERS {
                scope.spawn(|| (0..looks / LOOKERS).for_each(|_| judge(&inspect(&path))));
            }
        });
        assert!(server.ended(Duration::ZERO).is_none(), "it restarted to the end");
    });
}

#[test]
fn a_file_that_is_renamed_over_is_never_broken() {
    let name = "churn::a_file_that_is_renamed_over_is_never_broken";
    restarting(name, RENAME_OVER, 100, |seen| {
        assert_eq!(seen.0["summary"]["error"], 0, "{:#}", seen.0);
        assert_ne!(seen.0["exit_code"], 1, "{:#}", seen.0);
    });
}

#[test]
fn a_restart_is_never_taken_for_an_unlinked_a_replaced_or_a_dead_server() {
    let name = "churn::a_restart_is_never_taken_for_an_unlinked_a_replaced_or_a_dead_server";
    restarting(name, UNLINK_AND_BIND, 100, |seen| {
        let wrong = |finding: &&serde_json::Value| {
            finding["certainty"] == "certain"
                && ["SD102", "SD103", "SD104"].contains(&finding["code"].as_str().unwrap())
        };
        assert!(seen.findings().find(wrong).is_none(), "{:#}", seen.0);
    });
}
