//! A draft with its holders, their views and the passive test: the whole case.

use std::sync::Arc;

use super::draft::Draft;
use super::{Examiner, label};
use crate::facts::bound_file::{self, BoundFile};
use crate::facts::holders::Holders;
use crate::facts::look::{Question, Root};
use crate::facts::machine::Machine;
use crate::facts::sockets::Sockets;
use crate::facts::walk::{join, split};
use crate::facts::{nearest, process};
use crate::model::{Case, Fact, File, Gap, Holder, Names, Relation, Seen, Sighting, Socket, View};

impl Examiner<'_> {
    /// Holders as one walk found them, each process read once. A process younger than that walk is another one
    /// under the same pid.
    pub fn remembered_holders(&mut self, held: &Holders, row: &Socket) -> Vec<Holder> {
        let mut found = Vec::new();
        for holding in held.of(row.ino) {
            let (machine, users) = (self.machine, &mut self.users);
            let known = self
                .processes
                .entry(holding.pid)
                .or_insert_with(|| process::read(machine, users, holding.pid).map(Arc::new));
            if let Some(process) = known {
                found.push(Holder { process: Arc::clone(process), fd: holding.fd });
            }
        }
        found.sort_by_key(|holder| (holder.process.start_ticks, holder.process.pid));
        found
    }

    pub(super) fn complete(&mut self, draft: Draft<'_>, dump: &Sockets, held: &Holders) -> Case {
        let (mut sightings, mut gaps) = (Vec::new(), gaps_around(&draft.place, dump));
        gaps.extend(self.unasked.clone());
        for (row, relation) in &draft.related {
            let holders = self.holders_of(held, row.ino);
            match self.sighting(row, *relation, holders, &draft, dump) {
                Ok(sighting) => sightings.extend(sighting),
                // Its name may mean the place: nobody can be said not to have it.
                Err(gap) => gaps.push(gap),
            }
        }
        let hidden_holders: Vec<Gap> = held.gap(self.machine).into_iter().collect();
        let mut case = Case {
            client: if let Root::Process(pid) = self.client { Some(pid) } else { None },
            files_only: !self.machine.has_kernel(),
            walk: draft.walk,
            sockets: Seen { items: sightings, gaps },
            hidden_holders,
            netns: self.netns.unwrap_or(dump.own),
            ..Case::new(draft.target, draft.path)
        };
        self.look_elsewhere(&mut case);
        if case.walk.known().is_some_and(|walk| walk.file().is_none()) && case.sockets.items.is_empty() {
            case.nearest = nearest::names(&case.path, &dump.rows);
        }
        if case.server().is_none() && case.sockets.items.is_empty() {
            case.nearest.extend(nearest::mixed_up(&case.target, &case.path, &dump.rows, case.netns));
        }
        case
    }

    pub(super) fn sighting(
        &mut self,
        row: &Socket,
        mut relation: Relation,
        holders: Vec<Holder>,
        draft: &Draft<'_>,
        dump: &Sockets,
    ) -> Result<Option<Sighting>, Gap> {
        let view = match row.address.path() {
            // What serves the path has the name it was bound under where its holder looks.
            Some(name) if relation.serves && !self.seen_alike(&holders) => {
                self.view(row, name, &holders).map_or_else(Fact::Unknown, Fact::Known)
            }
            Some(name) if !relation.serves => {
                let mut view = self.view(row, name, &holders);
                if let Ok(view) = &mut view {
                    self.renamed_from(draft, name, view);
                }
                if relation.twin.is_some() {
                    relation.twin = self.twin(row, view.as_ref().ok(), draft);
                    let absolute = name.starts_with(b"/");
                    relation.names_path =
                        relation.twin.is_none() && absolute && self.names(row, &draft.path, &draft.place);
                }
                if !relation.names_path && relation.twin.is_none() {
                    // A relative name: what it means only the kernel, or its holder's directory, tells.
                    let view = view.as_ref().map_err(Gap::clone)?;
                    relation.names_path = view.path == draft.path || self.is_place(&view.path, &draft.place);
                    if !relation.names_path {
                        return Ok(None);
                    }
                }
                view.map_or_else(Fact::Unknown, Fact::Known)
            }
            _ => Fact::NotAsked,
        };
        let foreign = match &view {
            Fact::Known(view) => {
                !view.ours && !relation.serves && self.in_another_directory(row, view, &draft.path)
            }
            Fact::Unknown(_) => self.on_another_filesystem(row),
            Fact::NotAsked => false,
        };
        Ok(Some(Sighting {
            socket: row.clone(),
            relation,
            holders: Fact::Known(holders),
            view,
            second_look: Fact::NotAsked,
            foreign,
            netns_label: label(&dump.namespaces, row.netns),
            stop_first: None,
            here: Vec::new(),
            waiting: Fact::NotAsked,
        }))
    }

    /// Whether whoever holds a socket, as far as is known, looks at the client's files.
    fn seen_alike(&self, holders: &[Holder]) -> bool {
        holders.first().is_none_or(|holder| self.shares_view(holder.process.pid))
    }

    /// What stands at a socket's own name where its oldest visible holder looks.
    fn view(&mut self, row: &Socket, name: &[u8], holders: &[Holder]) -> Result<View, Gap> {
        let Some(holder) = holders.first() else { return self.view_without_holder(row, name) };
        let pid = holder.process.pid;
        let ours = self.shares_view(pid);
        let root = if ours { self.client } else { Root::Process(pid) };
        let bound = bound_file::of(self.machine, pid, holder.fd);
        let path = match &bound {
            _ if name.starts_with(b"/") => name.to_vec(),
            bound => place_of_relative(self.machine, pid, bound, name)?,
        };
        // 9p gives the number 0 to all that is bound through it: it names nothing.
        let wanted = row.file.map(|file| file.ino).filter(|ino| ino.0 != 0).into_iter().collect();
        let seen = self.look(&Question { wanted, ..Question::walk(root, &path) })?;
        let mut names = seen.found.map(|found| found.into_iter().map(|(_, name)| name).collect::<Vec<_>>());
        match &bound {
            // Whatever has its number stands for another file.
            Ok(bound) if bound.links == 0 => names = names.map(|_| Vec::new()),
            Ok(bound) if ours => names.get_or_insert_default().push(bound.path.clone()),
            _ => {}
        }
        let renamed_to = names.map(|names| self.names_of_file(root, names, &path, row));
        let started = process::started_at(self.machine, &holder.process);
        Ok(View {
            pid,
            ours,
            path,
            walk: seen.walk,
            renamed_to,
            links: bound.map_or_else(Fact::Unknown, |bound| Fact::Known(bound.links)),
            // A relative name was looked for where its holder stands now, not where it was bound.
            old_directory: name.starts_with(b"/")
                && started.zip(seen.directory_born).is_some_and(|(started, born)| born < started),
        })
    }

    /// A relative name is looked for where the kernel says its file stands. A file that stands beside the target under
    /// another name than it was bound to was renamed, and the target is where it stood.
    fn renamed_from(&mut self, draft: &Draft<'_>, name: &[u8], view: &mut View) {
        let Some((directory, now)) = split(&view.path) else { return };
        let Some((place, last)) = split(&draft.place) else { return };
        let bound = name.rsplit(|byte| *byte == b'/').next();
        let beside = view.ours && self.canonical_directory(directory).as_deref() == Some(place);
        if name.starts_with(b"/")
            || now == last
            || bound != Some(last)
            || !beside
            || view.walk.file().is_none()
        {
            return;
        }
        view.renamed_to = Some(vec![std::mem::replace(&mut view.path, draft.path.clone())]);
        if let Some(walk) = draft.walk.known() {
            view.walk = walk.clone();
        }
    }

    /// Without a visible holder only our own view is left. If the very file stands beside its name there, it was
    /// renamed, whoever holds it; else nothing follows.
    fn view_without_holder(&mut self, row: &Socket, name: &[u8]) -> Result<View, Gap> {
        let hidden = || {
            let gap = Gap::new("/proc/PID/root", "no process that holds the socket is visible");
            gap.helped_by(Gap::AS_ROOT)
        };
        let file = row.file.filter(|_| name.starts_with(b"/")).ok_or_else(hidden)?;
        let question = Question { wanted: vec![file.ino], ..Question::walk(self.client, name) };
        let seen = self.look(&question)?;
        let names = seen.found.unwrap_or_default().into_iter().map(|(_, name)| name).collect();
        let renamed = self.names_of_file(self.client, names, name, row);
        if renamed.is_empty() {
            return Err(hidden());
        }
        Ok(View {
            pid: 0,
            ours: true,
            path: name.to_vec(),
            walk: seen.walk,
            renamed_to: Some(renamed),
            links: Fact::Unknown(hidden()),
            old_directory: false,
        })
    }

    /// Of these names the ones that are the socket's file; an inode number alone says nothing without its device.
    fn names_of_file(
        &mut self,
        root: Root,
        mut names: Vec<Vec<u8>>,
        own: &[u8],
        row: &Socket,
    ) -> Vec<Vec<u8>> {
        names.sort_unstable();
        names.dedup();
        names.retain(|name| {
            let there = self.look(&Question::walk(root, name)).ok();
            let id = there.and_then(|look| look.walk.file().and_then(File::id));
            name != own && id.is_some() && id == row.file
        });
        names
    }
}

/// Where a relative name was bound: the kernel knows; the working directory of a holder, which may have changed
/// since, is the next best guess.
pub(super) fn place_of_relative(
    machine: &Machine,
    pid: u32,
    bound: &Result<BoundFile, Gap>,
    name: &[u8],
) -> Result<Vec<u8>, Gap> {
    if let Ok(bound) = bound
        && bound.path.starts_with(b"/")
    {
        // What `d_path` appends to a name that is gone (fs/d_path.c).
        let gone = bound.path.strip_suffix(b" (deleted)").filter(|_| bound.links == 0);
        return Ok(gone.unwrap_or(&bound.path).to_vec());
    }
    let gap = || Gap::new(format!("/proc/{pid}/cwd"), "not readable").helped_by(Gap::AS_ROOT);
    Ok(join(&process::working_directory(machine, pid).ok_or_else(gap)?, name))
}

/// What was not seen of the dump. A socket that did not tell its file, named in the very directory, may have been
/// renamed to the place: then its name says nothing.
fn gaps_around(place: &[u8], dump: &Sockets) -> Vec<Gap> {
    let mut gaps = dump.gaps.clone();
    let directory = split(place).map(|(directory, _)| directory);
    let veiled = |row: &Socket| {
        let name = row.address.path().filter(|_| row.file.is_none() && row.owns_name());
        name.and_then(split).is_some_and(|(own, _)| Some(own) == directory)
    };
    if gaps.iter().any(|gap| gap.names == Names::Seen) && dump.rows.iter().any(veiled) {
        for gap in &mut gaps {
            gap.names = Names::Hidden;
        }
    }
    gaps
}
