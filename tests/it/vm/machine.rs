//! A machine with a kernel of its own, emulated, and directories of this one in it: 9p and virtiofs as they are.
//!
//! It boots from an initramfs made here and ends by itself. Each server of a share, and QEMU, is a process with a
//! time limit of its own, in a mount namespace where what it leaves in /run is gone with it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::process::{Process, finish, until};

/// What the machine does, on its console.
const INIT: &str = include_str!("init.sh");

/// Far more than any run needs.
const LIMIT: Duration = Duration::from_secs(1200);

/// Runs `$2…` with the libraries in `$1`.
const ENTER: &str =
    r#"mount -t tmpfs tmpfs /run && export LD_LIBRARY_PATH="$1" && shift && exec timeout 1200 "$@""#;

/// Whose process serves the 9p shares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Root,
    /// An ordinary user, as QEMU mostly runs.
    User,
}

impl Server {
    /// What its cases are told under.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
        }
    }
}

/// The security models of QEMU's 9p server.
pub(super) const MODELS: [&str; 4] = ["mapped-xattr", "mapped-file", "passthrough", "none"];

/// How the guest's kernel may cache a 9p share.
pub(super) const CACHES_9P: [&str; 3] = ["none", "mmap", "loose"];

/// How the server of a virtiofs share lets the guest cache it.
pub(super) const CACHES_VIRTIOFS: [&str; 3] = ["none", "auto", "always"];

/// Boots one and runs it to its end: what it told, line by line. An error is a reason to skip.
pub(super) fn run(server: Server) -> Result<Vec<Value>, String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root".to_owned());
    }
    let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-vm");
    if !unpacked.exists() {
        return Err("no QEMU and no kernel: tests/run --install --vm fetches them".to_owned());
    }
    let dir = tempfile::Builder::new().prefix("sdvm").rand_bytes(4).tempdir_in("/tmp").unwrap();
    let machine = Machine { dir: dir.path().to_owned(), unpacked, server };
    Ok(machine.run())
}

struct Machine {
    dir: PathBuf,
    unpacked: PathBuf,
    server: Server,
}

impl Machine {
    fn run(&self) -> Vec<Value> {
        let mut listeners = Vec::new();
        let mut qemu = self.enter(self.unpacked.join("usr/bin/qemu-system-x86_64"));
        qemu.args(["-M", "q35,memory-backend=memory", "-accel", "tcg", "-cpu", "qemu64", "-m", "384"]);
        qemu.args(["-object", "memory-backend-memfd,id=memory,size=384M,share=on"]);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"]);
        for firmware in ["qemu", "seabios"] {
            qemu.arg("-L").arg(self.unpacked.join("usr/share").join(firmware));
        }
        let mut shares = Vec::new();
        for model in MODELS {
            let dir = self.share(model, &CACHES_9P, &mut listeners);
            qemu.args(["-fsdev", &format!("local,id={model},path={},security_model={model}", dir.display())]);
            qemu.args(["-device", &format!("virtio-9p-pci,fsdev={model},mount_tag={model}")]);
            shares.push(model.to_owned());
        }
        let mut servers = Vec::new();
        if self.server == Server::Root {
            for cache in CACHES_VIRTIOFS {
                let share = format!("virtiofs-{cache}");
                let dir = self.share(&share, &["dir"], &mut listeners);
                let (server, socket) = self.serve(&dir, cache);
                servers.push(server);
                qemu.args(["-chardev", &format!("socket,id={share},path={}", socket.display())]);
                qemu.args(["-device", &format!("vhost-user-fs-pci,chardev={share},tag={share}")]);
                shares.push(share);
            }
        } else {
            qemu.args(["-runas", "1000:1000"]);
        }
        let name = self.server.name();
        // On a busy machine an emulated timer comes too late for the kernel's test of it, which panics then
        // (arch/x86/kernel/apic/io_apic.c, check_timer).
        qemu.arg("-kernel").arg(self.kernel()).arg("-initrd").arg(self.initramfs());
        qemu.args([
            "-append",
            &format!(
                "console=ttyS0 quiet panic=-1 no_timer_check machine={name} shares={}",
                shares.join(",")
            ),
        ]);
        told(&finish(&mut qemu, LIMIT).stdout)
    }

    /// A directory with those `below` it; in each a live socket of this kernel, and one for root and one for a
    /// user of the guest.
    fn share(&self, name: &str, below: &[&str], listeners: &mut Vec<UnixListener>) -> PathBuf {
        let share = self.dir.join(name);
        for dir in below.iter().map(|dir| share.join(dir)) {
            for who in ["root", "user"] {
                fs::create_dir_all(dir.join(who)).unwrap();
                fs::set_permissions(dir.join(who), PermissionsExt::from_mode(0o777)).unwrap();
            }
            if self.server == Server::User {
                chown(&dir, Some(1000), Some(1000)).unwrap();
            }
            let host = dir.join("host.sock");
            listeners.push(UnixListener::bind(&host).unwrap());
            fs::set_permissions(host, PermissionsExt::from_mode(0o777)).unwrap();
        }
        share
    }

    /// Starts the server of a virtiofs share; QEMU finds it at the socket.
    fn serve(&self, dir: &Path, cache: &str) -> (Process, PathBuf) {
        let socket = self.dir.join(format!("{cache}.sock"));
        let mut command = self.enter(self.unpacked.join("usr/lib/qemu/virtiofsd"));
        command.arg(format!("--socket-path={}", socket.display()));
        command.args(["-f", "-o", &format!("source={}", dir.display()), "-o", &format!("cache={cache}")]);
        let server = Process::start(command.stdin(Stdio::null()).stderr(Stdio::null()));
        assert!(until(Duration::from_secs(10), || socket.exists()), "virtiofsd does not start");
        (server, socket)
    }

    fn enter(&self, program: PathBuf) -> Command {
        let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]);
        command.arg(self.unpacked.join(libraries)).arg(program);
        command
    }

    fn kernel(&self) -> PathBuf {
        only(&self.unpacked.join("boot"))
    }

    /// What the machine starts from: busybox, the modules it needs, and the programs under test.
    fn initramfs(&self) -> PathBuf {
        let (root, archive) = (self.dir.join("root"), self.dir.join("initramfs"));
        for dir in ["bin", "dev", "proc", "sys", "run", "mnt", "lib", "etc"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        let busybox = self.unpacked.join("bin/busybox");
        for (from, to) in
            [("bin/busybox", "bin/busybox"), ("sockdoctor", "bin/sockdoctor"), ("trial", "bin/trial")]
        {
            fs::copy(self.unpacked.join(from), root.join(to)).unwrap();
        }
        fs::write(root.join("init"), INIT).unwrap();
        fs::set_permissions(root.join("init"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(root.join("etc/passwd"), "user:x:1000:1000::/:/bin/sh\n").unwrap();
        symlink("/run", root.join("tmp")).unwrap();
        let script = r#"cp -R "$1/lib/modules" "$2/lib" && "$3" depmod -b "$2" "$(ls "$2/lib/modules")" &&
            cd "$2" && find . | "$3" cpio -o -H newc"#;
        let mut pack = Command::new("sh");
        pack.args(["-c", script, "sh"]).args([&self.unpacked, &root, &busybox]);
        pack.stdout(fs::File::create(&archive).unwrap());
        assert!(pack.status().unwrap().success());
        archive
    }
}

/// The one file in a directory.
fn only(dir: &Path) -> PathBuf {
    fs::read_dir(dir).unwrap().next().unwrap().unwrap().path()
}

/// The lines of JSON among what a console shows; the last says that the machine came to its end.
fn told(console: &str) -> Vec<Value> {
    let lines = console.lines().filter(|line| line.starts_with("{\"case\""));
    let mut told: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let end = told.pop();
    assert!(end.is_some_and(|end| end["case"] == "end"), "the machine does not get to its end:\n{console}");
    told
}
