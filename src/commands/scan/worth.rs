//! Which declared paths are worth a closer look: a server that is declared and does not run is nobody's concern until
//! somebody wants to connect, and a host has hundreds of those.

use std::collections::HashSet;

use super::states::Awake;
use crate::commands::Context;
use crate::commands::site::Site;
use crate::facts::beside::Beside;
use crate::facts::examine::Examiner;
use crate::facts::glance::Glancer;
use crate::facts::look::Root;
use crate::model::{Reach, Socket, Usage};

/// Those where something stands, that a socket may be named after, that somebody connects to, or that a unit which is
/// not inactive is to serve. Without a kernel all of them are, as nothing there is at rest, and without a list too.
pub(super) fn looking_at(
    context: &Context<'_>,
    examiner: &mut Examiner<'_>,
    site: &Site,
    (awake, listed): (&Awake, Option<&[Socket]>),
    mut paths: Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let Some(sockets) = listed else { return paths };
    let named: HashSet<&[u8]> = sockets.iter().filter_map(|row| row.address.path()).map(last_name).collect();
    let wanted =
        site.mentions.iter().filter(|mention| mention.usage != Usage::Binds || awake.has(&mention.owner));
    let wanted: HashSet<&[u8]> = wanted.map(|mention| mention.path.as_slice()).collect();
    let mut glancer = Glancer::new(context.machine);
    let view = examiner.viewpoint(Root::Ours).ok();
    let mut beside = view.as_deref().map(Beside::new);
    // What stands in the root of a process is not below our /proc.
    let mut is_empty = |path: &[u8]| {
        !path.starts_with(b"/proc/") && beside.as_mut().is_some_and(|beside| beside.is_empty(path))
    };
    paths.retain(|path| {
        wanted.contains(path.as_slice())
            || named.contains(last_name(path))
            || !is_empty(path) && glancer.at(path, false, context.deadline).reach != Reach::Missing
    });
    paths
}

fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
