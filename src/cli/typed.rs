//! The words as they were typed, put in the order that clap understands.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

/// `sockdoctor /run/x.sock` = `sockdoctor inspect /run/x.sock`. Flags that may be repeated are moved behind the
/// command: clap would forget those before it when there are more behind.
pub(super) fn with_command(cli: &Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let named = |flag: &str| {
        cli.get_arguments().find(|argument| {
            argument.get_long().is_some_and(|long| flag == format!("--{long}"))
                || argument.get_short().is_some_and(|short| flag == format!("-{short}"))
        })
    };
    let (mut before, mut moved, mut position) = (Vec::new(), Vec::new(), 1);
    while let Some(argument) = arguments.get(position) {
        let Some(flag) = argument.to_str().filter(|flag| flag.len() > 1 && flag.starts_with('-')) else {
            break;
        };
        if flag == "--" {
            break;
        }
        let name = flag.split_once('=').map_or(flag, |(name, _)| name);
        let takes = |argument: &&Arg| argument.get_action().takes_values();
        let length = 1 + usize::from(named(flag).as_ref().is_some_and(takes));
        let repeatable =
            named(name).is_some_and(|argument| matches!(argument.get_action(), ArgAction::Append));
        let end = arguments.len().min(position + length);
        if repeatable { &mut moved } else { &mut before }.extend_from_slice(&arguments[position..end]);
        position = end;
    }
    let Some(word) = arguments.get(position) else { return arguments };
    let mut rest = arguments[position..].to_vec();
    match word.to_str() {
        Some(command) if cli.find_subcommand(command).is_some() => before.push(rest.remove(0)),
        Some(word) if word != "--" && !looks_like_a_target(word) => return arguments,
        _ => before.push("inspect".into()),
    }
    [arguments[..1].to_vec(), before, moved, rest].concat()
}

/// A misspelt command must stay a misspelt command.
fn looks_like_a_target(word: &str) -> bool {
    word.contains(['/', ':', '.']) || word.starts_with('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn understood(line: &str) -> Vec<OsString> {
        with_command(&crate::cli::help::command(), words(line))
    }

    #[test]
    fn a_bare_target_is_inspected_and_a_misspelt_command_is_not() {
        for line in ["s /run/x", "s --json /run/x", "s --format json -q ./x", "s @x", "s inode:7", "s -- /x"]
        {
            let with = understood(line);
            assert!(with.contains(&OsString::from("inspect")), "{line}");
        }
        for line in ["s list", "s --json list", "s insepct", "s", "s --help"] {
            assert_eq!(understood(line), words(line), "{line}");
        }
    }

    #[test]
    fn what_may_be_repeated_stands_behind_the_command() {
        for (line, ordered) in [
            ("s --only A -q list --only=B", "s -q list --only A --only=B"),
            ("s --report=json=x /y", "s inspect --report=json=x /y"),
            ("s --report", "s --report"),
        ] {
            assert_eq!(understood(line), words(ordered));
        }
    }
}
