//! One process: who it is, and whether it still is who it was.

use std::ffi::OsStr;
use std::fs::read_dir;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, readlinkat, statx};

use crate::model::{Gap, NetnsId, Process, SocketIno};

use super::cgroup::{self, Membership};
use super::machine::Machine;
use super::proc_file;
use super::users::Users;

/// Every pid listed in `/proc`, ascending. Processes hidden by `hidepid=` are not listed.
pub fn pids(machine: &Machine) -> Result<Vec<u32>, Gap> {
    let entries = read_dir(&machine.proc).map_err(|error| proc_file::gap(&machine.proc, &error))?;
    let mut pids: Vec<u32> = entries.filter_map(|entry| pid(&entry.ok()?.file_name())).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// A process by its pid. `None`: it is gone, or nothing of it may be read.
pub fn read(machine: &Machine, users: &mut Users, pid: u32) -> Option<Process> {
    let directory = proc_file::directory(&machine.process(pid, "")).ok()?;
    let small = |name| proc_file::read_at(&directory, name, proc_file::SMALL).ok();
    // First what a zombie still has, so that a process that ends meanwhile keeps its name.
    let mut command = small("comm")?;
    // comm may itself end in newlines: only the last one is the kernel's.
    command.pop_if(|byte| *byte == b'\n');
    let Membership { unit, user_unit, container } =
        small("cgroup").map(|text| cgroup::parse(&text)).unwrap_or_default();
    let stat = Stat::parse(&small("stat")?)?;
    let user = users.user(effective_uid(&small("status")?)?);
    let mount_namespace = link_at(&directory, "ns/mnt").and_then(|link| bracketed(&link, b"mnt:["));
    let Stat { state, parent, start_ticks, .. } = stat;
    Some(Process {
        pid,
        parent,
        command,
        user,
        unit,
        user_unit,
        container,
        mount_namespace,
        state,
        start_ticks,
    })
}

/// The working directory as `/proc/PID/cwd` tells it: up to the root of its mount namespace, and with
/// ` (deleted)` appended once it is removed (`proc_pid_cwd(5)`). `None`: gone, or not readable.
#[must_use]
pub fn working_directory(machine: &Machine, pid: u32) -> Option<Vec<u8>> {
    link(&machine.process(pid, "cwd")).filter(|path| path.starts_with(b"/"))
}

/// The directory that a process was started in, as its shell said (`PWD`, proc_pid_environ(5)): for one that has left
/// it since. `None`: gone, not readable, or nobody said so.
#[must_use]
pub fn started_in(machine: &Machine, pid: u32) -> Option<Vec<u8>> {
    let text = proc_file::read(&machine.process(pid, "environ"), proc_file::LARGE).ok()?;
    let mut variables = text.split(|byte| *byte == 0);
    let said = variables.find_map(|variable| variable.strip_prefix(b"PWD="))?;
    said.starts_with(b"/").then(|| said.to_vec())
}

/// The network namespace of a process. `None`: gone, or not readable.
#[must_use]
pub fn network_namespace(machine: &Machine, pid: u32) -> Option<NetnsId> {
    bracketed(&link(&machine.process(pid, "ns/net"))?, b"net:[").map(NetnsId)
}

/// The root directory of a process as `/proc/PID/root` tells it (proc_pid_root(5)). `None`: gone, or not readable.
#[must_use]
pub fn root_link(machine: &Machine, pid: u32) -> Option<Vec<u8>> {
    link(&machine.process(pid, "root"))
}

/// When a process began at the earliest, seconds since the epoch (`btime` of `/proc/stat`, which is rounded down too):
/// what is older than that was there before it.
#[must_use]
pub fn started_at(machine: &Machine, process: &Process) -> Option<i64> {
    let stat = proc_file::read(&machine.proc("stat"), proc_file::LARGE).ok()?;
    let boot = stat.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    let boot: i64 = std::str::from_utf8(boot).ok()?.trim().parse().ok()?;
    let ticks = rustix::param::clock_ticks_per_second();
    Some(boot + i64::try_from(process.start_ticks / ticks.max(1)).ok()?)
}

/// Its `comm` alone. `None`: gone, or hidden.
pub fn command(machine: &Machine, pid: u32) -> Option<Vec<u8>> {
    let text = proc_file::read(&machine.process(pid, "comm"), proc_file::SMALL).ok()?;
    Some(text.strip_suffix(b"\n").unwrap_or(&text).to_vec())
}

/// Whether there is such a process.
#[must_use]
pub fn exists(machine: &Machine, pid: u32) -> bool {
    std::fs::symlink_metadata(machine.process(pid, "")).is_ok()
}

/// Our own pid, as that procfs has it; `None`: it is one of a pid namespace that we are not in.
#[must_use]
pub(super) fn own_pid(machine: &Machine) -> Option<u32> {
    pid(OsStr::from_bytes(&link(&machine.proc("self"))?))
}

/// Our own working directory (getcwd(2) touches no filesystem). One that is gone is named as the kernel names it,
/// so that nothing is found below it.
#[must_use]
pub fn own_directory() -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    match std::env::current_dir() {
        Ok(path) => path.into_os_string().into_vec(),
        Err(_) => link(Path::new("/proc/self/cwd")).unwrap_or_else(|| b"/ (deleted)".to_vec()),
    }
}

/// What this process was told in its environment (environ(7)), but for what is no text.
pub fn own_environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Whether a name means the same file to that process as to another, or where the machine is looked at from: the
/// same mount namespace and root directory. `None`: gone, or not readable.
#[must_use]
pub fn same_view(machine: &Machine, pid: u32, other: Option<u32>) -> Option<bool> {
    let (one, other) = (
        machine.process(pid, ""),
        other.map_or_else(|| machine.viewer(""), |other| machine.process(other, "")),
    );
    let namespace = |process: &Path| link(&process.join("ns/mnt"));
    let same = namespace(&one)? == namespace(&other)?;
    Some(same && root_id(&one.join("root"))? == root_id(&other.join("root"))?)
}

/// Whether a process is in the mount namespace where the machine is looked at from. `None`: gone, or not readable.
#[must_use]
pub fn same_mounts(machine: &Machine, pid: u32) -> Option<bool> {
    Some(link(&machine.process(pid, "ns/mnt"))? == link(&machine.viewer("ns/mnt"))?)
}

/// Which directory a root is. Its link reads `/` from inside a chroot too; and an `O_PATH` descriptor asked for what
/// is cached cannot hang.
fn root_id(root: &Path) -> Option<(u32, u32, u64)> {
    let root =
        rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let found = statx(root, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::INO).ok()?;
    Some((found.stx_dev_major, found.stx_dev_minor, found.stx_ino))
}

/// What `/proc/PID/stat` says that nothing else says shorter (`proc_pid_stat(5)`).
pub(super) struct Stat {
    /// One letter.
    pub(super) state: char,
    /// Its parent's pid.
    pub(super) parent: u32,
    /// `PF_*` (include/linux/sched.h).
    flags: u32,
    /// Clock ticks between boot and its start.
    pub(super) start_ticks: u64,
}

impl Stat {
    /// From the last parenthesis on: the command before it may hold anything, parentheses and newlines too.
    pub(super) fn parse(stat: &[u8]) -> Option<Self> {
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        let fields: Vec<&str> =
            std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace().collect();
        // proc_pid_stat(5) counts from 1, and the state is its field 3.
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self {
            state: field(3)?.chars().next()?,
            parent: field(4)?.parse().ok()?,
            flags: field(9)?.parse().ok()?,
            start_ticks: field(22)?.parse().ok()?,
        })
    }

    /// Kernel threads and the dead hold no descriptors, whoever may look.
    pub(super) const fn holds_nothing(&self) -> bool {
        const PF_KTHREAD: u32 = 0x0020_0000;
        self.flags & PF_KTHREAD != 0 || matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// The text of a link of `/proc`, unresolved: following it could touch a filesystem that hangs.
pub(super) fn link(path: &Path) -> Option<Vec<u8>> {
    Some(readlinkat(CWD, path, Vec::new()).ok()?.into_bytes())
}

pub(super) fn link_at(directory: impl AsFd, name: &str) -> Option<Vec<u8>> {
    Some(readlinkat(directory, name, Vec::new()).ok()?.into_bytes())
}

/// The inode in `socket:[N]`, as descriptors of sockets read (`sockfs_dname` in the kernel's `net/socket.c`).
pub(super) fn socket_ino(link: &[u8]) -> Option<SocketIno> {
    bracketed(link, b"socket:[")?.try_into().ok().map(SocketIno)
}

fn bracketed(link: &[u8], before: &[u8]) -> Option<u64> {
    number(link.strip_prefix(before)?.strip_suffix(b"]")?)
}

fn pid(name: &OsStr) -> Option<u32> {
    number(name.as_bytes())?.try_into().ok()
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

/// The second number of `Uid:` (`proc_pid_status(5)`: real, effective, saved, filesystem).
pub(super) fn effective_uid(status: &[u8]) -> Option<u32> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::{Command, id};

    use proptest::prelude::*;

    use super::*;

    fn hostile() -> Machine {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/proc");
        Machine { root: fixtures.join("no-root"), proc: fixtures.join("hostile-comm"), ..Machine::default() }
    }

    fn read_as(machine: &Machine, pid: u32) -> Option<Process> {
        read(machine, &mut Users::new(machine), pid)
    }

    #[test]
    fn a_command_that_looks_like_stat_deceives_nobody() {
        let process = read_as(&hostile(), 13625).unwrap();
        assert_eq!(process.command, b") S 1 (x\n) Z 2");
        assert_eq!((process.parent, process.state, process.start_ticks), (13584, 'S', 176_500));
        assert_eq!(process.user.id, 1001);
        assert_eq!(process.unit.as_deref(), Some("hostile.service"));
        assert_eq!(process.mount_namespace, None);
    }

    #[test]
    fn a_process_that_is_gone_is_none() {
        assert_eq!(read_as(&hostile(), 1), None);
        assert_eq!(read_as(&Machine::default(), u32::MAX), None);
    }

    #[test]
    fn we_see_ourselves() {
        let machine = Machine::default();
        let process = read_as(&machine, id()).unwrap();
        assert_eq!(process.user.id, nix::unistd::geteuid().as_raw());
        assert_eq!(process.parent, std::os::unix::process::parent_id());
        assert!(process.mount_namespace.is_some());
        assert_eq!(same_view(&machine, id(), None), Some(true));
        let here = std::env::current_dir().unwrap();
        assert_eq!(working_directory(&machine, id()).unwrap(), here.as_os_str().as_bytes());
        assert!(pids(&machine).unwrap().contains(&id()));
    }

    #[test]
    fn a_zombie_keeps_its_name_and_holds_nothing() {
        let mut child = Command::new("true").spawn().unwrap();
        let ended = std::iter::repeat_with(|| read_as(&Machine::default(), child.id()).unwrap())
            .inspect(|_| std::thread::sleep(std::time::Duration::from_millis(2)))
            .take(1000)
            .any(|process| process.state == 'Z');
        assert!(ended);
        assert_eq!(read_as(&Machine::default(), child.id()).unwrap().command, b"true");
        assert!(
            Stat::parse(&std::fs::read(format!("/proc/{}/stat", child.id())).unwrap())
                .unwrap()
                .holds_nothing()
        );
        child.wait().unwrap();
        assert_eq!(read_as(&Machine::default(), child.id()), None);
    }

    #[test]
    fn another_root_is_another_view() {
        let directory = tempfile::tempdir().unwrap();
        let machine = Machine { proc: directory.path().to_path_buf(), ..Machine::default() };
        for (name, namespace, root) in [
            ("self", "mnt:[1]", "/"),
            ("10", "mnt:[1]", "/"),
            ("11", "mnt:[1]", "/proc"),
            ("12", "mnt:[2]", "/"),
        ] {
            let process = directory.path().join(name);
            std::fs::create_dir_all(process.join("ns")).unwrap();
            symlink(namespace, process.join("ns/mnt")).unwrap();
            symlink(root, process.join("root")).unwrap();
        }
        let views: Vec<_> = (10..14).map(|pid| same_view(&machine, pid, None)).collect();
        assert_eq!(views, [Some(true), Some(false), Some(false), None]);
    }

    #[test]
    fn only_the_kernels_spelling_is_a_socket() {
        assert_eq!(socket_ino(b"socket:[31200]"), Some(SocketIno(31200)));
        for link in [
            "socket:[]",
            "socket:[+1]",
            "socket:[1] (deleted)",
            "socket:[99999999999]",
            "/socket:[1]",
            "pipe:[1]",
        ] {
            assert_eq!(socket_ino(link.as_bytes()), None, "{link}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            Stat::parse(&text);
            effective_uid(&text);
            socket_ino(&text);
        }

        #[test]
        fn any_command_leaves_the_fields_alone(command in prop::collection::vec(any::<u8>(), 0..15)) {
            let mut text = [b"7 (", command.as_slice(), b") S 1"].concat();
            text.extend((5..=22).flat_map(|field| format!(" {field}").into_bytes()));
            let stat = Stat::parse(&text).unwrap();
            prop_assert_eq!((stat.state, stat.parent, stat.flags, stat.start_ticks), ('S', 1, 9, 22));
        }
    }
}
