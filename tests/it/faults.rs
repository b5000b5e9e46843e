//! Every kind of system call that the program makes fails, at its first and at a later occurrence and from the first
//! on for good: it never panics, never hangs, never takes what it could not see for fine, and never calls a live
//! socket broken.
//!
//! `SOCKDOCTOR_CAMPAIGN=1` tries all of it, some thousands of runs; else a part, another one of each kind. The figures
//! are in `tmp/faults` of the target directory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::document;
use crate::process::{Output, finish};
use crate::world::{World, isolated_host, need, skip};

/// No run takes near as long: what does, hangs.
const SOON: Duration = Duration::from_secs(60);
/// Runs of the short form.
const FEW: usize = 120;
const ERRORS: [&str; 6] = ["EPERM", "EACCES", "EINTR", "EMFILE", "ENOSYS", "EIO"];
/// Memory, the loader's work, ends of processes, and what cannot fail.
const LEFT_OUT: [&str; 19] = [
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "execve",
    "exit",
    "exit_group",
    "rt_sigreturn",
    "arch_prctl",
    "set_tid_address",
    "set_robust_list",
    "rseq",
    "futex",
    "access",
    "pread64",
    "sigaltstack",
    "restart_syscall",
];
/// Where the standard library, or tokio, knows no other way than to panic: that is contained, said, and decides
/// nothing.
const PANICS: [&str; 5] = ["getrandom", "close", "clock_nanosleep", "epoll_wait", "write"];

/// What is run. A trial whose removal is made to fail leaves a truly stale file: not where others look.
fn lines(world: &World, trials: &Path) -> Vec<Vec<String>> {
    let [live, stale] = ["live.sock", "app.sock"].map(|name| world.path(name).to_str().unwrap().to_owned());
    let (dir, config) = (world.dir.to_str().unwrap(), world.path("nginx.conf"));
    let (all, config) = (format!("{dir}/*"), config.to_str().unwrap());
    let lines: [&[&str]; 11] = [
        &["list", "--match", &all],
        &["inspect", &live],
        &["inspect", &stale],
        &["inspect", &format!("{dir}/dgram.sock")],
        &["inspect", &format!("{dir}/gone.sock")],
        &["access", &live, "--as", "nobody"],
        &["probe", &live, "--http", "/"],
        &["preflight", trials.to_str().unwrap()],
        &["scan", "--config", config],
        &["clean", dir],
        &["explain", "connect() to unix:/x.sock failed (2: No such file or directory)"],
    ];
    lines.map(|line| line.iter().map(|word| (*word).to_owned()).collect()).to_vec()
}

/// A run in which nothing fails, and the calls it makes: which of them can be made to fail, by number.
struct Whole {
    line: Vec<String>,
    document: Value,
    calls: BTreeMap<String, BTreeSet<usize>>,
}

/// The program below strace(1), which takes flags before it.
fn strace(flags: &[&str], log: &Path, line: &[String]) -> Output {
    let mut strace = need("strace").unwrap();
    strace.args(["-f", "-qq", "-o"]).arg(log).args(flags);
    // Whoever sets it wants to see a panic.
    strace.env_remove("RUST_BACKTRACE").arg(env!("CARGO_BIN_EXE_sockdoctor")).arg("--json");
    finish(strace.args(line), SOON)
}

/// `812 openat(AT_FDCWD, …` as pid and name.
fn call(row: &str) -> Option<(&str, &str)> {
    let (pid, rest) = row.split_once(' ')?;
    let (name, _) = rest.trim_start().split_once('(')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !name.is_empty()).then_some((pid, name))
}

/// Runs it whole. strace counts the calls of each thread by itself; of the first those before main() are the loader's.
fn whole(world: &World, line: Vec<String>) -> Whole {
    let log = world.path("trace");
    let document = document(&strace(&[], &log, &line));
    let trace = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut before, mut main, mut handlers) = (BTreeMap::new(), None, 0);
    for row in trace.lines() {
        let Some((pid, name)) = call(row) else { continue };
        *counts.entry((pid, name)).or_default() += 1;
        // The last thing that the runtime does: it looks at the handler of SIGBUS, and sets its own.
        if *main.get_or_insert(pid) == pid && handlers < 2 {
            *before.entry(name).or_insert(0) += 1;
            handlers += usize::from(row.contains("rt_sigaction(SIGBUS"));
        }
    }
    assert_eq!(handlers, 2, "where main() begins was not seen");
    let mut calls: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for ((pid, name), count) in counts {
        let loaders = before.get(name).copied().unwrap_or(0);
        let first = if main == Some(pid) { loaders + 1 } else { 1 };
        if LEFT_OUT.contains(&name) || first > count {
            continue;
        }
        let numbers =
            [first, first + (count - first).div_ceil(2)].into_iter().filter(|number| *number > loaders);
        calls.entry(name.to_owned()).or_default().extend(numbers);
    }
    for numbers in calls.values_mut() {
        let (first, last) = (numbers.first().copied(), numbers.last().copied());
        let middle = numbers.iter().nth(numbers.len() / 2).copied();
        *numbers = [first, middle, last].into_iter().flatten().collect();
    }
    Whole { line, document, calls }
}

/// `(code, subject, certain)` of what is called broken.
fn errors(document: &Value) -> Vec<(String, String, bool)> {
    let findings = document["findings"].as_array().unwrap().iter();
    let errors = findings.filter(|finding| finding["severity"] == "error");
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    errors
        .map(|one| (word(&one["code"]), word(&one["subject"]["name"]), one["certainty"] == "certain"))
        .collect()
}

fn gaps(document: &Value) -> usize {
    document["not_checked"].as_array().unwrap().len()
}

/// What is wrong with a run in which a call failed.
fn fault(whole: &Whole, name: &str, errno: &str, output: &Output) -> Option<String> {
    let wrong = |what: &str| Some(format!("{what}: status {} {}", output.status, output.stderr.trim()));
    if output.stderr.contains("panicked") || output.status > 3 {
        return wrong("it panicked or died");
    }
    if output.stderr.contains("internal error") {
        let contained = PANICS.contains(&name) && output.status == 3;
        return if contained { None } else { wrong("an internal error") };
    }
    if name == "write" && output.stdout.is_empty() && matches!(output.status, 2 | 3) {
        // It could not say anything, and its status says so, if nothing else can.
        return None;
    }
    let Ok(document) = serde_json::from_str::<Value>(&output.stdout) else { return wrong("no document") };
    if document["exit_code"] != output.status {
        return wrong("the document and the status differ");
    }
    let (expected, found) = (errors(&whole.document), errors(&document));
    for (code, subject, certain) in &found {
        let known = expected.iter().any(|one| one.0 == *code && one.1 == *subject && (one.2 || !certain));
        // What the kernel refuses in a trial is what a trial is for, but where it says nothing of the filesystem.
        let tried = code == "SD501" && errno != "EMFILE" && errno != "EINTR";
        if !known && !tried {
            return wrong(&format!("{code} of {subject} is false"));
        }
    }
    let said = gaps(&document) > gaps(&whole.document) || !document["error"].is_null() || output.status == 3;
    let missing =
        expected.iter().find(|one| !found.iter().any(|other| (&one.0, &one.1) == (&other.0, &other.1)));
    match missing {
        Some((code, subject, _)) if !said => {
            wrong(&format!("{code} of {subject} is not found, and nothing is said to be missing"))
        }
        _ => None,
    }
}

/// A server that answers HTTP for as long as the world is there.
fn serve(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { continue };
            let _ = client.set_read_timeout(Some(Duration::from_secs(5)));
            if client.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }
    });
}

#[test]
fn whatever_call_fails_nothing_false_is_said() {
    let name = "faults::whatever_call_fails_nothing_false_is_said";
    isolated_host(name, |world| {
        if need("strace").is_none() {
            return skip(name, "no strace");
        }
        serve(&world.path("live.sock"));
        let _receiver = UnixDatagram::bind(world.path("dgram.sock")).unwrap();
        let _unlinked = UnixListener::bind(world.path("gone.sock")).unwrap();
        std::fs::remove_file(world.path("gone.sock")).unwrap();
        let _stale = broken::stale(&world.dir).unwrap();
        let none = world.path("none.sock");
        world.write("nginx.conf", &format!("http {{ upstream a {{ server unix:{}; }} }}\n", none.display()));

        let trials = tempfile::tempdir().unwrap();
        let lines = lines(world, trials.path());
        let all: Vec<Whole> = lines.into_iter().map(|line| whole(world, line)).collect();
        let mut jobs = Vec::new();
        for whole in &all {
            for (name, numbers) in &whole.calls {
                let first = numbers.first().map(|first| format!("{first}+"));
                for when in numbers.iter().map(ToString::to_string).chain(first) {
                    // Who is interrupted tries again: for good, that has no end.
                    let errors = ERRORS.iter().filter(|errno| **errno != "EINTR" || !when.ends_with('+'));
                    jobs.extend(errors.map(|errno| (whole, name, when.clone(), *errno)));
                }
            }
        }
        let kinds: BTreeSet<&String> = all.iter().flat_map(|whole| whole.calls.keys()).collect();
        let (total, whole_campaign) = (jobs.len(), std::env::var_os("SOCKDOCTOR_CAMPAIGN").is_some());
        // An odd step goes through all errors; one that is not too long leaves enough to try.
        let step = if whole_campaign { 1 } else { (total / FEW).saturating_sub(1) | 1 };
        let jobs: Vec<_> = jobs.into_iter().step_by(step).collect();
        let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for worker in 0..3 {
                let (next, wrong, jobs) = (&next, &wrong, &jobs);
                let log = world.path(&format!("trace-{worker}"));
                scope.spawn(move || {
                    while let Some((whole, name, when, errno)) = jobs.get(next.fetch_add(1, Relaxed)) {
                        let inject = format!("--inject={name}:error={errno}:when={when}");
                        let output = strace(&[&inject], &log, &whole.line);
                        if let Some(fault) = fault(whole, name, errno, &output) {
                            wrong.lock().unwrap().push(format!("{:?} {inject}: {fault}", whole.line));
                        }
                    }
                });
            }
        });
        let wrong = wrong.into_inner().unwrap();
        let said = format!(
            "{} of {total} runs, {} kinds of calls, {} wrong\n",
            jobs.len(),
            kinds.len(),
            wrong.len()
        );
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults"), said).unwrap();
        assert!(jobs.len() >= FEW && kinds.len() > 20, "hardly anything was tried: {kinds:?}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The program in a view of its own: `script` prepares it, and ends in `exec "$@"`.
fn seen_after(script: &str, line: &[&str]) -> Value {
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
    document(&finish(shell.arg(env!("CARGO_BIN_EXE_sockdoctor")).arg("--json").args(line), SOON))
}

#[test]
fn without_proc_or_with_a_part_of_it_no_live_socket_is_called_dead() {
    let name = "faults::without_proc_or_with_a_part_of_it_no_live_socket_is_called_dead";
    isolated_host(name, |world| {
        let path = world.path("live.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let path = path.to_str().unwrap();
        let stale = broken::stale(&world.dir).unwrap();
        for script in [
            "mount -t tmpfs none /proc && exec \"$@\"",
            "umount -l /proc && exec \"$@\"",
            "mount -t tmpfs none /proc/self/net && exec \"$@\"",
            "mount --bind /dev/null /proc/self/mountinfo && exec \"$@\"",
            "mount --bind /dev/null /proc/self/status && exec \"$@\"",
            "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"",
            "mount -t proc -o subset=pid proc /proc && exec \"$@\"",
            "exec unshare --user --map-root-user \"$@\"",
            "exec unshare --user \"$@\"",
        ] {
            for line in [&["inspect", path][..], &["list"], &["clean", world.dir.to_str().unwrap()]] {
                let document = seen_after(script, line);
                let about = |finding: &&Value| finding["subject"]["name"] == path;
                let findings = document["findings"].as_array().unwrap();
                let broken = findings.iter().filter(about).find(|finding| finding["severity"] == "error");
                assert!(broken.is_none(), "{script} {line:?}: {document:#}");
            }
            // And of a stale one nothing is said to be fine.
            let document = seen_after(script, &["inspect", stale.path.to_str().unwrap()]);
            assert_ne!(document["exit_code"], 0, "{script}: {document:#}");
        }
    });
}
