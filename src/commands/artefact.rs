//! What is printed as it is, to a file too: the schema, the pages of the manual, completions.

use super::{complain, outputs, shown};
use crate::cli::Global;
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
