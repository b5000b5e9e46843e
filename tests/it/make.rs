//! Sockets that need more than one process, mount or namespace. The rest comes from `sockdoctor::act::broken`,
//! which the demos use too.

use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use sockdoctor::act::broken::{self, Broken};

use crate::fuse::{Fault, Fuse};
use crate::process::{Process, finish};
use crate::world::{World, need};

/// The inode of an open socket, by which the kernel lists it.
pub(crate) fn socket_ino(socket: &impl AsFd) -> u64 {
    nix::sys::stat::fstat(socket.as_fd()).unwrap().st_ino
}

/// A process that holds a socket and does nothing with it. `wrapper` runs it, as somebody else for one.
pub(crate) fn holder_by(wrapper: &mut Command, socket: &impl AsFd) -> Process {
    let socket = socket.as_fd().try_clone_to_owned().unwrap();
    Process::start(wrapper.args(["sleep", "60"]).stdin(socket).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// A process that holds a socket, as each worker of a server does.
pub(crate) fn holder(socket: &impl AsFd) -> Process {
    holder_by(&mut Command::new("env"), socket)
}

/// A server in a process of its own: its socket's inode, and the process.
pub(crate) fn server(path: &Path) -> (u64, Process) {
    let listener = UnixListener::bind(path).unwrap();
    (socket_ino(&listener), holder(&listener))
}

/// Builds in new namespaces. What it starts stays in them.
pub(crate) fn apart<T: Send>(namespaces: CloneFlags, build: impl FnOnce() -> T + Send) -> T {
    let in_them = || {
        unshare(namespaces).unwrap();
        build()
    };
    // A thread has network and mount namespaces of its own; the other threads stay where they are.
    std::thread::scope(|scope| scope.spawn(in_them).join().unwrap())
}

/// A server in another network namespace.
pub(crate) fn foreign_netns(path: &Path) -> (u64, Process) {
    apart(CloneFlags::CLONE_NEWNET, || server(path))
}

/// A server in another mount namespace, where a tmpfs hides the path's directory, as PrivateTmp= does.
pub(crate) fn foreign_mntns(path: &Path) -> (u64, Process) {
    apart(CloneFlags::CLONE_NEWNS, || {
        tmpfs(path.parent().unwrap());
        server(path)
    })
}

/// Mounts an empty tmpfs.
pub(crate) fn tmpfs(point: &Path) {
    mount(Some("tmpfs"), point, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

/// A directory seen through an overlay, and the layer that it writes to.
pub(crate) struct Overlay {
    pub(crate) merged: PathBuf,
    pub(crate) upper: PathBuf,
}

/// Mounts an overlay whose upper layer is on the lower one's filesystem, or on another. `None`: not possible
/// here, as where all is an overlay already.
pub(crate) fn overlay_view(world: &World, upper_elsewhere: bool) -> Option<Overlay> {
    let [lower, merged, writable] = ["lower", "merged", "writable"].map(|name| world.path(name));
    for dir in [&lower, &merged, &writable] {
        std::fs::create_dir(dir).unwrap();
    }
    if upper_elsewhere {
        tmpfs(&writable);
    }
    let upper = overlay(&lower, &writable, &merged)?;
    Some(Overlay { merged, upper })
}

/// Covers the world's own directory with an overlay of itself.
pub(crate) fn overlay_over(world: &World) -> Option<()> {
    let writable = world.path("writable");
    std::fs::create_dir(&writable).unwrap();
    tmpfs(&writable);
    overlay(&world.dir, &writable, &world.dir).map(|_| ())
}

fn overlay(lower: &Path, writable: &Path, point: &Path) -> Option<PathBuf> {
    let [upper, work] = ["upper", "work"].map(|name| writable.join(name));
    for dir in [&upper, &work] {
        std::fs::create_dir(dir).unwrap();
    }
    let options =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    mount(Some("overlay"), point, Some("overlay"), MsFlags::empty(), Some(options.as_str())).ok()?;
    Some(upper)
}

/// A listener in a FUSE file system of the world. `None`: no FUSE here.
pub(crate) fn on_fuse(world: &World, fault: Fault) -> Option<(Fuse, Broken)> {
    let dir = world.path("fuse");
    std::fs::create_dir(&dir).unwrap();
    let fuse = Fuse::mount(&dir, "test", fault)?;
    Some((fuse, broken::listening(&dir).unwrap()))
}

/// A btrfs on a disk image, or why there can be none.
pub(crate) fn btrfs(world: &World) -> Result<PathBuf, String> {
    disk(world, "btrfs", &["mkfs.btrfs", "-q"], 128 << 20)
}

/// A filesystem on a disk image of so many bytes, made by a command that takes the image last, or why there can be
/// none.
pub(crate) fn disk(world: &World, name: &str, mkfs: &[&str], size: u64) -> Result<PathBuf, String> {
    let (image, point) = (world.path(&format!("{name}.img")), world.path(name));
    std::fs::File::create(&image).unwrap().set_len(size).unwrap();
    std::fs::create_dir(&point).unwrap();
    let mut make = need(mkfs[0]).ok_or_else(|| format!("no {}", mkfs[0]))?;
    let mut mount = need("mount").ok_or("no mount")?;
    for command in [make.args(&mkfs[1..]).arg(&image), mount.args(["-o", "loop"]).arg(&image).arg(&point)] {
        let output = finish(command, Duration::from_secs(30));
        if output.status != 0 {
            return Err(output.stderr.trim().to_owned());
        }
    }
    Ok(point)
}
