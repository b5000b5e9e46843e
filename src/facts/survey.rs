//! Every bound socket of a dump as a light case: one system call a name instead of a walk, and the whole
//! examination only for names that do not lead back to their socket.

use std::collections::HashMap;

use super::beside::Beside;
use super::examine::{Examiner, label};
use super::look::{Question, Root};
use super::netns::Namespace;
use super::sockets::Sockets;
use super::walk::{Viewpoint, join};
use crate::model::{
    Address, Case, Fact, File, Gap, Holder, Look, Reached, Relation, Seen, Sighting, Socket, Target, View,
    Walk,
};

/// Looks at names one by one; they come in order. One for each thread.
#[derive(Debug)]
pub struct Surveyor<'s> {
    beside: Option<Beside<'s>>,
    namespaces: &'s [Namespace],
}

impl<'s> Surveyor<'s> {
    /// Over names in this view; without one every name must be examined whole.
    pub fn new(view: Option<&'s Viewpoint>, namespaces: &'s [Namespace]) -> Self {
        Self { beside: view.map(Beside::new), namespaces }
    }

    /// What the dump and one look at the name tell. `None`: the name does not lead back to the socket, or not
    /// cheaply, and must be examined whole.
    pub fn case(&mut self, row: &Socket) -> Option<Case> {
        let Some(name) = row.address.path().filter(|_| row.owns_name()) else {
            return Some(light_case(self.namespaces, row, None));
        };
        let file = self.own_file(name, row)?;
        Some(light_case(self.namespaces, row, Some(file)))
    }

    /// The file at the name, if it is the socket's own and was to be had cheaply.
    fn own_file(&mut self, name: &[u8], row: &Socket) -> Option<File> {
        let file = self.beside.as_mut()?.at(name)?.ok()?;
        (file.id().is_some() && file.id() == row.file).then_some(file)
    }
}

impl Examiner<'_> {
    /// Rows (by number) whose names do not lead back to their sockets, each examined whole; without holders, judged by what
    /// stands at the name alone. A row that was gone, or served by a successor, when it was looked at again is
    /// left out.
    pub fn survey_open(&mut self, dump: &Sockets, open: &[u32], with_holders: bool) -> Vec<(Case, u32)> {
        let rows = open.iter().filter_map(|number| Some((*number, dump.rows.get(*number as usize)?)));
        if !with_holders {
            return rows.map(|(number, row)| (self.unheld_case(&dump.namespaces, row), number)).collect();
        }
        let rows: Vec<(u32, &Socket)> = rows.collect();
        let targets: Vec<Target> = rows.iter().map(|(_, row)| target_of(row)).collect();
        let mut unique = targets.clone();
        unique.sort_unstable_by_key(Target::label);
        unique.dedup();
        let cases: HashMap<&Target, Case> = unique
            .iter()
            .zip(self.examine_in(dump, &unique, b"/"))
            .filter_map(|(target, case)| case.map(|case| (target, case)))
            .collect();
        let of = |((number, row), target): (&(u32, &Socket), &Target)| {
            let case = cases.get(target)?;
            let seen = case.sockets.items.iter().any(|sighting| sighting.socket.ino == row.ino);
            seen.then(|| (case.clone(), *number))
        };
        rows.iter().zip(&targets).filter_map(of).collect()
    }

    /// Without holders there is no view of theirs: what stands at the name in ours is all that is known.
    fn unheld_case(&mut self, namespaces: &[Namespace], row: &Socket) -> Case {
        let path = row.address.path().unwrap_or_default().to_vec();
        let mut case = light_case(namespaces, row, None);
        if path.starts_with(b"/") {
            case.walk = match self.look(&Question::walk(Root::Ours, &path)) {
                Ok(Look { walk, .. }) => Fact::Known(walk),
                Err(gap) => Fact::Unknown(gap),
            };
        }
        for sighting in &mut case.sockets.items {
            sighting.relation = Relation { names_path: true, serves: false, twin: None };
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

/// The case of a server by who holds it, whatever stands at its name.
pub fn held_case(namespaces: &[Namespace], row: &Socket, holders: &[Holder]) -> Case {
    let mut case = light_case(namespaces, row, None);
    for sighting in &mut case.sockets.items {
        sighting.holders = Fact::Known(holders.to_vec());
    }
    case
}

/// A case of what the dump, and one look at the name, already tell.
fn light_case(namespaces: &[Namespace], row: &Socket, file: Option<File>) -> Case {
    let (target, path) = match &row.address {
        Address::Path(path) if row.owns_name() && path.starts_with(b"/") => {
            (Target::Path(path.to_vec()), path.to_vec())
        }
        Address::Path(path) => (Target::Inode(row.ino.0), join(b".", path)),
        Address::Abstract(name) => (Target::Abstract(name.to_vec()), Vec::new()),
        Address::Tcp(name) => (Target::Tcp(String::from_utf8_lossy(name).into_owned()), Vec::new()),
        Address::Unnamed => (Target::Inode(row.ino.0), Vec::new()),
    };
    let netns_label = label(namespaces, row.netns);
    let walk = file.map(|file| Walk { steps: Vec::new(), reached: Reached::File(Box::new(file)) });
    Case {
        walk: walk.map_or(Fact::NotAsked, Fact::Known),
        sockets: Seen {
            items: vec![Sighting {
                socket: row.clone(),
                relation: Relation { names_path: true, serves: true, twin: None },
                holders: Fact::NotAsked,
                view: Fact::NotAsked,
                second_look: Fact::NotAsked,
                foreign: false,
                netns_label,
                stop_first: None,
                here: Vec::new(),
                waiting: Fact::NotAsked,
            }],
            gaps: Vec::new(),
        },
        ..Case::new(target, path)
    }
}
