//! Every bound socket of a dump as a light case: one system call a name instead of a walk, and the whole
//! examination only for names that do not lead back to their socket.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::examine::{Examiner, label};
use super::holders::Holders;
use super::look::{Question, Root};
use super::sockets::Sockets;
use super::walk::{Touch, Viewpoint, join, split};
use crate::model::{
    Address, Case, Fact, File, Gap, Holder, Look, Reached, Relation, Seen, Sighting, Socket, Target, View,
    Walk,
};

/// What became of a name.
enum Lead {
    /// It leads back to the socket that was bound under it.
    Own(Box<File>),
    /// It does not.
    Other,
}

/// Directories already walked: where they are, or that they are not to be had cheaply.
type Directories = HashMap<Vec<u8>, Option<(OwnedFd, Vec<u8>)>>;

impl Examiner<'_> {
    /// Hands over one case for each row, in order. Rows that must be examined whole, or whose holders were
    /// not asked for, come as far as they were seen.
    pub fn survey(
        &mut self,
        dump: &Sockets,
        rows: &[usize],
        held: Option<&Holders>,
        mut each: impl FnMut(usize, Case),
    ) {
        let view = self.viewpoint(Root::Ours);
        let mut directories = Directories::new();
        let mut open: Vec<usize> = Vec::new();
        for number in rows.iter().copied() {
            let Some(row) = dump.rows.get(number) else { continue };
            let holders = held.map(|held| self.remembered_holders(held, row));
            match (row.address.path(), &view) {
                (Some(name), Ok(view)) if row.owns_name() => match seen(view, &mut directories, name, row) {
                    Lead::Own(file) => each(number, light_case(dump, row, holders, Some(*file))),
                    Lead::Other => open.push(number),
                },
                (Some(_), Err(_)) if row.owns_name() => open.push(number),
                _ => each(number, light_case(dump, row, holders, None)),
            }
        }
        self.survey_open(dump, &open, held.is_some(), each);
    }

    /// The names that do not lead back to their socket: each examined whole.
    fn survey_open(
        &mut self,
        dump: &Sockets,
        open: &[usize],
        with_holders: bool,
        mut each: impl FnMut(usize, Case),
    ) {
        if !with_holders {
            for number in open {
                if let Some(row) = dump.rows.get(*number) {
                    each(*number, self.unheld_case(dump, row));
                }
            }
            return;
        }
        let targets: Vec<Target> =
            open.iter().filter_map(|number| dump.rows.get(*number)).map(target_of).collect();
        let mut unique = targets.clone();
        unique.sort_unstable_by_key(Target::label);
        unique.dedup();
        let cases: HashMap<&Target, Case> = unique
            .iter()
            .zip(self.examine(&unique, b"/"))
            .filter_map(|(target, case)| case.map(|case| (target, case)))
            .collect();
        for (number, target) in open.iter().zip(&targets) {
            let Some(row) = dump.rows.get(*number) else { continue };
            // Gone, or served by a successor, by the time it was looked at again: no row.
            if let Some(case) = cases.get(target)
                && case.sockets.items.iter().any(|sighting| sighting.socket.ino == row.ino)
            {
                each(*number, case.clone());
            }
        }
    }

    /// Without holders there is no view of theirs: what stands at the name in ours is all that is known.
    fn unheld_case(&mut self, dump: &Sockets, row: &Socket) -> Case {
        let path = row.address.path().unwrap_or_default().to_vec();
        let mut case = light_case(dump, row, None, None);
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

fn seen(view: &Arc<Viewpoint>, directories: &mut Directories, name: &[u8], row: &Socket) -> Lead {
    let Some((directory, last)) = name.starts_with(b"/").then(|| split(name)).flatten() else {
        return Lead::Other;
    };
    if !directories.contains_key(directory) {
        let walked = view.walk(directory, Touch::Safe).ok();
        let found = walked.and_then(|walked| match (walked.end, walked.walk.reached) {
            (Some(fd), Reached::File(file)) => Some((fd, file.path)),
            _ => None,
        });
        directories.insert(directory.to_vec(), found);
    }
    let Some(Some((fd, canonical))) = directories.get(directory) else { return Lead::Other };
    match view.beside(fd.as_fd(), canonical, last) {
        Some(Ok(file)) if file.id().is_some() && file.id() == row.file => Lead::Own(Box::new(file)),
        _ => Lead::Other,
    }
}

/// A case of what the dump, and one look at the name, already tell.
fn light_case(dump: &Sockets, row: &Socket, holders: Option<Vec<Holder>>, file: Option<File>) -> Case {
    let (target, path) = match &row.address {
        Address::Path(path) if row.owns_name() && path.starts_with(b"/") => {
            (Target::Path(path.to_vec()), path.to_vec())
        }
        Address::Path(path) => (Target::Inode(row.ino.0), join(b".", path)),
        Address::Abstract(name) => (Target::Abstract(name.to_vec()), Vec::new()),
        Address::Unnamed => (Target::Inode(row.ino.0), Vec::new()),
    };
    let walk = file.map(|file| Walk { steps: Vec::new(), reached: Reached::File(Box::new(file)) });
    Case {
        target,
        path,
        walk: walk.map_or(Fact::NotAsked, Fact::Known),
        liveness: Fact::NotAsked,
        sockets: Seen {
            items: vec![Sighting {
                socket: row.clone(),
                relation: Relation { names_path: true, serves: true },
                holders: holders.map_or(Fact::NotAsked, Fact::Known),
                view: Fact::NotAsked,
                second_look: Fact::NotAsked,
                netns_label: label(&dump.namespaces, row.netns),
            }],
            gaps: Vec::new(),
        },
        hidden_holders: Vec::new(),
        nearest: Vec::new(),
        expects: None,
        aged: Fact::NotAsked,
        unsettled: None,
    }
}
