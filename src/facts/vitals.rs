//! How a process fares that holds a socket: its threads, memory, age and descriptors (proc_pid_status(5)).

use std::collections::HashMap;
use std::fs::read_dir;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::machine::Machine;
use super::{proc_file, process, status};
use crate::model::{Descriptors, Fact, Gap, Process, Vitals};

/// So many descriptors are named by what they are; more tell nothing new, and each costs a call.
const NAMED: usize = 4096;

/// A second look at what may be a process between two of its children.
const MOMENT: Duration = Duration::from_millis(100);

/// So many kinds are told of one process.
const KINDS: usize = 6;

/// Words in the command lines of processes that serve for another one. Spelt by: Python's multiprocessing (the spawn
/// method), gunicorn with setproctitle, nginx, php-fpm, puma, unicorn.
const WORKERS: &[&str] = &[
    "--multiprocessing-fork",
    "gunicorn: worker",
    "nginx: worker process",
    "php-fpm: pool ",
    "puma: cluster worker",
    "unicorn worker[",
];

/// Variables by which programs are given listening sockets: systemd and its kin, server-starter, einhorn, and
/// the reloads of gunicorn and uWSGI.
const HANDED: &[&str] =
    &["LISTEN_FDS=", "SERVER_STARTER_PORT=", "EINHORN_FD_COUNT=", "GUNICORN_FD=", "UWSGI_RELOADS="];

/// Reads it. What is gone by now gives what is known of the dead.
pub(super) fn of(machine: &Machine, process: &Process) -> Vitals {
    let pid = process.pid;
    let status = status::read(&machine.process(pid, "status")).unwrap_or_default();
    let line = text(&machine.process(pid, "cmdline"));
    let environment = text(&machine.process(pid, "environ"));
    let variable = |name: &&str| environment.split('\0').any(|word| word.starts_with(*name));
    let program = program(machine, pid);
    let orphan = |worker| is_orphan(machine, process.parent, worker, program.as_deref());
    let worker = is_worker(&line) || (is_gunicorn(&line) && orphan(true) && stays_childless(machine, pid));
    Vitals {
        pid,
        state: status::field(&status, "State").and_then(|text| text.chars().next()).unwrap_or(process.state),
        threads: status::field(&status, "Threads").and_then(|text| text.parse().ok()),
        rss: status::field(&status, "VmRSS").and_then(kilobytes),
        age: age(machine, process),
        orphan: orphan(worker),
        program,
        worker,
        group: group(machine, pid),
        handed: HANDED.iter().any(variable),
        descriptors: descriptors(machine, pid).map_or_else(Fact::Unknown, Fact::Known),
    }
}

/// How many descriptors a process has open. `None`: gone, or not readable.
pub(super) fn open_descriptors(machine: &Machine, pid: u32) -> Option<usize> {
    let path = machine.process(pid, "fd");
    // `proc_readfd_count` (fs/proc/fd.c) gives the number as the size since Linux 6.2; before, it is 0.
    match std::fs::metadata(&path).ok()?.size() {
        0 => Some(read_dir(path).ok()?.count()),
        count => usize::try_from(count).ok(),
    }
}

/// What its program is, without what the kernel appends to the name of one that was replaced.
fn program(machine: &Machine, pid: u32) -> Option<Vec<u8>> {
    let mut program = process::link(&machine.process(pid, "exe"))?;
    if program.ends_with(b" (deleted)") {
        program.truncate(program.len() - b" (deleted)".len());
    }
    Some(program)
}

/// Whether its command line says that it serves for another process.
pub(super) fn is_worker(line: &str) -> bool {
    WORKERS.iter().any(|words| line.contains(words))
}

/// `/usr/bin/python3 /usr/bin/gunicorn app:wsgi`: workers are forks, and look like their master.
pub(super) fn is_gunicorn(line: &str) -> bool {
    line.split('\0').take(3).any(|word| word.rsplit('/').next() == Some("gunicorn"))
}

/// A master always has a child, but for the moment in which it starts the next one (proc_tid_children(5)).
fn stays_childless(machine: &Machine, pid: u32) -> bool {
    let path = machine.process(pid, format!("task/{pid}/children"));
    let childless = || status::read(&path).is_ok_and(|text| text.trim().is_empty());
    childless() && {
        std::thread::sleep(MOMENT);
        childless()
    }
}

/// Whether whoever takes in orphans is the parent: process 1 of this or of a container's pid namespace, a systemd,
/// or for what is a worker a process of another program, which was never its master. In a container process 1 may
/// be the master itself.
fn is_orphan(machine: &Machine, parent: u32, worker: bool, own: Option<&[u8]>) -> bool {
    let theirs = program(machine, parent);
    if own.is_some() && theirs.as_deref() == own {
        return false;
    }
    if parent <= 1 || process::command(machine, parent).is_none_or(|command| command == b"systemd") {
        return true;
    }
    let status = status::read(&machine.process(parent, "status")).unwrap_or_default();
    let innermost = status::field(&status, "NSpid").and_then(|pids| pids.split_ascii_whitespace().last());
    (worker || innermost == Some("1")) && own.is_some() && theirs.is_some()
}

/// Field 5 of proc_pid_stat(5).
fn group(machine: &Machine, pid: u32) -> Option<u32> {
    let stat = proc_file::read(&machine.process(pid, "stat"), proc_file::SMALL).ok()?;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    fields.split_ascii_whitespace().nth(2)?.parse().ok().filter(|group| *group != 0)
}

/// What a process is doing, in one letter of proc_pid_stat(5). `None`: it is gone.
pub(super) fn state(machine: &Machine, pid: u32) -> Option<char> {
    let status = status::read(&machine.process(pid, "status")).ok()?;
    status::field(&status, "State")?.chars().next()
}

/// Whether nine of ten descriptors may be taken, by their number alone: those above the limit count too.
pub(super) fn may_run_out(machine: &Machine, pid: u32) -> bool {
    let limit = status::read(&machine.process(pid, "limits")).ok().and_then(|limits| soft_limit(&limits));
    let open = limit.and_then(|limit| Some((open_descriptors(machine, pid)? as u64, limit)));
    open.is_some_and(|(open, limit)| open >= limit - limit / 10)
}

fn descriptors(machine: &Machine, pid: u32) -> Result<Descriptors, Gap> {
    let limits = status::read(&machine.process(pid, "limits"))?;
    let limit = soft_limit(&limits)
        .ok_or_else(|| Gap::new(format!("/proc/{pid}/limits"), "it does not tell of open files"))?;
    let path = machine.process(pid, "fd");
    let entries = read_dir(&path).map_err(|error| proc_file::gap(&path, &error))?;
    let numbers: Vec<u64> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    let below = numbers.iter().filter(|number| **number < limit).count() as u64;
    let mut found = Descriptors { open: numbers.len(), below, limit, kinds: Vec::new() };
    if found.nearly_out() {
        found.kinds = kinds(&path, &numbers);
    }
    Ok(found)
}

/// proc_pid_limits(5): `Max open files            64                   64                   files`
pub(super) fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// What the descriptors are, most first.
fn kinds(directory: &Path, numbers: &[u64]) -> Vec<(Vec<u8>, usize)> {
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    for number in numbers.iter().take(NAMED) {
        let Some(link) = process::link(&directory.join(number.to_string())) else { continue };
        // Those of a kind are told apart by an inode only: `socket:[31200]`.
        let end = link.windows(2).position(|pair| pair == b":[").filter(|_| !link.starts_with(b"/"));
        let kind = end.map_or(&link[..], |end| &link[..end]);
        *counts.entry(kind.to_vec()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|one, next| next.1.cmp(&one.1).then_with(|| one.0.cmp(&next.0)));
    counts.truncate(KINDS);
    counts
}

fn age(machine: &Machine, process: &Process) -> Option<u64> {
    let uptime = status::read(&machine.proc("uptime")).ok()?;
    let up: u64 = uptime.split(['.', ' ']).next()?.parse().ok()?;
    Some(up.saturating_sub(process.start_ticks / rustix::param::clock_ticks_per_second().max(1)))
}

fn kilobytes(text: &str) -> Option<u64> {
    text.strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn text(path: &Path) -> String {
    let bytes = proc_file::read(path, proc_file::SMALL).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::users::Users;

    #[test]
    fn our_own_descriptors_are_counted_below_the_limit() {
        let machine = Machine::default();
        let process = process::read(&machine, &mut Users::new(&machine), std::process::id()).unwrap();
        let vitals = of(&machine, &process);
        let found = vitals.descriptors.known().unwrap();
        assert!(found.below >= 3 && found.limit >= found.below, "{found:?}");
        assert!(vitals.rss.is_some_and(|bytes| bytes > 0) && vitals.threads.is_some());
        assert!(vitals.program.is_some() && vitals.age.is_some() && !vitals.worker);
        assert!(open_descriptors(&machine, std::process::id()).is_some_and(|open| open >= 3));
        assert_eq!(open_descriptors(&machine, u32::MAX), None);
    }

    #[test]
    fn a_number_above_the_limit_takes_no_place() {
        let proc = tempfile::tempdir().unwrap();
        let fd = proc.path().join("7/fd");
        std::fs::create_dir_all(&fd).unwrap();
        let limits = "Limit  Soft  Hard  Units\nMax open files            4                    9  files\n";
        std::fs::write(proc.path().join("7/limits"), limits).unwrap();
        for (number, target) in [(0, "/dev/null"), (1, "/dev/null"), (2, "socket:[1]"), (8, "socket:[2]")] {
            std::os::unix::fs::symlink(target, fd.join(number.to_string())).unwrap();
        }
        let machine = Machine { proc: proc.path().to_path_buf(), ..Machine::default() };
        let found = descriptors(&machine, 7).unwrap();
        assert_eq!((found.open, found.below, found.free(), found.nearly_out()), (4, 3, 1, false));
        std::os::unix::fs::symlink("pipe:[3]", fd.join("3")).unwrap();
        let found = descriptors(&machine, 7).unwrap();
        assert_eq!((found.free(), found.nearly_out()), (0, true));
        let [null, sockets, pipe] = &found.kinds[..] else { panic!("{:?}", found.kinds) };
        assert_eq!((null, sockets), (&(b"/dev/null".to_vec(), 2), &(b"socket".to_vec(), 2)));
        assert_eq!(pipe.1, 1);
        assert!(descriptors(&machine, 8).is_err());
    }
}
