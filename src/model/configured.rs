//! What configuration says about one socket, and how systemd has the units that say so.

use std::sync::Arc;

use super::{Declaration, Fact, Unit, UnitState, Usage, Wished};

/// All that was read about one socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// Every mention of its path.
    pub mentions: Vec<Declaration>,
    /// Servers that are declared under nearly this path, nearest first; looked for where nobody is declared here.
    pub nearly: Vec<Declaration>,
    /// Units that listen on it, bind it, remove it, start its server, or make a directory that it lies in.
    pub units: Vec<Arc<Unit>>,
    /// How systemd has these units; not asked where configuration is judged alone.
    pub states: Fact<Vec<UnitState>>,
    /// What the .socket unit gives its file.
    pub wished: Wished,
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

    /// The unit of that name.
    pub fn unit(&self, name: &str) -> Option<&Arc<Unit>> {
        self.units.iter().find(|unit| unit.name == name)
    }

    /// How systemd has a unit.
    pub fn state(&self, name: &str) -> Option<&UnitState> {
        self.states.known()?.iter().find(|state| state.name == name)
    }
}
