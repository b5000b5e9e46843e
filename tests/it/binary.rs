//! Runs the real `sockdoctor` and holds every document it prints to its schema.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Output, finish};
use crate::world::World;

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../src/report/schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

/// The binary under test.
pub(crate) fn sockdoctor() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sockdoctor"))
}

/// The same program from a file in the world: one that every user may run.
pub(crate) fn everybodys(world: &World) -> PathBuf {
    let (binary, file) = (env!("CARGO_BIN_EXE_sockdoctor"), world.path("sockdoctor"));
    if file.exists() {
        // A copy onto the link that it may be would empty the binary itself.
        return file;
    }
    if std::fs::hard_link(binary, &file).is_err() {
        std::fs::copy(binary, &file).unwrap();
    }
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    file
}

/// Runs `sockdoctor ARGS` to its end, which no test may wait for longer than half a minute.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    finish(sockdoctor().args(args), Duration::from_secs(30))
}

/// Runs `sockdoctor --json ARGS`: its one document, valid, and true about the exit status.
pub(crate) fn json<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Value {
    let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
    document(&run(std::iter::once("--json".into()).chain(args)))
}

/// The one document in an output, valid, and true about the exit status.
pub(crate) fn document(output: &Output) -> Value {
    let said = || format!("status {}\n{}\n{}", output.status, output.stdout, output.stderr);
    let document: Value = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("no document: {error}, {}", said()));
    let faults: Vec<String> =
        SCHEMA.iter_errors(&document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "not as the schema says: {faults:#?}, {}", said());
    assert_eq!(document["exit_code"], output.status, "exit_code is not the exit status: {}", said());
    document
}

/// The smallest document the schema allows.
fn smallest(status: i32) -> Output {
    let stdout = serde_json::json!({
        "schema": "sockdoctor/v1", "tool": {"name": "sockdoctor", "version": "0"}, "command": "demo",
        "host": {"kernel": "6.18", "netns": null, "mntns": null, "uid": 0},
        "started_at": "2026-01-01T00:00:00Z", "duration_s": 0, "verdict": "ok", "exit_code": 0, "error": null,
        "summary": {
            "error": 0, "warning": 0, "info": 0, "suppressed": 0, "checks": 0, "not_checked": 0, "subjects": 0
        },
        "findings": [], "not_checked": [], "data": {}
    });
    Output { status, stdout: stdout.to_string(), stderr: String::new() }
}

#[test]
fn a_document_as_the_schema_says_is_taken() {
    assert_eq!(document(&smallest(0))["verdict"], "ok");
}

#[test]
#[should_panic(expected = "exit_code is not the exit status")]
fn a_document_that_lies_about_the_exit_status_is_not() {
    document(&smallest(1));
}

#[test]
#[should_panic(expected = "not as the schema says")]
fn a_document_with_a_word_the_schema_has_not_is_not() {
    let mut output = smallest(0);
    output.stdout = output.stdout.replace("\"ok\"", "\"fine\"");
    document(&output);
}

#[test]
#[should_panic(expected = "no document")]
fn prose_is_no_document() {
    json(["--version"]);
}

#[test]
fn everybodys_program_can_be_asked_for_twice() {
    crate::world::isolated("binary::everybodys_program_can_be_asked_for_twice", |world| {
        let size = || std::fs::metadata(env!("CARGO_BIN_EXE_sockdoctor")).unwrap().len();
        let before = size();
        let twice = [everybodys(world), everybodys(world)];
        assert_eq!((&twice[0], size()), (&twice[1], before));
    });
}
