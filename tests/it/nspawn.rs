//! A machine with a real systemd: booted by systemd-nspawn(1) over an overlay of `/`, gone when dropped.
//!
//! What `tests/run` unpacked lies over the host's own files, so that programs stand where their packages put them,
//! and a host without systemd boots one too. Of the host's configuration of systemd nothing is seen, so none of its
//! services starts. Network is the world's: both list each other's sockets.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::make::tmpfs;
use crate::process::{Output, Process, finish, until};
use crate::world::{World, need};

/// How long anything in the guest may take.
const SOON: Duration = Duration::from_secs(30);

/// Where the guest has the Python packages of `tests/requirements.txt`.
const VENV: &str = "/opt/venv";

/// Where an instrumented program writes what of it ran: see tests/coverage.
const PROFILES: &str = "LLVM_PROFILE_FILE";

/// Enters the cgroups before it becomes the program, so that nothing of the guest is in a cgroup of the host's.
const ENTER: &str = r#"for dir in $CGROUPS; do echo $$ >"$dir/cgroup.procs" || exit; done; exec "$@""#;

/// Nothing of the host is wanted: only what every unit needs by itself.
const TARGET: &str = "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n";

/// A booted machine. Dropped, it is powered off and its mounts and cgroups are removed.
pub(crate) struct Guest {
    nspawn: Process,
    leader: Pid,
    /// Last, to be removed when all that was in them is gone.
    cgroups: Cgroups,
    dir: PathBuf,
}

impl Guest {
    /// Boots one in an `isolated_root` world, whose /run it empties: nspawn leaves traces there. An error is a
    /// reason to skip.
    pub(crate) fn boot(world: &World) -> Result<Self, String> {
        let nspawn = need("systemd-nspawn").ok_or("no systemd-nspawn")?;
        let setpriv = need("setpriv").ok_or("no setpriv")?;
        need("nsenter").ok_or("no nsenter")?;
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let venv = target.join("test-venv");
        if !venv.exists() {
            return Err("no Python packages".to_owned());
        }
        tmpfs(Path::new("/run"));
        let dir = world.path("guest");
        let root = root(&dir, &target.join("test-root"), &venv)?;
        let name = world.dir.file_name().unwrap().to_str().unwrap();
        let cgroups = Cgroups::make(name)?;

        let mut command = Command::new(setpriv.get_program());
        command.args(["--pdeathsig", "KILL", "sh", "-c", ENTER, "sh"]).arg(nspawn.get_program());
        command.args(["--quiet", "--register=no", "--keep-unit", "--boot", "--console=read-only"]);
        command.args(["--link-journal=no", "--resolv-conf=off", "--timezone=off"]);
        command.arg(format!("--machine={name}")).arg("--directory").arg(root);
        command.arg(bind(&venv, VENV)).arg(bind(env!("CARGO_BIN_EXE_sockdoctor"), "/usr/bin/sockdoctor"));
        if let Some(profiles) = profiles().as_ref().and_then(|file| file.parent()) {
            command.arg(format!("--bind={}", profiles.display()));
        }
        command.arg("systemd.unit=lab.target").env("CGROUPS", cgroups.list());
        command.envs(nspawn.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let console = fs::File::create(dir.join("console")).unwrap();
        let nspawn =
            Process::start(command.stdin(Stdio::null()).stdout(console.try_clone().unwrap()).stderr(console));
        // The process that this stands for until the guest has one.
        let mut guest = Self { leader: nspawn.pid(), nspawn, cgroups, dir };
        let booted = until(SOON, || {
            guest.leader = init_below(guest.nspawn.pid()).unwrap_or(guest.leader);
            guest.leader != guest.nspawn.pid() && guest.is_up()
        });
        let console = || fs::read_to_string(guest.dir.join("console")).unwrap_or_default();
        assert!(booted, "the guest does not boot:\n{}", console());
        Ok(guest)
    }

    fn is_up(&self) -> bool {
        let state = self.run(["systemctl", "is-system-running"]).stdout;
        ["running", "degraded"].contains(&state.trim())
    }

    /// Its PID 1, by the number that it has outside.
    pub(crate) fn leader(&self) -> Pid {
        self.leader
    }

    /// The way from outside to one of its files. Absolute symlinks on it lead astray.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.leader()))
    }

    /// Writes one of its files, with the directories above it.
    pub(crate) fn write(&self, inside: &str, content: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Gives its systemd a unit, not started.
    pub(crate) fn unit(&self, name: &str, text: &str) {
        self.write(&format!("/etc/systemd/system/{name}"), text);
        self.systemctl(["daemon-reload"]);
    }

    /// Runs systemctl in it, which has to succeed.
    #[track_caller]
    pub(crate) fn systemctl<'a>(&self, args: impl IntoIterator<Item = &'a str>) {
        let args: Vec<&str> = std::iter::once("systemctl").chain(args).collect();
        let output = self.run(&args);
        let journal = || self.run(["journalctl", "-n", "30", "--no-pager"]).stdout;
        assert_eq!(output.status, 0, "{args:?}: {}{}", output.stderr, journal());
    }

    /// Runs a program in it to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        let mut args = args.into_iter();
        finish(self.command(args.next().unwrap()).args(args), SOON)
    }

    /// A command for a program in it, as root, with an environment of its own.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = need("nsenter").unwrap();
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(profiles().map(|file| (PROFILES, file)));
        command.args(["-t", &self.leader().to_string(), "-m", "-p", "-u", "-i", "-C", "--"]).arg(program);
        command
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // With its PID 1, the kernel ends all processes of the guest (pid_namespaces(7)).
        let _ = kill(self.leader(), Signal::SIGKILL);
        self.nspawn.ended(Duration::from_secs(5));
        let _ = umount2(&self.dir.join("root"), MntFlags::MNT_DETACH);
        let _ = umount2(&self.dir, MntFlags::MNT_DETACH);
    }
}

/// Of an instrumented program: its guest has them too.
fn profiles() -> Option<PathBuf> {
    std::env::var_os(PROFILES).map(PathBuf::from)
}

fn bind(from: impl AsRef<Path>, to: &str) -> String {
    format!("--bind-ro={}:{to}", from.as_ref().display())
}

/// The root directory of a guest.
fn root(dir: &Path, unpacked: &Path, venv: &Path) -> Result<PathBuf, String> {
    let [upper, work, root] = ["upper", "work", "root"].map(|name| dir.join(name));
    fs::create_dir(dir).unwrap();
    mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::empty(), Some("mode=755")).unwrap();
    for dir in [&upper, &work, &root] {
        fs::create_dir(dir).unwrap();
    }
    if unpacked.exists() {
        // Not as another lower layer: it lies in the first one, which overlayfs refuses.
        let copied = finish(Command::new("cp").arg("-aT").arg(unpacked.join(".")).arg(&upper), SOON);
        assert_eq!(copied.status, 0, "{}", copied.stderr);
    }
    let options = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .map_err(|error| format!("no overlay of /: {error}"))?;

    let units = root.join("etc/systemd/system");
    fs::remove_dir_all(root.join("etc/systemd")).or_else(absent).unwrap();
    fs::create_dir_all(&units).unwrap();
    fs::write(units.join("lab.target"), TARGET).unwrap();
    for table in ["etc/fstab", "etc/crypttab"] {
        fs::remove_file(root.join(table)).or_else(absent).unwrap();
    }
    install_scripts(venv, &root.join("usr/local/bin"));
    Ok(root)
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The programs of the Python packages, whose first lines name a path that the guest's users may not pass.
fn install_scripts(venv: &Path, bin: &Path) {
    fs::create_dir_all(bin).unwrap();
    for entry in fs::read_dir(venv.join("bin")).unwrap().flatten() {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        let Some((_, rest)) = text.split_once('\n').filter(|(first, _)| first.starts_with("#!")) else {
            continue;
        };
        let script = bin.join(entry.file_name());
        fs::write(&script, format!("#!{VENV}/bin/python\n{rest}")).unwrap();
        fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

/// The child of nspawn that is PID 1 of its own namespace: the last number of `NSpid` (proc_pid_status(5)).
fn init_below(nspawn: Pid) -> Option<Pid> {
    let pids =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_init = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        field("PPid:") == nspawn.to_string() && field("NSpid:").ends_with("\t1")
    };
    pids.into_iter().find(is_init).map(Pid::from_raw)
}

/// A cgroup of the guest's own in each hierarchy that systemd names its units in.
pub(crate) struct Cgroups(Vec<PathBuf>);

impl Cgroups {
    /// Below the cgroup of this process, named as systemd-machined(8) names a container's.
    pub(crate) fn make(name: impl AsRef<OsStr>) -> Result<Self, String> {
        let scope = [b"machine-", name.as_ref().as_bytes(), b".scope"].concat();
        let mut made = Self(Vec::new());
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        for (hierarchy, kind) in [(":name=systemd:", ",name=systemd"), ("0::", " - cgroup2 ")] {
            let path = own.lines().find_map(|line| line.split_once(hierarchy)).map(|(_, path)| path);
            let point =
                mounts.lines().find(|line| line.contains(kind)).and_then(|line| line.split(' ').nth(4));
            let (Some(path), Some(point)) = (path, point) else { continue };
            let cgroup = Path::new(point).join(path.trim_start_matches('/')).join(OsStr::from_bytes(&scope));
            fs::create_dir(&cgroup).map_err(|error| format!("no cgroup {}: {error}", cgroup.display()))?;
            made.0.push(cgroup);
        }
        Ok(made)
    }

    /// Puts a process into them.
    pub(crate) fn take(&self, pid: Pid) {
        for cgroup in &self.0 {
            fs::write(cgroup.join("cgroup.procs"), pid.to_string()).unwrap();
        }
    }

    fn list(&self) -> String {
        self.0.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        // What was killed leaves its cgroup a moment later.
        until(Duration::from_secs(5), || self.0.iter().all(|path| remove_tree(path).is_ok()));
    }
}

/// rmdir(2) from below: the files of a cgroup cannot be removed, and need not be.
pub(crate) fn remove_tree(cgroup: &Path) -> std::io::Result<()> {
    let entries = match fs::read_dir(cgroup) {
        Ok(entries) => entries,
        Err(error) => return absent(error),
    };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_tree(&entry.path())?;
    }
    fs::remove_dir(cgroup)
}

mod tests {
    use super::*;
    use crate::world::{isolated_root, skip};

    #[test]
    fn a_guest_starts_nothing_of_the_hosts_and_leaves_nothing() {
        let name = "nspawn::tests::a_guest_starts_nothing_of_the_hosts_and_leaves_nothing";
        isolated_root(name, |world| {
            let guest = match Guest::boot(world) {
                Ok(guest) => guest,
                Err(reason) => return skip(name, &reason),
            };
            let list =
                ["systemctl", "list-units", "--plain", "--no-legend", "--type=service", "--state=running"];
            let running = guest.run(list).stdout;
            let names: Vec<&str> = running.lines().filter_map(|line| line.split(' ').next()).collect();
            assert_eq!(names, ["systemd-journald.service"]);
            let (leader, cgroups) = (guest.leader(), guest.cgroups.0.clone());
            assert!(!cgroups.is_empty() && cgroups.iter().all(|path| path.exists()));
            drop(guest);
            assert!(kill(leader, None).is_err(), "PID 1 lives on");
            assert!(!cgroups.iter().any(|path| path.exists()), "{cgroups:?}");
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
            assert!(!mounts.contains(world.dir.to_str().unwrap()), "{mounts}");
        });
    }
}
