//! Which .socket unit of systemd stands behind a target: what unit files say, joined with who holds what.

use std::sync::Arc;

use crate::config;
use crate::facts::machine::Machine;
use crate::facts::units;
use crate::model::{Address, Case, Fact, Holder, Seen, SocketUnit, Target};

/// The unit files of this machine.
pub(super) struct Units<'m> {
    machine: &'m Machine,
    sockets: Seen<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl<'m> Units<'m> {
    pub(super) fn read(machine: &'m Machine) -> Self {
        Self { machine, sockets: units::sockets(machine) }
    }

    /// Puts the unit of a case where the rules look for it, and beside PID 1 where that holds the socket.
    pub(super) fn name(&self, case: &mut Case) {
        case.socket_unit = match (&case.target, case.walk.known()) {
            (Target::Path(_), Some(walk)) => self.of(&walk.destination()),
            (Target::Abstract(name), _) => self.of(&[b"@", &name[..]].concat()),
            _ => Fact::NotAsked,
        };
        for sighting in &mut case.sockets.items {
            let unit = match &sighting.socket.address {
                Address::Path(path) => self.of(path),
                Address::Abstract(name) => self.of(&[b"@", &name[..]].concat()),
                Address::Unnamed => continue,
            };
            let (Fact::Known(Some(unit)), Fact::Known(holders)) = (unit, &mut sighting.holders) else {
                continue;
            };
            if let Some(pid_1) = holders.iter_mut().find(|holder| is_pid_1(holder)) {
                Arc::make_mut(&mut pid_1.process).unit = Some(unit.name.clone());
                sighting.stop_first = self.stays(&unit, holders);
            }
        }
    }

    /// A service among the holders that goes on while the unit stops: systemd then refuses to start the unit
    /// again (`Socket service already active, refusing`, systemd `socket_start`).
    fn stays(&self, unit: &SocketUnit, holders: &[Holder]) -> Option<String> {
        let services = holders.iter().filter_map(|holder| holder.process.unit.as_ref());
        let mut services = services.filter(|service| service.ends_with(".service"));
        let goes_too = |service: &&String| {
            let text = units::text(self.machine, service);
            text.is_some_and(|text| config::socket_unit::is_required_by(&unit.name, &text))
        };
        services.find(|service| !goes_too(service)).cloned()
    }

    fn of(&self, name: &[u8]) -> Fact<Option<SocketUnit>> {
        match (config::socket_unit::of(&self.sockets.items, name), self.sockets.gaps.first()) {
            (None, Some(gap)) => Fact::Unknown(gap.clone()),
            (unit, _) => Fact::Known(unit),
        }
    }
}

fn is_pid_1(holder: &Holder) -> bool {
    holder.process.pid == 1 && holder.process.is_manager()
}
