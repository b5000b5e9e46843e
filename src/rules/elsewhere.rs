//! A listener whose file exists only where its holder looks: in words, the same in every rule.

use super::owner;
use crate::model::{Case, Role, Sighting};

/// Its name leads its holder, and not the client, to its file.
pub(super) fn is_its_own(orphan: &Sighting) -> bool {
    orphan.role() == Ok(Some(Role::OtherView)) && orphan.view.known().is_some_and(|view| !view.ours)
}

/// A live one.
pub(super) fn listener(case: &Case) -> Option<&Sighting> {
    case.orphans().find(|orphan| orphan.is_alive() && is_its_own(orphan))
}

/// Whose view lacks it.
pub(super) fn summary(case: &Case) -> String {
    let client = match case.client {
        Some(pid) => format!("where the client (pid {pid}) looks"),
        None => "where you look".to_owned(),
    };
    format!("The socket exists where its server looks, but not {client}.")
}

/// What makes the views differ, as far as the holder's mount tells.
pub(super) fn cause(listener: &Sighting) -> &'static str {
    let process = owner::of(listener).map(|holder| &holder.process);
    let mount = listener.view.known().and_then(|view| view.walk.file()).and_then(|file| file.mount.as_ref());
    let private_tmp = |root: &[u8]| root.windows(17).any(|part| part == b"/systemd-private-");
    if mount.is_some_and(|mount| private_tmp(&mount.root)) {
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
