//! The machine and who looks.

use std::os::unix::fs::MetadataExt;

use super::machine::Machine;
use crate::model::Host;

/// Kernel release, the namespaces it is looked at from, our effective uid.
pub fn host(machine: &Machine) -> Host {
    let namespace = |link| {
        let found = std::fs::metadata(machine.viewer(link)).map(|found| found.ino());
        found.ok().filter(|_| machine.has_kernel())
    };
    let kernel = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    Host {
        kernel: kernel.unwrap_or_default(),
        netns: namespace("ns/net"),
        mntns: namespace("ns/mnt"),
        uid: nix::unistd::geteuid().as_raw(),
    }
}
