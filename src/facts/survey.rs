//! Every bound socket of a dump as a light case: one system call a name instead of a walk, and the whole
//! examination only for names that do not lead back to their socket.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::examine::{Examiner, label};
use super::holders::Holders;
use super::look::{Question, Root};
use super::netns::Namespace;
use super::sockets::Sockets;
use super::walk::{Touch, Viewpoint, join, split};
use crate::model::{
    Address, Case, Fact, File, Gap, Holder, Look, Reached, Relation, Seen, Sighting, Socket, SocketIno,
    Target, View, Walk,
};

/// Rows from which on a second thread pays for its start.
const WORTH_A_THREAD: usize = 2000;

/// What became of a name.
enum Lead {
    /// There is none to look at: abstract, unnamed, or carried by a connection.
    Nameless,
    /// It leads back to the socket that was bound under it.
    Own(Box<File>),
    /// It does not.
    Open,
}

/// Directories already walked: where they are, or that they are not to be had cheaply.
type Directories = HashMap<Vec<u8>, Option<(OwnedFd, Vec<u8>)>>;

impl Examiner<'_> {
    /// Hands over one case for each row of the dump that is wanted, and which socket it is about. Without
    /// holders a name that does not lead back to its socket is judged by what stands there alone.
    pub fn survey(
        &mut self,
        dump: Sockets,
        wanted: impl Fn(&Socket) -> bool + Sync,
        held: Option<&Arc<Holders>>,
        mut each: impl FnMut(Case, SocketIno),
    ) {
        let view = self.viewpoint(Root::Ours).ok();
        let leads = leads(view.as_deref(), &dump.rows, &wanted);
        let open = leads.iter().zip(&dump.rows).filter(|(lead, _)| matches!(lead, Some(Lead::Open)));
        let open: Vec<&Socket> = open.map(|(_, row)| row).collect();
        match held {
            Some(held) => self.survey_open(&dump, &open, held, &mut each),
            None => open.iter().for_each(|row| each(self.unheld_case(&dump.namespaces, row), row.ino)),
        }
        for (row, lead) in dump.rows.into_iter().zip(leads) {
            let file = match lead {
                None | Some(Lead::Open) => continue,
                Some(Lead::Nameless) => None,
                Some(Lead::Own(file)) => Some(*file),
            };
            let holders = held.map(|held| self.remembered_holders(held, &row));
            let ino = row.ino;
            each(light_case(&dump.namespaces, row, holders, file), ino);
        }
    }

    /// The names that do not lead back to their socket: each examined whole.
    fn survey_open(
        &mut self,
        dump: &Sockets,
        open: &[&Socket],
        held: &Arc<Holders>,
        each: &mut impl FnMut(Case, SocketIno),
    ) {
        let targets: Vec<Target> = open.iter().map(|row| target_of(row)).collect();
        let mut unique = targets.clone();
        unique.sort_unstable_by_key(Target::label);
        unique.dedup();
        self.remember_walk(dump.rows.iter().map(|row| row.ino).collect(), held);
        let cases: HashMap<&Target, Case> = unique
            .iter()
            .zip(self.examine_in(dump, &unique, b"/"))
            .filter_map(|(target, case)| case.map(|case| (target, case)))
            .collect();
        for (row, target) in open.iter().zip(&targets) {
            // Gone, or served by a successor, by the time it was looked at again: no row.
            if let Some(case) = cases.get(target)
                && case.sockets.items.iter().any(|sighting| sighting.socket.ino == row.ino)
            {
                each(case.clone(), row.ino);
            }
        }
    }

    /// Without holders there is no view of theirs: what stands at the name in ours is all that is known.
    fn unheld_case(&mut self, namespaces: &[Namespace], row: &Socket) -> Case {
        let path = row.address.path().unwrap_or_default().to_vec();
        let mut case = light_case(namespaces, row.clone(), None, None);
        if path.starts_with(b"/") {
            case.walk = match self.look(&Question::walk(Root::Ours, &path)) {
                Ok(Look { walk, .. }) => Fact::Known(walk),
                Err(gap) => Fact::Unknown(gap),
            };
        }
        for sighting in &mut case.sockets.items {
            sighting.relation = Relation { names_path: true, serves: false };
            sighting.view = Fact::<View>::Unknown(
                Gap::new("holders", "not looked for (--no-holders)").helped_by("leave out --no-holders"),
            );
        }
        case
    }
}

fn target_of(row: &Socket) -> Target {
    match row.address.path() {
        Some(path) if path.starts_with(b"/") => Target::Path(path.to_vec()),
        _ => Target::Inode(row.ino.0),
    }
}

/// Where the wanted rows lead, in the order of the rows. Long lists are looked at from two threads: the calls
/// wait for nothing but the kernel.
fn leads(
    view: Option<&Viewpoint>,
    rows: &[Socket],
    wanted: &(impl Fn(&Socket) -> bool + Sync),
) -> Vec<Option<Lead>> {
    let look = |rows: &[Socket]| -> Vec<Option<Lead>> {
        let mut directories = Directories::new();
        rows.iter().map(|row| wanted(row).then(|| lead(view, &mut directories, row))).collect()
    };
    if rows.len() < WORTH_A_THREAD {
        return look(rows);
    }
    let (first, second) = rows.split_at(rows.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| look(second));
        let mut leads = look(first);
        leads.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        leads
    })
}

fn lead(view: Option<&Viewpoint>, directories: &mut Directories, row: &Socket) -> Lead {
    let Some(name) = row.address.path().filter(|_| row.owns_name()) else { return Lead::Nameless };
    own_file(view, directories, name, row).map_or(Lead::Open, |file| Lead::Own(Box::new(file)))
}

/// The file at the name, if it is the socket's own and was to be had cheaply.
fn own_file(
    view: Option<&Viewpoint>,
    directories: &mut Directories,
    name: &[u8],
    row: &Socket,
) -> Option<File> {
    let view = view?;
    let (directory, last) = name.starts_with(b"/").then(|| split(name)).flatten()?;
    if !directories.contains_key(directory) {
        let walked = view.walk(directory, Touch::Safe).ok();
        let found = walked.and_then(|walked| match (walked.end, walked.walk.reached) {
            (Some(fd), Reached::File(file)) => Some((fd, file.path)),
            _ => None,
        });
        directories.insert(directory.to_vec(), found);
    }
    let (fd, canonical) = directories.get(directory)?.as_ref()?;
    let file = view.beside(fd.as_fd(), canonical, last)?.ok()?;
    (file.id().is_some() && file.id() == row.file).then_some(file)
}

/// A case of what the dump, and one look at the name, already tell.
fn light_case(
    namespaces: &[Namespace],
    row: Socket,
    holders: Option<Vec<Holder>>,
    file: Option<File>,
) -> Case {
    let (target, path) = match &row.address {
        Address::Path(path) if row.owns_name() && path.starts_with(b"/") => {
            (Target::Path(path.to_vec()), path.to_vec())
        }
        Address::Path(path) => (Target::Inode(row.ino.0), join(b".", path)),
        Address::Abstract(name) => (Target::Abstract(name.to_vec()), Vec::new()),
        Address::Unnamed => (Target::Inode(row.ino.0), Vec::new()),
    };
    let netns_label = label(namespaces, row.netns);
    let walk = file.map(|file| Walk { steps: Vec::new(), reached: Reached::File(Box::new(file)) });
    Case {
        target,
        path,
        asked_for: false,
        walk: walk.map_or(Fact::NotAsked, Fact::Known),
        liveness: Fact::NotAsked,
        sockets: Seen {
            items: vec![Sighting {
                socket: row,
                relation: Relation { names_path: true, serves: true },
                holders: holders.map_or(Fact::NotAsked, Fact::Known),
                view: Fact::NotAsked,
                second_look: Fact::NotAsked,
                netns_label,
            }],
            gaps: Vec::new(),
        },
        hidden_holders: Vec::new(),
        nearest: Vec::new(),
        unsettled: None,
    }
}
