//! What programs of others read, held to the schemas that are published for it: SARIF, workflows of GitHub, pipelines
//! of GitLab. `tests/run --install` fetches them.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;
use sockdoctor::act::broken;

use crate::binary::run;
use crate::world::{isolated, skip};

/// The directory of the tests' own schemas, or that of the Python package which brings along those of CI.
fn schemas() -> Vec<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let pythons = std::fs::read_dir(target.join("test-venv/lib")).into_iter().flatten().flatten();
    let vendored = "site-packages/check_jsonschema/builtin_schemas/vendor";
    let mut all: Vec<PathBuf> = pythons.map(|python| python.path().join(vendored)).collect();
    all.push(target.join("test-schemas"));
    all
}

fn validator(name: &str) -> Option<Validator> {
    let file = schemas().into_iter().map(|dir| dir.join(name)).find(|file| file.exists())?;
    // The pattern of SARIF's `language` has a bracket too many, which not every regular expression may have.
    let text = std::fs::read_to_string(file).unwrap().replace("{2}]?$", "{2}$");
    let schema = serde_json::from_str(&text).unwrap();
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
    for (file, schema) in
        [("github-actions.yml", "github-workflows.json"), ("gitlab-ci.yml", "gitlab-ci.json")]
    {
        let Some(schema) = validator(schema) else { return skip(name, "no check-jsonschema") };
        let text = std::fs::read_to_string(of_repo(&format!("contrib/{file}"))).unwrap();
        is_valid(&schema, &serde_saphyr::from_str(&text).unwrap(), file);
    }
}
