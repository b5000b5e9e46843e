//! What the documents say, read back by a JSON parser.

use serde_json::{Value, json};

use super::*;
use crate::model::Severity;
use crate::report::sample;

fn run(report: &Report) -> Value {
    let mut log: Value = serde_json::from_str(&sample::written(report, render)).unwrap();
    assert_eq!(log["version"], "2.1.0");
    log["runs"][0].take()
}

#[test]
fn a_hostile_name_is_a_uri_a_name_and_a_message() {
    let uri = "file:///tmp/a%0A%1B%5B31m%FF%22%3C%7C%25%60_";
    let name = "/tmp/a\\x0a\\x1b[31m\\xff\"<|%`_";
    let text = format!(
        "{name}: Nobody has it bound, 100%.\nevidence: lstat: socket {name}\ncause: its server died: a, b\n\
         fix: rm {name}: remove it"
    );
    assert_eq!(
        run(&sample::hostile())["results"],
        json!([{
            "ruleId": "SD104", "ruleIndex": 0, "level": "error",
            "message": {"text": text},
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": uri}, "region": {"startLine": 1, "startColumn": 1}
                },
                "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}]
            }],
            "partialFingerprints": {"sockdoctorSubject/v1": format!("SD104:{uri}")},
            "properties": {"certainty": "certain"}
        }])
    );
}

#[test]
fn rules_come_with_their_explanation() {
    assert_eq!(
        run(&sample::hostile())["tool"]["driver"]["rules"],
        json!([{
            "id": "SD104", "name": "stale-socket-file",
            "shortDescription": {"text": "Nobody has it bound."},
            "fullDescription": {"text": "The server died."},
            "help": {
                "text": "Nobody has it bound.\n\n# What it means\nThe server\ndied.\n\n# Fix\nRestart it.",
                "markdown": "Nobody has it bound.\n\n# What it means\nThe server\ndied.\n\n# Fix\nRestart it."
            },
            "defaultConfiguration": {"level": "error"}
        }])
    );
}

#[test]
fn a_place_in_a_file_is_the_location() {
    let run = run(&sample::report(vec![sample::located(Severity::Info, b"/x")]));
    let result = &run["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "file:///etc/a%3Ab%2Cc%20d.conf");
    assert_eq!(place["region"], json!({"startLine": 12, "startColumn": 9}));
    assert_eq!(result["level"], "note");
    assert_eq!(result["partialFingerprints"]["sockdoctorSubject/v1"], "SD104:file:///x");
}

#[test]
fn what_is_no_path_is_a_relative_reference() {
    for (kind, name, uri) in [
        (SubjectKind::Abstract, &b"a:b"[..], "%40a%3Ab"),
        (SubjectKind::Inode, b"7", "inode%3A7"),
        (SubjectKind::Path, b"a/b c", "a/b%20c"),
    ] {
        assert_eq!(subject_uri(&Subject { kind, name: name.to_vec() }), uri);
    }
}

#[test]
fn gaps_and_failures_are_notifications_of_the_invocation() {
    let gap = run(&sample::with_gap());
    assert_eq!(gap["invocations"][0]["executionSuccessful"], true);
    assert_eq!(
        gap["invocations"][0]["toolExecutionNotifications"],
        json!([{
            "level": "note", "associatedRule": {"id": "SD104"},
            "message": {"text": "SD104: unix_diag: Operation not permitted; sudo sockdoctor"}
        }])
    );
    let failed = run(&sample::failed());
    assert_eq!(failed["invocations"][0]["executionSuccessful"], false);
    assert_eq!(failed["invocations"][0]["exitCode"], 3);
    assert_eq!(failed["invocations"][0]["endTimeUtc"], "1970-01-01T00:00:01.500Z");
    let said = &failed["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(said, "no \\x1b <such> socket; look, again");
}

#[test]
fn more_results_than_are_taken_are_left_out_and_counted() {
    let findings = vec![sample::finding(Severity::Error, b"/x"); MOST_RESULTS + 2];
    let run = run(&sample::report(findings));
    assert_eq!(run["results"].as_array().unwrap().len(), MOST_RESULTS);
    let said = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(said, "2 more results were left out");
}
