//! The `sockdoctor` binary: takes the arguments and the environment, returns the exit status.
#![expect(clippy::disallowed_methods, reason = "the environment is read here, once")]

use std::env::{args_os, var_os};
use std::io::IsTerminal;
use std::process::ExitCode;

use sockdoctor::report::style::Environment;

fn main() -> ExitCode {
    let set = |name: &str| var_os(name).is_some_and(|value| !value.is_empty());
    let forced = |name: &str| var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(var_os).find(|value| !value.is_empty());
    let locale = locale.map(|value| value.to_string_lossy().to_lowercase()).unwrap_or_default();
    let terminal = std::io::stdout().is_terminal();
    let environment = Environment {
        no_color: set("NO_COLOR"),
        force_color: forced("CLICOLOR_FORCE") || forced("FORCE_COLOR"),
        dumb: var_os("TERM").is_some_and(|value| value == "dumb"),
        utf8: locale.contains("utf-8") || locale.contains("utf8"),
        terminal: terminal
            .then(|| terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))),
        step_summary: var_os("GITHUB_STEP_SUMMARY").filter(|value| !value.is_empty()).map(Into::into),
    };
    ExitCode::from(sockdoctor::commands::run(args_os().collect(), &environment))
}
