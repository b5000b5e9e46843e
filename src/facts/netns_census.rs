//! Which network namespaces the visible processes are in: one readlink of `/proc/PID/ns/net` each.
//!
//! That link takes the right to trace the process (ptrace(2), `PTRACE_MODE_READ_FSCREDS`). Where it is denied,
//! the inode of `/proc/PID/net/unix` tells processes of one network namespace from those of another without any
//! right: every namespace has a proc directory of its own (`proc_net_ns_init`, `fs/proc/proc_net.c`).

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, readlinkat_raw, statat};
use rustix::io::Errno;

use super::errno::words;
use super::machine::Machine;
use super::netns::privilege;
use crate::model::{Gap, NetnsId};

/// The processes of a procfs, by network namespace.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// The pids in each foreign namespace that can be named.
    pub(super) readable: BTreeMap<NetnsId, Vec<u32>>,
    /// A pid for each foreign namespace that cannot, by the inode of its socket table.
    pub(super) closed: BTreeMap<u64, u32>,
    /// A pid for each mount namespace.
    pub(super) views: BTreeMap<u64, u32>,
    /// Processes that might be in any.
    pub(super) gaps: Vec<Gap>,
}

/// What one process shows of its namespace.
enum Shown {
    Namespace(NetnsId),
    Table(u64),
    Nothing(Errno),
}

impl Census {
    /// Looks at every process once.
    pub(super) fn take(machine: &Machine, own: NetnsId) -> Self {
        let source = machine.proc.display().to_string();
        let mut census = Self::default();
        let found =
            openat(rustix::fs::CWD, &machine.proc, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .and_then(|proc| Dir::read_from(&proc).map(|entries| (proc, entries)));
        let (proc, entries) = match found {
            Ok(found) => found,
            Err(errno) => {
                census.gaps.push(Gap::new(source, words(errno)));
                return census;
            }
        };
        let mut hidden = Vec::new();
        let mut first_seen = false;
        for pid in entries.filter_map(|entry| entry.ok()?.file_name().to_str().ok()?.parse().ok()) {
            first_seen |= pid == 1;
            match shown(&proc, pid) {
                Some(Shown::Namespace(id)) if id == own => {}
                Some(Shown::Namespace(id)) => census.readable.entry(id).or_default().push(pid),
                Some(Shown::Table(ino)) => {
                    census.closed.entry(ino).or_insert(pid);
                }
                Some(Shown::Nothing(errno)) => hidden.push(errno),
                None => continue,
            }
            if let Some(view) = view(&proc, pid) {
                census.views.entry(view).or_insert(pid);
            }
        }
        census.forget_known(&proc, machine.viewer_name());
        if let Some(errno) = hidden.first() {
            let why = format!("{} for {} processes", words(*errno), hidden.len());
            census.gaps.push(Gap::new(format!("{source}/PID/ns/net"), why).helped_by(privilege()));
        }
        if !first_seen {
            // proc(5), hidepid=invisible: every pid namespace has a process 1.
            census.gaps.push(Gap::new(source, "other users' processes are hidden").helped_by(privilege()));
        }
        census
    }

    /// Drops the closed ones that are our own or have a process that could be read.
    fn forget_known(&mut self, proc: &OwnedFd, viewer: &str) {
        if self.closed.is_empty() {
            return;
        }
        let readable =
            self.readable.values().filter_map(|pids| pids.first()).map(|pid| table(proc, &pid.to_string()));
        let known: BTreeSet<u64> = readable.chain([table(proc, viewer)]).filter_map(Result::ok).collect();
        self.closed.retain(|ino, _| !known.contains(ino));
    }
}

/// `None`: the process has ended.
fn shown(proc: &OwnedFd, pid: u32) -> Option<Shown> {
    let mut buffer = [0; 32];
    let link = readlinkat_raw(proc, format!("{pid}/ns/net"), &mut buffer);
    match link.map(|length| namespace_id(&buffer[..length])) {
        Ok(id) => id.map(Shown::Namespace),
        Err(Errno::ACCESS | Errno::PERM) => match table(proc, &pid.to_string()) {
            Ok(ino) => Some(Shown::Table(ino)),
            Err(errno @ (Errno::ACCESS | Errno::PERM)) => Some(Shown::Nothing(errno)),
            Err(_) => None,
        },
        Err(_) => None,
    }
}

/// The mount namespace of a process.
fn view(proc: &OwnedFd, pid: u32) -> Option<u64> {
    let mut buffer = [0; 32];
    let length = readlinkat_raw(proc, format!("{pid}/ns/mnt"), &mut buffer).ok()?;
    number(&buffer[..length], b"mnt:[")
}

fn table(proc: &OwnedFd, process: &str) -> Result<u64, Errno> {
    statat(proc, format!("{process}/net/unix"), AtFlags::empty()).map(|file| file.st_ino)
}

/// The number in `net:[4026531840]` (namespaces(7)).
pub(super) fn namespace_id(link: &[u8]) -> Option<NetnsId> {
    number(link, b"net:[").map(NetnsId)
}

fn number(link: &[u8], before: &[u8]) -> Option<u64> {
    let number = link.strip_prefix(before)?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const OWN: NetnsId = NetnsId(4_026_531_840);

    fn machine(processes: &[(u32, u64)]) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().unwrap();
        for (pid, id) in processes {
            let directory = root.path().join(pid.to_string()).join("ns");
            fs::create_dir_all(&directory).unwrap();
            symlink(format!("net:[{id}]"), directory.join("net")).unwrap();
        }
        let machine = Machine { proc: root.path().into(), ..Machine::default() };
        (root, machine)
    }

    #[test]
    fn processes_are_grouped_and_our_own_left_out() {
        let (root, machine) = machine(&[(1, OWN.0), (20, 7), (21, 7), (30, 8)]);
        fs::create_dir(root.path().join("40")).unwrap();
        fs::create_dir(root.path().join("not-a-process")).unwrap();
        let census = Census::take(&machine, OWN);
        let mut of_seven = census.readable[&NetnsId(7)].clone();
        of_seven.sort_unstable();
        assert_eq!((of_seven, &census.readable[&NetnsId(8)]), (vec![20, 21], &vec![30]));
        assert!(census.readable.len() == 2 && census.closed.is_empty() && census.gaps.is_empty());
    }

    #[test]
    fn hidden_processes_and_a_missing_proc_are_gaps() {
        let (_root, machine) = machine(&[(20, OWN.0)]);
        assert_eq!(Census::take(&machine, OWN).gaps[0].why, "other users' processes are hidden");
        let nowhere = Machine { proc: "/nonexistent".into(), ..Machine::default() };
        assert_eq!(Census::take(&nowhere, OWN).gaps[0].why, "No such file or directory");
    }

    #[test]
    fn only_a_network_namespace_is_one() {
        assert_eq!(namespace_id(b"net:[4026531840]"), Some(OWN));
        for link in [&b"mnt:[4026531840]"[..], b"net:[]", b"net:[1", b"net:[-1]", b""] {
            assert_eq!(namespace_id(link), None);
        }
    }
}
