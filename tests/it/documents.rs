//! What the commands print as a whole: every document against the printed schema, and one text word for word.

use std::io;
use std::path::Path;

use serde_json::Value;
use sockdoctor::act::broken::{self, Broken};

use crate::binary::{json, run};
use crate::process::finish;
use crate::world::isolated_root;

type Builder = fn(&Path) -> io::Result<Broken>;

/// Everything the builder can build, and the cause that has to stand first.
const BUILT: [(Builder, Option<&str>); 12] = [
    (broken::listening, None),
    (broken::datagram, None),
    (broken::seqpacket, None),
    (broken::missing, Some("SD101")),
    (broken::unlinked, Some("SD102")),
    (broken::replaced, Some("SD103")),
    (broken::stale, Some("SD104")),
    (broken::bound_only, Some("SD105")),
    (broken::regular_file, Some("SD106")),
    (broken::empty_directory, Some("SD107")),
    (broken::renamed, Some("SD113")),
    (broken::shut_down, Some("SD305")),
];

#[test]
fn every_document_is_as_the_printed_schema_says() {
    isolated_root("documents::every_document_is_as_the_printed_schema_says", |world| {
        let printed: Value = serde_json::from_str(&run(["schema"]).stdout).unwrap();
        let schema = jsonschema::validator_for(&printed).unwrap();
        let valid = |arguments: &[&str]| {
            let document = json(arguments);
            let faults: Vec<String> = schema
                .iter_errors(&document)
                .map(|fault| format!("{}: {fault}", fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{arguments:?}: {faults:#?}\n{document:#}");
            document
        };
        let mut kept = Vec::new();
        for (number, (build, code)) in BUILT.into_iter().enumerate() {
            let dir = world.path(&number.to_string());
            std::fs::create_dir(&dir).unwrap();
            let built = build(&dir).unwrap();
            for verbose in [&["inspect"][..], &["inspect", "-v"]] {
                let document = valid(&[verbose, &[built.path.to_str().unwrap()]].concat());
                assert_eq!(document["findings"][0]["code"].as_str(), code, "{document:#}");
            }
            kept.push(built);
        }
        let pattern = format!("{}/*", world.dir.display());
        for arguments in [
            &["list", "--match", &pattern][..],
            &["list", "--all", "--stale", "--match", &pattern],
            &["list", "--no-holders", "--match", &pattern],
            &["list", "--fields", "memory", "--match", &pattern],
            &["list", "--match", "nothing"],
            &["probe", world.path("missing.sock").to_str().unwrap()],
            &["probe", "--http", "/"],
            &["probe", "127.0.0.1:1"],
            &["probe", "@nobody", "--http", "/", "-i"],
            &["probe"],
            &["probe", "/x", "-n", "0"],
            &["inspect", world.dir.to_str().unwrap()],
            &["inspect", "@nobody"],
            &["inspect", "inode:1"],
            &["inspect"],
            &["inspect", "--timeout", "0", "/x"],
            &["nonsense"],
            &["demo"],
            &["demo", "--list"],
            &["demo", "nonsense"],
            &["self-check"],
            &["self-check", "--nonsense"],
            &["man", "3"],
            &["wait", "--once", world.path("0/app.sock").to_str().unwrap()],
            &["wait", "--once", "/nowhere/x", "@nobody", "tcp:127.0.0.1:1"],
            &["wait", "--gone", "/nowhere/x"],
            &["wait", "--timeout", "50ms", "/nowhere/x"],
            &["wait", "inode:1"],
            &["watch", "--duration", "300ms", world.path("0/app.sock").to_str().unwrap(), "/nowhere/x"],
            &["watch", "-v", "--duration", "300ms", world.dir.to_str().unwrap()],
            &["watch", "@nobody"],
            &["clean", world.path("6").to_str().unwrap()],
            &["clean", "--apply", world.path("0/app.sock").to_str().unwrap(), "/nowhere/x"],
            &["clean", "@name"],
            &["guard", world.path("2/app.sock").to_str().unwrap(), "--failures", "1", "--dry-run"],
            &["guard", "/nowhere/x", "--failures", "1", "--dry-run", "--", "true"],
            &["guard", "/nowhere/x"],
            &["list", "--only", "SD000"],
        ] {
            valid(arguments);
        }
    });
}

#[test]
fn a_command_line_that_is_wrong_is_one_document_too() {
    for arguments in
        [&["list", "--nonsense"][..], &["--color", "pink", "list"], &["inspect"], &["list", "--pid", "x"]]
    {
        let document = json(arguments);
        assert_eq!(document["exit_code"], 2, "{arguments:?}");
        let error = &document["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{document:#}");
        assert!(error["hint"].is_string(), "{document:#}");
    }
}

#[test]
fn the_demo_reads_word_for_word_like_this() {
    isolated_root("documents::the_demo_reads_word_for_word_like_this", |world| {
        let mut command = crate::binary::sockdoctor();
        command.arg("demo").env("TMPDIR", &world.dir).env("LC_ALL", "C.UTF-8");
        let output = finish(&mut command, std::time::Duration::from_secs(30));
        assert_eq!((output.status, output.stderr.as_str()), (0, ""));
        assert_eq!(normalised(&output.stdout), DEMO, "{}", output.stdout);
        assert_eq!(std::fs::read_dir(&world.dir).unwrap().count(), 0, "the demo leaves something behind");
        let text = run(["demo", "--list"]).stdout;
        assert!(text.contains("listener-unlinked ") && text.contains("SD102"), "{text}");
    });
}

/// The same with what differs between runs replaced: numbers behind a word, the random directory.
fn normalised(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut last = "";
        let replace = |word: &str, last: &str| {
            let end = word.trim_start_matches(|c: char| c.is_ascii_digit());
            match last {
                "pid" | "kill" => format!("[PID]{end}"),
                "inode" => format!("[INO]{end}"),
                "on" if end.starts_with(':') => "[DEV]".to_owned(),
                _ if word.contains("/app.sock") => {
                    format!("[PATH]{}", word.split_once("/app.sock").unwrap().1)
                }
                _ => word.to_owned(),
            }
        };
        let mut replaced = Vec::new();
        for word in line.split(' ') {
            replaced.push(replace(word, last));
            last = word;
        }
        words.push(replaced.join(" "));
    }
    words.join("\n") + "\n"
}

const DEMO: &str = "\
✗ error SD102 listener-unlinked  [PATH]
    A process listens, but the file is gone: nobody can connect any more.
    evidence  unix_diag: stream LISTEN inode [INO], bound as [PATH], queue 0/4096, file inode [INO] on [DEV]
              lstat [PATH]: No such file or directory; the bound file has no name left (SIOCUNIXFILE)
              holders: sockdoctor pid [PID]: same mount namespace as you
    cause     it was unlinked after bind: likely a second launch on the path, or a shutdown that removes by name
    fix       stop the owner, then start it again as before (here it is the demo itself, which has ended)
              sockdoctor inspect [PATH]   then see that it is healthy
              sockdoctor watch [PATH]   see who removes it next time
    more      sockdoctor explain SD102

demo listener-unlinked: SD102 recognised; everything it made is removed
1 error · 1 target, 19 checks
";
