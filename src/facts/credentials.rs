//! What the kernel compares when a process asks for a file: ids, groups, capabilities, and what its user namespace
//! maps (credentials(7), user_namespaces(7)).

use super::machine::Machine;
use super::{process, status};
use crate::model::{Credentials, Fact, Gap, IdMaps, IdRange};

/// Every capability there is or will be.
const ALL_CAPABILITIES: u64 = u64::MAX;

/// Those of a running process; its ids as we see them.
pub(super) fn of_process(machine: &Machine, pid: u32) -> Result<Credentials, Gap> {
    let path = machine.process(pid, "status");
    let text = status::read(&path)?;
    let parsed = parse(&text).ok_or_else(|| Gap::new(path.to_string_lossy(), "it has no credentials"))?;
    Ok(Credentials { maps: maps_of(machine, pid), ..parsed })
}

/// Those a new process of a user has; root's come with every capability.
pub(super) fn fresh(machine: &Machine, uid: u32, gid: u32, mut groups: Vec<u32>) -> Credentials {
    groups.sort_unstable();
    groups.dedup();
    let capabilities = if uid == 0 { ALL_CAPABILITIES } else { 0 };
    Credentials { uid, gid, groups, capabilities, maps: own_maps(machine) }
}

pub(super) fn parse(text: &str) -> Option<Credentials> {
    let ids = |name| -> Option<Vec<u32>> {
        status::field(text, name)?.split_whitespace().map(|id| id.parse().ok()).collect()
    };
    // Real, effective, saved, filesystem.
    let filesystem = |name| ids(name)?.get(3).copied();
    let mut groups = ids("Groups")?;
    groups.sort_unstable();
    let capabilities = u64::from_str_radix(status::field(text, "CapEff")?, 16).ok()?;
    let (uid, gid) = (filesystem("Uid")?, filesystem("Gid")?);
    Some(Credentials { uid, gid, groups, capabilities, maps: Fact::NotAsked })
}

/// The maps of a process's user namespace, in our own terms.
fn maps_of(machine: &Machine, pid: u32) -> Fact<IdMaps> {
    let theirs = machine.process(pid, "ns/user");
    match (process::link(&theirs), process::link(&machine.proc("self/ns/user"))) {
        (Some(theirs), Some(ours)) if theirs == ours => own_maps(machine),
        // Of another namespace the second column tells what the reader sees.
        (Some(_), Some(_)) => maps(machine, &pid.to_string(), |outside, _| outside),
        _ => Fact::Unknown(Gap::new(theirs.to_string_lossy(), "not readable").helped_by(Gap::AS_ROOT)),
    }
}

/// Of our own namespace the second column speaks of its parent: what we see is what is inside.
fn own_maps(machine: &Machine) -> Fact<IdMaps> {
    maps(machine, "self", |_, inside| inside)
}

fn maps(machine: &Machine, process: &str, seen: impl Fn(u32, u32) -> u32) -> Fact<IdMaps> {
    let read = |name: &str| -> Result<Vec<IdRange>, Gap> {
        let path = machine.proc(process).join(name);
        let text = status::read(&path)?;
        let ranges = text.lines().map(|line| range(line, &seen)).collect::<Option<Vec<_>>>();
        ranges.ok_or_else(|| Gap::new(path.to_string_lossy(), "not in the form the kernel writes"))
    };
    match (read("uid_map"), read("gid_map")) {
        (Ok(uids), Ok(gids)) => Fact::Known(IdMaps { uids, gids }),
        (Err(gap), _) | (_, Err(gap)) => Fact::Unknown(gap),
    }
}

pub(super) fn range(line: &str, seen: impl Fn(u32, u32) -> u32) -> Option<IdRange> {
    let mut columns = line.split_whitespace().map(|number| number.parse::<u32>().ok());
    let (inside, outside, count) = (columns.next()??, columns.next()??, columns.next()??);
    Some(IdRange { first: seen(outside, inside), inside, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str =
        "Name:\tx\nUid:\t33\t33\t33\t34\nGid:\t33\t33\t33\t35\nGroups:\t1000 4 \nCapEff:\t0000000000000002\n";

    #[test]
    fn the_filesystem_ids_count() {
        let found = parse(STATUS).unwrap();
        assert_eq!((found.uid, found.gid, found.groups, found.capabilities), (34, 35, vec![4, 1000], 2));
        assert_eq!(parse(&STATUS.replace("CapEff:", "Cap:")), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_process_without_groups_has_none() {
        assert_eq!(parse(&STATUS.replace("1000 4", "")).unwrap().groups, Vec::<u32>::new());
    }

    #[test]
    fn we_have_our_own() {
        let machine = Machine::default();
        let own = of_process(&machine, std::process::id()).unwrap();
        assert_eq!(own.uid, nix::unistd::geteuid().as_raw());
        assert!(IdMaps::inside(&own.maps.known().unwrap().uids, own.uid).is_some());
        assert!(of_process(&machine, u32::MAX).is_err());
    }

    #[test]
    fn a_range_is_in_our_terms() {
        let line = "         0     100000      65536";
        let range = range(line, |outside, _| outside).unwrap();
        assert_eq!(IdMaps::inside(&[range], 100_033), Some(33));
        assert_eq!(IdMaps::inside(&[range], 33), None);
    }
}
