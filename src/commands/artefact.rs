//! What is generated and printed as it is: the schema, the pages of the manual, completions.

use clap::Command;
use clap_complete::{Shell, generate};

use super::{complain, outputs, shown};
use crate::cli::{Global, help};
use crate::exit;
use crate::model::Failure;
use crate::report::output::{self, Draft};

/// Writes it to standard output, or to the file of `-o`.
pub(super) fn print(global: &Global, bytes: &[u8]) -> u8 {
    let Some(path) = &global.output else { return shown(output::to_stdout(|out| out.write_all(bytes))) };
    match Draft::begin(path).and_then(|draft| draft.finish(|out| out.write_all(bytes))) {
        Ok(()) => exit::ANSWERED,
        Err(error) => {
            let hint = Some("give -o a file in a directory you may write to".into());
            complain(&Failure { message: format!("{}: {}", path.display(), outputs::reason(&error)), hint });
            exit::USAGE
        }
    }
}

/// The script of a shell. What is hidden from people is hidden from completion.
pub(super) fn completions(shell: Shell) -> Vec<u8> {
    let all = help::command();
    let mut visible = Command::new("sockdoctor")
        .disable_help_subcommand(true)
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(all.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
    let mut script = Vec::new();
    generate(shell, &mut visible, "sockdoctor", &mut script);
    script
}
