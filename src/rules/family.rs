//! Who of those that hold a socket is its server, and who came by it otherwise.

use crate::model::{Evidence, Health, Holder, Sighting, Vitals};

/// Programs that never call accept(2): what holds a listener there was inherited.
const IDLE: &[&str] = &[
    "bash", "busybox", "cat", "dash", "env", "grep", "less", "logger", "sed", "sh", "sleep", "tail", "tee",
    "timeout",
];

/// A holder with how it fares.
pub(super) type Kin<'h> = (&'h Holder, &'h Vitals);

/// Every holder of which it is known how it fares.
fn all<'h>(health: &'h Health, server: &'h Sighting) -> Vec<Kin<'h>> {
    let holders = server.holders.known().map(Vec::as_slice).unwrap_or_default();
    holders.iter().filter_map(|holder| Some((holder, health.of(holder.process.pid)?))).collect()
}

/// The processes that are to accept: the workers where there are some, else the server itself.
pub(super) fn acceptors<'h>(health: &'h Health, server: &'h Sighting) -> Vec<Kin<'h>> {
    let foreign: Vec<u32> = foreign(health, server).iter().map(|(holder, _)| holder.process.pid).collect();
    let own: Vec<Kin<'h>> = all(health, server)
        .into_iter()
        .filter(|(holder, _)| !holder.process.is_manager() && !foreign.contains(&holder.process.pid))
        .collect();
    let is_parent = |pid: u32| own.iter().any(|(other, _)| other.process.parent == pid);
    let workers: Vec<Kin<'h>> =
        own.iter().filter(|(holder, _)| !is_parent(holder.process.pid)).copied().collect();
    if workers.is_empty() { own } else { workers }
}

/// Holders of another program, or of another unit, than the server: they came by the descriptor, they do not serve.
/// Where it may have been given to them on purpose, they are left out.
pub(super) fn foreign<'h>(health: &'h Health, server: &'h Sighting) -> Vec<Kin<'h>> {
    let holders = all(health, server);
    if let [(holder, vitals)] = holders[..] {
        // Alone, it is nobody's but for what it is: its server is gone, and somebody waits.
        let inherited = is_idle(vitals) && server.has_clients() && !holder.process.is_manager();
        return if inherited { holders } else { Vec::new() };
    }
    let activated = holders.iter().any(|(holder, _)| holder.process.is_manager());
    let own: Vec<Kin<'h>> = holders.into_iter().filter(|(holder, _)| !holder.process.is_manager()).collect();
    // The oldest that could serve: whoever inherited is younger than whom it inherited from.
    let Some((first, known)) = own.iter().find(|(_, vitals)| !is_idle(vitals)).copied() else {
        return if server.has_clients() { own } else { Vec::new() };
    };
    let Some(program) = known.program.as_deref() else { return Vec::new() };
    let is_foreign = |(holder, vitals): &Kin<'h>| {
        let other_program = vitals.program.as_deref().is_some_and(|own| own != program);
        let other_unit = match (&holder.process.unit, &first.process.unit) {
            (Some(own), Some(theirs)) => own != theirs,
            _ => false,
        };
        // A systemd that activates gives its socket to whole services, of several programs at times.
        let strange = if activated { other_unit && other_program } else { other_program || other_unit };
        let on_purpose = vitals.handed || holder.process.pid == first.process.parent;
        strange && (!on_purpose || is_idle(vitals))
    };
    own.into_iter().filter(is_foreign).collect()
}

/// Workers that outlived their master.
pub(super) fn orphans<'h>(health: &'h Health, server: &'h Sighting) -> Vec<Kin<'h>> {
    let holders = all(health, server);
    if holders.iter().any(|(holder, _)| holder.process.is_manager()) {
        return Vec::new();
    }
    let is_parent = |pid: u32| holders.iter().any(|(other, _)| other.process.parent == pid);
    let has_parent =
        |holder: &Holder| holders.iter().any(|(other, _)| other.process.pid == holder.process.parent);
    let orphans: Vec<Kin<'h>> = holders
        .iter()
        .filter(|(holder, vitals)| vitals.orphan && !is_parent(holder.process.pid) && !has_parent(holder))
        .copied()
        .collect();
    if orphans.iter().any(|(_, vitals)| vitals.worker) {
        return orphans;
    }
    // Siblings of one program and one process group; the master of a daemon would still be there.
    let [(_, first), _, ..] = orphans[..] else { return Vec::new() };
    let alike = |(_, vitals): &Kin<'_>| {
        vitals.program.is_some() && vitals.program == first.program && vitals.group == first.group
    };
    let siblings = orphans.len() == holders.len() && first.group.is_some() && orphans.iter().all(alike);
    if siblings { orphans } else { Vec::new() }
}

/// Those of the server that are stopped.
pub(super) fn stopped<'h>(health: &'h Health, server: &'h Sighting) -> Vec<Kin<'h>> {
    let foreign: Vec<u32> = foreign(health, server).iter().map(|(holder, _)| holder.process.pid).collect();
    let is_own = |(holder, vitals): &Kin<'_>| {
        vitals.is_stopped() && !holder.process.is_manager() && !foreign.contains(&vitals.pid)
    };
    all(health, server).into_iter().filter(is_own).collect()
}

/// Whether it is of a program that accepts nobody.
pub(super) fn is_idle(vitals: &Vitals) -> bool {
    let name = vitals.program.as_deref().and_then(|program| program.rsplit(|byte| *byte == b'/').next());
    name.is_some_and(|name| IDLE.iter().any(|idle| idle.as_bytes() == name))
}

/// Who is meant, with what it is.
pub(super) fn named(kin: &[Kin<'_>]) -> Evidence {
    let one = |(holder, vitals): &Kin<'_>| {
        let words = format!(" pid {}, parent {}, state {}", vitals.pid, holder.process.parent, vitals.state);
        let program = vitals.program.as_deref().map(|program| [b", ", program].concat()).unwrap_or_default();
        [holder.process.command.as_slice(), words.as_bytes(), &program].concat()
    };
    let mut lines: Vec<Vec<u8>> = kin.iter().take(8).map(one).collect();
    let more = kin.len().saturating_sub(lines.len());
    lines.extend((more > 0).then(|| format!("{more} more").into_bytes()));
    Evidence::new("/proc", lines.join(&b"; "[..]))
}

/// `kill 812 813`
pub(super) fn kill(signal: &str, kin: &[Kin<'_>]) -> String {
    let pids: Vec<String> = kin.iter().map(|(holder, _)| holder.process.pid.to_string()).collect();
    format!("kill{signal} {}", pids.join(" "))
}

/// The holders that a test gives, each with how it fares.
#[cfg(test)]
pub(super) fn case(holders: Vec<(Holder, Vitals)>) -> crate::model::Case {
    let (holders, vitals): (Vec<_>, Vec<_>) = holders.into_iter().unzip();
    let mut case = Health { holders: vitals, ..Health::sample() }.case();
    case.sockets.items[0].holders = crate::model::Fact::Known(holders);
    case
}
