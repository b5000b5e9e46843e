//! Being somebody else, in a process that ends with its answer: no changed credentials ever return to this program.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities};

use crate::model::{Credentials, Gap, IdMaps, IdRange};

/// Which call failed, and how.
pub(super) type Failed = (&'static str, Errno);

/// Takes on an identity for the rest of this process.
pub fn take_on(credentials: &Credentials) -> Result<(), Gap> {
    within(credentials, None).map_err(|(step, errno)| {
        Gap::new(format!("taking on uid {}", credentials.uid), format!("{step}: {}", errno.desc()))
    })
}

/// The same in a user namespace, which only capabilities depend on.
pub(super) fn within(credentials: &Credentials, namespace: Option<OwnedFd>) -> Result<(), Failed> {
    set_keep_capabilities(true).map_err(|errno| ("prctl", Errno::from_raw(errno.raw_os_error())))?;
    let groups: Vec<Gid> = credentials.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups).map_err(|errno| ("setgroups", errno))?;
    let (mut uid, mut gid) = (credentials.uid, credentials.gid);
    if let Some(namespace) = namespace {
        setns(namespace, CloneFlags::CLONE_NEWUSER).map_err(|errno| ("setns", errno))?;
        let inside = |ranges: fn(&IdMaps) -> &[IdRange], id| {
            let maps = credentials.maps.known().ok_or(("uid_map", Errno::EINVAL))?;
            IdMaps::inside(ranges(maps), id).ok_or(("uid_map", Errno::EINVAL))
        };
        (uid, gid) = (inside(|maps| &maps.uids, uid)?, inside(|maps| &maps.gids, gid)?);
    }
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
    setresgid(group, group, group).map_err(|errno| ("setresgid", errno))?;
    setresuid(user, user, user).map_err(|errno| ("setresuid", errno))?;
    let had = rustix::thread::capabilities(None)
        .map_err(|errno| ("capget", Errno::from_raw(errno.raw_os_error())))?;
    let powers = CapabilitySet::from_bits_retain(credentials.capabilities) & had.permitted;
    let sets = CapabilitySets { effective: powers, permitted: powers, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(|errno| ("capset", Errno::from_raw(errno.raw_os_error())))
}
