//! A consumer before a socket: every component of the path asked in turn, and the one that says no.

use serde::{Deserialize, Serialize};

use super::{
    Bits, Case, Consumer, Credentials, Decision, Fact, FileKind, Gap, IdName, Mac, Reached, Step, Walk,
};

/// What a component of a path is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// A directory: may something in it be looked up (x)?
    Search,
    /// A last symbolic link: may it be followed (`fs.protected_symlinks`)?
    Follow,
    /// The socket: may it be connected to (w)?
    Write,
}

impl Asked {
    /// The bit it takes; of a link none.
    pub const fn bits(self) -> Bits {
        match self {
            Self::Search => Bits::SEARCH,
            Self::Write => Bits::WRITE,
            Self::Follow => Bits(0),
        }
    }
}

/// One component and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The component.
    pub step: Step,
    /// Its owner.
    pub owner: IdName,
    /// Its group.
    pub group: IdName,
    /// What it was asked.
    pub asked: Asked,
    /// `Ok`: the class that decided, for a link `None`; `Err`: what decides could not be seen.
    pub answer: Result<Answer, Gap>,
}

/// A component's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whether the consumer passes.
    pub allowed: bool,
    /// How the permission bits decided; a link has none that count.
    pub decision: Option<Decision>,
}

/// What a process with the consumer's identity was told by the kernel, connecting with the wrong socket type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KernelVerdict {
    /// Its permission check let it through to the socket's inode.
    Allowed,
    /// EACCES
    Denied,
    /// It stopped before any permission was asked: ENOENT, ENOTDIR, ELOOP, …
    NotReached(i32),
}

/// Why a consumer does not get in: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// A protected symbolic link.
    Link,
    /// The groups of the running process are older than the user database.
    StaleGroups,
    /// An ACL entry grants it and the mask takes it away.
    AclMask,
    /// Root, but without the capability that overrides permissions.
    PowerlessRoot,
    /// The capability that overrides permissions is there, but not over an owner its user namespace does not map.
    UnmappedOwner,
    /// A directory without x.
    Search,
    /// A socket without w.
    Write,
}

/// One consumer, and how far it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who.
    pub consumer: Consumer,
    /// Every component, in the order the kernel asks them.
    pub gates: Vec<Gate>,
    /// The path ends at a file, in the consumer's view.
    pub arrives: bool,
    /// What the kernel itself said.
    pub kernel: Fact<KernelVerdict>,
    /// What is known of mandatory access control.
    pub mac: Mac,
}

impl Access {
    /// Asks every component of a walk in the consumer's root. `protected_links` is the sysctl of that name.
    pub fn of(consumer: Consumer, walk: &Walk, protected_links: &Fact<bool>) -> Self {
        let end = match &walk.reached {
            Reached::File(_) => walk.steps.len().checked_sub(1),
            Reached::Stopped { .. } => None,
        };
        let mut gates: Vec<Gate> = Vec::new();
        for (number, step) in walk.steps.iter().enumerate() {
            let asked = match step.kind {
                _ if Some(number) == end => Asked::Write,
                FileKind::Directory => Asked::Search,
                FileKind::Symlink if step.last => Asked::Follow,
                _ => continue,
            };
            let answer = match asked {
                Asked::Follow => may_follow(&consumer, step, walk, protected_links),
                Asked::Search | Asked::Write => {
                    let directory = step.kind == FileKind::Directory;
                    let decision = consumer.credentials.decide(&step.permissions, asked.bits(), directory);
                    decision.map(|decision| Answer { allowed: decision.allowed, decision: Some(decision) })
                }
            };
            let [owner, group] = [step.permissions.uid, step.permissions.gid].map(IdName::unnamed);
            gates.push(Gate { step: step.clone(), owner, group, asked, answer });
        }
        if let Reached::Stopped { errno: EACCES, at, .. } = &walk.reached {
            // We were stopped ourselves: what comes next was not seen.
            if let Some(last) =
                gates.last_mut().filter(|gate| gate.answer.as_ref().is_ok_and(|answer| answer.allowed))
            {
                let gap = Gap::new(format!("lstat {}", String::from_utf8_lossy(at)), "Permission denied");
                last.answer = Err(gap.helped_by(Gap::AS_ROOT));
            }
        }
        Self { consumer, gates, arrives: end.is_some(), kernel: Fact::NotAsked, mac: Mac::default() }
    }

    /// To a name that is no path, which has no permissions (unix(7), "Abstract"); `gap` is why a path was not
    /// walked.
    pub fn without_path(consumer: Consumer, arrives: bool, gap: Option<&Gap>) -> Self {
        let mut access =
            Self { consumer, gates: Vec::new(), arrives, kernel: Fact::NotAsked, mac: Mac::default() };
        if let Some(gap) = gap {
            access.consumer.our_view = Fact::Unknown(gap.clone());
        }
        access
    }

    /// The first component that says no. `Err`: one before it could not be asked.
    pub fn stopped(&self) -> Result<Option<&Gate>, Gap> {
        if let Fact::Unknown(gap) = &self.consumer.our_view {
            return Err(gap.clone());
        }
        for gate in &self.gates {
            match &gate.answer {
                Ok(answer) if answer.allowed => {}
                Ok(_) => return Ok(Some(gate)),
                Err(gap) => return Err(gap.clone()),
            }
        }
        Ok(None)
    }

    /// Whether the consumer's permissions lead it to the file. `None`: it cannot be told.
    pub fn allowed(&self) -> Option<bool> {
        match self.stopped() {
            Ok(Some(_)) => Some(false),
            Ok(None) => Some(self.arrives),
            Err(_) => None,
        }
    }

    /// The component that stops it, and why it does.
    pub fn obstacle(&self) -> Result<Option<(&Gate, Obstacle)>, Gap> {
        let Some(gate) = self.stopped()? else { return Ok(None) };
        let Some(decision) = gate.answer.as_ref().ok().and_then(|answer| answer.decision) else {
            return Ok(Some((gate, Obstacle::Link)));
        };
        let wanted = gate.asked.bits();
        let obstacle = if self.fresh_groups_would_do() {
            Obstacle::StaleGroups
        } else if decision.masked.contains(wanted) {
            Obstacle::AclMask
        } else if self.consumer.credentials.would_override(gate.asked == Asked::Search) {
            Obstacle::UnmappedOwner
        } else if self.consumer.credentials.is_root() {
            Obstacle::PowerlessRoot
        } else if gate.asked == Asked::Search {
            Obstacle::Search
        } else {
            Obstacle::Write
        };
        Ok(Some((gate, obstacle)))
    }

    /// The same consumer, started anew, would pass everywhere.
    fn fresh_groups_would_do(&self) -> bool {
        let Some(listed) = self.consumer.listed_groups.known() else { return false };
        let fresh = self.consumer.credentials.with_groups(listed);
        self.consumer.process.is_some()
            && self.gates.iter().all(|gate| {
                let directory = gate.step.kind == FileKind::Directory;
                match gate.asked {
                    Asked::Follow => gate.answer.as_ref().is_ok_and(|answer| answer.allowed),
                    asked => fresh
                        .decide(&gate.step.permissions, asked.bits(), directory)
                        .is_ok_and(|decision| decision.allowed),
                }
            })
    }
}

impl Case {
    /// Whether its owner, a member of its group and anybody else may connect, without capabilities. `None`: nothing
    /// with permissions is there; inside: it cannot be told.
    pub fn open_to(&self) -> Option<[Option<bool>; 3]> {
        // Ids that nobody has: -1 is none, see chown(2).
        const NOBODY: u32 = u32::MAX;
        let walk = self.walk.known()?;
        let file = walk.file().filter(|file| file.kind == FileKind::Socket)?;
        let directories: Vec<&Step> =
            walk.steps.iter().filter(|step| step.kind == FileKind::Directory).collect();
        let socket = walk.steps.last().filter(|_| !directories.is_empty())?;
        let may = |uid: u32, gid: u32| {
            let who = Credentials { uid, gid, groups: Vec::new(), capabilities: 0, maps: Fact::NotAsked };
            let mut asked = directories.iter().map(|step| who.decide(&step.permissions, Bits::SEARCH, true));
            let mut all = Some(true);
            for decision in asked.by_ref().chain([who.decide(&socket.permissions, Bits::WRITE, false)]) {
                match decision {
                    Ok(decision) if !decision.allowed => return Some(false),
                    Ok(_) => {}
                    Err(_) => all = None,
                }
            }
            all
        };
        Some([may(file.uid, NOBODY), may(NOBODY, file.gid), may(NOBODY, NOBODY)])
    }

    /// The consumers whom this stops, each with the component that does. At the end of the path only a socket can:
    /// of anything else nobody is to be given more.
    pub fn stopped_by(&self, wanted: Obstacle) -> Result<Vec<(&Access, &Gate)>, super::NoVerdict> {
        if self.accesses.is_empty() {
            return Err(super::NoVerdict::NotApplicable);
        }
        let mut stopped = Vec::new();
        for access in &self.accesses {
            match access.obstacle()? {
                Some((gate, _)) if gate.asked == Asked::Write && gate.step.kind != FileKind::Socket => {}
                Some((gate, obstacle)) if obstacle == wanted => stopped.push((access, gate)),
                _ => {}
            }
        }
        Ok(stopped)
    }
}

const EACCES: i32 = 13;
const STICKY_AND_WRITABLE: u32 = 0o1002;

/// `may_follow_link` (fs/namei.c), which is asked of the last component only.
fn may_follow(
    consumer: &Consumer,
    link: &Step,
    walk: &Walk,
    protected_links: &Fact<bool>,
) -> Result<Answer, Gap> {
    let answer = |allowed| Ok(Answer { allowed, decision: None });
    let slash = link.path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    let parent = if slash == 0 { &b"/"[..] } else { &link.path[..slash] };
    let directory = walk.steps.iter().rfind(|step| step.path == parent && step.kind == FileKind::Directory);
    let owner = link.permissions.uid;
    let harmless = directory.is_none_or(|directory| {
        directory.permissions.mode & STICKY_AND_WRITABLE != STICKY_AND_WRITABLE
            || directory.permissions.uid == owner
    });
    if harmless || owner == consumer.credentials.uid {
        return answer(true);
    }
    match protected_links {
        Fact::Known(protected) => answer(!protected),
        Fact::Unknown(gap) => Err(gap.clone()),
        Fact::NotAsked => answer(true),
    }
}

#[cfg(test)]
impl Case {
    /// The sample below a directory of root, before one consumer.
    pub(crate) fn sample_before(consumer: Consumer, directory: u32, socket: u32) -> Self {
        let mut case = Self::sample();
        let step = |path: &str, kind, mode, gid, last| Step {
            path: path.as_bytes().to_vec(),
            kind,
            permissions: super::Permissions { mode, uid: 0, gid, acl: Fact::Known(None) },
            link: None,
            last,
        };
        let steps = vec![
            step("/", FileKind::Directory, 0o040_755, 0, false),
            step("/tmp", FileKind::Directory, 0o040_000 | directory, 0, false),
            step("/tmp/x.sock", FileKind::Socket, 0o140_000 | socket, 50, true),
        ];
        if let Fact::Known(walk) = &mut case.walk {
            walk.steps = steps;
            case.accesses = vec![Access::of(consumer, walk, &Fact::Known(true))];
        }
        case
    }
}

#[cfg(test)]
mod tests;
