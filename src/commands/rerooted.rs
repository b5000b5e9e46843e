//! Which machine `--root` and `--proc` name, and what may be asked of it.

use std::path::Path;

use super::Refusal;
use crate::cli::{Command, ConsumerArgs, Global};
use crate::facts::machine::{Machine, Scope};
use crate::model::Target;

const HOST: &str = "give --proc DIR too, the /proc of the system that runs from there";

/// The machine of a command line.
pub(super) fn machine(global: &Global) -> Result<Machine, Refusal> {
    let cannot = |path: &Path, error: std::io::Error| {
        let hint = "--root and --proc take directories, such as /host and /host/proc";
        Refusal::usage(format!("{}: {error}", path.display()), hint)
    };
    match (&global.root, &global.proc) {
        (None, None) => Ok(Machine::default()),
        (Some(root), None) => Machine::image(root).map_err(|error| cannot(root, error)),
        (Some(root), Some(proc)) => {
            // Said of the one that is at fault.
            Machine::image(root).map_err(|error| cannot(root, error))?;
            Machine::host(root, proc).map_err(|error| cannot(proc, error))
        }
        (None, Some(_)) => Err(Refusal::usage(
            "--proc needs --root",
            "whose files are meant? --root /host --proc /host/proc",
        )),
    }
}

/// Refuses commands that have no answer for such a machine.
pub(super) fn check(machine: &Machine, command: &Command) -> Result<(), Refusal> {
    let name = command.name().unwrap_or_default();
    match (command, machine.scope) {
        (_, Scope::Running) => Ok(()),
        (Command::List(_) | Command::Graph(_), Scope::Image) => {
            let hint = format!("{HOST}; or inspect a directory: sockdoctor --root DIR inspect /run");
            Err(Refusal::usage("with --root alone there are no sockets to list, only files", hint))
        }
        (
            Command::Clean(_)
            | Command::Guard(_)
            | Command::Merge(_)
            | Command::Wait(_)
            | Command::Watch(_)
            | Command::Preflight(_)
            | Command::Demo(_)
            | Command::SelfCheck,
            _,
        ) => {
            let message = format!("{name} is about the running system; it takes no --root");
            Err(Refusal::usage(message, "inspect, access and list take it"))
        }
        _ => Ok(()),
    }
}

/// Refuses what only the kernel knows where there is none to ask.
pub(super) fn check_target(machine: &Machine, target: &Target) -> Result<(), Refusal> {
    match target {
        Target::Path(_) => Ok(()),
        _ if machine.has_kernel() => Ok(()),
        _ => Err(Refusal::usage(
            format!("{target} is no file, and with --root alone there are only files"),
            HOST,
        )),
    }
}

/// The same of consumers: without processes they are users.
pub(super) fn check_consumer(machine: &Machine, args: &ConsumerArgs) -> Result<(), Refusal> {
    let running = args.pid.is_some() || args.unit.is_some() || args.container.is_some() || args.connected;
    if running && !machine.has_kernel() {
        let message = "with --root alone there are no processes to be the consumer";
        return Err(Refusal::usage(message, format!("name a user with --as or --uid; or {HOST}")));
    }
    Ok(())
}
