//! How an answer is given: where it goes, how loud, in which colours, with which exit status.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sockdoctor::act::broken::{self, Broken};

use crate::binary::{json, run, sockdoctor};
use crate::process::{Output, finish, until};
use crate::world::{World, isolated, isolated_root, skip};

const SOON: Duration = Duration::from_secs(30);

/// `inspect ARGS PATH` of a listener whose file is gone.
fn unlinked(world: &World) -> (Broken, String) {
    let built = broken::unlinked(&world.dir).unwrap();
    let path = built.path.to_str().unwrap().to_owned();
    (built, path)
}

fn shell(script: &str, world: &World) -> Output {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).current_dir(&world.dir).env("SD", env!("CARGO_BIN_EXE_sockdoctor"));
    finish(&mut bash, SOON)
}

fn entries(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    isolated("output::a_reader_that_goes_away_ends_it_quietly", |world| {
        // More than fits into a pipe: the writer meets the closed end.
        let long = "n".repeat(60);
        let _held: Vec<_> = (0..600)
            .map(|number| {
                std::os::unix::net::UnixListener::bind(world.path(&format!("{long}{number}"))).unwrap()
            })
            .collect();
        for format in ["text", "plain", "json"] {
            let mut child = sockdoctor()
                .args(["list", "--format", format, "--match", &format!("{}/*", world.dir.display())])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
            stdout.read_line(&mut line).unwrap();
            drop(stdout);
            assert!(until(SOON, || child.try_wait().unwrap().is_some()));
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert_eq!(said, "", "{format}");
            assert_eq!(child.wait().unwrap().code(), Some(0), "{format}");
            assert!(!line.is_empty(), "{format}");
        }
    });
}

#[test]
fn without_a_standard_output_nothing_panics() {
    isolated("output::without_a_standard_output_nothing_panics", |world| {
        let (_built, path) = unlinked(world);
        for arguments in [
            "list",
            &format!("inspect {path}"),
            "demo",
            "schema",
            "man 7",
            "completions zsh",
            "self-check",
            "--help",
            "-h",
            "--version",
        ] {
            let output = shell(&format!("\"$SD\" {arguments} >&-"), world);
            assert!(!output.stderr.contains("panicked"), "{arguments}: {}", output.stderr);
            assert!(output.status < 4, "{arguments}: {} {}", output.status, output.stderr);
            let output = shell(&format!("\"$SD\" {arguments} 2>&- >&- <&-"), world);
            assert!(output.status < 4, "{arguments}: {}", output.status);
        }
        let full = shell(&format!("\"$SD\" inspect {path} >/dev/full"), world);
        assert_eq!(full.stderr.lines().count(), 1, "{}", full.stderr);
        assert!(full.status != 0 && full.status < 4 && !full.stderr.contains("panicked"), "{}", full.stderr);
    });
}

#[test]
fn a_report_in_a_file_is_whole_and_standard_output_empty() {
    isolated("output::a_report_in_a_file_is_whole_and_standard_output_empty", |world| {
        let (_built, path) = unlinked(world);
        let report = world.write("report", "old");
        let file = report.to_str().unwrap();
        let output = run(["inspect", &path, "-o", file, "--json"]);
        assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (1, "", ""));
        let document: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(document["findings"][0]["code"], "SD102");
        let output = run(["inspect", &path, "--color", "always", "-o", file]);
        assert_eq!((output.status, output.stdout.as_str()), (1, ""));
        assert!(!std::fs::read_to_string(file).unwrap().contains('\x1b'), "no colours in a file");
        assert_eq!(entries(&world.dir), 1, "nothing is left beside it");

        let output = run(["inspect", &path, "-o", &format!("{}/none/report", world.dir.display())]);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""));
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        // A failed command writes its document there too, or nothing; never half.
        let output = run(["inspect", "inode:1", "--json", "-o", file]);
        assert_eq!((output.status, output.stdout.as_str()), (3, ""));
        let document: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(document["exit_code"], 3);
    });
}

#[test]
fn quiet_is_one_line_a_finding_and_nothing_for_the_healthy() {
    isolated("output::quiet_is_one_line_a_finding_and_nothing_for_the_healthy", |world| {
        let healthy = broken::datagram(&world.dir).unwrap();
        let (_built, path) = unlinked(world);
        let quiet = run(["-q", "inspect", healthy.path.to_str().unwrap()]);
        assert_eq!((quiet.status, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
        let quiet = run(["inspect", "-q", &path, "--ignore", "SD708"]);
        let lines: Vec<&str> = quiet.stdout.lines().collect();
        assert_eq!((quiet.status, lines.len()), (1, 1), "{}", quiet.stdout);
        assert!(lines[0].contains("SD102") && lines[0].ends_with(&path), "{}", lines[0]);
        assert!(lines[0].find("SD102").unwrap() < 20, "a code within the first columns: {}", lines[0]);
    });
}

#[test]
fn colours_follow_the_flag_then_the_environment_and_never_carry_meaning_alone() {
    let name = "output::colours_follow_the_flag_then_the_environment_and_never_carry_meaning_alone";
    isolated(name, |world| {
        let (_built, path) = unlinked(world);
        let colored = |flag: &str, environment: &[(&str, &str)]| {
            let mut command = sockdoctor();
            for variable in ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CLICOLOR", "TERM"] {
                command.env_remove(variable);
            }
            command.envs(environment.iter().copied()).args(["inspect", &path, flag]);
            let output = finish(&mut command, SOON).stdout;
            assert!(output.contains("error") && output.contains("SD102"), "{output}");
            output.contains('\x1b')
        };
        for (flag, environment, expected) in [
            ("--color=auto", &[][..], false),
            ("--color=always", &[], true),
            ("--color=always", &[("NO_COLOR", "1")], true),
            ("--color=always", &[("TERM", "dumb")], true),
            ("--color=auto", &[("CLICOLOR_FORCE", "1")], true),
            ("--color=auto", &[("FORCE_COLOR", "1")], true),
            ("--color=auto", &[("FORCE_COLOR", "0")], false),
            ("--color=auto", &[("FORCE_COLOR", "")], false),
            ("--color=auto", &[("FORCE_COLOR", "1"), ("TERM", "dumb")], true),
            ("--color=auto", &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
            ("--color=auto", &[("FORCE_COLOR", "1"), ("NO_COLOR", "")], true),
            ("--color=never", &[("FORCE_COLOR", "1")], false),
        ] {
            assert_eq!(colored(flag, environment), expected, "{flag} {environment:?}");
        }
        for arguments in
            ["list", "demo --list", "--help", "list --help", "-h", "--version", "schema", "man", "self-check"]
        {
            let output = shell(&format!("unset FORCE_COLOR CLICOLOR_FORCE; \"$SD\" {arguments}"), world);
            assert!(
                !output.stdout.contains('\x1b'),
                "{arguments} into a pipe is coloured: {}",
                output.stdout
            );
        }
    });
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    isolated("output::a_locale_without_unicode_gets_ascii", |world| {
        let (_built, path) = unlinked(world);
        let healthy = broken::datagram(&world.dir).unwrap();
        let healthy = healthy.path.to_str().unwrap();
        let ours = format!("{}/*", world.dir.display());
        for arguments in [
            vec!["inspect", &path, healthy],
            vec!["inspect", "-v", &path, healthy],
            // The names of other sockets of this machine are not ours to judge.
            vec!["list", "--match", &ours],
            vec!["demo"],
        ] {
            let said =
                |locale: &str| finish(sockdoctor().args(&arguments).env("LC_ALL", locale), SOON).stdout;
            assert!(said("C").is_ascii(), "{}", said("C"));
            assert!(!said("C.UTF-8").is_ascii(), "{}", said("C.UTF-8"));
        }
    });
}

#[test]
fn flags_stand_before_or_after_the_command_which_may_be_left_out() {
    isolated("output::flags_stand_before_or_after_the_command_which_may_be_left_out", |world| {
        let (_built, path) = unlinked(world);
        let said = |arguments: &[&str]| {
            let output = run(arguments);
            (output.status, output.stdout)
        };
        let expected = said(&["inspect", "--format", "plain", "--only", "SD102", &path]);
        assert!(expected.0 == 1 && expected.1.contains("SD102"), "{expected:?}");
        for arguments in [
            &["--format", "plain", "--only", "SD102", "inspect", &path][..],
            &["--format", "plain", "--only", "SD102", &path],
            &["--format=plain", &path, "--only=sd102"],
            &[&path, "--format", "plain", "--only", "listener-unlinked"],
            &["inspect", &format!("unix:{path}"), "--format", "plain", "--only", "SD102"],
        ] {
            assert_eq!(said(arguments), expected, "{arguments:?}");
        }
    });
}

#[test]
fn the_exit_status_is_what_was_asked_to_fail() {
    isolated_root("output::the_exit_status_is_what_was_asked_to_fail", |world| {
        let (_built, gone) = unlinked(world);
        let renamed = world.path("r");
        std::fs::create_dir(&renamed).unwrap();
        let renamed = broken::renamed(&renamed).unwrap();
        let renamed = renamed.path.to_str().unwrap().to_owned();
        for (arguments, status) in [
            (&["inspect", &gone][..], 1),
            (&["inspect", &gone, "--fail-on", "warning"], 1),
            (&["inspect", &gone, "--fail-on", "never"], 0),
            (&["inspect", &renamed], 0),
            (&["inspect", &renamed, "--fail-on", "warning"], 0),
            (&["inspect", &renamed, "--fail-on", "info"], 1),
            (&["inspect", &renamed, "--fail-on", "info", "--ignore", "SD113"], 0),
            (&["inspect", &renamed, "--require-complete"], 0),
            (&["inspect", &gone, "--ignore", "SD102"], 0),
            (&["inspect", &gone, "--only", "SD113"], 0),
            (&["demo"], 0),
            (&["demo", "--list"], 0),
            (&["inspect", &gone, "--only", "SD999"], 2),
            (&["inspect", &gone, "--ignore", "SD102,nonsense"], 2),
            (&["list", "--only", ""], 2),
            (&["inspect", &gone, "--timeout", "0"], 2),
            (&["inspect", &gone, "--format", "yaml"], 2),
            (&["inspect", &gone, "--quiet", "--verbose"], 2),
            (&["inspect"], 2),
            (&["inspect", ""], 2),
            (&["inspect", "tcp:127.0.0.1:80"], 1),
            (&["inspect", "tcp:127.0.0.1"], 2),
            (&["access", "tcp:127.0.0.1:80"], 2),
            (&["demo", "nonsense"], 2),
            (&["insepct"], 2),
            (&["inspect", "inode:1"], 3),
        ] {
            assert_eq!(json(arguments)["exit_code"], status, "{arguments:?}");
            let text = run(arguments);
            assert_eq!(text.status, status, "{arguments:?}: {}", text.stderr);
            let only_stderr = text.stdout.is_empty() && !text.stderr.is_empty();
            assert_eq!(only_stderr, status > 1, "{arguments:?}: {} {}", text.stdout, text.stderr);
        }
        let other = run(["inspect", &gone, "--only", "SD113", "-q"]);
        assert_eq!((other.status, other.stdout.as_str()), (0, ""), "the rule asked for has nothing to say");
    });
}

#[test]
fn what_could_not_be_seen_changes_the_status_only_when_completeness_is_required() {
    let name = "output::what_could_not_be_seen_changes_the_status_only_when_completeness_is_required";
    isolated_root(name, |world| {
        let healthy = broken::listening(&world.dir).unwrap();
        let (path, mut statuses) = (healthy.path.to_str().unwrap(), Vec::new());
        for more in [&[][..], &["--require-complete"]] {
            // From a user namespace of its own the sockets of this network namespace are known by name alone.
            let mut outside = Command::new("unshare");
            outside.args([
                "--user",
                "--map-root-user",
                "--net",
                env!("CARGO_BIN_EXE_sockdoctor"),
                "inspect",
                path,
            ]);
            let output = finish(outside.args(more).arg("--json"), SOON);
            if output.stderr.starts_with("unshare: ") {
                return skip(name, output.stderr.trim());
            }
            let document: Value = serde_json::from_str(&output.stdout).unwrap();
            assert_ne!(document["summary"]["not_checked"], 0, "{document:#}");
            assert_eq!(document["summary"]["error"], 0, "{document:#}");
            statuses.push(output.status);
        }
        assert_eq!(statuses[1], 3);
        assert_eq!(
            statuses[0], 0,
            "a listener that the passive test and the table both show leads somewhere"
        );
    });
}
