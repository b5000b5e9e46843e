//! Which descriptors systemd has passed to a process, by the environment it was started with (sd_listen_fds(3)).

use super::machine::Machine;
use super::{proc_file, status};
use crate::model::{Gap, Passed};

/// What a process was told of descriptors. A program may have taken it out of its environment since: `environ` keeps
/// what it was started with.
pub fn to(machine: &Machine, pid: u32) -> Result<Passed, Gap> {
    let path = machine.process(pid, "environ");
    let text = proc_file::read(&path, proc_file::LARGE).map_err(|error| proc_file::gap(&path, &error))?;
    let status = status::read(&machine.process(pid, "status"))?;
    let own = status::field(&status, "NSpid").and_then(|pids| pids.split_whitespace().last()?.parse().ok());
    Ok(Passed {
        fds: variable(&text, b"LISTEN_FDS="),
        pid: variable(&text, b"LISTEN_PID="),
        own: own.unwrap_or(pid),
    })
}

fn variable(text: &[u8], name: &[u8]) -> Option<u32> {
    let value = text.split(|byte| *byte == 0).find_map(|word| word.strip_prefix(name))?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_was_passed_is_in_its_environment() {
        let text = b"A=LISTEN_FDS=9\0LISTEN_FDS=2\0LISTEN_PID=77\0";
        assert_eq!((variable(text, b"LISTEN_FDS="), variable(text, b"LISTEN_PID=")), (Some(2), Some(77)));
        assert_eq!(variable(b"", b"LISTEN_FDS="), None);
        let own = std::process::id();
        assert!(to(&Machine::default(), own).is_ok_and(|passed| passed.fds.is_none()));
    }
}
