//! Running servers that configuration speaks of: their masters, by name, with their command lines and workers.

use super::machine::Machine;
use super::users::Users;
use super::{proc_file, process};
use crate::model::{Gap, Process};

/// A server: the process that read the configuration, and those it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The one whose parent is none of them.
    pub master: Process,
    /// Its command line, word by word.
    pub words: Vec<Vec<u8>>,
    /// Its children of the same name; itself where it has none.
    pub workers: Vec<u32>,
}

/// The servers whose `comm` begins with one of these, and that a look at the command line agrees to.
pub fn running(
    machine: &Machine,
    users: &mut Users,
    names: &[&[u8]],
    is_it: impl Fn(&[Vec<u8>]) -> bool,
) -> Result<Vec<Server>, Gap> {
    let mut found: Vec<(Process, Vec<Vec<u8>>)> = Vec::new();
    for pid in process::pids(machine)? {
        let Some(command) = process::command(machine, pid) else { continue };
        if !names.iter().any(|name| command.starts_with(name)) {
            continue;
        }
        let Ok(line) = proc_file::read(&machine.process(pid, "cmdline"), proc_file::SMALL) else { continue };
        let words = words(&line);
        if let Some(process) = process::read(machine, users, pid).filter(|_| is_it(&words)) {
            found.push((process, words));
        }
    }
    let all: Vec<(u32, u32)> = found.iter().map(|(process, _)| (process.pid, process.parent)).collect();
    let is_worker = |process: &Process| all.iter().any(|(pid, _)| *pid == process.parent);
    let servers = found.into_iter().filter(|(process, _)| !is_worker(process)).map(|(master, words)| {
        let children = all.iter().filter(|(_, parent)| *parent == master.pid);
        let mut workers: Vec<u32> = children.map(|(pid, _)| *pid).collect();
        if workers.is_empty() {
            workers.push(master.pid);
        }
        Server { master, words, workers }
    });
    Ok(servers.collect())
}

/// The words of a command line; of one that its program has rewritten, as nginx does (`nginx: master process …`), what
/// stands between blanks.
fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    let rewritten = line.starts_with(b"nginx: ");
    let parts = line.split(|byte| if rewritten { matches!(byte, b' ' | 0) } else { *byte == 0 });
    parts.filter(|part| !(rewritten && part.is_empty())).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_rewritten_line_are_parted_by_blanks() {
        assert_eq!(words(b"a\0b c\0"), [b"a".to_vec(), b"b c".to_vec()]);
        let nginx = words(b"nginx: master process nginx -c /x\0\0\0");
        assert_eq!(nginx.last().unwrap(), b"/x");
    }

    #[test]
    fn we_find_ourselves() {
        let machine = Machine::default();
        let own = process::command(&machine, std::process::id()).unwrap();
        let found = running(&machine, &mut Users::new(&machine), &[&own], |_| true).unwrap();
        let ours = |server: &&Server| server.master.pid == std::process::id();
        assert!(found.iter().any(|server| ours(&server) || server.workers.contains(&std::process::id())));
    }
}
