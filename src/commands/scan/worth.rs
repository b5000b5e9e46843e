//! Which declared paths are worth a closer look: a server that is declared and does not run is nobody's concern until
//! somebody wants to connect, and a host has hundreds of those.

use std::collections::HashSet;

use crate::commands::Context;
use crate::commands::site::Site;
use crate::facts::glance::Glancer;
use crate::facts::netns_keepers::Keepers;
use crate::facts::sockets::{self, Ask};
use crate::model::{Fact, Reach, UnitState, Usage};

/// Those where something stands, that a socket may be named after, that somebody connects to, or that a unit which is
/// not inactive is to serve. Without a kernel all of them are: nothing there is at rest.
pub(super) fn looking_at(
    context: &Context<'_>,
    site: &Site,
    states: &Fact<Vec<UnitState>>,
    mut paths: Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    if !context.machine.has_kernel() {
        return paths;
    }
    let dump = sockets::all(context.machine, Ask { owners_only: true, memory: false }, &Keepers::new());
    let named: HashSet<&[u8]> =
        dump.rows.iter().filter_map(|row| row.address.path()).map(last_name).collect();
    let awake = states.known().into_iter().flatten().filter(|state| state.active != "inactive");
    let awake: HashSet<&str> = awake.map(|state| state.name.as_str()).collect();
    let wanted = site
        .mentions
        .iter()
        .filter(|mention| mention.usage != Usage::Binds || awake.contains(mention.owner.as_str()));
    let wanted: HashSet<&[u8]> = wanted.map(|mention| mention.path.as_slice()).collect();
    let mut glancer = Glancer::new(context.machine);
    paths.retain(|path| {
        wanted.contains(path.as_slice())
            || named.contains(last_name(path))
            || glancer.at(path, false, context.deadline).reach != Reach::Missing
    });
    paths
}

fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
