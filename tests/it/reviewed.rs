//! Answers that must not promise, or hide, more than is known.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use sockdoctor::act::broken;

use crate::binary::{document, everybodys, json, run};
use crate::process::finish;
use crate::seen::{inspect, text};
use crate::world::{isolated, isolated_root, need, skip};

#[test]
fn sd106_no_command_moves_a_part_of_the_system() {
    isolated("reviewed::sd106_no_command_moves_a_part_of_the_system", |world| {
        // What is beside the repository may have sockets in it.
        std::fs::create_dir(world.path("here")).unwrap();
        std::env::set_current_dir(world.path("here")).unwrap();
        for path in ["/etc/passwd", "/dev/null", "/proc", "/etc", ".", "..", "/", "/etc/.."] {
            let seen = inspect(path);
            assert!(seen.codes().contains(&"SD106"), "{path}: {:#}", seen.0);
            assert!(seen.fixes().all(|fix| fix["changes_state"] == false), "{path}: {:#}", seen.0);
        }
    });
}

#[test]
fn sd106_a_listener_whose_file_was_overwritten_is_restarted_after_the_move() {
    let name = "reviewed::sd106_a_listener_whose_file_was_overwritten_is_restarted_after_the_move";
    isolated_root(name, |world| {
        let path = world.path("app");
        let _listener = UnixListener::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        world.write("app", "");
        let seen = inspect(&path);
        seen.is_broken_by("SD106", "certain");
        let changes = seen.fixes().filter(|fix| fix["changes_state"] == true);
        let commands: Vec<&str> = changes.map(|fix| fix["command"].as_str().unwrap()).collect();
        let expected = [format!("mv -nT {0} {0}.aside", text(&path)), format!("kill {}", std::process::id())];
        assert_eq!(commands, expected, "{:#}", seen.0);
        std::fs::remove_file(&path).unwrap();
        let socket_named = world.path("app.sock");
        let _other = UnixListener::bind(&socket_named).unwrap();
        std::fs::remove_file(&socket_named).unwrap();
        std::fs::create_dir(&socket_named).unwrap();
        let seen = inspect(&socket_named);
        assert_eq!(seen.codes(), ["SD106"], "a listener had the name: no container made the directory");
    });
}

#[test]
fn sd106_a_directory_that_cannot_be_read_stays_an_open_question() {
    let name = "reviewed::sd106_a_directory_that_cannot_be_read_stays_an_open_question";
    isolated_root(name, |world| {
        let directory = world.path("private");
        std::fs::create_dir(&directory).unwrap();
        let _listener = UnixListener::bind(directory.join("x.sock")).unwrap();
        std::fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
        let Some(mut nobody) = need("setpriv") else { return skip(name, "no setpriv") };
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(everybodys(world));
        let open = ["inspect", text(&directory)];
        let output = finish(nobody.args(open).arg("--json"), Duration::from_secs(30));
        let document = document(&output);
        assert_eq!(document["exit_code"], 3, "{document:#}");
        let gaps = document["not_checked"].as_array().unwrap();
        let gap = gaps.iter().find(|gap| gap["code"] == "SD106").unwrap();
        assert!(gap["would_help"].as_str().unwrap().starts_with("sudo sockdoctor inspect "), "{gap}");
        // Nothing was found: what is open is said even where little is.
        let Some(mut nobody) = need("setpriv") else { return skip(name, "no setpriv") };
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(everybodys(world));
        let quiet = finish(nobody.args(open).arg("-q"), Duration::from_secs(30));
        assert_eq!(quiet.status, 3);
        assert!(quiet.stdout.contains("not checked  SD106: "), "{}", quiet.stdout);
    });
}

#[test]
fn a_socket_that_is_gone_does_not_hide_the_other_targets() {
    isolated_root("reviewed::a_socket_that_is_gone_does_not_hide_the_other_targets", |world| {
        let gone = "inode:4294967295";
        let built = broken::unlinked(&world.dir).unwrap();
        let document = json(["inspect", gone, text(&built.path)]);
        assert_eq!((&document["exit_code"], &document["verdict"]), (&1.into(), &"error".into()));
        assert_eq!(document["findings"][0]["code"], "SD102", "{document:#}");
        let gap = &document["not_checked"][0];
        let reason = format!("{gone}: no socket of any visible network namespace has it");
        assert_eq!((&gap["code"], &gap["reason"]), (&serde_json::Value::Null, &reason.into()));
        std::fs::create_dir(world.path("h")).unwrap();
        let healthy = broken::listening(&world.path("h")).unwrap();
        let document = json(["inspect", text(&healthy.path), gone]);
        assert_eq!((&document["exit_code"], &document["verdict"]), (&3.into(), &"unknown".into()));
        assert_eq!(document["data"]["targets"][0]["verdict"], "ok", "{document:#}");
        let alone = json(["inspect", gone]);
        assert_eq!(alone["exit_code"], 3);
        assert!(alone["error"]["message"].as_str().unwrap().ends_with(gone), "{alone:#}");
    });
}

#[test]
fn an_open_question_says_why_it_is_open() {
    isolated_root("reviewed::an_open_question_says_why_it_is_open", |world| {
        // A client that has bound a name of its own.
        let server = broken::listening(&world.dir).unwrap();
        let client = world.path("client.sock");
        let script = "import socket,sys,time\n\
            s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.connect(sys.argv[2]); time.sleep(60)";
        let Some(mut python) = need("python3") else { return skip("reviewed", "no python3") };
        let _held =
            crate::process::Process::start(python.args(["-c", script]).arg(&client).arg(&server.path));
        assert!(crate::process::until(Duration::from_secs(10), || client.exists()));
        std::thread::sleep(Duration::from_millis(100));
        let seen = inspect(&client);
        seen.ends_with(3, "unknown");
        let gaps = seen.0["not_checked"].to_string();
        assert!(gaps.contains("most likely it is a client's own, which is connected"), "{gaps}");
    });
}

#[test]
fn what_was_left_out_is_counted_and_nothing_is_called_ok() {
    isolated_root("reviewed::what_was_left_out_is_counted_and_nothing_is_called_ok", |world| {
        let built = broken::unlinked(&world.dir).unwrap();
        let path = text(&built.path);
        for flags in [["--ignore", "SD102"], ["--only", "SD113"]] {
            let document = json(["inspect", path, flags[0], flags[1]]);
            assert_eq!((&document["exit_code"], &document["verdict"]), (&0.into(), &"unknown".into()));
            assert_eq!(document["data"]["targets"][0]["verdict"], "unknown", "{document:#}");
            let shown = run(["inspect", path, flags[0], flags[1]]).stdout;
            assert!(shown.contains("not shown 1 finding left out by --only/--ignore"), "{shown}");
            assert!(shown.lines().last().unwrap().contains("1 left out"), "{shown}");
            assert!(!shown.contains("ok "), "{shown}");
        }
        std::fs::create_dir(world.path("r")).unwrap();
        let renamed = broken::renamed(&world.path("r")).unwrap();
        let document = json(["inspect", text(&renamed.path), "--ignore", "SD113"]);
        assert_eq!(document["verdict"], "ok", "a note that was left out is no error");
    });
}

#[test]
fn modes_with_special_bits_are_as_the_schema_says() {
    isolated("reviewed::modes_with_special_bits_are_as_the_schema_says", |world| {
        let built = broken::listening(&world.dir).unwrap();
        std::fs::set_permissions(&built.path, Permissions::from_mode(0o2770)).unwrap();
        assert_eq!(inspect(&built.path).target()["file"]["mode"], "02770");
        let listed = json(["list", "--match", text(&built.path)]);
        assert_eq!(listed["data"]["sockets"][0]["file"]["mode"], "02770", "{listed:#}");
        let sticky = world.path("sticky");
        std::fs::create_dir(&sticky).unwrap();
        std::fs::set_permissions(&sticky, Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(inspect(&sticky).target()["file"]["mode"], "01777");
    });
}

#[test]
fn sd103_no_command_stops_a_listener_that_is_well() {
    isolated("reviewed::sd103_no_command_stops_a_listener_that_is_well", |world| {
        let kills = |seen: &crate::seen::Inspected| seen.fixes().any(|fix| fix["changes_state"] == true);
        let path = world.path("app.sock");
        let _older = UnixListener::bind(&path).unwrap();
        std::fs::rename(&path, world.path("older.sock")).unwrap();
        let _newer = UnixListener::bind(&path).unwrap();
        let seen = inspect(&path);
        assert!(!seen.codes().contains(&"SD103") && !kills(&seen), "{:#}", seen.0);
        // Under a name in another directory.
        std::fs::create_dir(world.path("other")).unwrap();
        std::fs::rename(world.path("older.sock"), world.path("other/older.sock")).unwrap();
        assert!(!kills(&inspect(&path)));
        // Under none: both are of one process.
        std::fs::remove_file(world.path("other/older.sock")).unwrap();
        let seen = inspect(&path);
        seen.is_broken_by("SD103", "certain");
        assert!(!kills(&seen), "{:#}", seen.0);
        assert!(seen.fixes().any(|fix| fix["text"].as_str().unwrap().contains("holds both")), "{:#}", seen.0);
    });
}

#[test]
fn what_cannot_be_written_is_named_and_nothing_else() {
    isolated("reviewed::what_cannot_be_written_is_named_and_nothing_else", |world| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "\"$SD\" list 2>&1 >/dev/full"]).env("SD", env!("CARGO_BIN_EXE_sockdoctor"));
        let output = finish(&mut shell, Duration::from_secs(30));
        assert_eq!(output.stdout, "sockdoctor: standard output: No space left on device\n");
        let directory = world.path("none/report");
        for command in ["list", "schema"] {
            let output = run([command, "-o", text(&directory)]);
            assert_eq!(output.status, 2);
            assert!(output.stderr.contains("No such file or directory"), "{}", output.stderr);
            assert!(!output.stderr.contains(".sockdoctor-"), "a temporary name: {}", output.stderr);
        }
    });
}

#[test]
fn no_command_is_one_document_too() {
    let document = document(&run(["--json"]));
    assert_eq!((&document["exit_code"], &document["verdict"]), (&2.into(), &"unknown".into()));
    assert!(
        document["error"]["message"].is_string() && document["error"]["hint"].is_string(),
        "{document:#}"
    );
}
