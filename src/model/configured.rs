//! What configuration says about one socket, and how systemd has the units that say so.

use std::sync::Arc;

use super::{Checked, Declaration, Fact, Planned, Setting, Unit, UnitState, Usage, Wished, Written};

/// All that was read about one socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// The configuration itself is judged; else it only tells more of a socket that somebody looks at.
    pub scanned: bool,
    /// Every mention of its path.
    pub mentions: Vec<Declaration>,
    /// Servers that are declared under nearly this path, nearest first; looked for where nobody is declared here.
    pub nearly: Vec<Declaration>,
    /// Units that may serve it: their files do not tell all of the name. Each with what they tell.
    pub possible: Vec<(String, Setting<Vec<u8>>)>,
    /// Units that listen on it, bind it, remove it, start its server, or make a directory that it lies in.
    pub units: Vec<Arc<Unit>>,
    /// How systemd has these units; not asked where configuration is judged alone.
    pub states: Fact<Vec<UnitState>>,
    /// The .socket unit starts a service of another kind than there is.
    pub misfit: Option<Misfit>,
    /// What is declared of its file, where files alone are judged.
    pub planned: Option<Planned>,
    /// What the .socket unit gives its file.
    pub wished: Wished,
    /// Connections wait, on two looks, for a service that systemd has not started.
    pub unanswered: Fact<bool>,
    /// What becomes of the directory of the socket when the machine boots.
    pub at_boot: Fact<AtBoot>,
    /// Backlogs that its servers are told to have.
    pub backlogs: Vec<Setting<u32>>,
    /// `net.core.somaxconn` of the listener's network namespace, which clamps them (listen(2)).
    pub somaxconn: Fact<u64>,
    /// The lines that say who may connect to it.
    pub permissions: Vec<Written>,
    /// What HAProxy is told of it: it takes no path as long as others do.
    pub of_haproxy: Vec<Setting<Vec<u8>>>,
    /// The root that its client gives itself before it connects.
    pub jail: Option<Jail>,
    /// Processes that are told its path and listen on TCP; looked for where nothing is there.
    pub instead: Vec<TcpOwner>,
    /// The health check that was replayed.
    pub checked: Option<Box<Checked>>,
}

/// A .socket unit whose service is not there, beside one that it does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The .socket unit.
    pub socket: String,
    /// The service that it starts.
    pub wanted: String,
    /// The one that is there.
    pub other: String,
    /// `Accept=`, or where it listens.
    pub written: Written,
}

/// What becomes of a directory when the machine boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtBoot {
    /// It stays: its filesystem does, or it is that filesystem's own root.
    Stays,
    /// It goes, and something that is declared makes it anew.
    Made,
    /// It goes.
    Goes,
}

/// A client's own root, and what is to be seen of a path there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jail {
    /// The directory, and the line that names it.
    pub chroot: Setting<Vec<u8>>,
    /// The path that is looked at is the one below it, as we see that.
    pub below: bool,
    /// Something stands at the path below it.
    pub inside: Fact<bool>,
    /// The directory of the path is there below it.
    pub directory: Fact<bool>,
    /// Something stands at the path outside.
    pub outside: Fact<bool>,
}

/// A process that is told a socket's path and listens on TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpOwner {
    /// Its pid.
    pub pid: u32,
    /// Its `comm`.
    pub command: Vec<u8>,
    /// `127.0.0.1:5001`
    pub address: String,
    /// Where it is told the path: `environ: SOCKET_PATH=/run/a.sock`.
    pub said: Vec<u8>,
}

impl Configured {
    /// Those who connect to it.
    pub fn clients(&self) -> impl Iterator<Item = &Declaration> {
        self.mentions.iter().filter(|mention| mention.usage == Usage::Connects)
    }

    /// Those who are to serve it.
    pub fn servers(&self) -> impl Iterator<Item = &Declaration> {
        self.mentions.iter().filter(|mention| mention.usage != Usage::Connects)
    }

    /// The .socket unit by which PID 1 is to listen there, where it is one.
    pub fn socket_unit(&self) -> Option<&Arc<Unit>> {
        let listens = |unit: &&Arc<Unit>| unit.is_socket() && self.binds(unit);
        let mut units = self.units.iter().filter(listens);
        units.next().filter(|_| units.next().is_none())
    }

    /// Whether a unit is to serve it.
    pub fn binds(&self, unit: &Unit) -> bool {
        let own = |socket: &super::Declaration| self.servers().any(|server| server == socket);
        unit.sockets.iter().any(own)
    }

    /// What HAProxy is told and does not take, and how many bytes it does: of `bind` and of `server` it leaves some for
    /// `.PID.tmp` (`str2sa_range`, src/tools.c).
    pub fn too_long_for_haproxy(&self) -> Option<(&Setting<Vec<u8>>, usize)> {
        const USABLE: usize = 97;
        self.of_haproxy.iter().find(|told| told.value.len() > USABLE).map(|told| (told, USABLE))
    }

    /// The unit of that name.
    pub fn unit(&self, name: &str) -> Option<&Arc<Unit>> {
        self.units.iter().find(|unit| unit.name == name)
    }

    /// How systemd has a unit.
    pub fn state(&self, name: &str) -> Option<&UnitState> {
        self.states.known()?.iter().find(|state| state.name == name)
    }
}
