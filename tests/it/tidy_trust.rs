//! What a program that is run as root is made of: where it is `unsafe`, whose code is in it, under which licences.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::finish;
use crate::tidy::{assert_none, sources};

/// Each file that has `unsafe`, and how often: two ioctls, and the descriptor that both return.
const UNSAFE: [(&str, usize); 1] = [("src/facts/borrowed.rs", 3)];

#[test]
fn unsafe_stands_where_it_is_known_to_and_each_says_why() {
    let mut faults = Vec::new();
    for source in sources("src") {
        let lines: Vec<&str> = source.text.lines().collect();
        let places = lines.iter().enumerate().filter(|(_, line)| {
            let code = line.split("//").next().unwrap();
            ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"].iter().any(|word| code.contains(word))
        });
        let places: Vec<usize> = places.map(|(number, _)| number).collect();
        let known = UNSAFE.iter().find(|(path, _)| *path == source.path).map_or(0, |(_, count)| *count);
        if places.len() != known {
            faults.push(format!("{}: {} unsafe, {known} are known", source.path, places.len()));
        }
        let reasoned = |number: usize| {
            lines[number.saturating_sub(4)..number].iter().any(|line| line.contains("SAFETY:"))
        };
        faults.extend(
            places
                .into_iter()
                .filter(|number| !reasoned(*number))
                .map(|n| format!("{}:{}: no reason", source.path, n + 1)),
        );
    }
    assert_none(faults);
}

/// A list of `.deny.toml`, which is one string a line.
fn listed<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let (_, rest) = text.split_once(&format!("\n{name} = [\n")).unwrap();
    rest.lines()
        .take_while(|line| *line != "]")
        .map(|line| line.trim().trim_end_matches(',').trim_matches('"'))
        .collect()
}

/// Whether an SPDX expression can be met by these. AND is taken before OR, which is never the laxer.
fn allows(allowed: &[&str], expression: &str) -> bool {
    let alternatives = expression.replace(" / ", "/").replace('/', " OR ");
    alternatives.split(" AND ").all(|needed| {
        needed
            .trim_matches(['(', ')'])
            .split(" OR ")
            .any(|one| allowed.contains(&one.trim_matches(['(', ')'])))
    })
}

#[test]
fn an_expression_of_licences_is_read() {
    let allowed = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"];
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/Apache-2.0", true),
        ("(MIT OR GPL-2.0) AND Unicode-3.0", true),
        ("MIT AND GPL-2.0", false),
        ("Apache-2.0 WITH LLVM-exception OR BSD-1-Clause", true),
    ] {
        assert_eq!(allows(&allowed, expression), expected, "{expression}");
    }
}

/// `cargo deny` tells more, and is not on every machine.
#[test]
fn whatever_is_built_in_comes_from_the_registry_under_a_licence_that_is_allowed() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.deny.toml")).unwrap();
    let allowed = listed(&text, "allow");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform"]);
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = finish(cargo.arg(target).current_dir(env!("CARGO_MANIFEST_DIR")), Duration::from_secs(60));
    let metadata: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    let fault = |package: &Value| {
        let (name, licence) = (package["name"].as_str()?, package["license"].as_str().unwrap_or("none"));
        let excepted = text.contains(&format!("{{ allow = [\"{licence}\"], crate = \"{name}\" }}"));
        let ours = name == "sockdoctor";
        let registry = package["source"].as_str().is_some_and(|source| source.starts_with("registry+"));
        let fine = (allows(&allowed, licence) || excepted) && (registry || ours);
        (!fine).then(|| format!("{name}: {licence}, {}", package["source"]))
    };
    assert_none(packages.iter().filter_map(fault));
}
