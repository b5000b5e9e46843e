//! A client that changes its root before it connects: what it sees of a path there.

use nix::errno::Errno;

use crate::facts::examine::Examiner;
use crate::facts::look::{Question, Root};
use crate::model::{Case, Consumer, Fact, Gap, Jail, Reached, Setting, Target};

/// The targets of a client whose root we do not see through its own process: where one stands below its chroot, that
/// is what it connects to.
pub(super) fn seen_from_here(
    examiner: &mut Examiner<'_>,
    chroot: &Setting<Vec<u8>>,
    targets: Vec<Target>,
    who: &[Consumer],
) -> Vec<Target> {
    if who.iter().any(|consumer| consumer.our_view == Fact::Known(false)) {
        return targets;
    }
    let mut below = |target: Target| {
        let Target::Path(path) = &target else { return target };
        let inside = [root(chroot), path].concat();
        let there = stands(examiner, Root::Ours, &inside) == Fact::Known(true);
        if there { Target::Path(inside) } else { target }
    };
    targets.into_iter().map(&mut below).collect()
}

/// The path of such a target as its client is told it.
pub(super) fn told<'p>(jail: Option<&Jail>, path: &'p [u8]) -> &'p [u8] {
    let below = jail.filter(|jail| jail.below).and_then(|jail| path.strip_prefix(root(&jail.chroot)));
    below.unwrap_or(path)
}

/// Looks at the path of a case below its client's root, and outside of it. `named`: the paths that the client is told.
pub(super) fn of(
    examiner: &mut Examiner<'_>,
    case: &Case,
    chroot: &Setting<Vec<u8>>,
    named: &[Vec<u8>],
) -> Jail {
    let path = &case.path;
    let below = !named.contains(path) && path.starts_with(root(chroot));
    if below {
        let [inside, directory] = [Fact::Known(true), Fact::Known(true)];
        return Jail { chroot: chroot.clone(), below, inside, directory, outside: Fact::NotAsked };
    }
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0).max(1);
    let whose = case.client.map_or(Root::Ours, Root::Process);
    let inside = |path: &[u8]| match whose {
        Root::Process(_) => path.to_vec(),
        Root::Ours => [root(chroot), path].concat(),
    };
    let apart = case.accesses.iter().any(|access| access.consumer.is_contained());
    Jail {
        below: false,
        inside: stands(examiner, whose, &inside(path)),
        directory: stands(examiner, whose, &inside(&path[..end])),
        outside: if apart { Fact::NotAsked } else { stands(examiner, Root::Ours, path) },
        chroot: chroot.clone(),
    }
}

fn root(chroot: &Setting<Vec<u8>>) -> &[u8] {
    chroot.value.strip_suffix(b"/").unwrap_or(&chroot.value)
}

/// Whether something stands there.
fn stands(examiner: &mut Examiner<'_>, root: Root, path: &[u8]) -> Fact<bool> {
    let look = match examiner.look(&Question::walk(root, path)) {
        Ok(look) => look,
        Err(gap) => return Fact::Unknown(gap),
    };
    match look.walk.reached {
        Reached::File(_) => Fact::Known(true),
        Reached::Stopped { errno, .. } => match Errno::from_raw(errno) {
            Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG => Fact::Known(false),
            other => {
                let gap = Gap::new(String::from_utf8_lossy(path), other.desc());
                Fact::Unknown(gap.helped_by(Gap::AS_ROOT))
            }
        },
    }
}
