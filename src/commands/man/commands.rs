//! sockdoctor(1): options as clap_mangen writes them, examples and exit statuses as `--help` has them.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;

use super::roff::{argument, paragraphs, text, verbatim};
use crate::cli::help::{self, DESCRIPTION, EXAMPLES, EXIT_STATUS};

const ENVIRONMENT: [(&str, &str); 4] = [
    ("NO_COLOR", "When not empty, no colours, unless `--color always` is given."),
    (
        "CLICOLOR_FORCE, FORCE_COLOR",
        "When neither empty nor 0, colours also where the output is no terminal.",
    ),
    ("LC_ALL, LC_CTYPE, LANG", "A character set other than UTF-8 gets text in ASCII."),
    ("TMPDIR", "Where `demo` builds."),
];

pub(super) fn page() -> String {
    let mut all = help::command();
    all.build();
    let (about, more) = DESCRIPTION.split_once("\n\n").unwrap_or((DESCRIPTION, ""));
    let mut page = super::title("SOCKDOCTOR", 1);
    let _ = write!(page, ".SH NAME\nsockdoctor \\- {}\n", text(about));
    page += ".SH SYNOPSIS\n.B sockdoctor\n[\\fIOPTIONS\\fR] [\\fITARGET\\fR...]\n.br\n.B sockdoctor\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR\n";
    let _ = write!(page, ".SH DESCRIPTION\n{}.SH EXAMPLES\n{}", paragraphs(more), verbatim(EXAMPLES));
    page += ".SH COMMANDS\n";
    for command in all.get_subcommands().filter(|command| !command.is_hide_set()) {
        page += &section(command);
    }
    let _ = write!(page, ".SH OPTIONS\nThese go before or behind any command.\n{}", options(&all, true));
    let _ = write!(page, ".SH EXIT STATUS\n{}.SH ENVIRONMENT\n", verbatim(EXIT_STATUS));
    for (names, effect) in ENVIRONMENT {
        let _ = write!(page, ".TP\n\\fB{names}\\fR\n{}", paragraphs(effect));
    }
    page + ".SH SEE ALSO\n.BR sockdoctor\\-rules (7),\n.BR ss (8),\n.BR lsof (8),\n.BR unix (7)\n"
}

fn section(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace(" [OPTIONS]", "");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut section = format!(".SS {}\n{}.\n", argument(&usage), text(&about));
    section += &options(command, false);
    if let Some(examples) = help::examples(command.get_name()) {
        section += ".PP\nExamples:\n.PP\n";
        section += &verbatim(examples);
    }
    section
}

/// The options that hold everywhere, or those of a command alone.
fn options(command: &Command, everywhere: bool) -> String {
    let own = |argument: &&Arg| {
        let help =
            matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong);
        !argument.is_hide_set() && (everywhere || !(help || argument.is_global_set()))
    };
    let mut bare = Command::new("sockdoctor")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(command.get_arguments().filter(own).map(whole));
    bare.build();
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = Man::new(bare).render_options_section(&mut page);
    // Its own definition of an apostrophe is left out with the other first lines.
    let page = String::from_utf8_lossy(&page).replace("\\*(Aq", "\\(aq");
    let request = |line: &&str| ![".SH", ".ie", ".el"].iter().any(|start| line.starts_with(start));
    page.lines().filter(request).flat_map(|line| [line, "\n"]).collect()
}

/// As it is to be described: clap_mangen drops the text of what the short help leaves out, and gives each value
/// paragraphs of its own.
fn whole(argument: &Arg) -> Arg {
    let whole = argument.clone().hide_short_help(false).help_heading(None::<&str>);
    let values = argument.get_possible_values();
    if !argument.get_action().takes_values() || values.is_empty() {
        return whole;
    }
    let each = values.iter().map(|value| {
        let meaning = value.get_help().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}{meaning}", value.get_name())
    });
    let each = each.collect::<Vec<_>>().join(", ");
    let text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    whole.hide_possible_values(true).help(format!("{text}; one of {each}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_every_command_is_described_where_it_belongs() {
        let page = page();
        let mut all = help::command();
        all.build();
        for command in all.get_subcommands().filter(|command| !command.is_hide_set()) {
            assert!(page.contains(&format!(".SS \"sockdoctor {}", text(command.get_name()))), "{command}");
        }
        for argument in all.get_subcommands().flat_map(Command::get_arguments).chain(all.get_arguments()) {
            if let Some(long) = argument.get_long().filter(|_| !argument.is_hide_set()) {
                assert!(page.contains(&format!("\\fB\\-\\-{}\\fR", text(long))), "{long}");
            }
        }
        assert_eq!(page.matches("\\fB\\-\\-require\\-complete\\fR").count(), 1);
    }
}
