//! Which servers of an overview look as if a whole look at them would find something: by what a few small files tell of
//! each process, read once.

use std::collections::HashMap;

use super::Examiner;
use crate::facts::{proc_file, process, vitals};
use crate::model::{Holder, Vitals};

/// What was seen of processes, by pid.
#[derive(Debug, Default)]
pub struct Suspects {
    seen: HashMap<u32, Suspect>,
    /// Those that were looked at whole: one process may hold thousands of sockets.
    pub(super) vitals: HashMap<u32, Vitals>,
}

#[derive(Debug)]
struct Suspect {
    /// It is stopped, or may have no descriptor left.
    ill: bool,
    /// Its command line is that of a worker, or of a program whose workers look like it.
    worker: bool,
    /// What `/proc/PID/exe` names.
    program: Option<Vec<u8>>,
}

impl Examiner<'_> {
    /// Whether the processes that hold a listener call for a whole look. Only what is read of them already and what
    /// costs next to nothing decides.
    pub fn looks_ill(&self, holders: &[Holder], suspects: &mut Suspects) -> bool {
        let own = || holders.iter().filter(|holder| !holder.process.is_manager());
        let has_parent = |holder: &Holder| own().any(|other| other.process.pid == holder.process.parent);
        let activated = own().count() < holders.len();
        // Siblings without a parent among them.
        if own().count() > 1 && !activated && !own().any(has_parent) {
            return true;
        }
        for holder in own() {
            suspects.seen.entry(holder.process.pid).or_insert_with(|| self.suspect(holder));
        }
        let seen = |holder: &Holder| suspects.seen.get(&holder.process.pid);
        let mut programs = own().filter_map(|holder| seen(holder)?.program.as_ref());
        let first = programs.next();
        let strangers = programs.any(|program| Some(program) != first);
        let is_ill = |holder: &Holder| {
            seen(holder).is_some_and(|seen| seen.ill || (seen.worker && !activated && !has_parent(holder)))
        };
        strangers || own().any(is_ill)
    }

    fn suspect(&self, holder: &Holder) -> Suspect {
        let pid = holder.process.pid;
        let line =
            proc_file::read(&self.machine.process(pid, "cmdline"), proc_file::SMALL).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        let stopped = matches!(holder.process.state, 'T' | 't');
        Suspect {
            ill: stopped || vitals::may_run_out(self.machine, pid),
            worker: vitals::is_worker(&line) || vitals::is_gunicorn(&line),
            program: process::link(&self.machine.process(pid, "exe")),
        }
    }
}
