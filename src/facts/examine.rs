//! Everything known about one target, joined into a [`Case`].
//!
//! The kernel's dump and the filesystem are read one after the other, and a server may restart in between. So
//! whatever looks wrong is looked at again, and only what two looks in a row agree on is handed to the rules.

mod draft;
mod sighting;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::holders::{self, Holders};
use super::index::Index;
use super::look::{NoLook, Question, Root, look, viewpoint};
use super::machine::Machine;
use super::netns::Namespace;
use super::sockets::{self, Ask, Sockets};
use super::users::Users;
use super::walk::{Touch, Viewpoint};
use super::{helper, mounts};
use crate::model::{
    Case, Fact, Gap, Look, NetnsId, Process, Sighting, SocketIno, SocketState, SocketType, Target, Walk,
};
use draft::Draft;

/// How often a changing picture is taken before that is the answer.
const ATTEMPTS: usize = 3;

/// How long a bound socket is given to call listen(2) before its silence counts.
const SECOND_LOOK: Duration = Duration::from_millis(300);

/// Looks at targets, remembering what it already saw of roots, mounts, users and directories.
#[derive(Debug)]
pub struct Examiner<'m> {
    machine: &'m Machine,
    /// When touches of mounts that may hang are given up.
    deadline: Instant,
    memory: bool,
    /// Names of users and groups.
    pub users: Users,
    uppers: Arc<Vec<Vec<u8>>>,
    views: HashMap<Root, Result<Arc<Viewpoint>, Gap>>,
    directories: HashMap<Vec<u8>, Option<Vec<u8>>>,
    hung: HashMap<u64, Gap>,
    processes: HashMap<u32, Option<Process>>,
    /// Absolute names of sockets that were bound under relative ones, as far as their holders tell.
    relative: HashMap<SocketIno, Vec<u8>>,
}

impl<'m> Examiner<'m> {
    /// An examiner of this machine; `memory` asks the kernel for socket memory too.
    pub fn new(machine: &'m Machine, deadline: Instant, memory: bool) -> Self {
        Self {
            machine,
            deadline,
            memory,
            users: Users::new(machine),
            uppers: Arc::new(mounts::upper_directories(machine)),
            views: HashMap::new(),
            directories: HashMap::new(),
            hung: HashMap::new(),
            processes: HashMap::new(),
            relative: HashMap::new(),
        }
    }

    /// All targets, each with everything known about it. An inode that no socket has gives no case.
    pub fn examine(&mut self, targets: &[Target], working_directory: &[u8]) -> Vec<Option<Case>> {
        let mut before: Option<Vec<Option<Case>>> = None;
        for _ in 0..ATTEMPTS {
            let dump = sockets::all(self.machine, Ask { owners_only: false, memory: self.memory });
            let cases = self.picture(targets, working_directory, &dump);
            let settled = match &before {
                None => cases.iter().flatten().all(is_plain),
                Some(before) => same_picture(before, &cases),
            };
            if settled {
                return cases;
            }
            self.directories.clear();
            before = Some(cases);
        }
        let mut cases = before.unwrap_or_default();
        for case in cases.iter_mut().flatten().filter(|case| !is_plain(case)) {
            case.unsettled = Some(
                Gap::new("two looks", "the socket keeps changing while it is looked at")
                    .helped_by("look again when it has settled, or follow it with `sockdoctor watch`"),
            );
        }
        cases
    }

    /// One picture of all targets against one dump.
    pub fn picture(
        &mut self,
        targets: &[Target],
        working_directory: &[u8],
        dump: &Sockets,
    ) -> Vec<Option<Case>> {
        let index = Index::new(&dump.rows);
        self.place_relative_names(targets, dump);
        let mut drafts: Vec<Option<Draft>> =
            targets.iter().map(|target| self.draft(target, working_directory, dump, &index)).collect();
        let wanted: HashSet<SocketIno> =
            drafts.iter().flatten().flat_map(|draft| draft.related.iter().map(|(row, _)| row.ino)).collect();
        let holders =
            if wanted.is_empty() { Holders::default() } else { holders::walk(self.machine, Some(&wanted)) };
        let cases: Vec<Option<Case>> = drafts
            .iter_mut()
            .map(|draft| draft.take().map(|draft| self.complete(draft, dump, &holders)))
            .collect();
        second_look(cases, &dump.namespaces)
    }

    /// Looks at a path in a root: here where that is safe, in the helper where it may hang.
    pub fn look(&mut self, question: &Question) -> Result<Look, Gap> {
        let view = self.viewpoint(question.root)?;
        match look(&view, question, Touch::Safe) {
            Ok(look) => Ok(look),
            Err(NoLook::Unseen(gap)) => Err(gap),
            Err(NoLook::MayHang(mount)) => {
                if let Some(gap) = self.hung.get(&mount.id) {
                    return Err(gap.clone());
                }
                let answer = helper::ask(self.machine, question, &mount, self.deadline);
                if let Err(gap) = &answer {
                    self.hung.insert(mount.id, gap.clone());
                }
                answer
            }
        }
    }

    /// A root with its mounts, opened once.
    pub fn viewpoint(&mut self, root: Root) -> Result<Arc<Viewpoint>, Gap> {
        let (machine, uppers) = (self.machine, &self.uppers);
        let opened = self.views.entry(root).or_insert_with(|| {
            viewpoint(machine, root, uppers).map(Arc::new).map_err(|error| match error {
                NoLook::Unseen(gap) => gap,
                NoLook::MayHang(mount) => Gap::new(mount.fstype.clone(), "not touched"),
            })
        });
        opened.clone()
    }
}

/// Bound sockets that do not listen are looked at once more: they may be between bind(2) and listen(2).
fn second_look(mut cases: Vec<Option<Case>>, namespaces: &[Namespace]) -> Vec<Option<Case>> {
    let silent = |sighting: &Sighting| {
        sighting.relation.serves
            && sighting.socket.state == SocketState::Bound
            && sighting.socket.kind != SocketType::Dgram
    };
    let mut waiting = cases
        .iter_mut()
        .flatten()
        .flat_map(|case| case.sockets.items.iter_mut())
        .filter(|s| silent(s))
        .peekable();
    if waiting.peek().is_some() {
        std::thread::sleep(SECOND_LOOK);
    }
    for sighting in waiting {
        sighting.second_look = match sockets::again(namespaces, &sighting.socket) {
            Ok(row) => Fact::Known(row.map(|row| row.state)),
            Err(gap) => Fact::Unknown(gap),
        };
    }
    cases
}

/// The name of a network namespace that is not ours.
pub fn label(namespaces: &[Namespace], id: NetnsId) -> Option<String> {
    namespaces.iter().find(|namespace| namespace.id == id && !namespace.ours)?.label.clone()
}

/// Nothing about it calls for a second opinion.
fn is_plain(case: &Case) -> bool {
    match case.target {
        Target::Path(_) => case.server().is_some_and(Sighting::is_alive) && case.orphans().next().is_none(),
        Target::Abstract(_) | Target::Inode(_) | Target::Tcp(_) => !case.sockets.items.is_empty(),
    }
}

/// Whether two pictures show the same files and the same sockets in the same states.
fn same_picture(before: &[Option<Case>], after: &[Option<Case>]) -> bool {
    let essence = |case: &Case| {
        let walk = case.walk.known();
        let file = walk.and_then(Walk::file).map(|file| (file.id(), file.kind));
        let mut sockets: Vec<_> = case
            .sockets
            .items
            .iter()
            .map(|sighting| {
                (sighting.socket.ino, sighting.socket.cookie, sighting.socket.state, sighting.relation.serves)
            })
            .collect();
        sockets.sort_unstable();
        (file, walk.and_then(Walk::errno), sockets)
    };
    let each =
        |cases: &[Option<Case>]| cases.iter().map(|case| case.as_ref().map(essence)).collect::<Vec<_>>();
    each(before) == each(after)
}
