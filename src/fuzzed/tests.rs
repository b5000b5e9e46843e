//! Every target with the cases kept for it, and with changes of them: what libFuzzer does for long, for a moment.
#![expect(clippy::disallowed_methods, reason = "the cases are files")]

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Changed cases, each target; of those that end in every format fewer.
const CASES: u32 = 3000;
const SHOWN: u32 = 400;

/// The cases that `fixtures/fuzz/` keeps for a target.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let directory = format!("{}/fixtures/fuzz/{target}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory}: {error}"));
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

/// A case, cut, doubled in part, and with some of its bytes changed.
fn changed(case: &[u8], cut: usize, from: usize, bytes: &[(usize, u8)]) -> Vec<u8> {
    let mut case = [case, &case[from % (case.len() + 1)..]].concat();
    for (at, to) in bytes {
        let at = at % (case.len().max(1));
        if let Some(byte) = case.get_mut(at) {
            *byte = *to;
        }
    }
    case.truncate(cut % (case.len() + 1));
    case
}

fn drive(name: &str, count: u32) {
    let drive = target(name).unwrap();
    let cases = kept(name);
    assert!(!cases.is_empty(), "{name} has no cases");
    for case in &cases {
        drive(case);
    }
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(count) });
    let bytes = prop::collection::vec((any::<usize>(), any::<u8>()), 0..8);
    let strategy = (0..cases.len(), any::<usize>(), any::<usize>(), bytes);
    let outcome = runner.run(&strategy, |(which, cut, from, bytes)| {
        drive(&changed(&cases[which], cut, from, &bytes));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn netlink_replies() {
    drive("netlink", CASES);
}

#[test]
fn files_of_proc() {
    drive("proc", CASES);
}

#[test]
fn mount_tables() {
    drive("mountinfo", CASES);
}

#[test]
fn configuration() {
    drive("config", CASES);
}

#[test]
fn replies_of_servers() {
    drive("reply", SHOWN);
}

#[test]
fn targets_and_error_texts() {
    drive("symptom", CASES);
}

#[test]
fn reports() {
    drive("report", SHOWN);
}

#[test]
fn every_target_has_its_test_and_its_program() {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    for name in names {
        assert!(include_str!("tests.rs").contains(&format!("drive(\"{name}\",")), "{name}");
        let program = format!("{}/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        assert!(std::fs::read_to_string(&program).is_ok_and(|text| text.contains(name)), "{program}");
    }
}
