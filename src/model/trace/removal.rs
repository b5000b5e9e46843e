//! A name that lost its socket: who did it, and by which of the known ways it came to that.

use std::sync::Arc;
use std::time::Duration;

use super::{Actor, Certainty, Doer};

/// A command that is typed or scripted, by its `comm`.
const COMMANDS: [&[u8]; 14] = [
    b"rm", b"unlink", b"mv", b"sh", b"bash", b"dash", b"zsh", b"busybox", b"find", b"perl", b"ansible",
    b"rsync", b"install", b"cp",
];

/// How a name loses its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// unlink(2).
    Removed,
    /// Renamed to another name.
    RenamedAway,
    /// Another file was renamed over it.
    Replaced,
}

impl How {
    /// In a sentence whose subject is who did it.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Removed => "removed it",
            Self::RenamedAway => "renamed it away",
            Self::Replaced => "renamed another file over it",
        }
    }
}

/// The known ways in which a socket file vanishes while its listener stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// M1: another launch of the same program on the path removes what is the first one's.
    SecondLaunch,
    /// M2: a process of the listener's own server removes it while it listens on.
    OwnServer,
    /// M3: the server that had the path before removes by name, at its end, what is its successor's by then.
    OldServer,
    /// M4: systemd-tmpfiles(8).
    TmpCleaner,
    /// M7: systemd removed the whole runtime directory of a unit.
    RuntimeDirectory,
    /// The server removed its own file, and ended.
    Shutdown,
    /// A command.
    Command,
}

impl Mechanism {
    /// The number that the catalogue of rules has for it.
    pub const fn number(self) -> Option<&'static str> {
        match self {
            Self::SecondLaunch => Some("M1"),
            Self::OwnServer => Some("M2"),
            Self::OldServer => Some("M3"),
            Self::TmpCleaner => Some("M4"),
            Self::RuntimeDirectory => Some("M7"),
            Self::Shutdown | Self::Command => None,
        }
    }

    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SecondLaunch => "second_launch",
            Self::OwnServer => "own_server",
            Self::OldServer => "old_server",
            Self::TmpCleaner => "tmp_cleaner",
            Self::RuntimeDirectory => "runtime_directory",
            Self::Shutdown => "shutdown",
            Self::Command => "command",
        }
    }

    /// How that comes about, in one clause.
    pub const fn says(self) -> &'static str {
        match self {
            Self::SecondLaunch => {
                "another launch on the same path: it removes what is there before it binds, or when it cannot"
            }
            Self::OwnServer => {
                "a process of the server itself, which listens on: code that removes the path and runs in each worker"
            }
            Self::OldServer => {
                "an overlapping restart: the server before it removes by name, at its end, what is its successor's"
            }
            Self::TmpCleaner => "systemd-tmpfiles, by age or by its lines of tmpfiles.d(5)",
            Self::RuntimeDirectory => "systemd removed a RuntimeDirectory= with all that was in it",
            Self::Shutdown => "the end of the server itself",
            Self::Command => "a command",
        }
    }
}

/// The socket that lost its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Victim {
    /// Who bound it. `None`: before the watch, or not seen.
    pub binder: Option<Doer>,
    /// Who holds it, as far as that was seen.
    pub holders: Vec<Arc<Actor>>,
    /// How long before it was bound. `None`: before the watch.
    pub age: Option<Duration>,
    /// It stood there when the watch began.
    pub from_before: bool,
    /// It was seen to listen, or a datagram socket was bound to it.
    pub served: bool,
}

impl Victim {
    /// Whether a process is of its server.
    pub fn knows(&self, actor: &Actor) -> bool {
        let binder = self.binder.iter().map(|doer| &doer.actor);
        binder.chain(&self.holders).any(|own| own.is_kin_of(actor))
    }

    /// Its most telling process: who bound it, else the first who holds it.
    pub fn face(&self) -> Option<&Arc<Actor>> {
        self.binder.as_ref().map(|doer| &doer.actor).or(self.holders.first())
    }
}

/// A name that lost its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Which name.
    pub path: Vec<u8>,
    /// Since the watch began.
    pub since: Duration,
    /// How.
    pub how: How,
    /// Who did it. `None`: not seen.
    pub culprit: Option<Doer>,
    /// The culprit had an earlier socket under the name; `Some(true)`: with several processes.
    pub earlier: Option<bool>,
    /// The directory went as well, by the same hand.
    pub with_directory: bool,
    /// Whose socket it was.
    pub victim: Victim,
    /// It was seen to listen on without its name; `None`: nobody could look.
    pub listens_on: Option<bool>,
}

impl Removal {
    /// The server it belongs to did it.
    pub fn by_its_own(&self) -> bool {
        self.culprit.as_ref().is_some_and(|doer| self.victim.knows(&doer.actor))
    }

    /// By which way, as far as the trace tells.
    pub fn mechanism(&self) -> Option<Mechanism> {
        let actor = &self.culprit.as_ref()?.actor;
        let command = actor.command.as_deref()?;
        if command == b"systemd-tmpfile" {
            return Some(Mechanism::TmpCleaner);
        }
        if (actor.is_manager() || command.starts_with(b"(sd-rm")) && self.with_directory {
            return Some(Mechanism::RuntimeDirectory);
        }
        if self.by_its_own() {
            // While it is not known whether it ends, either may be.
            return self
                .listens_on
                .filter(|_| self.how == How::Removed)
                .map(|on| if on { Mechanism::OwnServer } else { Mechanism::Shutdown });
        }
        if self.earlier.is_some() {
            return Some(Mechanism::OldServer);
        }
        let same_program = |own: &Arc<Actor>| {
            let same = |one: &Option<Vec<u8>>, other: &Option<Vec<u8>>| one.is_some() && one == other;
            same(&own.command, &actor.command)
        };
        if COMMANDS.contains(&command) {
            return Some(Mechanism::Command);
        }
        self.victim.face().is_some_and(same_program).then_some(Mechanism::SecondLaunch)
    }

    /// What the culprit is to the socket, in the brackets behind its pid.
    pub fn part(&self) -> Option<&'static str> {
        Some(match self.mechanism()? {
            Mechanism::SecondLaunch => "second launch",
            Mechanism::OldServer if self.earlier == Some(true) => "old master",
            Mechanism::OldServer => "old server",
            Mechanism::OwnServer => "its own server",
            Mechanism::Shutdown
            | Mechanism::TmpCleaner
            | Mechanism::RuntimeDirectory
            | Mechanism::Command => {
                return None;
            }
        })
    }

    /// How sure the attribution is.
    pub fn certainty(&self) -> Option<Certainty> {
        self.culprit.as_ref().map(|doer| doer.certainty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(pid: u32, parent: u32, command: &str) -> Arc<Actor> {
        Arc::new(Actor {
            pid,
            parent: Some(parent),
            command: Some(command.into()),
            executable: None,
            arguments: None,
            user: None,
            unit: None,
            container: None,
        })
    }

    fn by(culprit: Arc<Actor>, victim: Arc<Actor>) -> Removal {
        let doer = |actor| Doer { actor, certainty: Certainty::Certain };
        Removal {
            path: b"/run/x".to_vec(),
            since: Duration::ZERO,
            how: How::Removed,
            culprit: Some(doer(culprit)),
            earlier: None,
            with_directory: false,
            victim: Victim { binder: Some(doer(victim)), ..Victim::default() },
            listens_on: Some(true),
        }
    }

    #[test]
    fn each_way_is_told_from_the_others() {
        let server = || actor(10, 1, "gunicorn");
        let told = |removal: &Removal| removal.mechanism().map(Mechanism::word);
        assert_eq!(told(&by(actor(20, 2, "gunicorn"), server())), Some("second_launch"));
        assert_eq!(
            told(&Removal { earlier: Some(true), ..by(actor(20, 2, "gunicorn"), server()) }),
            Some("old_server")
        );
        assert_eq!(told(&by(actor(11, 10, "python3"), server())), Some("own_server"));
        assert_eq!(told(&Removal { listens_on: Some(false), ..by(server(), server()) }), Some("shutdown"));
        assert_eq!(
            told(&Removal { how: How::RenamedAway, ..by(server(), server()) }),
            None,
            "as HAProxy does"
        );
        assert_eq!(told(&by(actor(20, 2, "systemd-tmpfile"), server())), Some("tmp_cleaner"));
        let systemd = || by(actor(1, 0, "systemd"), server());
        assert_eq!(told(&Removal { with_directory: true, ..systemd() }), Some("runtime_directory"));
        assert_eq!(told(&by(actor(20, 2, "rm"), server())), Some("command"));
        assert_eq!(told(&by(actor(20, 2, "backup"), server())), None, "a stranger is only named");
        assert_eq!(told(&Removal { culprit: None, ..systemd() }), None);
    }

    #[test]
    fn pid_1_is_everybodys_parent_and_not_their_server() {
        let orphan = actor(10, 1, "gunicorn");
        assert_ne!(by(actor(1, 0, "systemd"), orphan).mechanism(), Some(Mechanism::OwnServer));
    }
}
