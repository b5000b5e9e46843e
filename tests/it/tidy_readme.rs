//! The generated parts of README.md: `BLESS=1 cargo test tidy` rewrites them.

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory;
use sockdoctor::cli::Cli;
use sockdoctor::rules;

/// Puts `text` between the markers of a part.
fn with_part(readme: &str, part: &str, text: &str) -> String {
    let begin = format!("<!-- {part}: generated, BLESS=1 cargo test tidy -->\n");
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("README.md has no part {part}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}{begin}{text}<!-- end -->{after}")
}

fn codes() -> String {
    let mut text = String::from("\n| code | name | severity | what it says |\n|---|---|---|---|\n");
    for rule in rules::ALL {
        let first = rule.text().lines().next().unwrap().trim_end_matches('.').to_owned();
        writeln!(text, "| {} | {} | {} | {first} |", rule.code, rule.name, rule.severity.word()).unwrap();
    }
    text + "\n"
}

fn commands() -> String {
    let mut text = String::from("\n| command | does |\n|---|---|\n");
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").replace(" [OPTIONS]", "").replace('|', "\\|");
        writeln!(text, "| `{usage}` | {} |", command.get_about().unwrap()).unwrap();
    }
    text + "\n"
}

#[test]
fn the_tables_of_the_readme_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let current = with_part(&with_part(&readme, "codes", &codes()), "commands", &commands());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, current).unwrap();
    } else {
        assert!(readme == current, "README.md is stale: BLESS=1 cargo test tidy");
    }
}
