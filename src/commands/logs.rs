//! Logs of the servers behind cases: read, counted, and put beside what is known of their processes.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Context, Refusal};
use crate::cli::HealthArgs;
use crate::facts::{logs, process};
use crate::model::{Case, Fact, Gap, LogReading, Process};
use crate::symptoms::log::Reader;

/// Reads what was asked for. A file that somebody names has to be one that can be read.
pub(super) fn read(context: &Context<'_>, cases: &mut [Case], args: &HealthArgs) -> Result<(), Refusal> {
    if !args.logs && args.log.is_empty() {
        return Ok(());
    }
    for case in cases {
        let server = case.server().and_then(|server| server.holders.known());
        // Who answers for it: systemd only keeps it for a service.
        let own = server.and_then(|holders| holders.iter().find(|holder| !holder.process.is_manager()));
        let own = own.map(|holder| &*holder.process);
        let since = own.and_then(|own| process::started_at(context.machine, own));
        let named = args.log.iter().map(|path| of_file(path, since)).collect::<Result<Vec<_>, Gap>>();
        let named = named.map_err(|gap| {
            Refusal::usage(format!("{}: {}", gap.source, gap.why), "give --log a file that can be read")
        })?;
        let mut log: Vec<Result<LogReading, Gap>> = named.into_iter().map(Ok).collect();
        if args.logs {
            log.push(of_journal(own, since));
        }
        let log = log.into_iter().collect::<Result<Vec<_>, Gap>>();
        let mut health = case.health.known().cloned().unwrap_or_default();
        health.log = log.map_or_else(Fact::Unknown, Fact::Known);
        case.health = Fact::Known(health);
    }
    Ok(())
}

fn of_file(path: &Path, since: Option<i64>) -> Result<LogReading, Gap> {
    let mut reader = Reader::new(path.as_os_str().as_bytes(), since);
    logs::file(path, |piece| reader.take(piece))?;
    Ok(reader.finish(false))
}

fn of_journal(own: Option<&Process>, since: Option<i64>) -> Result<LogReading, Gap> {
    let gap =
        || Gap::new("journalctl", "no process that serves the socket is visible").helped_by(Gap::AS_ROOT);
    let own = own.ok_or_else(gap)?;
    let name = format!("journal of {}", own.unit.as_deref().unwrap_or("no unit"));
    let mut reader = Reader::new(name.as_bytes(), since);
    let cut = logs::journal(own, since, |piece| reader.take(piece))?;
    Ok(reader.finish(cut))
}
