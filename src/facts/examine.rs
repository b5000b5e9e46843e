//! Everything known about one target, joined into a [`Case`].
//!
//! The kernel's dump and the filesystem are read one after the other, and a server may restart in between. So
//! whatever looks wrong is looked at again, and only what two looks in a row agree on is handed to the rules.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::holders::{self, Holders};
use super::index::{Index, last_name};
use super::look::{NoLook, Question, Root, look, viewpoint};
use super::machine::Machine;
use super::netns::Namespace;
use super::sockets::{self, Ask, Sockets};
use super::users::Users;
use super::walk::{Touch, Viewpoint, join, split};
use super::{directory, helper, mounts, nearest, process};
use crate::model::{
    Address, Case, Fact, FileKind, Gap, Holder, Look, NetnsId, Process, Relation, Seen, Sighting, Socket,
    SocketIno, SocketState, SocketType, Target, View, Walk,
};

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

    /// Holders of one socket with their processes, the longest-lived first.
    pub fn holders_of(&mut self, holders: &Holders, ino: SocketIno) -> Vec<Holder> {
        let mut found: Vec<Holder> = Vec::new();
        for held in holders.of(ino) {
            if let Some(process) = process::read(self.machine, &mut self.users, held.pid)
                && process::still_holds(self.machine, &process, held.fd, ino)
            {
                found.push(Holder { process, fd: held.fd });
            }
        }
        found.sort_by_key(|holder| (holder.process.start_ticks, holder.process.pid));
        found
    }

    /// Holders as one walk found them, each process read once. A process younger than that walk is another one
    /// under the same pid.
    pub fn remembered_holders(&mut self, held: &Holders, row: &Socket) -> Vec<Holder> {
        let mut found = Vec::new();
        for holding in held.of(row.ino) {
            let (machine, users) = (self.machine, &mut self.users);
            let known = self
                .processes
                .entry(holding.pid)
                .or_insert_with(|| process::read(machine, users, holding.pid));
            if let Some(process) = known {
                found.push(Holder { process: process.clone(), fd: holding.fd });
            }
        }
        found.sort_by_key(|holder| (holder.process.start_ticks, holder.process.pid));
        found
    }

    /// A directory that holds sockets, or that listeners are named in, becomes those sockets.
    pub fn expand(&mut self, target: &Target, working_directory: &[u8]) -> Vec<Target> {
        let Target::Path(given) = target else { return vec![target.clone()] };
        let path = join_if_relative(working_directory, given);
        let look = self.look(&Question::walk(Root::Ours, &path));
        let directory = look.as_ref().ok().and_then(|look| look.walk.file());
        let Some(directory) =
            directory.filter(|file| file.kind == FileKind::Directory && !file.class.may_hang())
        else {
            return vec![target.clone()];
        };
        let dump = sockets::all(self.machine, Ask { owners_only: true, memory: false });
        let mut names = directory::sockets(&directory.path);
        for name in dump.rows.iter().filter(|row| row.owns_name()).filter_map(|row| row.address.path()) {
            if let Some((parent, last)) = split(name)
                && self.canonical_directory(parent).as_deref() == Some(&directory.path)
            {
                names.insert(join(&directory.path, last));
            }
        }
        if names.is_empty() { vec![target.clone()] } else { names.into_iter().map(Target::Path).collect() }
    }

    fn draft<'d>(
        &mut self,
        target: &Target,
        working_directory: &[u8],
        dump: &'d Sockets,
        index: &Index<'d>,
    ) -> Option<Draft<'d>> {
        let named = |row: &'d Socket, serves| (row, Relation { names_path: true, serves });
        match target {
            Target::Path(path) => {
                Some(self.draft_path(target, join_if_relative(working_directory, path), index))
            }
            Target::Abstract(name) => {
                let rows = dump.rows.iter().filter(|row| row.owns_name());
                let rows =
                    rows.filter(|row| matches!(&row.address, Address::Abstract(own) if **own == *name));
                let related = rows.map(|row| named(row, row.netns == dump.own)).collect();
                Some(Draft { related, ..Draft::new(target) })
            }
            Target::Inode(ino) => {
                let row = dump.rows.iter().find(|row| row.ino == SocketIno(*ino))?;
                match row.address.path() {
                    Some(path) if row.owns_name() && path.starts_with(b"/") => {
                        Some(self.draft_path(target, path.to_vec(), index))
                    }
                    _ => Some(Draft { related: vec![named(row, true)], ..Draft::new(target) }),
                }
            }
            Target::Tcp(_) => None,
        }
    }

    fn draft_path<'d>(&mut self, target: &Target, path: Vec<u8>, index: &Index<'d>) -> Draft<'d> {
        let walk = match self.look(&Question::walk(Root::Ours, &path)) {
            Ok(look) => Fact::Known(look.walk),
            Err(gap) => Fact::Unknown(gap),
        };
        let file = walk.known().and_then(Walk::file);
        let identity = file.filter(|file| file.kind == FileKind::Socket).and_then(crate::model::File::id);
        let serving: Vec<_> = identity.into_iter().flat_map(|file| index.of_file(file)).collect();
        let place = walk.known().map_or_else(|| path.clone(), Walk::destination);
        let mut related: Vec<_> = Vec::new();
        for row in serving {
            let names_path = self.names(row, &path, &place);
            related.push((row, Relation { names_path, serves: true }));
        }
        let mut last_names = vec![last_name(&path), last_name(&place)];
        last_names.dedup();
        for row in last_names.into_iter().flat_map(|name| index.of_last_name(name)) {
            let seen = related.iter().any(|(other, _)| other.ino == row.ino && other.cookie == row.cookie);
            let relative = row.address.path().is_some_and(|name| !name.starts_with(b"/"));
            if !seen && (relative || self.names(row, &path, &place)) {
                related.push((row, Relation { names_path: !relative, serves: false }));
            }
        }
        Draft { target: target.clone(), path, place, walk, related }
    }

    /// Whether a socket's absolute name means the place the target means, in our own view.
    fn names(&mut self, row: &Socket, path: &[u8], place: &[u8]) -> bool {
        let Some(name) = row.address.path().filter(|name| name.starts_with(b"/")) else { return false };
        name == path || name == place || self.is_place(name, place)
    }

    fn is_place(&mut self, name: &[u8], place: &[u8]) -> bool {
        let (Some((directory, last)), Some((place, place_last))) = (split(name), split(place)) else {
            return false;
        };
        last == place_last && self.canonical_directory(directory).as_deref() == Some(place)
    }

    fn canonical_directory(&mut self, directory: &[u8]) -> Option<Vec<u8>> {
        if let Some(known) = self.directories.get(directory) {
            return known.clone();
        }
        let look = self.look(&Question::walk(Root::Ours, directory)).ok();
        let canonical = look.and_then(|look| look.walk.file().map(|file| file.path.clone()));
        self.directories.insert(directory.to_vec(), canonical.clone());
        canonical
    }

    fn complete(&mut self, draft: Draft<'_>, dump: &Sockets, held: &Holders) -> Case {
        let mut sightings = Vec::new();
        for (row, relation) in &draft.related {
            let holders = self.holders_of(held, row.ino);
            if let Some(sighting) = self.sighting(row, *relation, holders, &draft, dump) {
                sightings.push(sighting);
            }
        }
        let hidden_holders: Vec<Gap> = held.gap(self.machine).into_iter().collect();
        let mut case = Case {
            target: draft.target,
            path: draft.path,
            walk: draft.walk,
            liveness: Fact::NotAsked,
            sockets: Seen { items: sightings, gaps: dump.gaps.clone() },
            hidden_holders,
            nearest: Vec::new(),
            unsettled: None,
        };
        self.test_liveness(&mut case);
        if case.walk.known().is_some_and(|walk| walk.file().is_none()) && case.sockets.items.is_empty() {
            case.nearest = nearest::names(&case.path, &dump.rows);
        }
        case
    }

    fn sighting(
        &mut self,
        row: &Socket,
        mut relation: Relation,
        holders: Vec<Holder>,
        draft: &Draft<'_>,
        dump: &Sockets,
    ) -> Option<Sighting> {
        let view = match row.address.path() {
            Some(name) if !relation.serves => {
                let view = self.view(row, name, &holders);
                if !relation.names_path {
                    // A relative name: what it means only its holder's directory tells.
                    let view = view.as_ref().ok()?;
                    relation.names_path = view.path == draft.path || self.is_place(&view.path, &draft.place);
                    if !relation.names_path {
                        return None;
                    }
                }
                view.map_or_else(Fact::Unknown, Fact::Known)
            }
            _ => Fact::NotAsked,
        };
        Some(Sighting {
            socket: row.clone(),
            relation,
            holders: Fact::Known(holders),
            view,
            second_look: Fact::NotAsked,
            netns_label: label(&dump.namespaces, row.netns),
        })
    }

    /// What stands at a socket's own name where its oldest visible holder looks.
    fn view(&mut self, row: &Socket, name: &[u8], holders: &[Holder]) -> Result<View, Gap> {
        let Some(pid) = holders.first().map(|holder| holder.process.pid) else {
            return Err(Gap::new("/proc/PID/root", "no process that holds the socket is visible")
                .helped_by(Gap::AS_ROOT));
        };
        let ours = process::same_view(self.machine, pid) == Some(true);
        let root = if ours { Root::Ours } else { Root::Process(pid) };
        let path = if name.starts_with(b"/") {
            name.to_vec()
        } else {
            let directory = process::working_directory(self.machine, pid).ok_or_else(|| {
                Gap::new(format!("/proc/{pid}/cwd"), "not readable").helped_by(Gap::AS_ROOT)
            })?;
            join(&directory, name)
        };
        let wanted = row.file.map(|file| file.ino).into_iter().collect();
        let seen = self.look(&Question { wanted, ..Question::walk(root, &path) })?;
        let mut renamed_to =
            seen.found.map(|found| found.into_iter().map(|(_, name)| name).collect::<Vec<_>>());
        if let Some(names) = &mut renamed_to {
            // An inode number says nothing without its device.
            names.retain(|name| {
                let there = self.look(&Question::walk(root, name)).ok();
                let id = there.and_then(|look| look.walk.file().and_then(crate::model::File::id));
                id.is_some() && id == row.file
            });
        }
        Ok(View { pid, ours, path, walk: seen.walk, renamed_to })
    }

    /// The passive test, where the dump alone does not say that the file is served.
    fn test_liveness(&mut self, case: &mut Case) {
        let is_socket = matches!(case.file(), Ok(Some(file)) if file.kind == FileKind::Socket);
        if !is_socket || case.serving().next().is_some() {
            return;
        }
        let question = Question { passive: true, ..Question::walk(Root::Ours, &case.path) };
        case.liveness = match self.look(&question) {
            Err(gap) => Fact::Unknown(gap),
            Ok(look) => match look.liveness {
                Some(liveness) => Fact::Known(liveness),
                None => Fact::Unknown(Gap::new("connect", "the socket was replaced while it was looked at")),
            },
        };
        if case.liveness == Fact::Known(crate::model::Liveness::Bound) {
            adopt_unidentified(case);
        }
    }
}

/// What is known of a target before its holders are.
struct Draft<'d> {
    target: Target,
    path: Vec<u8>,
    /// Where the path leads, symlinks resolved as far as they go.
    place: Vec<u8>,
    walk: Fact<Walk>,
    related: Vec<(&'d Socket, Relation)>,
}

impl Draft<'_> {
    fn new(target: &Target) -> Self {
        Self {
            target: target.clone(),
            path: Vec::new(),
            place: Vec::new(),
            walk: Fact::NotAsked,
            related: Vec::new(),
        }
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

/// A socket without a reported file that owns the name of a file something is bound to is that something.
fn adopt_unidentified(case: &mut Case) {
    let mut nameless = case.sockets.items.iter_mut().filter(|sighting| {
        sighting.relation.names_path && sighting.socket.file.is_none() && sighting.socket.owns_name()
    });
    if let (Some(only), None) = (nameless.next(), nameless.next()) {
        only.relation.serves = true;
    }
}

fn join_if_relative(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") { path.to_vec() } else { join(directory, path) }
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
