//! The machine and who looks.

use std::os::unix::fs::MetadataExt;

use super::machine::Machine;
use crate::model::Host;

/// Kernel release, our namespaces, our effective uid.
pub fn host(machine: &Machine) -> Host {
    let namespace =
        |kind| std::fs::metadata(machine.proc("self/ns").join(kind)).map(|found| found.ino()).ok();
    let kernel = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    Host {
        kernel: kernel.unwrap_or_default(),
        netns: namespace("net"),
        mntns: namespace("mnt"),
        uid: nix::unistd::geteuid().as_raw(),
    }
}
