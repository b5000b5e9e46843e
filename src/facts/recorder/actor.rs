//! Who a pid is, read the moment it did something: a short-lived program may be gone a moment later.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::super::machine::Machine;
use super::super::{cgroup, proc_file, process};
use crate::model::{Actor, Certainty, Doer, IdName};

/// How many processes are remembered after their end.
const REMEMBERED: usize = 512;

/// Longer arguments are cut.
const ARGUMENTS: usize = 4096;

/// Reads processes, and remembers them.
#[derive(Debug)]
pub(super) struct Actors {
    machine: Machine,
    /// The arguments too.
    arguments: bool,
    known: HashMap<u32, Arc<Actor>>,
}

impl Actors {
    pub(super) fn new(machine: Machine, arguments: bool) -> Self {
        Self { machine, arguments, known: HashMap::new() }
    }

    /// Who did what was told just now. `None`: a pid that we are not told.
    pub(super) fn doer(&mut self, pid: u32) -> Option<Doer> {
        if pid == 0 {
            return None;
        }
        let seen = read(&self.machine, pid, self.arguments);
        if seen.command.is_none() {
            // It has ended. That it is the one of before under this number is likely, and no more.
            let actor = self.known.get(&pid).cloned().unwrap_or_else(|| Arc::new(seen));
            return Some(Doer { actor, certainty: Certainty::Likely });
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let actor = match self.known.get(&pid) {
            Some(known) if **known == seen => Arc::clone(known),
            _ => Arc::new(seen),
        };
        self.known.insert(pid, Arc::clone(&actor));
        Some(Doer { actor, certainty: Certainty::Certain })
    }
}

/// Everything that is told of it, what a zombie loses last.
pub(super) fn read(machine: &Machine, pid: u32, arguments: bool) -> Actor {
    let nobody = Actor {
        pid,
        parent: None,
        command: None,
        executable: None,
        arguments: None,
        user: None,
        unit: None,
        container: None,
    };
    let Ok(directory) = proc_file::directory(&machine.process(pid, "")) else { return nobody };
    let read = || fill(nobody.clone(), &directory, arguments);
    let (actor, is_one) = read();
    // Half of one that called execve(2) meanwhile is who it was before. One that has ended is not read again.
    let again = (!is_one).then(|| read().0).filter(|again| again.command.is_some());
    again.unwrap_or(actor)
}

/// With whether it had the one name all the while.
fn fill(mut actor: Actor, directory: &OwnedFd, arguments: bool) -> (Actor, bool) {
    let small = |name| proc_file::read_at(directory, name, proc_file::SMALL).ok();
    actor.command = small("comm").map(|text| text.strip_suffix(b"\n").unwrap_or(&text).to_vec());
    actor.executable = process::link_at(directory, "exe");
    if arguments {
        let line = small("cmdline").filter(|line| !line.is_empty());
        actor.arguments = line.map(|line| line[..line.len().min(ARGUMENTS)].to_vec());
    }
    actor.user = small("status").and_then(|status| process::effective_uid(&status)).map(IdName::unnamed);
    let stat = small("stat");
    let is_one = stat.as_ref().zip(actor.command.as_ref()).is_none_or(|(stat, command)| {
        let named = [b" (", command.as_slice(), b") "].concat();
        stat.windows(named.len()).any(|part| part == named)
    });
    actor.parent = stat.and_then(|stat| process::Stat::parse(&stat)).map(|stat| stat.parent);
    if let Some(text) = small("cgroup") {
        let cgroup::Membership { unit, container, .. } = cgroup::parse(&text);
        (actor.unit, actor.container) = (unit, container);
    }
    (actor, is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_ended_is_who_it_was_and_only_likely() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut actors = Actors::new(Machine::default(), true);
        let named = |actors: &mut Actors, pid| {
            let doer = actors.doer(pid).unwrap();
            (doer.actor.command.clone(), doer.certainty)
        };
        // Until it has become the program, it is a copy of this one; execve(2) changes its name before its arguments.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let doer = loop {
            let doer = actors.doer(child.id()).unwrap();
            if doer.actor.arguments.as_deref() == Some(b"sleep\x0060\0") {
                assert_eq!(
                    doer.actor.command.as_deref(),
                    Some(&b"sleep"[..]),
                    "one program, not half of two"
                );
                break doer;
            }
            assert!(std::time::Instant::now() < end, "{doer:?}");
            std::thread::sleep(std::time::Duration::from_millis(2));
        };
        assert_eq!((doer.actor.parent, doer.certainty), (Some(std::process::id()), Certainty::Certain));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(named(&mut actors, child.id()), (Some(b"sleep".to_vec()), Certainty::Likely));
        assert_eq!(named(&mut actors, u32::MAX), (None, Certainty::Likely));
        assert_eq!(actors.doer(0), None);
    }
}
