//! What no compiler holds: the arrows of the star, the shape of rule files, and that nothing goes unnamed.
//!
//! Sources are read as text, so this holds for code that does not even build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Codes that no machine at hand can show: src/facts reads records that others captured.
pub(crate) const CAPTURED: [&str; 2] = ["SD209", "SD210"];

/// A file of the repository: its path from the root, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The last part of its path.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

/// Every file below a directory of the repository, sorted; text where it is text.
fn files(dir: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut todo = vec![root.join(dir)];
    while let Some(dir) = todo.pop() {
        for path in std::fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                todo.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    let read = |path: PathBuf| Source {
        text: String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
        path: path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(),
    };
    found.into_iter().map(read).collect()
}

pub(crate) fn sources(dir: &str) -> Vec<Source> {
    files(dir)
        .into_iter()
        .filter(|file| Path::new(&file.path).extension().is_some_and(|ext| ext == "rs"))
        .collect()
}

/// Fails with all that was found, not only the first of it.
pub(crate) fn assert_none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The modules that code reaches through `crate::`.
fn reached(code: &str) -> impl Iterator<Item = &str> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        // `use crate::{…}` hides what it reaches from this test: it is written out, one module per line.
        if end == 0 { rest } else { &rest[..end] }
    })
}

#[test]
fn the_arrows_of_the_star_hold() {
    let arms = ["report", "rules", "symptoms", "config", "facts", "probe", "act"];
    let mut faults = Vec::new();
    for module in arms.iter().chain(&["model"]) {
        for source in sources(&format!("src/{module}")) {
            // `rule!` is reached by `#[macro_use]` or by `crate::rule`; it is of its own module.
            let strange =
                reached(&source.text).filter(|name| name != module && *name != "model" && *name != "rule");
            faults.extend(strange.map(|name| format!("{}: crate::{name}", source.path)));
        }
    }
    assert_none(faults);
}

#[test]
fn reached_modules_are_found_where_they_hide() {
    let code = "use crate::model::Case;\n// crate::no\nfn f(a: crate::facts::A) {}\n $crate::act::b!();\nuse crate::{x};";
    assert_eq!(reached(code).collect::<Vec<_>>(), ["model", "facts", "act", "{x};"]);
}

#[test]
fn files_stay_small() {
    let limit = |source: &Source| match source.path.as_str() {
        "src/main.rs" => 30,
        _ if is_rule(source) => 100,
        _ => 400,
    };
    let long = sources("src").into_iter().filter(|source| source.text.lines().count() > limit(source));
    assert_none(long.map(|source| format!("{}: more than {} lines", source.path, limit(&source))));
}

fn is_rule(source: &Source) -> bool {
    source.path.starts_with("src/rules/sd")
}

/// What a rule file says of itself in its `rule!` block.
#[derive(Debug, PartialEq, Eq)]
struct Rule<'a> {
    code: &'a str,
    slug: &'a str,
    headings: Vec<&'a str>,
}

/// Reads `/// text … NAME = "CODE", "slug", Severity` between `rule! {` and its `}`.
fn rule(text: &str) -> Option<Rule<'_>> {
    let (_, block) = text.split_once("\nrule! {")?;
    let (block, _) = block.split_once("\n}")?;
    let headings = block.lines().filter_map(|line| line.trim_start().strip_prefix("/// # ")).collect();
    let declared = block.lines().rfind(|line| !line.trim_start().starts_with("///"))?;
    let mut quoted = declared.split('"').skip(1).step_by(2);
    Some(Rule { code: quoted.next()?, slug: quoted.next()?, headings })
}

#[test]
fn a_rule_block_is_read() {
    let text = "use x;\n\nrule! {\n    /// A.\n    ///\n    /// # Fix\n    /// B.\n    C = \"SD104\", \"c-d\", Error\n}\n";
    assert_eq!(rule(text), Some(Rule { code: "SD104", slug: "c-d", headings: vec!["Fix"] }));
    assert_eq!(rule("fn check() {}"), None);
}

#[test]
fn every_rule_is_named_explained_and_tested_alike() {
    let scenarios: String = sources("tests/it")
        .into_iter()
        // explain.rs names codes without a socket that is broken.
        .filter(|source| !["tidy.rs", "explain.rs"].contains(&source.name()))
        .map(|source| source.text)
        .collect();
    let rules: Vec<Source> = sources("src/rules").into_iter().filter(is_rule).collect();
    let mut owners = BTreeMap::new();
    let mut faults = Vec::new();
    for source in &rules {
        let mut fault = |what: &str| faults.push(format!("{}: {what}", source.path));
        let Some(Rule { code, slug, headings }) = rule(&source.text) else {
            fault("no rule! block that can be read");
            continue;
        };
        let digits = code.strip_prefix("SD").unwrap_or_default();
        if digits.len() != 3
            || !digits.bytes().all(|b| b.is_ascii_digit())
            || !(b'1'..=b'7').contains(&digits.as_bytes()[0])
        {
            fault(&format!("the code {code} is not SD100 to SD799"));
        }
        if source.name() != format!("{}_{}.rs", code.to_lowercase(), slug.replace('-', "_")) {
            fault(&format!("is not named after {code} {slug}"));
        }
        if headings != ["What it means", "How it is known", "Not to be confused with", "Fix"] {
            fault(&format!("has the headings {headings:?}"));
        }
        if !scenarios.contains(code) && !CAPTURED.contains(&code) {
            fault(&format!("{code} has no scenario in tests/it"));
        }
        if let Some(owner) = owners.insert(code, &source.path) {
            fault(&format!("{code} is also the code of {owner}"));
        }
    }
    assert_none(faults);
}

#[test]
fn every_fixture_is_named_in_the_readme() {
    let fixtures = files("fixtures");
    let readme = fixtures.iter().find(|file| file.path == "fixtures/README.md").unwrap();
    let named = |path: &str| readme.text.contains(&format!("`{path}`"));
    let nameless = fixtures.iter().filter(|file| {
        let path = file.path.strip_prefix("fixtures/").unwrap();
        // Itself, or a directory it is in, written with a slash at its end.
        let mut dirs = path.match_indices('/').map(|(slash, _)| &path[..=slash]);
        path != "README.md" && !named(path) && !dirs.any(named)
    });
    assert_none(nameless.map(|file| file.path.clone()));
}
