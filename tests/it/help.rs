//! What a newcomer reads first: the one screen, the long help, the guess at a misspelt command.

use clap::CommandFactory;
use sockdoctor::cli::Cli;

use crate::binary::run;

/// A terminal of the smallest usual size.
const SCREEN: (usize, usize) = (24, 80);

fn help(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{arguments:?}");
    assert!(!output.stdout.contains('\x1b'), "{arguments:?} into a pipe is coloured");
    output.stdout
}

fn commands() -> Vec<String> {
    let all = Cli::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| command.get_name().to_owned()).collect()
}

#[test]
fn the_short_help_fits_one_screen_and_the_bare_command_is_the_same() {
    let short = help(&["-h"]);
    assert!(short.lines().count() <= SCREEN.0, "{} lines\n{short}", short.lines().count());
    for line in short.lines() {
        assert!(line.chars().count() <= SCREEN.1, "{line}");
    }
    assert_eq!(help(&[]), short);
    let examples = short.lines().filter(|line| line.starts_with("  sockdoctor ")).count();
    assert_eq!(examples, 4, "{short}");
    assert!(short.find("  sockdoctor ") < short.find("Usage:"), "examples come first: {short}");
    for command in commands() {
        assert!(short.contains(&command), "{command}: {short}");
    }
    assert!(!short.contains("__look") && !short.contains("--require-complete"), "{short}");
}

#[test]
fn the_long_help_has_examples_first_exit_statuses_and_where_to_read_on() {
    let long = help(&["--help"]);
    let place = |text: &str| long.find(text).unwrap_or_else(|| panic!("no {text}: {long}"));
    assert!(place("Examples:") < place("Usage:") && place("Usage:") < place("Exit status:"));
    assert!(place("Exit status:") < place("sockdoctor man") && long.contains("sockdoctor explain SD"));
    for flag in ["--format", "--fail-on", "--only", "--require-complete", "--timeout", "--color"] {
        place(flag);
    }
    assert!(!long.contains("__look"), "{long}");
}

#[test]
fn every_command_is_taught_by_example() {
    for command in commands() {
        let long = help(&[&command, "--help"]);
        let (before, _) = long.split_once("Usage:").unwrap();
        assert!(before.contains(&format!("  sockdoctor {command}")), "{long}");
        assert!(long.contains("Exit status:") && long.contains("More:"), "{long}");
        let short = help(&[&command, "-h"]);
        assert!(short.lines().count() < long.lines().count() && short.contains("--help"), "{short}");
    }
}

/// Every flag of the examples is one that exists: each line is tried as it stands.
#[test]
fn the_examples_are_understood() {
    let texts: Vec<String> = commands().iter().map(|command| help(&[command, "--help"])).collect();
    let all = texts.iter().flat_map(|text| text.split_once("Usage:").unwrap().0.lines());
    let lines = all.filter(|line| line.starts_with("  sockdoctor "));
    for line in lines {
        // What stands behind it, or what its output goes through, is not its own.
        let words = line.trim().split("   ").next().unwrap();
        let words = words.split([' ', '|', '>']).skip(1).take_while(|word| !word.is_empty());
        let words: Vec<String> = words.map(|word| word.replace('\'', "")).collect();
        let words: Vec<std::ffi::OsString> =
            std::iter::once("s".into()).chain(words.into_iter().map(Into::into)).collect();
        assert!(sockdoctor::cli::parse(words.clone()).is_ok(), "{line}: {words:?}");
    }
}

#[test]
fn a_misspelt_command_is_guessed() {
    for (typed, meant) in
        [("insepct", "inspect"), ("lst", "list"), ("selfcheck", "self-check"), ("complete", "completions")]
    {
        let output = run([typed]);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{typed}");
        assert!(output.stderr.contains(&format!("'{meant}'")), "{typed}: {}", output.stderr);
    }
}

#[test]
fn an_artefact_goes_to_a_file_as_it_goes_to_the_screen() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["man", "7"][..], &["schema"], &["completions", "fish"]] {
        let file = dir.path().join(arguments.join("-"));
        let output = run([arguments, &["-o", file.to_str().unwrap()]].concat());
        assert_eq!((output.status, output.stdout.as_str()), (0, ""), "{arguments:?}: {}", output.stderr);
        assert_eq!(std::fs::read_to_string(file).unwrap(), run(arguments).stdout);
    }
    assert_eq!(run(["man", "-o", "/nonexistent/page"]).status, 2);
}
