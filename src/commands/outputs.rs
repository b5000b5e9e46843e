//! Where a command's report goes: standard output or `-o`, the files of `--report`, a step's summary. All of them
//! say the same, whatever their format; and what cannot be written is known before anything is.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Refusal, complain};
use crate::cli::{Global, ReportFile};
use crate::exit;
use crate::model::{Alarm, Data, Failure, ReplyShown, Report};
use crate::report::output::{self, Draft};
use crate::report::style::Style;
use crate::report::{Format, Loudness, SUMMARY_LIMIT, render, summary};

/// What is asked for.
pub(super) struct Outputs<'g> {
    format: Format,
    file: Option<&'g Path>,
    reports: &'g [ReportFile],
    loudness: Loudness,
    step_summary: Option<&'g Path>,
    /// Standard output is another command's, which this process is to become.
    stdout_is_taken: bool,
}

/// The format of the main output.
fn format(global: &Global) -> Format {
    if global.json { Format::Json } else { global.format.unwrap_or(Format::Text) }
}

/// The format that a command line asks for which cannot be understood as a whole.
pub(super) fn typed(words: &[OsString]) -> Option<Format> {
    // What stands behind -- belongs to another command.
    let own = words.iter().take_while(|word| *word != "--");
    let words = || own.clone().map(|word| word.to_str().unwrap_or_default());
    let joined = words().filter_map(|word| word.strip_prefix("--format="));
    let apart = words().zip(words().skip(1)).filter(|(flag, _)| *flag == "--format").map(|(_, word)| word);
    let json = words().any(|word| word == "--json").then_some(Format::Json);
    json.or_else(|| joined.chain(apart).find_map(Format::of_word))
}

/// Whether a command can be asked for these.
pub(super) fn check(command: &str, global: &Global) -> Result<(), Refusal> {
    let formats = std::iter::once(format(global)).chain(global.reports.iter().map(|report| report.format));
    if let Some(format) = formats.into_iter().find(|format| !format.is_of(command)) {
        let has: Vec<&str> =
            Format::ALL.into_iter().filter(|format| format.is_of(command)).map(Format::word).collect();
        let message = format!("`{command}` has no format `{}`", format.word());
        return Err(Refusal::usage(message, format!("it has {}", has.join(", "))));
    }
    let files = global.output.iter().chain(global.reports.iter().map(|report| &report.path));
    let mut places: Vec<PathBuf> = Vec::new();
    for file in files {
        let place = output::place(file);
        if places.contains(&place) {
            let message = format!("{} is to be written twice", file.display());
            return Err(Refusal::usage(message, "give -o and each --report a file of its own"));
        }
        places.push(place);
    }
    Ok(())
}

impl<'g> Outputs<'g> {
    /// What [`check`] let pass.
    pub(super) fn of(global: &'g Global, step_summary: Option<&'g Path>) -> Self {
        let loudness = match (global.quiet, global.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Normal,
        };
        let (file, reports) = (global.output.as_deref(), global.reports.as_slice());
        Self { format: format(global), file, reports, loudness, step_summary, stdout_is_taken: false }
    }

    /// Leaves standard output alone: what would go there goes to standard error.
    pub(super) fn beside_a_command(self, command: &[OsString]) -> Self {
        Self { stdout_is_taken: !command.is_empty(), ..self }
    }

    /// What is left of it for a command that [`check`] refused: no file, and no format that the command has not.
    pub(super) fn refused(global: &'g Global, command: &str) -> Self {
        let typed = format(global);
        // A plugin has to say its line whatever went wrong.
        let told = typed.is_of(command) || typed == Format::Nagios;
        let format = if told { typed } else { Format::Text };
        Self {
            format,
            file: None,
            reports: &[],
            loudness: Loudness::Normal,
            step_summary: None,
            stdout_is_taken: false,
        }
    }

    /// Writes it all; the result is the exit status.
    pub(super) fn write(&self, report: &mut Report, style: &Style) -> u8 {
        // A command without an answer has nothing to say in a format for answers.
        let says = |format: Format, answered: bool| answered || format.tells_failure();
        // What could not be read may have left something that could.
        let answered = report.failure.is_none() || report.subjects > 0;
        // 2 would be CRITICAL to who reads a plugin's line.
        let failed = if self.format == Format::Nagios { exit::OPEN } else { exit::USAGE };
        if let Some(failure) = &report.failure {
            complain(failure);
        }
        let mut reports = Vec::new();
        for wanted in self.reports.iter().filter(|wanted| says(wanted.format, answered)) {
            match Draft::begin(&wanted.path) {
                Ok(draft) => reports.push((wanted, draft)),
                Err(error) => unwritten(report, &wanted.path, &error, failed),
            }
        }
        let mut file = None;
        if let Some(path) = self.file.filter(|_| says(self.format, answered)) {
            match Draft::begin(path) {
                Ok(draft) => file = Some(draft),
                Err(error) => unwritten(report, path, &error, failed),
            }
        }
        let in_file = Style { unicode: style.unicode, ..Style::FILE };
        for (wanted, draft) in reports {
            let written = draft.finish(|out| render(report, wanted.format, &in_file, self.loudness, out));
            if let Err(error) = written {
                unwritten(report, &wanted.path, &error, failed);
            }
        }
        self.summarise(report);
        if !says(self.format, answered) {
            return report.exit_code;
        }
        match (self.file, file) {
            (None, _) if self.stdout_is_taken => {
                let _ = output::to_stderr(|out| render(report, self.format, &in_file, self.loudness, out));
            }
            (None, _) => {
                let written = output::to_stdout(|out| render(report, self.format, style, self.loudness, out));
                if let Err(error) = written {
                    unprinted(report, &error, failed);
                }
            }
            (Some(path), Some(draft)) => {
                let written = draft.finish(|out| render(report, self.format, &in_file, self.loudness, out));
                if let Err(error) = written {
                    unwritten(report, path, &error, failed);
                }
            }
            // Said already.
            (Some(_), None) => {}
        }
        self.say_beside_a_body(report, &in_file);
        report.exit_code
    }

    /// Where the output is the body alone, what is wrong with it is said on standard error.
    fn say_beside_a_body(&self, report: &mut Report, style: &Style) {
        let failed =
            report.exit_code != exit::ANSWERED && matches!(self.format, Format::Text | Format::Plain);
        if let Data::Probe { shown: shown @ ReplyShown::BodyOnly, .. } = &mut report.data
            && failed
        {
            *shown = ReplyShown::Line;
            let _ = output::to_stderr(|out| render(report, self.format, style, self.loudness, out));
        }
    }

    /// For GitHub Actions: the report as the step's summary. That it cannot be written, as in a container that does
    /// not have the file, says nothing about the sockets.
    fn summarise(&self, report: &Report) {
        let formats = std::iter::once(self.format).chain(self.reports.iter().map(|wanted| wanted.format));
        let Some(path) = self.step_summary.filter(|_| formats.into_iter().any(|f| f == Format::Github))
        else {
            return;
        };
        let written = output::append(path, |length| {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            summary(report, SUMMARY_LIMIT.saturating_sub(length))
        });
        if let Err(error) = written {
            let path = crate::report::style::escape(path.as_os_str().as_encoded_bytes());
            let _ = writeln!(io::stderr(), "sockdoctor: no step summary: {path}: {error}");
        }
    }
}

/// That standard output cannot take it has nothing to do with -o.
fn unprinted(report: &mut Report, error: &io::Error, status: u8) {
    let failure = Failure { message: format!("standard output: {}", reason(error)), hint: None };
    complain(&failure);
    (report.exit_code, report.alarm) = (status, Alarm::Unknown);
    report.failure.get_or_insert(failure);
}

/// The words of the errno alone: what surrounds them may name a temporary file.
pub(super) fn reason(error: &io::Error) -> String {
    let source =
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
    let errno = error.raw_os_error().or_else(|| {
        source.filter_map(|error| error.downcast_ref::<io::Error>()).find_map(io::Error::raw_os_error)
    });
    let text =
        errno.map_or_else(|| error.to_string(), |errno| io::Error::from_raw_os_error(errno).to_string());
    text.rsplit_once(" (os error ").map_or(text.clone(), |(words, _)| words.to_owned())
}

/// What could not be written is a failure of the command line, in every output that is still to be written.
fn unwritten(report: &mut Report, path: &Path, error: &io::Error, status: u8) {
    let failure = Failure {
        message: format!("{}: {}", path.display(), reason(error)),
        hint: Some("give -o and --report files in a directory you may write to".into()),
    };
    complain(&failure);
    (report.exit_code, report.alarm) = (status, Alarm::Unknown);
    report.failure.get_or_insert(failure);
}
