//! A listener whose file exists only where its holder looks: in words, the same in every rule.

use super::{owner, quote, socket_unit};
use crate::model::{Case, Certainty, Evidence, Fix, Mount, Role, Sighting, Target};

/// Its name leads its holder, and not the client, to its file.
pub(super) fn is_its_own(orphan: &Sighting) -> bool {
    orphan.role() == Ok(Some(Role::OtherView)) && orphan.view.known().is_some_and(|view| !view.ours)
}

/// A live one.
pub(super) fn listener(case: &Case) -> Option<&Sighting> {
    case.orphans().find(|orphan| orphan.is_alive() && is_its_own(orphan))
}

/// A .socket unit is to listen here and does not: who else has the name elsewhere is not what is missing.
pub(super) fn unit_is_down(case: &Case) -> bool {
    let by_manager = |sighting: &Sighting| {
        sighting.holders.known().is_some_and(|holders| holders.iter().any(|held| held.process.is_manager()))
    };
    socket_unit::declared(case).is_some() && !case.sockets.items.iter().any(by_manager)
}

/// A live one, which says more of the path than that nothing is there.
pub(super) fn may_be_it(case: &Case, other: &Sighting) -> bool {
    other.socket.address.path().is_some() && other.is_alive() && !unit_is_down(case)
}

/// A listener of the client's own view has lost its file: that is why nothing is there, whoever else has the name.
pub(super) fn own_has_lost_its_file(case: &Case) -> bool {
    let gone = |orphan: &Sighting| orphan.role() == Ok(Some(Role::Unlinked)) && !orphan.foreign;
    case.orphans().any(|orphan| orphan.is_alive() && gone(orphan))
}

/// Its name is looked for in another directory than its own: what became of its file there may have nothing to do
/// with what the client misses.
pub(super) fn is_a_strangers(case: &Case, orphan: &Sighting) -> bool {
    orphan.foreign && case.asked_for && matches!(case.target, Target::Path(_))
}

/// Strangers that lost their files count only where nobody else has the name, and are never certain.
pub(super) fn own_before_strangers(case: &Case, unlinked: &mut Vec<(&Sighting, Certainty)>) {
    let strange = |orphan| is_a_strangers(case, orphan);
    if listener(case).is_some() || unlinked.iter().any(|(orphan, _)| !strange(orphan)) {
        unlinked.retain(|(orphan, _)| !strange(orphan));
    }
    for (_, certainty) in unlinked.iter_mut().filter(|(orphan, _)| strange(orphan)) {
        *certainty = Certainty::Likely;
    }
}

/// What would settle it.
pub(super) fn not_seen<'s>(case: &Case, mut orphans: impl Iterator<Item = &'s Sighting>) -> Evidence {
    let settle = if orphans.any(|orphan| is_a_strangers(case, orphan)) {
        "whether it is this client's server: its directory of that name is another one than the client's"
    } else {
        "where the bound file is now: it may have moved with its directory, or exist in another mount namespace"
    };
    Evidence::new("not seen", settle)
}

/// How to see the path as a listener does that may be a stranger's, and is not to be restarted on a guess.
pub(super) fn look(case: &Case, orphan: &Sighting) -> Option<Fix> {
    let view = orphan.view.known().filter(|_| is_a_strangers(case, orphan))?;
    let command = quote::command(&format!("sockdoctor inspect --pid {}", view.pid), &view.path);
    Some(Fix::look(command, "if it is the server you mean: see its file as it does"))
}

/// Whose view lacks it.
pub(super) fn summary(case: &Case) -> String {
    let client = match case.client {
        Some(pid) => format!("where the client (pid {pid}) looks"),
        None => "where you look".to_owned(),
    };
    format!("The socket exists where its server looks, but not {client}.")
}

/// By the name that systemd gives the directory (systemd.exec(5), PrivateTmp=).
pub(super) fn is_private_tmp(mount: &Mount) -> bool {
    mount.root.windows(17).any(|part| part == b"/systemd-private-")
}

/// What makes the views differ, as far as the holder's mount tells.
pub(super) fn cause(listener: &Sighting) -> &'static str {
    let process = owner::of(listener).map(|holder| &holder.process);
    let mount = listener.view.known().and_then(|view| view.walk.file()).and_then(|file| file.mount.as_ref());
    if mount.is_some_and(|mount| is_private_tmp(mount)) {
        "PrivateTmp= gives the service a /tmp of its own"
    } else if process.is_some_and(|process| process.container.is_some()) {
        "the server runs in a container"
    } else {
        "the server has a mount namespace or a root directory of its own"
    }
}

/// Where the socket should be.
pub(super) fn advice(listener: &Sighting, name: &[u8]) -> String {
    let temporary = name.starts_with(b"/tmp/") || name.starts_with(b"/var/tmp/");
    let unit = owner::of(listener).and_then(|holder| holder.process.unit.clone());
    match unit.filter(|unit| temporary && unit.ends_with(".service")) {
        Some(unit) => format!("put the socket of {unit} below /run (RuntimeDirectory=), and the new path into its client"),
        None => "put the socket into a directory that both have: one volume in both containers, or a place below /run".to_owned(),
    }
}

/// A listener in another view, for tests.
#[cfg(test)]
pub(super) fn sample() -> Case {
    let mut case = Case::sample_missing();
    let walk = Case::sample().walk.known().cloned().unwrap();
    if let crate::model::Fact::Known(view) = &mut case.sockets.items[0].view {
        (view.walk, view.ours) = (walk, false);
        view.links = crate::model::Fact::Known(1);
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Unit};

    #[test]
    fn a_unit_that_is_down_counts_more_than_a_container_that_has_the_name() {
        let mut case = sample();
        assert!(may_be_it(&case, &case.sockets.items[0]));
        case.socket_unit = Fact::Known(Some(Unit::sample().into()));
        assert!(unit_is_down(&case) && !may_be_it(&case, &case.sockets.items[0]));
    }

    #[test]
    fn a_stranger_is_looked_at_and_not_restarted() {
        let mut case = Case::sample_missing();
        case.sockets.items[0].foreign = true;
        let mut unlinked = vec![(&case.sockets.items[0], Certainty::Certain)];
        own_before_strangers(&case, &mut unlinked);
        assert_eq!(unlinked[0].1, Certainty::Likely);
        let fix = look(&case, unlinked[0].0).unwrap();
        assert_eq!(fix.command.as_deref(), Some(&b"sockdoctor inspect --pid 4242 /tmp/x.sock"[..]));
        let own = Sighting { foreign: false, ..case.sockets.items[0].clone() };
        unlinked.push((&own, Certainty::Certain));
        own_before_strangers(&case, &mut unlinked);
        assert_eq!(unlinked, [(&own, Certainty::Certain)]);
    }
}
