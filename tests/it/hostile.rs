//! Names chosen by strangers: any user can bind a name with an escape sequence in it, and every format shows it.

use std::ffi::{OsStr, OsString};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;

use crate::binary::{json, run, sockdoctor};
use crate::process::{Output, Process, finish, until};
use crate::world::{World, isolated};

const SOON: Duration = Duration::from_secs(30);

/// File names, each with something that a terminal, a shell, a table or a parser might take for its own.
const NAMES: [&[u8]; 16] = [
    b"esc\x1b[31mred\x1b]0;title\x07",
    b"new\nline: ok",
    b"tab\tbed\r",
    b"latin\xe9\xff",
    b"quo\"te'd`",
    b"<b>&amp;",
    b"pi|pe",
    b"per%0acent%s",
    "right\u{202e}kcos.to\u{2066}left".as_bytes(),
    b"del\x7f\xc2\x9b",
    b" spaces  around ",
    b"-rf",
    b"@at",
    b"dollar$(touch pwned);`id`",
    b"back\\slash\\x41",
    b" (deleted)",
];

fn world_names(world: &World) -> Vec<PathBuf> {
    NAMES.iter().map(|name| world.dir.join(OsStr::from_bytes(name))).collect()
}

/// No byte that a terminal would act on; tabs only where they separate the fields of a record.
fn assert_harmless(output: &Output, tabs: bool) {
    for stream in [&output.stdout, &output.stderr] {
        let dangerous = |c: char| {
            let hidden =
                matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
            hidden || c == '\u{fffd}' || (c.is_control() && c != '\n' && !(tabs && c == '\t'))
        };
        let found: Vec<char> = stream.chars().filter(|c| dangerous(*c)).collect();
        assert!(found.is_empty(), "{found:?} raw in\n{stream}");
    }
}

/// The exact bytes of a name in a document.
fn bytes(value: &Value, name: &str) -> Vec<u8> {
    let exact = value[format!("{name}_b64")].as_str();
    exact.map_or_else(
        || value[name].as_str().unwrap().as_bytes().to_vec(),
        |exact| BASE64_STANDARD.decode(exact).unwrap(),
    )
}

/// Exact bytes stand beside a name only where the name could not hold them.
fn assert_exact(value: &Value, name: &str, expected: &[u8]) {
    assert_eq!(bytes(value, name), expected, "{value:#}");
    let lossy = std::str::from_utf8(expected).is_err();
    assert_eq!(value[format!("{name}_b64")].is_string(), lossy, "{value:#}");
}

#[test]
fn the_list_shows_every_name_on_one_harmless_line() {
    isolated("hostile::the_list_shows_every_name_on_one_harmless_line", |world| {
        let paths = world_names(world);
        let _held: Vec<_> = paths.iter().map(|path| UnixListener::bind(path).unwrap()).collect();
        let pattern = format!("{}/*", world.dir.display());
        let arguments = ["list", "--match", &pattern];
        let text = run(arguments);
        assert_harmless(&text, false);
        assert_eq!(text.stdout.lines().count(), NAMES.len() + 2, "{}", text.stdout);
        let plain = run(["list", "--format", "plain", "--fields", "state,name,file", "--match", &pattern]);
        assert_harmless(&plain, true);
        assert_eq!(plain.stdout.lines().count(), NAMES.len(), "{}", plain.stdout);
        assert!(plain.stdout.lines().all(|line| line.split('\t').count() == 3), "{}", plain.stdout);

        let document = json(arguments);
        let rows = document["data"]["sockets"].as_array().unwrap();
        let mut seen: Vec<Vec<u8>> = rows.iter().map(|row| bytes(row, "name")).collect();
        let mut expected: Vec<Vec<u8>> =
            paths.into_iter().map(|path| path.into_os_string().into_vec()).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
        for row in rows {
            assert_exact(row, "name", &bytes(row, "name"));
            let strange = row["codes"] == serde_json::json!(["SD109"]);
            assert!(row["verdict"] == "ok" || strange, "{row:#}");
            assert_eq!(row["file"]["state"], "socket", "{row:#}");
        }
    });
}

#[test]
fn every_name_can_be_inspected_whether_healthy_unlinked_or_stale() {
    isolated("hostile::every_name_can_be_inspected_whether_healthy_unlinked_or_stale", |world| {
        let paths = world_names(world);
        let held: Vec<_> = paths.iter().map(|path| UnixListener::bind(path).unwrap()).collect();
        let inspect = |formats: &[&str]| {
            let targets = paths.iter().map(|path| path.as_os_str().to_owned());
            let words = formats.iter().map(OsString::from).chain(["inspect".into()]).chain(targets);
            run(words)
        };
        let expect = |state: &str, codes: &[&str]| {
            assert_harmless(&inspect(&[]), false);
            assert_harmless(&inspect(&["-q"]), false);
            assert_harmless(&inspect(&["-v"]), false);
            let plain = inspect(&["--format", "plain"]);
            assert_harmless(&plain, true);
            let records = plain.stdout.lines().filter(|line| !line.contains("\tSD109\t")).count();
            assert!((NAMES.len() - 4..=NAMES.len()).contains(&records), "{}", plain.stdout);
            assert!(plain.stdout.lines().all(|line| line.split('\t').count() == 6), "{}", plain.stdout);
            let document =
                json(std::iter::once(OsStr::new("inspect")).chain(paths.iter().map(|path| path.as_os_str())));
            for (target, path) in document["data"]["targets"].as_array().unwrap().iter().zip(&paths) {
                assert_exact(target, "target", path.as_os_str().as_bytes());
                assert_exact(&target["file"], "path", path.as_os_str().as_bytes());
                assert_eq!(target["file"]["state"], state, "{target:#}");
            }
            let findings = document["findings"].as_array().unwrap().iter();
            let findings: Vec<_> =
                findings.filter(|finding| finding["code"] != "SD708" && finding["code"] != "SD109").collect();
            assert_eq!(findings.len(), codes.len() * NAMES.len(), "{document:#}");
            for finding in findings {
                assert_eq!(finding["code"], codes[0], "{finding:#}");
                let subject = bytes(&finding["subject"], "name");
                assert!(paths.iter().any(|path| path.as_os_str().as_bytes() == subject), "{finding:#}");
            }
        };
        expect("socket", &[]);
        for path in &paths {
            std::fs::remove_file(path).unwrap();
        }
        expect("missing", &["SD102"]);
        drop(held);
    });
}

#[test]
fn a_pasted_fix_moves_the_very_file_and_runs_nothing_else() {
    isolated("hostile::a_pasted_fix_moves_the_very_file_and_runs_nothing_else", |world| {
        let paths = world_names(world);
        for path in &paths {
            drop(UnixListener::bind(path).unwrap());
        }
        let document =
            json(std::iter::once(OsStr::new("inspect")).chain(paths.iter().map(|path| path.as_os_str())));
        let findings = document["findings"].as_array().unwrap();
        for path in &paths {
            let own = |finding: &&Value| {
                finding["code"] == "SD104"
                    && bytes(&finding["subject"], "name") == path.as_os_str().as_bytes()
            };
            let finding = findings.iter().find(own).unwrap_or_else(|| panic!("{path:?}: {document:#}"));
            let moves =
                |fix: &&Value| fix["command"].as_str().is_some_and(|command| command.starts_with("mv "));
            let command =
                finding["fix"].as_array().unwrap().iter().find(moves).unwrap()["command"].as_str().unwrap();
            assert!(!command.chars().any(char::is_control), "{command:?}");
            let pasted = finish(Command::new("bash").args(["-c", command]).current_dir(&world.dir), SOON);
            assert_eq!((pasted.status, pasted.stderr.as_str()), (0, ""), "{command}");
            assert!(!path.exists(), "{command}");
            let aside = [path.as_os_str().as_bytes(), b".aside"].concat();
            assert!(Path::new(OsStr::from_bytes(&aside)).exists(), "{command}");
        }
        assert_eq!(std::fs::read_dir(&world.dir).unwrap().count(), NAMES.len(), "nothing else happened");
    });
}

#[test]
fn a_relative_name_that_begins_with_an_at_sign_is_no_abstract_one() {
    isolated("hostile::a_relative_name_that_begins_with_an_at_sign_is_no_abstract_one", |world| {
        std::env::set_current_dir(&world.dir).unwrap();
        let _relative = UnixListener::bind("@name").unwrap();
        let hostile = b"name\0in\x1bside\n\xff";
        let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(hostile).unwrap()).unwrap();
        let text = run(["list"]);
        assert_harmless(&text, false);
        assert!(text.stdout.lines().any(|line| line.ends_with("  ./@name")), "{}", text.stdout);
        let shown = r"  @name\x00in\x1bside\x0a\xff";
        assert!(text.stdout.lines().any(|line| line.ends_with(shown)), "{}", text.stdout);
        let document = json(["list"]);
        let rows = document["data"]["sockets"].as_array().unwrap();
        let of = |name: &[u8]| rows.iter().find(|row| bytes(row, "name") == name).unwrap();
        assert_eq!(of(b"@name")["abstract"], false);
        assert_eq!(of(hostile)["abstract"], true);
        assert_exact(of(hostile), "name", hostile);

        let relative = json(["inspect", "./@name"]);
        assert_eq!(
            [&relative["exit_code"], &relative["data"]["targets"][0]["socket"]["name"]],
            [&0.into(), &Value::from("@name")]
        );
        // The abstract name @name is not bound: asked for as such it is not confused with the file.
        assert_ne!(json(["inspect", "@name"])["exit_code"], 0);
        let inode = of(hostile)["inode"].to_string();
        let by_inode = run(["inspect", &format!("inode:{inode}")]);
        assert_harmless(&by_inode, false);
        assert_eq!(by_inode.status, 0, "{}", by_inode.stdout);
    });
}

#[test]
fn the_longest_name_the_kernel_takes_is_shown_whole() {
    isolated("hostile::the_longest_name_the_kernel_takes_is_shown_whole", |world| {
        let room = 107 - world.dir.as_os_str().len() - 1;
        let path = world.path(&"n".repeat(room));
        let _listener = UnixListener::bind(&path).unwrap();
        assert_eq!(path.as_os_str().len(), 107);
        let whole = path.to_str().unwrap();
        assert!(run(["list"]).stdout.contains(whole));
        let text = run(["inspect", whole]);
        assert!(text.status == 0 && text.stdout.contains(whole), "{}", text.stdout);
        assert_eq!(json(["inspect", whole])["data"]["targets"][0]["socket"]["name"], whole);
    });
}

#[test]
fn a_holder_cannot_write_to_the_terminal_by_its_name() {
    isolated("hostile::a_holder_cannot_write_to_the_terminal_by_its_name", |world| {
        let path = world.path("h.sock");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        // A child that holds the listener as its stdin, under a name of its own.
        let mut command = Command::new("bash");
        let script = "printf '\\e[2J\\n)\\xff' >/proc/self/comm; echo > ready; sleep 60 & wait";
        command.args(["-c", script]).current_dir(&world.dir).stdin(std::os::fd::OwnedFd::from(listener));
        let child = Process::start(&mut command);
        drop(command);
        assert!(until(SOON, || world.path("ready").exists()));
        let pid = child.pid().to_string();
        for arguments in [
            vec!["list", "--match", path.to_str().unwrap()],
            vec!["list", "--pid", &pid],
            vec!["inspect", path.to_str().unwrap()],
        ] {
            for format in ["text", "plain"] {
                let output = finish(sockdoctor().args(["--format", format]).args(&arguments), SOON);
                assert_harmless(&output, format == "plain");
                let named = output.stdout.contains(&pid);
                assert!(named || (format == "plain" && arguments[0] == "inspect"), "{}", output.stdout);
            }
        }
        assert!(UnixStream::connect(&path).is_ok());
        std::fs::remove_file(&path).unwrap();
        assert_harmless(&run(["inspect", path.to_str().unwrap()]), false);
    });
}
