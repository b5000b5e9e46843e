//! `watch`: what happens to a name is told in order, with who did it where that is told, and it ends as it is asked to.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary::{document, everybodys, json, run, sockdoctor};
use crate::process::{Process, finish, until};
use crate::world::{World, isolated, isolated_root, need, skip};

pub(crate) const SOON: Duration = Duration::from_secs(30);
const HOSTILE: &[u8] = b"a\n\x1b[31m\xff\"<|%`\\|@x";

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../src/report/schema.json")).unwrap());

/// A `watch` that runs, with its events as lines in a file.
pub(crate) struct Watcher {
    process: Process,
    pub(crate) out: PathBuf,
    err: PathBuf,
}

impl Watcher {
    /// Watches these, and returns when everything from then on is told.
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        Self::by(world, &mut sockdoctor(), arguments)
    }

    /// The same by a command that becomes sockdoctor.
    pub(crate) fn by(world: &World, command: &mut Command, arguments: &[&str]) -> Self {
        Self::printing(world, command, &[&["watch", "--format", "ndjson"], arguments].concat())
    }

    pub(crate) fn printing(world: &World, command: &mut Command, arguments: &[&str]) -> Self {
        let [out, err] = ["watcher.out", "watcher.err"].map(|name| world.path(name));
        command.args(arguments).stdin(Stdio::null());
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let watcher = Self { process: Process::start(command), out, err };
        let said = || fs::read_to_string(&watcher.err).unwrap();
        assert!(until(SOON, || said().contains("watching")), "it does not watch: {}", said());
        watcher
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.out).unwrap();
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Goes on when an event is told that is like this.
    #[track_caller]
    pub(crate) fn tells(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = || self.events().into_iter().find(|event| wanted(event));
        assert!(until(SOON, || found().is_some()), "it never tells that: {:#?}", self.events());
        found().unwrap()
    }

    /// Goes on when this has happened so often.
    #[track_caller]
    pub(crate) fn counts(&self, word: &str, times: usize) {
        let count = || self.events().iter().filter(|event| event["event"] == word).count();
        assert!(until(SOON, || count() >= times), "{word}: {} of {times}: {:#?}", count(), self.events());
    }

    pub(crate) fn stop(&self, signal: Signal) {
        // What became sockdoctor, or what it was started by, which hands on its status.
        let below = self.process.group().into_iter().find(|pid| *pid != self.process.pid().as_raw());
        let pid = below.map_or(self.process.pid(), nix::unistd::Pid::from_raw);
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Its exit status, the events, and its last line.
    #[track_caller]
    pub(crate) fn end(mut self) -> (i32, Vec<Value>, Value) {
        let status = self.process.ended(SOON).unwrap_or_else(|| panic!("it does not end"));
        let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        let mut events = self.events();
        let end = events.pop().unwrap();
        assert_eq!((&end["event"], &end["exit_code"]), (&"end".into(), &status.into()), "{end:#}");
        let definition = serde_json::json!({ "$ref": "#/$defs/event", "$defs": SCHEMA["$defs"] });
        let schema = jsonschema::validator_for(&definition).unwrap();
        for event in &events {
            assert!(schema.is_valid(event), "{event:#}");
        }
        (status, events, end)
    }

    /// Ended as by Ctrl-C.
    #[track_caller]
    pub(crate) fn finish(self) -> (i32, Vec<Value>, Value) {
        self.stop(Signal::SIGINT);
        self.end()
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The words of events, in order.
pub(crate) fn words(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

fn is(word: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == word
}

#[test]
fn everything_that_happens_to_a_name_is_told_in_order_and_with_who_did_it() {
    let name = "watch::everything_that_happens_to_a_name_is_told_in_order_and_with_who_did_it";
    isolated_root(name, |world| {
        let path = world.path("app.sock");
        let watcher = Watcher::start(world, &[text(&path)]);
        let listener = UnixListener::bind(&path).unwrap();
        watcher.tells(is("listening"));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        watcher.tells(is("chmod"));
        std::os::unix::fs::chown(&path, Some(1234), None).unwrap();
        watcher.tells(is("chown"));
        fs::rename(&path, world.path("aside")).unwrap();
        watcher.tells(is("rename"));
        fs::rename(world.path("aside"), &path).unwrap();
        let second = UnixListener::bind(world.path("new")).unwrap();
        fs::rename(world.path("new"), &path).unwrap();
        watcher.tells(is("replace"));
        drop((listener, second));
        fs::remove_file(&path).unwrap();
        watcher.tells(is("unlink"));
        let (_, events, end) = watcher.finish();
        let told: Vec<&str> =
            words(&events.iter().filter(|event| event["polled"] == false).cloned().collect::<Vec<_>>())
                .into_iter()
                .map(|word| match word {
                    "bind" => "bind",
                    "chmod" => "chmod",
                    "chown" => "chown",
                    "rename" => "rename",
                    "replace" => "replace",
                    "unlink" => "unlink",
                    other => panic!("{other}: {events:#?}"),
                })
                .collect();
        assert_eq!(told, ["bind", "chmod", "chown", "rename", "rename", "replace", "unlink"]);
        for event in events.iter().filter(|event| event["polled"] == false) {
            assert_eq!(event["pid"], std::process::id(), "{event:#}");
            assert_eq!((&event["certainty"], &event["uid"]), (&"certain".into(), &0.into()), "{event:#}");
            assert!(event["command"].is_string() && event["executable"].is_string(), "{event:#}");
            assert_eq!(event["command_line"], Value::Null, "without -v");
        }
        let chmod = events.iter().find(|event| event["event"] == "chmod").unwrap();
        assert_eq!(chmod["file"]["mode"], "0600");
        let renames: Vec<&Value> = events.iter().filter(|event| event["event"] == "rename").collect();
        assert!(
            renames.iter().all(|event| event["other_path"] == text(&world.path("aside"))),
            "{renames:#?}"
        );
        assert_eq!(end["removals"].as_array().unwrap().len(), 3, "{end:#}");
    });
}

#[test]
fn of_two_hundred_short_lived_commands_each_pid_is_told_and_nearly_every_name() {
    let name = "watch::of_two_hundred_short_lived_commands_each_pid_is_told_and_nearly_every_name";
    isolated_root(name, |world| {
        // Who runs when is the scheduler's affair, and other tests run beside: one good round of three is enough.
        let named: Vec<usize> = (0..3).map_while(|round| short_lived(world, round)).collect();
        assert!(named.len() < 3, "only {named:?} of 200 are named");
    });
}

/// Two hundred sockets, each removed by an `rm` of a shell. Every pid has to be told; `Some` with how many names, where
/// these are less than 85 %.
fn short_lived(world: &World, round: usize) -> Option<usize> {
    let path = world.path(&format!("{round}.sock"));
    let watcher = Watcher::start(world, &[text(&path)]);
    let mut pids = Vec::new();
    for _ in 0..200 {
        let _listener = UnixListener::bind(&path).unwrap();
        let mut shell = Command::new("sh");
        let output = finish(shell.args(["-c", r#"rm "$1" & echo $!; wait"#, "sh"]).arg(&path), SOON);
        pids.push(output.stdout.trim().parse::<u32>().unwrap());
    }
    watcher.counts("unlink", 200);
    let (_, events, end) = watcher.finish();
    let unlinks: Vec<&Value> = events.iter().filter(|event| event["event"] == "unlink").collect();
    let told: Vec<u64> = unlinks.iter().map(|event| event["pid"].as_u64().unwrap_or_default()).collect();
    assert_eq!(told, pids.iter().map(|pid| u64::from(*pid)).collect::<Vec<_>>(), "each pid");
    let named = unlinks.iter().filter(|event| event["command"] == "rm").count();
    let wrong: Vec<_> =
        unlinks.iter().filter(|event| !(event["command"].is_null() || event["command"] == "rm")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let removals = end["removals"].as_array().unwrap();
    assert_eq!(removals.len(), 200);
    assert!(removals.iter().any(|removal| removal["mechanism"] == "command"), "{end:#}");
    (named < 170).then_some(named)
}

#[test]
fn an_ordinary_user_sees_everything_but_who_and_is_told_so() {
    let name = "watch::an_ordinary_user_sees_everything_but_who_and_is_told_so";
    isolated_root(name, |world| {
        let (path, program) = (world.path("app.sock"), everybodys(world));
        let Some(mut setpriv) = need("setpriv") else { return skip(name, "no setpriv") };
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        let watcher = Watcher::by(world, &mut setpriv, &[text(&path)]);
        let listener = UnixListener::bind(&path).unwrap();
        watcher.tells(is("listening"));
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        fs::remove_file(&path).unwrap();
        watcher.tells(is("unlink"));
        drop(listener);
        watcher.tells(is("gone"));
        let (_, events, end) = watcher.finish();
        let seen = words(&events);
        assert_eq!(
            seen.iter().filter(|word| **word != "attrib" && **word != "chmod").copied().collect::<Vec<_>>(),
            ["bind", "listening", "unlink", "gone"]
        );
        assert!(events.iter().filter(|event| event["polled"] == false).all(|event| event["pid"].is_null()));
        assert_eq!(end["names_pids"], false);
        assert!(
            end["removals"][0]["sentence"].as_str().unwrap().starts_with("somebody removed it "),
            "{end:#}"
        );
        let mut setpriv = need("setpriv").unwrap();
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        let output = finish(setpriv.args(["watch", "--duration", "200ms", text(&path)]), SOON);
        assert_eq!(output.status, 0, "{}", output.stderr);
        assert!(output.stderr.contains("told to root only"), "{}", output.stderr);
        assert!(
            output.stdout.contains("fanotify") && output.stdout.contains("sudo sockdoctor watch"),
            "{}",
            output.stdout
        );
    });
}

#[test]
fn a_runtime_directory_that_is_removed_and_made_again_does_not_end_it() {
    isolated_root("watch::a_runtime_directory_that_is_removed_and_made_again_does_not_end_it", |world| {
        let dir = world.path("not/yet/there");
        let path = dir.join("app.sock");
        let watcher = Watcher::start(world, &[text(&path)]);
        for round in 1..=3 {
            fs::create_dir_all(&dir).unwrap();
            let listener = UnixListener::bind(&path).unwrap();
            watcher.counts("listening", round);
            fs::set_permissions(&path, Permissions::from_mode(0o600 + u32::try_from(round).unwrap()))
                .unwrap();
            watcher.counts("chmod", round);
            fs::remove_dir_all(world.path("not")).unwrap();
            watcher.counts("unlink", round);
            drop(listener);
            watcher.counts("gone", round);
        }
        let (status, events, end) = watcher.finish();
        let count = |word: &str| words(&events).into_iter().filter(|seen| *seen == word).count();
        assert!(count("rmdir") >= 3 && count("mkdir") >= 3, "{:?}", words(&events));
        assert!(end["removals"][0]["with_directory"] == true, "{end:#}");
        assert!(status < 2, "{status}");
    });
}

#[test]
fn a_directory_that_goes_elsewhere_takes_its_socket_along_and_is_watched_no_more() {
    let name = "watch::a_directory_that_goes_elsewhere_takes_its_socket_along_and_is_watched_no_more";
    isolated_root(name, |world| {
        let (dir, aside) = (world.path("run"), world.path("aside"));
        fs::create_dir(&dir).unwrap();
        let path = dir.join("app.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let watcher = Watcher::start(world, &[text(&path)]);
        fs::rename(&dir, &aside).unwrap();
        watcher.tells(is("rmdir"));
        fs::create_dir(&dir).unwrap();
        watcher.tells(is("mkdir"));
        fs::remove_file(aside.join("app.sock")).unwrap();
        let _second = UnixListener::bind(&path).unwrap();
        watcher.counts("listening", 2);
        let (_, events, end) = watcher.finish();
        assert!(!words(&events).contains(&"unlink"), "{events:#?}");
        assert_eq!(
            (&end["removals"][0]["how"], end["removals"].as_array().unwrap().len()),
            (&"renamed".into(), 1)
        );
    });
}

#[test]
fn a_directory_is_watched_with_every_socket_in_it_and_nothing_else() {
    isolated_root("watch::a_directory_is_watched_with_every_socket_in_it_and_nothing_else", |world| {
        let dir = world.path("run");
        fs::create_dir(&dir).unwrap();
        let _before = UnixListener::bind(dir.join("before")).unwrap();
        let watcher = Watcher::start(world, &[text(&dir)]);
        fs::write(dir.join("file"), "").unwrap();
        fs::remove_file(dir.join("file")).unwrap();
        let _receiver = UnixDatagram::bind(dir.join("dgram")).unwrap();
        watcher.tells(|event| event["event"] == "listening" && event["path"] == text(&dir.join("dgram")));
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"rm "$@" & wait"#, "sh"]).arg(dir.join("before")).arg(dir.join("dgram"));
        let removed = finish(&mut shell, SOON);
        assert_eq!(removed.status, 0, "{}", removed.stderr);
        watcher.counts("unlink", 2);
        let (status, events, end) = watcher.finish();
        assert!(!events.iter().any(|event| event["path"] == text(&dir.join("file"))), "{events:#?}");
        assert_eq!(words(&events)[..2], ["there", "listening"]);
        let sentence = end["removals"][0]["sentence"].as_str().unwrap();
        assert!(sentence.contains("was there before the watch"), "{sentence}");
        assert_eq!((status, &end["findings"][0]["code"]), (1, &"SD102".into()), "both listen on: {end:#}");
    });
}

#[test]
fn hostile_names_are_escaped_in_every_format() {
    isolated("watch::hostile_names_are_escaped_in_every_format", |world| {
        let path = world.dir.join(std::ffi::OsStr::from_bytes(HOSTILE));
        for format in ["text", "plain", "ndjson", "markdown", "json"] {
            let [out, err] = ["o", "e"].map(|name| world.path(name));
            let mut command = sockdoctor();
            command.args(["watch", "--format", format, "--color", "always"]).arg(&path);
            command
                .stdin(Stdio::null())
                .stdout(File::create(&out).unwrap())
                .stderr(File::create(&err).unwrap());
            let mut process = Process::start(&mut command);
            let said = |file: &Path| fs::read(file).unwrap();
            assert!(until(SOON, || said(&err).starts_with(b"sockdoctor: watching ")));
            drop(UnixListener::bind(&path).unwrap());
            fs::remove_file(&path).unwrap();
            // What it was told by then is told at the end too.
            process.signal(Signal::SIGTERM);
            assert_eq!(process.ended(SOON).and_then(|status| status.code()), Some(0), "{format}");
            let text = String::from_utf8(said(&out)).unwrap();
            let colourless = text.replace("\x1b[", "").replace(['\n', '\t'], "");
            assert!(
                !colourless.chars().any(char::is_control) && !text.contains("\x1b[31m\u{fffd}"),
                "{format}: {text:?}"
            );
            assert!(!String::from_utf8_lossy(&said(&err)).contains('\x1b'), "{format}");
            assert!(text.contains("unlink"), "{format}: {text}");
        }
    });
}

#[test]
fn a_queue_that_overflows_is_said_and_what_stands_there_then_is_found() {
    let name = "watch::a_queue_that_overflows_is_said_and_what_stands_there_then_is_found";
    isolated(name, |world| {
        let limit: u32 =
            fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
        if limit > 1 << 17 {
            return skip(name, "the queue of this machine is too long");
        }
        let path = world.path("app.sock");
        let watcher = Watcher::start(world, &[text(&path)]);
        watcher.stop(Signal::SIGSTOP);
        for _ in 0..limit {
            fs::write(world.path("x"), "").unwrap();
            fs::remove_file(world.path("x")).unwrap();
        }
        let _listener = UnixListener::bind(&path).unwrap();
        watcher.stop(Signal::SIGCONT);
        watcher.tells(is("lost"));
        watcher.tells(|event| event["event"] == "there");
        watcher.tells(is("listening"));
        let (status, ..) = watcher.finish();
        assert_eq!(status, 0);
    });
}

#[test]
fn it_ends_when_it_is_asked_to_and_its_status_says_how_it_went() {
    isolated("watch::it_ends_when_it_is_asked_to_and_its_status_says_how_it_went", |world| {
        let path = world.path("app.sock");
        let watcher = Watcher::start(world, &[text(&path), "--until", "listening"]);
        let listener = UnixListener::bind(&path).unwrap();
        let (status, _, end) = watcher.end();
        assert_eq!((status, &end["ending"]), (0, &"met".into()), "{end:#}");
        let watcher = Watcher::start(world, &[text(&path), "--until", "gone"]);
        watcher.tells(is("listening"));
        drop(listener);
        let (status, _, end) = watcher.end();
        assert_eq!((status, &end["ending"]), (0, &"met".into()), "{end:#}");
        for (signal, alone, unmet) in [(Signal::SIGINT, 0, 130), (Signal::SIGTERM, 0, 143)] {
            let watcher = Watcher::start(world, &[text(&path)]);
            watcher.stop(signal);
            assert_eq!(watcher.end().0, alone);
            let watcher = Watcher::start(world, &[text(&path), "--until", "listening"]);
            watcher.stop(signal);
            assert_eq!(watcher.end().0, unmet);
        }
        let said = run(["watch", "--until", "listening", "--duration", "300ms", text(&path)]);
        let unmet = "sockdoctor: --until listening did not come true in time\n";
        assert!(said.status == 1 && said.stderr.ends_with(unmet), "{}", said.stderr);
        let never = json(["watch", "--until", "listening", "--duration", "300ms", text(&path)]);
        assert_eq!((&never["exit_code"], &never["data"]["ending"]), (&1.into(), &"duration".into()));
        assert_eq!(run(["watch", "--duration", "300ms", text(&path)]).status, 0);
        for wrong in ["@x", "inode:1", "tcp:127.0.0.1:1"] {
            assert_eq!(run(["watch", wrong]).status, 2, "{wrong}");
        }
        let file = world.path("trace.txt");
        let output = run(["watch", "--duration", "300ms", "-o", text(&file), text(&path)]);
        assert_eq!((output.status, output.stdout.as_str()), (0, ""));
        assert!(fs::read_to_string(&file).unwrap().contains("there      "), "the whole stands in the file");
    });
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    isolated("watch::a_reader_that_goes_away_ends_it", |world| {
        let path = world.path("app.sock");
        let mut command = sockdoctor();
        command.args(["watch", "-q", text(&path)]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let (_, out) = process.pipes();
        let mut first = String::new();
        let mut reader = BufReader::new(out);
        // Until the first line is there, it may not watch yet.
        std::thread::scope(|scope| {
            let read = scope.spawn(|| reader.read_line(&mut first).unwrap());
            let bound = || {
                drop(UnixListener::bind(&path).unwrap());
                fs::remove_file(&path).unwrap();
                read.is_finished()
            };
            assert!(until(SOON, bound));
        });
        drop(reader);
        let gone = || {
            drop(UnixListener::bind(&path).unwrap());
            fs::remove_file(&path).unwrap();
            process.ended(Duration::ZERO).is_some()
        };
        assert!(until(SOON, gone));
    });
}

#[test]
fn where_nothing_can_be_seen_the_question_stays_open() {
    let name = "watch::where_nothing_can_be_seen_the_question_stays_open";
    isolated_root(name, |world| {
        let dir = world.path("closed");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
        let Some(mut setpriv) = need("setpriv") else { return skip(name, "no setpriv") };
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(everybodys(world));
        let output = finish(setpriv.args(["--json", "watch"]).arg(dir.join("s")), SOON);
        assert_eq!(document(&output)["exit_code"], 3, "{}", output.stdout);
    });
}

#[test]
fn a_mode_that_is_set_after_bind_is_a_window_and_one_that_is_set_before_is_none() {
    let name = "watch::a_mode_that_is_set_after_bind_is_a_window_and_one_that_is_set_before_is_none";
    isolated(name, |world| {
        let path = world.path("app.sock");
        for (way, code) in [("after", Some("SD212")), ("before", None), ("rename", None)] {
            let watcher = Watcher::start(world, &[text(&path)]);
            match way {
                "after" => {
                    let _listener = UnixListener::bind(&path).unwrap();
                    watcher.tells(is("bind"));
                    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
                    watcher.tells(is("chmod"));
                }
                "before" => {
                    let before = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o117));
                    let _listener = UnixListener::bind(&path).unwrap();
                    nix::sys::stat::umask(before);
                    watcher.tells(is("bind"));
                }
                _ => {
                    let _listener = UnixListener::bind(world.path("temporary")).unwrap();
                    fs::set_permissions(world.path("temporary"), Permissions::from_mode(0o600)).unwrap();
                    fs::rename(world.path("temporary"), &path).unwrap();
                    watcher.tells(is("rename"));
                }
            }
            fs::remove_file(&path).unwrap();
            watcher.tells(is("unlink"));
            let (status, _, end) = watcher.finish();
            assert_eq!((end["findings"][0]["code"].as_str(), status), (code, 0), "{way}: {end:#}");
        }
    });
}

#[test]
fn a_name_that_got_its_file_back_lost_nothing_and_the_next_who_takes_it_is_named() {
    let name = "watch::a_name_that_got_its_file_back_lost_nothing_and_the_next_who_takes_it_is_named";
    isolated_root(name, |world| {
        let (path, aside) = (world.path("app.sock"), world.path("aside"));
        let watcher = Watcher::start(world, &[text(&path)]);
        let _listener = UnixListener::bind(&path).unwrap();
        watcher.tells(is("listening"));
        let mut there = Command::new("mv");
        assert_eq!(finish(there.arg(&path).arg(&aside), SOON).status, 0);
        let mut back = Command::new("mv");
        assert_eq!(finish(back.arg(&aside).arg(&path), SOON).status, 0);
        watcher.counts("rename", 2);
        std::thread::sleep(Duration::from_millis(500));
        let mut rm = Command::new("rm");
        assert_eq!(finish(rm.arg(&path), SOON).status, 0);
        watcher.counts("unlink", 1);
        // A child of the server removed it, which is given time to end.
        std::thread::sleep(Duration::from_millis(2200));
        let (_, _, end) = watcher.finish();
        let removals = end["removals"].as_array().unwrap();
        assert_eq!(removals.len(), 2, "{end:#}");
        let last = removals.last().unwrap()["sentence"].as_str().unwrap();
        assert!(last.contains("removed it") && !last.contains("(mv) bound it"), "{last}");
        let finding = &end["findings"][0];
        assert_eq!(finding["code"], "SD102", "{end:#}");
        assert!(finding["cause"].as_str().unwrap().starts_with(last), "{finding:#}");
    });
}
