//! A client that changes its root before it connects: what it sees of a path there.

use nix::errno::Errno;

use crate::facts::examine::Examiner;
use crate::facts::look::{Question, Root};
use crate::model::{Case, Fact, Gap, Jail, Reached, Setting};

/// Looks at the path of a case below its client's root, and outside of it.
pub(super) fn of(examiner: &mut Examiner<'_>, case: &Case, chroot: &Setting<Vec<u8>>) -> Jail {
    let path = &case.path;
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0).max(1);
    let root = case.client.map_or(Root::Ours, Root::Process);
    let below = chroot.value.strip_suffix(b"/").unwrap_or(&chroot.value);
    let inside = |path: &[u8]| match root {
        Root::Process(_) => path.to_vec(),
        Root::Ours => [below, path].concat(),
    };
    let apart = case.accesses.iter().any(|access| access.consumer.is_contained());
    Jail {
        inside: stands(examiner, root, &inside(path)),
        directory: stands(examiner, root, &inside(&path[..end])),
        outside: if apart { Fact::NotAsked } else { stands(examiner, Root::Ours, path) },
        chroot: chroot.clone(),
    }
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
