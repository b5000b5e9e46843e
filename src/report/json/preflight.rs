//! Directories that are to hold a socket: the mount, the place, the trial step by step.

use serde::Serialize;

use super::Name;
use super::access::Admission;
use super::target::{Mount, errno_name, mode};
use crate::model::{self, Fact, TrialEnd};

/// The answer of `preflight`: the directory that is worst, and all of them.
#[derive(Serialize)]
pub(super) struct Preflight<'r> {
    mount: Option<Mount<'r>>,
    trial: Option<Vec<Step>>,
    directories: Vec<Directory<'r>>,
}

#[derive(Serialize)]
struct Directory<'r> {
    #[serde(rename = "target")]
    label: String,
    #[serde(rename = "target_b64")]
    label_b64: Option<String>,
    verdict: &'static str,
    path: Option<String>,
    mode: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    mount: Option<Mount<'r>>,
    known_trouble: Option<&'static str>,
    space: Option<Ratio>,
    inodes: Option<Ratio>,
    immutable: Option<bool>,
    default_acl: Option<bool>,
    address_bytes: Option<usize>,
    server_uid: Option<u32>,
    trial: Option<Vec<Step>>,
    new_socket: Option<Born>,
    removed: Vec<String>,
    left: Vec<Left>,
    consumers: Vec<Admission<'r>>,
}

/// What is left, and of how much: bytes, or inodes.
#[derive(Serialize)]
struct Ratio {
    free: u64,
    total: u64,
}

#[derive(Serialize)]
struct Step {
    #[serde(rename = "step")]
    act: &'static str,
    outcome: &'static str,
    errno: Option<String>,
    after: Option<Born>,
}

/// What lstat(2) said of the file afterwards.
#[derive(Serialize)]
struct Born {
    #[serde(rename = "type")]
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
}

/// A name that could not be removed.
#[derive(Serialize)]
struct Left {
    name: String,
    errno: String,
}

impl<'r> Preflight<'r> {
    pub(super) fn of(directories: &'r [model::InspectedTarget]) -> Self {
        let first = directories.first();
        Self {
            mount: first.and_then(|first| mount(&first.case)),
            trial: first.and_then(|first| steps(&first.case)),
            directories: directories.iter().map(Directory::of).collect(),
        }
    }
}

fn mount(case: &model::Case) -> Option<Mount<'_>> {
    let file = case.file().ok().flatten()?;
    file.mount.as_deref().map(|mount| Mount::of(mount, file.class))
}

fn steps(case: &model::Case) -> Option<Vec<Step>> {
    let trial = case.preflight.known()?.trial.known()?;
    Some(trial.steps.iter().map(Step::of).collect())
}

impl<'r> Directory<'r> {
    fn of(inspected: &'r model::InspectedTarget) -> Self {
        let case = &inspected.case;
        let Name { name: label, name_b64: label_b64 } = Name::of(&case.target.label());
        let file = case.file().ok().flatten();
        let preflight = case.preflight.known();
        let place = preflight.and_then(|preflight| preflight.place.known());
        let trial = preflight.and_then(|preflight| preflight.trial.known());
        let ratio = |ratio: model::Ratio| Ratio { free: ratio.free, total: ratio.total };
        let fstype = file.and_then(|file| file.mount.as_ref()).map(|mount| mount.fstype.as_str());
        Self {
            label,
            label_b64,
            verdict: inspected.verdict.word(),
            path: file.map(|file| Name::of(&file.path).name),
            mode: file.map(|file| mode(file.mode)),
            uid: file.map(|file| file.uid),
            gid: file.map(|file| file.gid),
            mount: mount(case),
            known_trouble: fstype.and_then(model::known_filesystem).map(|known| known.trouble),
            space: place.map(|place| ratio(place.space)),
            inodes: place.map(|place| ratio(place.inodes)),
            immutable: place.map(|place| place.immutable),
            default_acl: place.and_then(|place| match &place.default_acl {
                Fact::Known(acl) => Some(acl.is_some()),
                Fact::Unknown(_) | Fact::NotAsked => None,
            }),
            address_bytes: preflight
                .filter(|preflight| preflight.name.is_some())
                .map(|_| case.address().len()),
            server_uid: preflight.map(|preflight| preflight.server.credentials.uid),
            trial: steps(case),
            new_socket: trial.and_then(model::SocketTrial::born).map(Born::of),
            removed: trial.map_or_else(Vec::new, |trial| {
                trial.removed.iter().map(|name| Name::of(name).name).collect()
            }),
            left: trial.map_or_else(Vec::new, |trial| trial.left.iter().map(Left::of).collect()),
            consumers: case.accesses.iter().map(Admission::of).collect(),
        }
    }
}

impl Step {
    fn of(step: &model::TrialStep) -> Self {
        Self {
            act: step.act.word(),
            outcome: match step.end {
                TrialEnd::Done => "ok",
                TrialEnd::Failed => "failed",
                TrialEnd::Ignored => "ignored",
            },
            errno: step.errno.map(errno_name),
            after: step.after.map(Born::of),
        }
    }
}

impl Born {
    fn of(born: model::Born) -> Self {
        Self { kind: born.kind.word(), mode: mode(born.mode), uid: born.uid, gid: born.gid }
    }
}

impl Left {
    fn of((name, errno): &(Vec<u8>, i32)) -> Self {
        Self { name: Name::of(name).name, errno: errno_name(*errno) }
    }
}
