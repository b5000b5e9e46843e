//! What programs of others read, held to the schemas that are published for it: SARIF, workflows and actions of
//! GitHub, pipelines of GitLab, a manifest of Kubernetes. `tests/run --install` fetches them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::{run, sockdoctor};
use crate::process::finish;
use crate::world::{isolated, skip};

/// The directory of the tests' own schemas, and those of the Python packages which bring along those of CI systems and
/// of Kubernetes.
fn schemas() -> Vec<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let pythons = std::fs::read_dir(target.join("test-venv/lib")).into_iter().flatten().flatten();
    let vendored = [
        "site-packages/check_jsonschema/builtin_schemas/vendor",
        "site-packages/kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict",
    ];
    let mut all: Vec<PathBuf> =
        pythons.flat_map(|python| vendored.map(|directory| python.path().join(directory))).collect();
    all.push(target.join("test-schemas"));
    all
}

fn validator(name: &str) -> Option<Validator> {
    let file = schemas().into_iter().map(|dir| dir.join(name)).find(|file| file.exists())?;
    // The pattern of SARIF's `language` has a bracket too many, which not every regular expression may have.
    let text = std::fs::read_to_string(file).unwrap().replace("{2}]?$", "{2}$");
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    if name == "_definitions.json" {
        schema["$ref"] = "#/$defs/io.k8s.api.apps.v1.DaemonSet".into();
    }
    Some(jsonschema::validator_for(&schema).unwrap())
}

#[track_caller]
fn is_valid(validator: &Validator, document: &Value, what: &str) {
    let faults = validator.iter_errors(document);
    let faults: Vec<String> = faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{what}: {faults:#?}\n{document:#}");
}

fn of_repo(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file).to_str().unwrap().to_owned()
}

#[test]
fn what_is_written_as_sarif_is_sarif() {
    let name = "published::what_is_written_as_sarif_is_sarif";
    let Some(sarif) = validator("sarif-2.1.0.json") else { return skip(name, "no schema of SARIF") };
    isolated(name, |world| {
        let built = broken::unlinked(&world.dir).unwrap();
        let path = built.path.to_str().unwrap();
        let (wrong, right) =
            (of_repo("fixtures/compose/s4-wrong.yml"), of_repo("fixtures/compose/s4-right.yml"));
        let malformed = of_repo("fixtures/compose/malformed.yml");
        let nginx = of_repo("fixtures/nginx");
        let directory = world.dir.to_str().unwrap();
        for (status, words) in [
            (1, &["inspect", path][..]),
            (3, &["inspect", "inode:1"]),
            (0, &["preflight", directory]),
            (1, &["preflight", "--target-os", "macos", "--compose", &wrong]),
            (0, &["preflight", "--target-os", "macos", "--compose", &right]),
            (2, &["preflight", "--target-os", "macos", "--compose", &malformed]),
            (0, &["scan", "--fail-on", "never", "--config", &nginx]),
        ] {
            let output = run(words.iter().chain(&["--format", "sarif"]));
            assert_eq!(output.status, status, "{words:?}: {}", output.stderr);
            let document = serde_json::from_str(&output.stdout).unwrap();
            is_valid(&sarif, &document, &words.join(" "));
        }
    });
}

#[test]
fn the_snippets_for_ci_are_what_their_systems_take() {
    let name = "published::the_snippets_for_ci_are_what_their_systems_take";
    for (file, schema) in [
        ("github-actions.yml", "github-workflows.json"),
        ("github-action/action.yml", "github-actions.json"),
        ("gitlab-ci.yml", "gitlab-ci.json"),
    ] {
        let Some(schema) = validator(schema) else { return skip(name, "no check-jsonschema") };
        is_valid(&schema, &of_contrib(file), file);
    }
}

#[test]
fn the_daemonset_is_what_kubernetes_takes() {
    let name = "published::the_daemonset_is_what_kubernetes_takes";
    let Some(kubernetes) = validator("_definitions.json") else {
        return skip(name, "no kubernetes-validate");
    };
    is_valid(&kubernetes, &of_contrib("kubernetes/daemonset.yaml"), "daemonset.yaml");
}

#[test]
fn the_action_annotates_the_lines_and_writes_sarif() {
    let name = "published::the_action_annotates_the_lines_and_writes_sarif";
    isolated(name, |world| {
        let action = of_contrib("github-action/action.yml");
        let step = &action["runs"]["steps"].as_array().unwrap()[1];
        let compose = of_repo("fixtures/compose/s4-wrong.yml");
        let (sarif, summary) = (world.path("out.sarif"), world.path("summary.md"));
        let binary = sockdoctor();
        let path = Path::new(binary.get_program()).parent().unwrap().to_owned();
        let before = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(path).chain(std::env::split_paths(&before)));
        let mut bash = std::process::Command::new("bash");
        // As GitHub starts it: docs.github.com, "jobs.<job_id>.steps[*].shell".
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().unwrap()]);
        bash.env("ARGUMENTS", format!("preflight --compose {compose} --target-os macos"))
            .env("SARIF", &sarif);
        bash.env("GITHUB_STEP_SUMMARY", &summary).env("PATH", path.unwrap());
        let output = finish(&mut bash, Duration::from_secs(30));
        assert_eq!(output.status, 1, "{}", output.stderr);
        assert!(output.stdout.contains("::error file="), "{}", output.stdout);
        let document: Value = serde_json::from_slice(&std::fs::read(&sarif).unwrap()).unwrap();
        assert_ne!(document["runs"][0]["results"], serde_json::json!([]));
        assert!(std::fs::read_to_string(&summary).unwrap().contains("SD"));
    });
}

fn of_contrib(file: &str) -> Value {
    let text = std::fs::read_to_string(of_repo(&format!("contrib/{file}"))).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}
