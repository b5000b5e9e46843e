//! The passive test of all files that the dump alone does not say are served, in one go.

use std::cell::LazyCell;
use std::os::fd::OwnedFd;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::Examiner;
use crate::facts::look::{Passive, Question, place};
use crate::facts::machine::Scope;
use crate::facts::sockets::{self, Ask};
use crate::facts::walk::Touch;
use crate::facts::{liveness, mounts};
use crate::model::{
    Case, Fact, File, FileId, FileKind, Gap, Liveness, Look, MountClass, Reached, SocketType, Walk,
};

/// How many files are pinned by a descriptor at once: as many as we may open, with some to spare.
fn batch() -> usize {
    let allowed = getrlimit(Resource::RLIMIT_NOFILE)
        .map_or(1024, |(soft, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard));
    usize::try_from(allowed).unwrap_or(usize::MAX).saturating_sub(128).clamp(16, 65_536)
}

/// A file that waits for its answer.
struct Pinned<'c> {
    case: &'c mut Case,
    file: OwnedFd,
    kind: Option<SocketType>,
}

impl Examiner<'_> {
    /// Many files take the 300 ms that one takes: all are asked, then all that refused are asked again.
    pub(super) fn test_liveness<'c>(&mut self, cases: impl Iterator<Item = &'c mut Case>) {
        let (most, mut patient) = (LazyCell::new(batch), Vec::new());
        for case in cases {
            let Some(id) = untested(case) else { continue };
            let kind = kind_by_name(case);
            let once = id.is_some_and(|id| self.dead.contains_key(&id));
            let (root, path) = self.rooted(&case.path);
            let pinned = self.viewpoint(root).ok().and_then(|view| view.walk(path, Touch::Safe).ok());
            match pinned.map(|walked| (walked.walk.file().map(File::id), walked.end)) {
                Some((Some(now), Some(file))) if now == id => {
                    if once {
                        let answer = self.believed(case, liveness::ask(&file, kind));
                        self.answer(case, answer);
                    } else {
                        patient.push(Pinned { case, file, kind });
                    }
                }
                Some(_) => self.answer(case, replaced_meanwhile()),
                None => {
                    let passive = if once { Passive::Once } else { Passive::Thrice };
                    let found = self.look(&Question { passive, kind, ..Question::walk(root, path) });
                    self.answer(case, answer_of(found, id));
                }
            }
            if patient.len() == *most {
                self.settle(std::mem::take(&mut patient));
            }
        }
        self.settle(patient);
    }

    fn settle(&mut self, patient: Vec<Pinned<'_>>) {
        let files: Vec<_> = patient.iter().map(|pinned| (&pinned.file, pinned.kind)).collect();
        for (answer, pinned) in liveness::settle(&files).into_iter().zip(patient) {
            let answer = self.believed(pinned.case, answer);
            self.answer(pinned.case, answer);
        }
    }

    /// A server that renames its socket over the old one leaves an inode behind that is dead, and at no path. A
    /// refusal counts only if the path still leads to it; while it is pinned no other file has its number.
    fn believed(&mut self, case: &Case, answer: Liveness) -> Fact<Liveness> {
        let refused = matches!(answer, Liveness::Refused { .. });
        let mut still_there = || {
            let (root, path) = self.rooted(&case.path);
            let now = self.look(&Question::walk(root, path)).ok()?;
            Some(place(&now.walk)? == place(case.walk.known()?)?)
        };
        if refused && still_there() != Some(true) { replaced_meanwhile() } else { Fact::Known(answer) }
    }

    fn answer(&mut self, case: &mut Case, answer: Fact<Liveness>) {
        case.liveness = answer;
        if case.liveness == Fact::Known(Liveness::Bound) {
            adopt_unidentified(case);
        }
        if case.liveness == Fact::Known(Liveness::Denied) && self.carried(case) {
            let why = "a socket that does not listen, such as a connection, is bound to the file";
            case.liveness = Fact::Unknown(Gap::new("unix_diag", why).helped_by(Gap::AS_ROOT));
        }
        let Fact::Known(Liveness::Refused { tries }) = case.liveness else { return };
        if let Some(id) = case.file().ok().flatten().and_then(File::id) {
            let before = self.dead.get(&id).copied().unwrap_or_default();
            let tries = before.saturating_add(tries);
            self.dead.insert(id, tries);
            case.liveness = Fact::Known(Liveness::Refused { tries });
        }
        self.reconsider_class(case);
    }

    /// Whether any socket at all, connections too, has the case's file.
    fn carried(&self, case: &Case) -> bool {
        let id = case.file().ok().flatten().and_then(File::id);
        let all = sockets::all(self.machine, Ask { owners_only: false, memory: false }, &self.kept);
        id.is_some() && all.rows.iter().any(|row| row.file == id)
    }

    /// What lies below an overlay's upper layer only counts as layered where a refusal has to be judged: finding
    /// all overlays costs a look at every process.
    fn reconsider_class(&mut self, case: &mut Case) {
        let uppers = self.uppers.get_or_insert_with(|| mounts::upper_directories(self.machine));
        if let Fact::Known(Walk { reached: Reached::File(file), .. }) = &mut case.walk
            && let Some(mount) = &file.mount
        {
            // The layers of a host are told in its own terms.
            let prefix = if self.machine.scope == Scope::Host { Vec::new() } else { self.machine.prefix() };
            let full = [prefix.as_slice(), &file.path].concat();
            file.class = mounts::class_of(mount, &full, uppers);
            let local = file.class == MountClass::Local && prefix.is_empty() && !uppers.is_empty();
            let table = local.then(|| mounts::of(self.machine, None).ok()).flatten();
            if table.is_some_and(|table| mounts::shows_upper(mount, &full, uppers, &table)) {
                file.class = MountClass::Layered;
            }
        }
    }
}

/// The identity of a socket file that no socket of the dump is known to serve, or that a FUSE shows: there the
/// very file of a listener may refuse (libfuse keeps a node for each path).
#[expect(
    clippy::option_option,
    reason = "a file whose mount is unknown has no identity, and is tested all the same"
)]
fn untested(case: &Case) -> Option<Option<FileId>> {
    let file = case.file().ok().flatten().filter(|file| file.kind == FileKind::Socket)?;
    let doubtful = case.serving().next().is_none() || file.class == MountClass::Fuse;
    doubtful.then(|| file.id())
}

/// The type of a socket that has the name but did not tell its file: what `/proc/net/unix` says of another
/// network namespace.
fn kind_by_name(case: &Case) -> Option<SocketType> {
    let mut named = case.orphans().filter(|orphan| orphan.socket.file.is_none());
    named.next().map(|orphan| orphan.socket.kind)
}

fn answer_of(found: Result<Look, Gap>, id: Option<FileId>) -> Fact<Liveness> {
    match found {
        Err(gap) => Fact::Unknown(gap),
        Ok(look) if look.walk.file().map(File::id) != Some(id) => replaced_meanwhile(),
        Ok(look) => look.liveness.map_or_else(replaced_meanwhile, Fact::Known),
    }
}

fn replaced_meanwhile() -> Fact<Liveness> {
    Fact::Unknown(Gap::new("connect", "the socket was replaced while it was looked at"))
}

/// A socket without a reported file that owns the name of a file something is bound to is that something.
fn adopt_unidentified(case: &mut Case) {
    let mut nameless = case.sockets.items.iter_mut().filter(|sighting| {
        sighting.relation.names_path && sighting.socket.file.is_none() && sighting.socket.owns_name()
    });
    if let (Some(only), None) = (nameless.next(), nameless.next()) {
        only.relation.serves = true;
    }
}
