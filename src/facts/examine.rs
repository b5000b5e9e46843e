//! Everything known about one target, joined into a [`Case`].
//!
//! The kernel's dump and the filesystem are read one after the other, and a server may restart in between. So
//! whatever looks wrong is looked at again, and only what two looks in a row agree on is handed to the rules.

mod binder;
mod draft;
mod elsewhere;
mod health;
mod later;
mod once;
mod passive;
mod policy;
mod sighting;
pub mod suspects;
mod sysctl;
mod tcp;
mod twin;
mod waiting;
mod walked;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::helper;
use super::index::Index;
use super::look::{NoLook, Question, Root, look, root_of, viewpoint};
use super::machine::Machine;
use super::netns::Namespace;
use super::netns_keepers::Keepers;
use super::sockets::{self, Ask, Sockets};
use super::users::Users;
use super::walk::{Acls, Touch, Viewpoint};
use crate::model::{
    Case, Fact, FileId, Gap, Liveness, Look, NetnsId, Process, Sighting, SocketIno, SocketState, SocketType,
    Target, Walk,
};
use draft::Draft;
pub(super) use draft::join_if_relative;
use once::Once;
use policy::Policy;
use walked::Walked;

/// How often a changing picture is taken before that is the answer.
const ATTEMPTS: usize = 3;

/// How long a bound socket is given to call listen(2) before its silence counts.
const SECOND_LOOK: Duration = Duration::from_millis(300);

/// How many answers of permissions are compared with the kernel's.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts {
    /// Of those that grant.
    pub granted: usize,
    /// Of those that deny.
    pub denied: usize,
}

/// Looks at targets, remembering what it already saw of roots, mounts, users and directories.
#[derive(Debug)]
pub struct Examiner<'m> {
    pub(super) machine: &'m Machine,
    /// When touches of mounts that may hang are given up.
    deadline: Instant,
    memory: bool,
    /// Whether what looks dead or silent is given the time to prove otherwise (300 ms).
    pub patient: bool,
    /// How many more accesses that permissions grant, and that they deny, are put to the kernel too: each takes a
    /// process.
    pub verdicts: Verdicts,
    /// Names of users and groups.
    pub users: Users,
    /// Whose root paths are resolved in: the client's (openat2(2), `RESOLVE_IN_ROOT`).
    pub(super) client: Root,
    /// Where the client's abstract names are; `None`: ours.
    netns: Option<NetnsId>,
    /// Whether the ACLs on the way to a target are read.
    pub acls: Acls,
    uppers: Option<Vec<Vec<u8>>>,
    views: HashMap<Root, Result<Arc<Viewpoint>, Gap>>,
    directories: HashMap<Vec<u8>, Option<Vec<u8>>>,
    hung: HashMap<u64, Gap>,
    processes: HashMap<u32, Option<Arc<Process>>>,
    /// Those of the last picture.
    once: Once,
    /// The last walk over all descriptors.
    walked: Option<Walked>,
    /// Bound sockets that were already given their time to listen.
    silent: HashSet<(SocketIno, u64)>,
    /// Files that refused over 300 ms, and how often by now: asked only once when they are looked at again.
    dead: HashMap<FileId, u8>,
    /// Absolute names of sockets that were bound under relative ones, as far as their holders tell.
    relative: HashMap<SocketIno, Vec<u8>>,
    /// Network namespaces that were met on the way.
    kept: Keepers,
    /// All sockets were already asked for their namespaces.
    searched: bool,
    /// Why some of them did not tell.
    unasked: Option<Gap>,
    policy: Option<Policy>,
    /// Those of the last examination, still open.
    namespaces: Vec<Namespace>,
}

impl<'m> Examiner<'m> {
    /// An examiner of this machine; `memory` asks the kernel for socket memory too.
    pub fn new(machine: &'m Machine, deadline: Instant, memory: bool) -> Self {
        Self {
            machine,
            deadline,
            memory,
            patient: true,
            verdicts: Verdicts { granted: usize::MAX, denied: usize::MAX },
            users: Users::new(machine),
            client: Root::Ours,
            netns: None,
            acls: Acls::Ignored,
            uppers: None,
            views: HashMap::new(),
            directories: HashMap::new(),
            hung: HashMap::new(),
            processes: HashMap::new(),
            once: Once::default(),
            walked: None,
            silent: HashSet::new(),
            dead: HashMap::new(),
            relative: HashMap::new(),
            kept: Keepers::new(),
            searched: false,
            unasked: None,
            policy: None,
            namespaces: Vec::new(),
        }
    }

    /// From now on paths are meant in this root, and abstract names in this network namespace; `None`: ours.
    pub fn look_from(&mut self, client: Root, netns: Option<NetnsId>) {
        self.netns = netns;
        if self.client != client {
            self.client = client;
            self.directories.clear();
            self.once = Once::default();
        }
    }

    /// All targets, each with everything known about it. An inode that no socket has gives no case.
    pub fn examine(&mut self, targets: &[Target], working_directory: &[u8]) -> Vec<Option<Case>> {
        let dump = self.dump(targets);
        let mut cases = self.examine_in(&dump, targets, working_directory);
        self.who_waits(cases.iter_mut().flatten(), &dump.namespaces);
        self.namespaces = dump.namespaces;
        for case in cases.iter_mut().flatten() {
            case.asked_for = !matches!(case.target, Target::Inode(_));
        }
        cases
    }

    /// The same for names that nobody asked for, when a dump was taken just now.
    pub fn examine_in(
        &mut self,
        dump: &Sockets,
        targets: &[Target],
        working_directory: &[u8],
    ) -> Vec<Option<Case>> {
        let mut cases = self.picture(targets, working_directory, dump);
        let strange = |cases: &[Option<Case>]| -> Vec<usize> {
            (0..cases.len()).filter(|number| !cases[*number].as_ref().is_some_and(is_plain)).collect()
        };
        if cases.iter().flatten().any(leads_nowhere) {
            self.search_sockets();
        }
        let mut unsettled = strange(&cases);
        for _ in 1..ATTEMPTS {
            if unsettled.is_empty() {
                return cases;
            }
            self.directories.clear();
            let again: Vec<Target> = unsettled.iter().map(|number| targets[*number].clone()).collect();
            let dump = self.dump(&again);
            let pictures = self.picture(&again, working_directory, &dump);
            let mut changed = Vec::new();
            for (number, picture) in unsettled.into_iter().zip(pictures) {
                if picture.as_ref().map(essence) != cases[number].as_ref().map(essence) {
                    changed.push(number);
                }
                cases[number] = picture;
            }
            unsettled = changed;
        }
        for number in unsettled {
            if let Some(case) = cases[number].as_mut().filter(|case| !is_plain(case)) {
                let gap = Gap::new("two looks", "the socket keeps changing while it is looked at");
                case.unsettled = Some(gap.helped_by("look again when it has settled"));
            }
        }
        cases
    }

    fn dump(&self, targets: &[Target]) -> Sockets {
        let owners_only = !targets.iter().any(|target| matches!(target, Target::Inode(_)));
        sockets::all(self.machine, Ask { owners_only, memory: self.memory }, &self.kept)
    }

    /// One picture of all targets against one dump.
    fn picture(&mut self, targets: &[Target], working_directory: &[u8], dump: &Sockets) -> Vec<Option<Case>> {
        self.once = Once::default();
        let index = Index::new(&dump.rows, targets.len());
        self.place_relative_names(targets, dump);
        let drafts: Vec<Option<Draft>> =
            targets.iter().map(|target| self.draft(target, working_directory, dump, &index)).collect();
        let wanted: HashSet<SocketIno> =
            drafts.iter().flatten().flat_map(|draft| draft.related.iter().map(|(row, _)| row.ino)).collect();
        let held = self.held(wanted);
        let complete = |draft: Option<Draft>| draft.map(|draft| self.complete(draft, dump, &held));
        let mut cases: Vec<Option<Case>> = drafts.into_iter().map(complete).collect();
        for (case, target) in cases.iter_mut().zip(targets) {
            if let Target::Tcp(address) = target {
                *case = Some(self.tcp(address, dump));
            }
        }
        if self.patient && self.machine.has_kernel() {
            self.test_liveness(cases.iter_mut().flatten());
            self.second_look(&mut cases, &dump.namespaces);
        }
        cases
    }

    /// Bound sockets that do not listen are looked at once more: they may be between bind(2) and listen(2).
    fn second_look(&mut self, cases: &mut [Option<Case>], namespaces: &[Namespace]) {
        let silent = |sighting: &&mut Sighting| {
            sighting.relation.serves
                && sighting.socket.state == SocketState::Bound
                && sighting.socket.kind != SocketType::Dgram
        };
        let all = cases.iter_mut().flatten().flat_map(|case| case.sockets.items.iter_mut());
        let waiting: Vec<&mut Sighting> = all.filter(silent).collect();
        let key = |sighting: &Sighting| (sighting.socket.ino, sighting.socket.cookie);
        if waiting.iter().any(|sighting| self.silent.insert(key(sighting))) {
            std::thread::sleep(SECOND_LOOK);
        }
        for sighting in waiting {
            sighting.second_look = match sockets::again(namespaces, &sighting.socket) {
                Ok(row) => Fact::Known(row.map(|row| row.state)),
                Err(gap) => Fact::Unknown(gap),
            };
        }
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

    /// The root a path is meant in, and the path there.
    pub fn rooted<'p>(&self, path: &'p [u8]) -> (Root, &'p [u8]) {
        match root_of(path) {
            (Root::Ours, path) => (self.client, path),
            named => named,
        }
    }

    /// A root with its mounts, opened once.
    pub fn viewpoint(&mut self, root: Root) -> Result<Arc<Viewpoint>, Gap> {
        let machine = self.machine;
        let opened = self.views.entry(root).or_insert_with(|| {
            viewpoint(machine, root).map(Arc::new).map_err(|error| match error {
                NoLook::Unseen(gap) => gap,
                NoLook::MayHang(mount) => Gap::new(mount.fstype.clone(), "not touched"),
            })
        });
        opened.clone()
    }
}

/// The name of a network namespace that is not ours.
pub fn label(namespaces: &[Namespace], id: NetnsId) -> Option<String> {
    namespaces.iter().find(|namespace| namespace.id == id && !namespace.ours)?.label.clone()
}

/// A path or name that nobody was found to have, and that no refusal settles.
fn leads_nowhere(case: &Case) -> bool {
    !case.sockets.items.iter().any(Sighting::is_alive)
        && !matches!(case.liveness, Fact::Known(Liveness::Refused { .. }))
        && matches!(case.target, Target::Path(_) | Target::Abstract(_))
}

/// Nothing about it calls for a second opinion.
fn is_plain(case: &Case) -> bool {
    match case.target {
        Target::Path(_) => case.server().is_some_and(Sighting::is_alive) && case.orphans().next().is_none(),
        Target::Abstract(_) | Target::Inode(_) | Target::Tcp(_) => !case.sockets.items.is_empty(),
    }
}

/// What two pictures of a settled case have in common: the file, and the sockets in their states.
fn essence(case: &Case) -> impl PartialEq + use<> {
    let walk = case.walk.known();
    let file = walk.and_then(Walk::file).map(|file| (file.id(), file.kind));
    let socket = |sighting: &Sighting| {
        (sighting.socket.ino, sighting.socket.cookie, sighting.socket.state, sighting.relation.serves)
    };
    let mut sockets: Vec<_> = case.sockets.items.iter().map(socket).collect();
    sockets.sort_unstable();
    (file, walk.and_then(Walk::errno), sockets)
}
