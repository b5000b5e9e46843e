//! What processes were started with: their environment and command line, shown to somebody who picks what matters.
//! Nothing else of it is kept: there are passwords in it.

use super::machine::Machine;
use super::users::Users;
use super::{proc_file, process};
use crate::model::{Gap, Process, Seen};

/// What is picked from each process that has something, by pid.
pub fn each<T>(
    machine: &Machine,
    users: &mut Users,
    pick: impl Fn(&[(String, String)], &[Vec<u8>]) -> Vec<T>,
) -> Seen<Vec<(Process, Vec<T>)>> {
    let mut seen = Seen { items: Vec::new(), gaps: Vec::new() };
    let pids = process::pids(machine).unwrap_or_else(|gap| {
        seen.gaps.push(gap);
        vec![]
    });
    let mut closed = 0;
    for pid in pids {
        let read = |name| proc_file::read(&machine.process(pid, name), proc_file::LARGE);
        let environment = match read("environ") {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                closed += 1;
                continue;
            }
            Err(_) => continue,
        };
        let words = parts(&read("cmdline").unwrap_or_default());
        let picked = pick(&variables(&environment), &words);
        if !picked.is_empty()
            && let Some(process) = process::read(machine, users, pid)
        {
            seen.items.push((process, picked));
        }
    }
    if closed > 0 {
        let why = format!("not readable of {closed} processes: which databases they use is not known");
        seen.gaps.push(Gap::new("/proc/PID/environ", why).helped_by(proc_file::more_rights()));
    }
    seen
}

fn variables(environment: &[u8]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs = parts(environment).into_iter().filter_map(|part| {
        let equals = part.iter().position(|byte| *byte == b'=')?;
        Some((text(&part[..equals]), text(&part[equals + 1..])))
    });
    pairs.collect()
}

/// What NULs part.
pub(super) fn parts(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_picked_is_not_kept() {
        let machine = Machine::default();
        let ours = |_: &[(String, String)], words: &[Vec<u8>]| words.first().cloned().into_iter().collect();
        let seen = each(&machine, &mut Users::new(&machine), ours);
        assert!(seen.items.iter().any(|(process, _)| process.pid == std::process::id()));
        assert_eq!(variables(b"A=1\0B=x=y\0junk\0"), [("A".into(), "1".into()), ("B".into(), "x=y".into())]);
    }
}
