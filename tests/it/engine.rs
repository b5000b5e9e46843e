//! A real Docker engine in a world, and containers without a registry: gone when dropped.
//!
//! The daemon has a PID namespace of its own, so that with its first process all shims and containers end, and what
//! it keeps is on a tmpfs of the world. The host's bridge, rules and `/etc/docker` are out of its reach: it has the
//! world's network namespace and `/run`, an overlay of `/etc`, and cgroups below one that carries the world's name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::make::tmpfs;
use crate::nspawn::remove_tree;
use crate::process::{Output, Process, finish, until};
use crate::world::{World, need};

const SOON: Duration = Duration::from_secs(30);

/// The only image: directories, and links as a merged `/usr` has them. All programs are the host's.
const IMAGE: &str = "mkdir -p r/usr r/tmp r/run r/var r/proc r/sys r/dev r/etc && ln -s usr/bin r/bin &&
    ln -s usr/lib r/lib && ln -s usr/lib64 r/lib64 && ln -s ../run r/var/run && tar -C r -cf image.tar .";

/// A server on the path that is its argument: it replaces a socket, leaves its own, and answers 200.
const SERVER: &str = r#"
import os, socket, stat, sys
path = sys.argv[1]
if os.path.exists(path) and stat.S_ISSOCK(os.lstat(path).st_mode):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
os.chmod(path, 0o666)
server.listen(16)
while True:
    client = server.accept()[0]
    if client.recv(65536):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    client.close()
"#;

/// A running daemon with the image `lab`.
pub(crate) struct Engine {
    /// unshare(1), whose end ends the daemon and everything in its PID namespace.
    daemon: Option<Process>,
    client: PathBuf,
    dir: PathBuf,
    cgroups: Vec<PathBuf>,
}

impl Engine {
    /// Starts one in an `isolated_root` world, whose /run it empties. An error is a reason to skip.
    pub(crate) fn start(world: &World) -> Result<Self, String> {
        let dockerd = need("dockerd").ok_or("no dockerd")?;
        let setpriv = need("setpriv").ok_or("no setpriv")?;
        let unshare = need("unshare").ok_or("no unshare")?;
        let client = client_of(Path::new(dockerd.get_program())).ok_or("no docker")?;
        for program in ["containerd", "runc", "python3"] {
            need(program).ok_or_else(|| format!("no {program}"))?;
        }
        let name = world.dir.file_name().unwrap().to_str().unwrap();
        let dir = world.path("engine");
        fs::create_dir(&dir).unwrap();
        tmpfs(&dir);
        fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).unwrap();
        tmpfs(Path::new("/run"));
        overlay_etc(&dir)?;
        fs::write(dir.join("server.py"), SERVER).unwrap();

        let mut command = Command::new(setpriv.get_program());
        command.args(["--pdeathsig", "KILL"]).arg(unshare.get_program());
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]);
        command.arg(dockerd.get_program());
        command.args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
        command.args(["--exec-opt", "native.cgroupdriver=cgroupfs"]);
        command.arg(format!("--cgroup-parent=/{name}/docker")).arg("--host").arg(host(&dir));
        for (option, file) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(option).arg(dir.join(file));
        }
        command.envs(dockerd.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.env("PATH", path_with_the_unpacked());
        let log = fs::File::create(dir.join("log")).unwrap();
        let daemon =
            Process::start(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log));
        let cgroups = hierarchies().into_iter().map(|point| point.join(name)).collect();
        let engine = Self { daemon: Some(daemon), client, dir, cgroups };

        let log = || fs::read_to_string(engine.dir.join("log")).unwrap_or_default();
        assert!(
            until(SOON, || engine.docker(["version"]).status == 0),
            "the daemon does not start:\n{}",
            log()
        );
        let made = finish(Command::new("sh").args(["-c", IMAGE]).current_dir(&engine.dir), SOON);
        assert_eq!(made.status, 0, "{}", made.stderr);
        engine.succeed(["import", engine.dir.join("image.tar").to_str().unwrap(), "lab"]);
        Ok(engine)
    }

    /// Runs the client to its end.
    pub(crate) fn docker<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        let mut command = Command::new(&self.client);
        command.env("DOCKER_HOST", host(&self.dir)).env("DOCKER_CONFIG", self.dir.join("client"));
        finish(command.args(args), SOON)
    }

    /// The same, which has to succeed; its output.
    #[track_caller]
    pub(crate) fn succeed<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> String {
        let args: Vec<&str> = args.into_iter().collect();
        let output = self.docker(args.iter().copied());
        assert_eq!(output.status, 0, "docker {args:?}: {}", output.stderr);
        output.stdout.trim().to_owned()
    }

    /// Starts a container that runs a program of the host, and returns its whole ID.
    #[track_caller]
    pub(crate) fn run(&self, name: &str, volumes: &[&str], program: &Command) -> String {
        let unpacked = unpacked();
        let unpacked = format!("{0}:{0}:ro", unpacked.display());
        let mut args = vec!["run", "--detach", "--name", name, "--network=none", "--volume=/usr:/usr:ro"];
        args.extend(volumes.iter().chain([&unpacked.as_str()]).flat_map(|volume| ["--volume", volume]));
        let variables: Vec<String> = program
            .get_envs()
            .filter_map(|(key, value)| Some(format!("{}={}", key.to_str()?, value?.to_str()?)))
            .collect();
        args.extend(variables.iter().flat_map(|variable| ["--env", variable.as_str()]));
        args.extend(["lab", program.get_program().to_str().unwrap()]);
        args.extend(program.get_args().map(|arg| arg.to_str().unwrap()));
        self.succeed(args)
    }

    /// Starts a container with a server on a path of its own, and waits until the file is there, which is seen
    /// through `file`.
    #[track_caller]
    pub(crate) fn serve(&self, name: &str, volume: &str, inside: &str, file: &Path) -> String {
        let mut program = Command::new("/usr/bin/python3");
        program.args(["/server.py", inside]);
        let script = format!("{}:/server.py:ro", self.dir.join("server.py").display());
        let before = fs::symlink_metadata(file).ok().map(|file| std::os::unix::fs::MetadataExt::ino(&file));
        let id = self.run(name, &[volume, &script], &program);
        let bound = || {
            let now = fs::symlink_metadata(file).ok().map(|file| std::os::unix::fs::MetadataExt::ino(&file));
            now.is_some() && now != before && crate::servers::answers_http(file)
        };
        assert!(until(SOON, bound), "{}", self.docker(["logs", name]).stderr);
        id
    }

    /// The script of [`Self::serve`], for a server outside of any container.
    pub(crate) fn server_script(&self) -> PathBuf {
        self.dir.join("server.py")
    }

    /// Where the files of a named volume are, made if it is new.
    #[track_caller]
    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.succeed(["volume", "create", name]);
        self.dir.join("data/volumes").join(name).join("_data")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.daemon.take());
        // What was killed leaves its cgroup a moment later: with the last cgroup the last process is gone.
        until(SOON, || self.cgroups.iter().all(|path| remove_tree(path).is_ok()));
        for point in [Path::new("/etc"), &self.dir] {
            let _ = umount2(point, MntFlags::MNT_DETACH);
        }
    }
}

/// The first process of a container, by the number that it has outside.
#[track_caller]
pub(crate) fn pid_of(id: &str) -> u32 {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let is_first = |pid: &u32| {
        let file = |name| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let first = file("status").lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"));
        first && file("cgroup").contains(id)
    };
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(is_first).unwrap_or_else(|| panic!("no process of {id}"))
}

fn host(dir: &Path) -> String {
    format!("unix://{}", dir.join("docker.sock").display())
}

/// The client that came with the daemon: another one in the PATH may be too old or too new for it.
fn client_of(dockerd: &Path) -> Option<PathBuf> {
    let beside = dockerd.parent()?.with_file_name("bin/docker");
    if beside.is_file() { Some(beside) } else { Some(need("docker")?.get_program().into()) }
}

fn unpacked() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-root")
}

/// The daemon looks for containerd, and that for runc and its shim.
fn path_with_the_unpacked() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = unpacked();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from).into_iter();
    let more = more.chain(["usr/bin", "usr/sbin"].map(|dir| unpacked.join(dir)));
    std::env::join_paths(std::env::split_paths(&path).chain(more)).unwrap()
}

/// The daemon leaves a key in `/etc/docker`.
fn overlay_etc(dir: &Path) -> Result<(), String> {
    let [upper, work] = ["etc", "etc-work"].map(|name| dir.join(name));
    for dir in [&upper, &work] {
        fs::create_dir(dir).unwrap();
    }
    let options = format!("lowerdir=/etc,upperdir={},workdir={}", upper.display(), work.display());
    mount(Some("overlay"), "/etc", Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .map_err(|error| format!("no overlay of /etc: {error}"))
}

/// Where cgroups are mounted: runc(8) makes the same path in each hierarchy.
fn hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let rows = mounts.lines().filter_map(|line| line.split_once(" - cgroup"));
    rows.filter_map(|(before, _)| before.split(' ').nth(4).map(PathBuf::from)).collect()
}

mod tests {
    use super::*;
    use crate::world::{isolated_root, skip};

    #[test]
    fn an_engine_runs_containers_and_leaves_nothing() {
        let name = "engine::tests::an_engine_runs_containers_and_leaves_nothing";
        isolated_root(name, |world| {
            let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
            let before = mounts();
            let engine = match Engine::start(world) {
                Ok(engine) => engine,
                Err(reason) => return skip(name, &reason),
            };
            let socket = engine.volume("socks").join("x.sock");
            let id = engine.serve("s1", "socks:/var/run/app", "/var/run/app/x.sock", &socket);
            let process = PathBuf::from(format!("/proc/{}", pid_of(&id)));
            let daemon = PathBuf::from(format!("/proc/{}", engine.daemon.as_ref().unwrap().pid()));
            let cgroups = engine.cgroups.clone();
            assert!(process.exists() && daemon.exists());
            assert!(cgroups.iter().any(|path| path.join("docker").join(&id).exists()), "{cgroups:?}");
            drop(engine);
            let is_gone = || !process.exists() && !daemon.exists();
            assert!(crate::process::until(Duration::from_secs(10), is_gone), "it outlives its engine");
            assert!(!cgroups.iter().any(|path| path.exists()), "{cgroups:?}");
            let links = fs::read_to_string("/proc/net/dev").unwrap();
            assert_eq!(links.lines().skip(2).count(), 1, "only lo: {links}");
            let left: Vec<String> =
                mounts().lines().filter(|line| !before.contains(line)).map(str::to_owned).collect();
            assert!(left.iter().all(|line| line.contains(" /run ")), "{left:#?}");
            assert!(!Path::new("/etc/docker").exists() || before.contains(" /etc/docker "), "a key is left");
        });
    }
}
