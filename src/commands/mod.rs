//! One file a subcommand: collect, judge, and hand a report to be shown. This file is what they share.

mod access;
mod artefact;
mod asking;
mod clean;
mod completion;
mod consumers;
mod contained;
mod declared;
mod demo;
mod explain;
mod graph;
mod guard;
mod halves;
mod inspect;
mod jail;
mod list;
mod logs;
mod man;
mod merge;
mod open_question;
mod outputs;
mod over_tcp;
mod preflight;
mod preflight_compose;
mod probe;
mod rerooted;
mod sampled;
mod scan;
mod self_check;
mod silence;
mod site;
mod socket_unit;
mod wait;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant, SystemTime};

use crate::act::trial;
use crate::cli::{Cli, Command, FailOn, Global, help};
use crate::exit;
use crate::facts::machine::Machine;
use crate::facts::{helper, host, identity};
use crate::model::{Alarm, Data, Failure, Gap, Overall, Report, Rule, Severity};
use crate::probe::connectable;
use crate::report::style::{Environment, Style};
use crate::report::{Format, Loudness, json, output, render};

use crate::rules::{self, Judgement};
use outputs::Outputs;

/// What a command found, before it is dressed as a report.
struct Answer {
    judgement: Judgement,
    data: Data,
    subjects: usize,
    /// The command's own question could not be answered.
    open: bool,
    /// The exit status where it is the command's own answer, whatever was found beside it.
    status: Option<u8>,
    /// What was tried failed, whether or not a rule says why.
    failed: bool,
    /// The worst that was found, where the findings are not this run's own.
    worst: Option<Severity>,
    /// A part of what was asked could not be read; the answer is about the rest.
    refusal: Option<Refusal>,
}

impl Answer {
    fn nothing() -> Self {
        Self {
            judgement: Judgement::default(),
            data: Data::None,
            subjects: 0,
            open: false,
            status: None,
            failed: false,
            worst: None,
            refusal: None,
        }
    }
}

/// Why a command has no answer.
struct Refusal {
    status: u8,
    failure: Failure,
}

impl Refusal {
    fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: exit::USAGE, failure: Failure { message: message.into(), hint: Some(hint.into()) } }
    }

    fn open(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: exit::OPEN, failure: Failure { message: message.into(), hint: Some(hint.into()) } }
    }
}

/// What every command is given.
struct Context<'c> {
    machine: &'c Machine,
    global: &'c Global,
    /// When touches of what may hang are given up: early enough to answer within `--timeout`.
    deadline: Instant,
    /// `--timeout`, or what the command has without it.
    timeout: Duration,
}

impl Context<'_> {
    fn chosen(&self, rule: &Rule) -> bool {
        // Asked by every rule about every row of a list.
        if self.global.only.is_empty() && self.global.ignore.is_empty() {
            return true;
        }
        let named = |list: &[String]| {
            list.iter().any(|text| rule.code.eq_ignore_ascii_case(text) || rule.name == *text)
        };
        (self.global.only.is_empty() || named(&self.global.only)) && !named(&self.global.ignore)
    }
}

/// Runs a command line; the result is the exit status.
pub fn run(arguments: Vec<OsString>, environment: &Environment) -> u8 {
    let typed = arguments.clone();
    contained::contained(|| understood(arguments, environment))
        .unwrap_or_else(|refusal| document(refusal, &typed).unwrap_or(exit::OPEN))
}

fn understood(arguments: Vec<OsString>, environment: &Environment) -> u8 {
    let typed = arguments.clone();
    if arguments.len() < 2 || arguments[1..] == ["-h"] {
        return shown(quiet_pipe(help::one_screen().print_help()));
    }
    // What a script asks first needs no command line to be understood.
    if arguments[1..] == ["--version"] {
        let version = concat!("sockdoctor ", env!("CARGO_PKG_VERSION"), "\n");
        return shown(output::to_stdout(|out| out.write_all(version.as_bytes())));
    }
    let cli = match crate::cli::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error, &typed),
    };
    let style = Style::decide(cli.global.color, environment);
    let Cli { command, global } = cli;
    let started = SystemTime::now();
    let clock = Instant::now();
    let (machine, fitting) = match rerooted::machine(&global) {
        Ok(machine) => {
            let fitting = command.as_ref().map_or(Ok(()), |command| rerooted::check(&machine, command));
            (machine, fitting)
        }
        Err(refusal) => (Machine::default(), Err(refusal)),
    };
    let timeout = global.timeout.or(command.as_ref().map(Command::timeout)).unwrap_or_default();
    let context =
        Context { machine: &machine, global: &global, deadline: clock + timeout.mul_f64(0.8), timeout };
    let name = command.as_ref().map_or(Some("sockdoctor"), Command::name).unwrap_or_default();
    let outputs = Outputs::of(&global, environment.step_summary.as_deref());
    let usable = check_codes(&global).and(fitting).and_then(|()| outputs::check(name, &global));
    let (usable, outputs) = match usable {
        Ok(()) => (Ok(()), outputs),
        Err(refusal) => (Err(refusal), Outputs::refused(&global, name)),
    };
    let (look_again, then) = match &command {
        Some(Command::Wait(args)) => (wait::look_again(args), args.command.clone()),
        _ => (typed, Vec::new()),
    };
    let (answer, fail_on) = match command {
        None if global.json || global.format.is_some_and(Format::tells_failure) => {
            let hint = "`sockdoctor -h` names the commands; a path alone is inspected";
            (Err(Refusal::usage("there is no command", hint)), FailOn::Never)
        }
        None => return shown(quiet_pipe(help::one_screen().print_help())),
        Some(Command::Schema) => return artefact::print(&global, json::SCHEMA.as_bytes()),
        Some(Command::Completions(args)) => {
            return artefact::print(&global, &completion::script(args.shell));
        }
        Some(Command::Man(args)) => return artefact::print(&global, man::page(args.page).as_bytes()),
        Some(Command::Complete { prefix }) => {
            let names = completion::candidates(prefix.as_bytes());
            return shown(output::to_stdout(|out| out.write_all(&names)));
        }
        Some(Command::Look) => return shown(helper::serve(io::stdin(), io::stdout(), connectable::path)),
        Some(Command::Trial) => {
            return shown(trial::serve(io::stdin(), io::stdout(), identity::take_on));
        }
        // Nothing is looked at for a report that cannot be given.
        Some(_) if usable.is_err() => (Ok(Answer::nothing()), FailOn::Never),
        Some(Command::Inspect(args)) => (inspect::run(&context, &args), FailOn::Error),
        Some(Command::Access(args)) => (access::run(&context, &args), FailOn::Error),
        Some(Command::List(args)) => (list::run(&context, &args), FailOn::Never),
        Some(Command::Wait(args)) => (wait::run(&context, &args), FailOn::Error),
        Some(Command::Scan(args)) => (scan::run(&context, &args), FailOn::Error),
        Some(Command::Watch(args)) => (watch::run(&context, &args, &style), FailOn::Error),
        Some(Command::Preflight(args)) if args.compose.files.is_empty() => {
            (preflight::run(&context, &args), FailOn::Error)
        }
        Some(Command::Preflight(args)) => (preflight_compose::run(&context, &args.compose), FailOn::Error),
        Some(Command::Probe(args)) => (probe::run(&context, &args), FailOn::Error),
        Some(Command::Clean(args)) => {
            // Of a plan nothing has failed; of what is to be done anything that was not.
            let fail_on = if args.apply { FailOn::Error } else { FailOn::Never };
            (clean::run(&context, &args), fail_on)
        }
        Some(Command::Guard(args)) => (guard::run(&context, &args), FailOn::Error),
        Some(Command::Graph(args)) => (graph::run(&context, &args), FailOn::Never),
        Some(Command::Merge(args)) => (merge::run(&args), FailOn::Error),
        Some(Command::Explain(args)) => (explain::run(&args), FailOn::Never),
        Some(Command::SelfCheck) => (Ok(self_check::run(&machine)), FailOn::Never),
        Some(Command::Demo(args)) => (demo::run(&context, &args), FailOn::Never),
    };
    let mut report = dress(name, usable.and(answer), &global, global.fail_on.unwrap_or(fail_on));
    report.host = host::host(&machine);
    (report.started, report.duration) = (started, clock.elapsed());
    say_how_to_see_more(&mut report, &look_again);
    let outputs = outputs.beside_a_command(&then);
    let status = outputs.write(&mut report, &style);
    if status == exit::ANSWERED && !then.is_empty() {
        return wait::become_command(&then);
    }
    // The process ends here: giving back every row of a long list one by one would only take time.
    std::mem::forget(report);
    status
}

fn check_codes(global: &Global) -> Result<(), Refusal> {
    for text in global.only.iter().chain(&global.ignore) {
        if rules::find(text).is_none() {
            let message = format!("`{text}` is no rule");
            return Err(Refusal::usage(message, "codes look like SD102; the README has them all"));
        }
    }
    Ok(())
}

fn dress(command: &'static str, answer: Result<Answer, Refusal>, global: &Global, fail_on: FailOn) -> Report {
    let (answer, refusal) = match answer {
        Ok(mut answer) => {
            let refusal = answer.refusal.take();
            (answer, refusal)
        }
        Err(refusal) => (Answer::nothing(), Some(refusal)),
    };
    let Judgement { mut findings, suppressed, left_out, error_left_out, checks, not_checked, .. } =
        answer.judgement;
    rules::rank(&mut findings);
    let worst = findings.iter().map(|finding| finding.severity).max();
    let worst = worst.max(answer.failed.then_some(Severity::Error)).max(answer.worst);
    let failing = fail_on.severity().is_some_and(|least| worst.is_some_and(|worst| worst >= least));
    let exit_code = match (&refusal, answer.status) {
        (Some(refusal), _) => refusal.status,
        (None, Some(status)) => status,
        _ if failing => exit::PROBLEM,
        _ if answer.open || (global.require_complete && !not_checked.is_empty()) => exit::OPEN,
        _ => exit::ANSWERED,
    };
    // A plugin without its own --fail-on tells all that is wrong, also of a command that never fails by it.
    let least = global.fail_on.unwrap_or(FailOn::Warning).severity();
    // A question of its own that is answered with no is a problem, whether or not a rule knows why.
    let denied = (answer.status == Some(exit::PROBLEM)).then_some(Severity::Error);
    let alarm = match &refusal {
        Some(_) => Alarm::Unknown,
        None => Alarm::of(worst.max(denied), least, exit_code == exit::OPEN),
    };
    let is_plugin = global.format == Some(Format::Nagios);
    let exit_code = if is_plugin { exit::of_alarm(alarm) } else { exit_code };
    let refused = answer.status.is_some_and(|status| status != exit::ANSWERED);
    Report {
        command,
        host: crate::model::Host { kernel: String::new(), netns: None, mntns: None, uid: 0 },
        started: SystemTime::UNIX_EPOCH,
        duration: std::time::Duration::ZERO,
        verdict: overall(
            worst.max(refused.then_some(Severity::Error)),
            answer.open || error_left_out || refusal.is_some(),
        ),
        exit_code,
        alarm,
        failure: refusal.map(|refusal| refusal.failure),
        findings,
        suppressed,
        left_out,
        checks,
        not_checked,
        subjects: answer.subjects,
        rules: rules::ALL.to_vec(),
        data: answer.data,
    }
}

/// A problem beats an open question, an open question beats what is only worth knowing.
fn overall(worst: Option<Severity>, open: bool) -> Overall {
    match worst {
        Some(severity @ (Severity::Error | Severity::Warning)) => severity.into(),
        _ if open => Overall::Unknown,
        Some(severity) => severity.into(),
        None => Overall::Ok,
    }
}

/// "Run it as root" becomes the line to paste.
fn say_how_to_see_more(report: &mut Report, typed: &[OsString]) {
    let words: Vec<Vec<u8>> = typed.iter().skip(1).map(|word| rules::shell_word(word.as_bytes())).collect();
    let line = [b"sudo sockdoctor ".to_vec(), words.join(&b' ')].concat();
    let line = String::from_utf8_lossy(&line).into_owned();
    let is_root = report.host.uid == 0;
    for not_checked in &mut report.not_checked {
        if not_checked.gap.would_help.as_deref() == Some(Gap::AS_ROOT) {
            let more = if is_root { Gap::AS_ROOT_OF_HOST.to_owned() } else { line.clone() };
            not_checked.gap.would_help = Some(more);
        }
    }
    for fix in report.findings.iter_mut().flat_map(|finding| &mut finding.fixes) {
        if fix.text == Gap::AS_ROOT && is_root {
            fix.text = Gap::AS_ROOT_OF_HOST.into();
        } else if fix.text == Gap::AS_ROOT {
            fix.command = Some(line.clone().into_bytes());
            fix.text = "see what was hidden".into();
        }
    }
}

/// What clap could not understand: its own words, and still one document where one was asked for.
fn unparsed(error: &clap::Error, typed: &[OsString]) -> u8 {
    if !error.use_stderr() {
        return shown(quiet_pipe(error.print()));
    }
    let rendered = error.render().to_string();
    let message = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let status = document(Refusal::usage(message, "sockdoctor --help"), typed);
    let _ = error.print();
    status.unwrap_or(exit::USAGE)
}

/// The document that was asked for, of a command that did not come to one; its exit status.
fn document(refusal: Refusal, typed: &[OsString]) -> Option<u8> {
    let format = outputs::typed(typed).filter(|format| format.tells_failure())?;
    let global = Global { format: Some(format), ..Global::default() };
    let mut report = dress("sockdoctor", Err(refusal), &global, FailOn::Error);
    report.host = host::host(&Machine::default());
    report.started = SystemTime::now();
    let _ = output::to_stdout(|out| render(&report, format, &Style::FILE, Loudness::Normal, out));
    Some(report.exit_code)
}

fn complain(failure: &Failure) {
    let message = crate::report::style::escape(failure.message.as_bytes());
    let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let _ = writeln!(io::stderr(), "sockdoctor: {message}{hint}");
}

/// A reader that went away is no error.
fn quiet_pipe(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

fn shown(written: io::Result<()>) -> u8 {
    match written {
        Ok(()) => exit::ANSWERED,
        Err(error) => {
            complain(&Failure { message: error.to_string(), hint: None });
            exit::OPEN
        }
    }
}
