//! What was typed, and nothing else: what it means is decided in [`crate::commands`].

mod artefact;
mod clean;
mod compose;
mod consumer;
mod fleet;
mod guard;
mod health;
pub mod help;
mod list;
mod preflight;
mod probe;
mod typed;
mod values;
mod wait;
mod watch;

use std::ffi::OsString;
use std::mem::{self, ManuallyDrop};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

use crate::model::Severity;
use crate::report::Format;
use crate::report::style::Color;
pub use artefact::{CompletionsArgs, ManArgs};
pub use clean::CleanArgs;
pub use compose::ComposeArgs;
pub use consumer::ConsumerArgs;
pub use fleet::{GraphArgs, MergeArgs};
pub use guard::{GuardArgs, MaxRepairs};
pub use health::HealthArgs;
pub use list::ListArgs;
pub use preflight::PreflightArgs;
pub use probe::ProbeArgs;
pub use values::Page;
use values::{colors, duration, formats, mode, report_file};
pub use wait::{WaitArgs, WaitFor};
pub use watch::{WatchArgs, WatchUntil};

/// Tells why a Unix domain socket does not work, and what to do about it.
#[derive(Debug, Parser)]
#[command(name = "sockdoctor", version, max_term_width = 100)]
#[command(disable_help_subcommand = true, subcommand_required = false, args_override_self = true)]
pub struct Cli {
    /// What to do; a bare target is inspected.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Output format
    #[arg(long, global = true, value_name = "F", value_parser = formats(), hide_short_help = true)]
    pub format: Option<Format>,
    /// The same as --format json
    #[arg(long, global = true, conflicts_with = "format")]
    pub json: bool,
    /// Write to FILE instead of standard output, whole or not at all
    #[arg(short, long = "output", global = true, value_name = "FILE", hide_short_help = true)]
    pub output: Option<PathBuf>,
    /// Write the report in format F to FILE too, whole or not at all; may be repeated
    #[arg(long = "report", global = true, value_name = "F=FILE", value_parser = report_file(), hide_short_help = true)]
    pub reports: Vec<ReportFile>,
    /// Exit with 1 from this severity on [default: error; list, graph, clean without --apply: never]
    #[arg(long, global = true, value_name = "SEVERITY", hide_short_help = true)]
    pub fail_on: Option<FailOn>,
    /// Report only these rules
    #[arg(long, global = true, value_name = "CODE,...", value_delimiter = ',', hide_short_help = true)]
    pub only: Vec<String>,
    /// Do not report these rules
    #[arg(long, global = true, value_name = "CODE,...", value_delimiter = ',', hide_short_help = true)]
    pub ignore: Vec<String>,
    /// Exit with 3 when any check was not possible
    #[arg(long, global = true, hide_short_help = true)]
    pub require_complete: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = colors(), hide_short_help = true)]
    pub color: Color,
    /// Say less: one line a finding
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: all facts
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// How long to wait for mounts and servers that do not answer [default: 5s; wait: 30s]
    #[arg(long, global = true, value_name = "D", value_parser = duration, hide_short_help = true)]
    pub timeout: Option<Duration>,
    /// Look at the system whose files are below DIR: an image, or with --proc the host of this container
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub root: Option<PathBuf>,
    /// The /proc of the system below --root: its processes and its sockets
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub proc: Option<PathBuf>,
}

impl Default for Global {
    /// As if nothing had been typed.
    fn default() -> Self {
        Self {
            format: None,
            json: false,
            output: None,
            reports: Vec::new(),
            fail_on: None,
            only: Vec::new(),
            ignore: Vec::new(),
            require_complete: false,
            color: Color::Auto,
            quiet: false,
            verbose: false,
            timeout: None,
            root: None,
            proc: None,
        }
    }
}

/// `--report F=FILE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// The format.
    pub format: Format,
    /// The file.
    pub path: PathBuf,
}

/// `--fail-on`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Any finding.
    Info,
    /// Nothing.
    Never,
}

impl FailOn {
    /// The least severity that fails; `None`: none does.
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Never => None,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything known about a socket, every rule, the verdict
    Inspect(InspectArgs),
    /// Would this consumer get in, and what on the path stops it?
    Access(AccessArgs),
    /// Every bound socket with its verdict
    List(ListArgs),
    /// Wait until a server takes connections, then run a command
    Wait(WaitArgs),
    /// Talk to a server: what it says, or which step fails and why
    Probe(Box<ProbeArgs>),
    /// The whole host: every socket, and what configuration says of it
    Scan(ScanArgs),
    /// What happens to a socket: who makes, changes and removes its file, live
    Watch(WatchArgs),
    /// Will a socket work there? By a trial, or by Compose files
    Preflight(Box<PreflightArgs>),
    /// Which socket files are stale, with proof; --apply removes those
    Clean(CleanArgs),
    /// Ask a server, and repair it when it has certainly failed
    Guard(Box<GuardArgs>),
    /// Who talks to whom: consumers, sockets, holders
    Graph(GraphArgs),
    /// The JSON reports of many hosts as one
    Merge(MergeArgs),
    /// What a code, an errno or a pasted error text means
    Explain(ExplainArgs),
    /// Build a broken socket in a temporary directory and diagnose it
    Demo(DemoArgs),
    /// What this kernel and these privileges let it see, what would help
    SelfCheck,
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print a page of the manual
    Man(ManArgs),
    /// Print the JSON Schema of every --json output
    Schema,
    /// Names the listeners whose names begin so, for the completion of a shell
    #[command(name = "__complete", hide = true)]
    Complete {
        /// What is typed so far
        #[arg(default_value = "", allow_hyphen_values = true)]
        prefix: OsString,
    },
    /// Answers one question about a mount that may hang
    #[command(name = crate::facts::helper::SUBCOMMAND, hide = true)]
    Look,
    /// Makes a socket in a directory, and takes it back
    #[command(name = crate::act::trial::SUBCOMMAND, hide = true)]
    Trial,
}

impl Command {
    /// Its name, as in its document; of what prints an artefact and has no report, `None`.
    pub const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Inspect(_) => Some("inspect"),
            Self::Access(_) => Some("access"),
            Self::List(_) => Some("list"),
            Self::Wait(_) => Some("wait"),
            Self::Probe(_) => Some("probe"),
            Self::Scan(_) => Some("scan"),
            Self::Watch(_) => Some("watch"),
            Self::Preflight(_) => Some("preflight"),
            Self::Clean(_) => Some("clean"),
            Self::Guard(_) => Some("guard"),
            Self::Graph(_) => Some("graph"),
            Self::Merge(_) => Some("merge"),
            Self::Explain(_) => Some("explain"),
            Self::SelfCheck => Some("self-check"),
            Self::Demo(_) => Some("demo"),
            Self::Completions(_)
            | Self::Man(_)
            | Self::Schema
            | Self::Complete { .. }
            | Self::Look
            | Self::Trial => None,
        }
    }

    /// The `--timeout` it has where none was typed.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(if matches!(self, Self::Wait(_)) { 30 } else { 5 })
    }
}

/// `inspect`
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// /run/x.sock, a directory of sockets, @abstract, inode:N, unix:PATH, http+unix://%2Frun%2Fx.sock/,
    /// tcp:HOST:PORT, http://HOST:PORT/
    #[arg(required_unless_present = "log", value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub targets: Vec<OsString>,
    /// Who wants to connect.
    #[command(flatten)]
    pub consumer: ConsumerArgs,
    /// The mode the socket should have: 0660
    #[arg(long, value_name = "MODE", value_parser = mode, help_heading = "Expectations")]
    pub expect_mode: Option<u32>,
    /// The owner it should have, by name or number
    #[arg(long, value_name = "USER", help_heading = "Expectations")]
    pub expect_owner: Option<String>,
    /// The group it should have, by name or number
    #[arg(long, value_name = "GROUP", help_heading = "Expectations")]
    pub expect_group: Option<String>,
    /// Time and logs.
    #[command(flatten)]
    pub health: HealthArgs,
}

/// `access`
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// /run/x.sock, unix:PATH, http+unix://%2Frun%2Fx.sock/
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub target: OsString,
    /// Who wants to connect; without any of these: you.
    #[command(flatten)]
    pub consumer: ConsumerArgs,
}

/// `scan`
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Judge these files and directories alone, without sockets and processes: for CI, without root
    #[arg(long, value_name = "PATH", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub config: Vec<PathBuf>,
    /// Also make the checks of HAProxy, and ask others that configuration sends HTTP to for their /
    #[arg(long, conflicts_with = "config")]
    pub probe: bool,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// SD102, listener-unlinked, ECONNREFUSED, 111, or an error text as it was printed; - reads it from stdin
    #[arg(value_name = "WHAT", required_unless_present = "list", conflicts_with = "list")]
    #[arg(allow_negative_numbers = true)]
    pub words: Vec<OsString>,
    /// Name every code, and every error text that is known
    #[arg(long)]
    pub list: bool,
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which one [default: listener-unlinked]
    pub name: Option<String>,
    /// Name them all
    #[arg(long)]
    pub list: bool,
}

/// Understands the arguments of a process; a first word that is no command is a target to inspect.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    // Neither tree is given back: the process ends soon, and what it has to say comes first.
    let mut known = ManuallyDrop::new(Cli::command());
    let arguments = typed::with_command(&known, arguments);
    if let Some(cli) = understood(&mut known, &arguments) {
        return Ok(cli);
    }
    let mut command = ManuallyDrop::new(help::command());
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// By the command that is typed and no other: clap copies the flags of every command into each it is told of, which
/// takes longer than most commands. `None`: there is something to be said to it, by a tree that has all the words.
fn understood(known: &mut clap::Command, arguments: &[OsString]) -> Option<Cli> {
    let is_it = |command: &&mut clap::Command| arguments.iter().any(|word| word == command.get_name());
    let mut named = known.get_subcommands_mut().filter(is_it);
    let (Some(one), None) = (named.next().map(mem::take), named.next()) else { return None };
    let root = Global::augment_args(clap::Command::new("sockdoctor").args_override_self(true));
    let mut command = ManuallyDrop::new(root.disable_help_subcommand(true).subcommand(one));
    let matches = command.try_get_matches_from_mut(arguments).ok()?;
    Cli::from_arg_matches(&matches).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        help::command().debug_assert();
        help::one_screen().debug_assert();
    }

    #[test]
    fn what_one_command_understands_is_what_all_of_them_do() {
        for line in [
            "s list",
            "s --json list --match /run/* -q",
            "s /run/x.sock",
            "s -- /run/x.sock",
            "s --timeout 1s --only SD101 inspect /x --only SD102 --fail-on never",
            "s explain 111",
            "s probe /x --http / -v --expect 2xx",
            "s -o list",
            "s __complete /run",
        ] {
            let line = typed::with_command(&Cli::command(), words(line));
            let matches = Cli::command().try_get_matches_from(&line).unwrap();
            let whole = Cli::from_arg_matches(&matches).unwrap();
            let alone = understood(&mut Cli::command(), &line).unwrap();
            assert_eq!(format!("{alone:?}"), format!("{whole:?}"), "{line:?}");
        }
        for line in ["s", "s list --help", "s list --nonsense", "s insepct list", "s wait /x -- list", "s -V"]
        {
            assert!(understood(&mut Cli::command(), &words(line)).is_none(), "{line}");
        }
    }

    #[test]
    fn a_report_is_a_format_and_a_file() {
        let line = "s --report json=a=b inspect /x --report sarif=/tmp/c d";
        let cli = parse(words(line)).unwrap();
        let file = |format, path: &str| ReportFile { format, path: path.into() };
        assert_eq!(cli.global.reports, [file(Format::Json, "a=b"), file(Format::Sarif, "/tmp/c")]);
        for wrong in ["json", "json=", "=x", "yaml=x", "JSON=x"] {
            assert!(parse(words(&format!("s list --report {wrong}"))).is_err(), "{wrong}");
        }
    }
}
